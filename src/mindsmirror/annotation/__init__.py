"""Requests a teacher: k rationales of every question, m judgements of each, and nothing that is paid for is lost.

`prompts` is what is asked, `judges` who says what is correct, `store` where every reply is kept, `budget` what may be
spent, `samples` which samples a question needs, `requests` what is in flight, `reading` what a reply means, `repairs`
how one that means nothing is asked for again, `duals` what a teacher that knows the answer makes of its rationales,
`annotate` the loop that turns examples into annotations, `estimate` what that loop would cost, and `step` the whole
as a run does it. `imports` makes annotations of others' files, `from_file` takes a file of them in a recipe, and
`select` says which rationales are taught.
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
