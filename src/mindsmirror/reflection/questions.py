"""What a student reflects on: questions that it was not trained on.

Best are questions of the task that are left over, because nobody learns from them: the training questions that follow
those the recipe takes, or new ones of a generator. Where none are left, the training questions are cut into two
halves, and a student of each half writes about the other.
"""

from collections.abc import Iterable, Sequence

from mindsmirror.annotation.judges import majority
from mindsmirror.annotation.reading import answers_of
from mindsmirror.answers.base import Answer
from mindsmirror.records import Annotation, Example
from mindsmirror.reflection.config import FEWEST, ReflectionConfig
from mindsmirror.system.progress import say
from mindsmirror.tasks import Task, load_task
from mindsmirror.tasks.base import TaskConfig
from mindsmirror.tasks.registry import GENERATED


def unused_questions(config: TaskConfig, task: Task, reflection: ReflectionConfig) -> tuple[Task, Sequence[Example]]:
    """Questions that follow the training questions, and the task that can read and score those, too.

    Their splits are the same in both tasks. None are returned where fewer than FEWEST are left, or none are asked for.
    """
    taken = len(task.splits.train)
    count = taken if reflection.questions is None else reflection.questions
    if count == 0:
        return task, ()
    if config.train is None:
        say(
            "reflection: task.train is not set, so every training question is annotated and none is left to write about"
        )
        return task, ()
    # A generator has to be told how many; a file has what it has.
    more = taken + count if config.name.startswith(GENERATED) else None
    wider = load_task(config.model_copy(update={"train": more}))
    unused = wider.splits.train[taken : taken + count]
    if len(unused) < FEWEST:
        say(f"reflection: {len(unused)} questions are left, fewer than {FEWEST}; the training questions are halved")
        return task, ()
    if len(unused) < count and reflection.questions is not None:
        say(f"reflect.questions = {count}, but only {len(unused)} questions are left beside those of the splits")
    return wider, unused


def agreed_answers(annotations: Iterable[Annotation], task: Task) -> dict[str, Answer]:
    """By question the answer that more of its rationales reach than any other, where there is one."""
    leaders = {each.example.id: majority(answers_of(each.example, each.rationales, task)) for each in annotations}
    return {example: answer for example, answer in leaders.items() if answer is not None}


def halves(examples: Sequence[Example]) -> tuple[Sequence[Example], Sequence[Example]]:
    """The questions in two halves, alternately, so that a sorted file gives two that are alike."""
    return examples[::2], examples[1::2]
