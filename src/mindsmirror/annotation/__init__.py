"""Asks teachers: k rationales of every question, m self-evaluations of each, and keeps every reply.

`teachers` are who is asked, `prompts` what is asked, `judges` who says what is correct, `store` where every reply is
kept, `budget` what may be spent, `samples` which samples a question needs, `requests` what is in flight, `reading` what
a reply means, `repairs` how a reply without meaning is asked for again, `duals` how a teacher that knows the answer
rewrites its rationales, and `annotate` the loop that turns examples into annotations. `step` is that loop as a run does
it, `totals` and `result` are what comes of it, and `estimate` says what it would cost. `imports` makes annotations of
others' files, `from_file` takes a file of annotations in a recipe, and `select` says which rationales are taught.
"""

from mindsmirror.annotation.annotate import AnnotationConfig, Annotator, Tally, Teacher
from mindsmirror.annotation.budget import BudgetConfig
from mindsmirror.annotation.judges import JudgeConfig
from mindsmirror.annotation.prompts import PromptSet, load_prompts, prompts_for
from mindsmirror.annotation.store import Store

__all__ = [
    "AnnotationConfig",
    "Annotator",
    "BudgetConfig",
    "JudgeConfig",
    "PromptSet",
    "Store",
    "Tally",
    "Teacher",
    "load_prompts",
    "prompts_for",
]
