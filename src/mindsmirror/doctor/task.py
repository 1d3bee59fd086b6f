"""Whether the questions can be read, the test is large enough, and the teacher's prompt solves none of its questions.

Test questions among the training questions need no check: loading a task drops repeats.
"""

from collections.abc import Iterator

from mindsmirror.doctor.case import Case
from mindsmirror.doctor.finding import Finding, ok, warning
from mindsmirror.evaluation.sample_size import too_few_tests
from mindsmirror.tasks.splits import question_key

CHECK = "task"


def check(case: Case) -> Iterator[Finding]:
    """Load the task and the prompts; their errors are those that the run would have."""
    task = case.pipeline.task
    case.pipeline.check(trains=False)
    train, valid, test = task.splits
    counts = f"{len(train)} training, {len(valid)} validation and {len(test)} test questions"
    figures = {"train": len(train), "valid": len(valid), "test": len(test)}
    yield ok(CHECK, f"{task.name}: {counts}; the kind of answer is {task.answer_words}.", **figures)
    few = too_few_tests(case.recipe.task, test)
    if few is not None:
        yield warning(CHECK, *few)
    if not case.recipe.teacher:
        return
    prompts = case.pipeline.prompts
    shown = {question_key(shot.question) for shot in (*prompts.solved, *prompts.judged)}
    found = [example.id for example in test if question_key(example.text) in shown]
    if found:
        yield warning(
            CHECK,
            f"{len(found)} of {len(test)} test questions are solved in the teacher's prompt, such as {found[0]!r}.",
            "Remove them from the test split, or choose other prompts with annotation.prompts.",
            repeats=len(found),
        )
