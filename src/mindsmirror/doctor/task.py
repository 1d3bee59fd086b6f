"""Questions that are wrong in themselves: gold that cannot be read, test questions that are taught, none at all."""

from collections.abc import Iterator, Sequence

from mindsmirror.doctor.case import Case
from mindsmirror.doctor.finding import Finding, ok, warning
from mindsmirror.records import Example
from mindsmirror.tasks import Task

CHECK = "task"


def check(case: Case) -> Iterator[Finding]:
    """Load the task and what is asked about it; its errors are those of the run itself."""
    task = case.pipeline.task
    case.pipeline.check(trains=False)
    train, valid, test = task.splits
    counts = f"{len(train)} training, {len(valid)} validation and {len(test)} test questions"
    yield ok(CHECK, f"{task.name}: {counts}.", train=len(train), valid=len(valid), test=len(test))
    yield from _gold(task)
    known = {_words(example.text) for example in (*train, *valid)}
    yield from _repeats(test, known, "stand among the training or validation questions, too", "Remove them from one.")
    shown = {_words(shot.question) for shot in (*case.pipeline.prompts.solved, *case.pipeline.prompts.judged)}
    yield from _repeats(test, shown, "are solved in the teacher's prompt", "Name other prompts in annotation.prompts.")


def _gold(task: Task) -> Iterator[Finding]:
    everything = [example for split in task.splits for example in split]
    unread = [e for e in everything if e.gold is not None and task.scorer is None and task.read(e, e.gold) is None]
    if unread:
        yield warning(
            CHECK,
            f"{len(unread)} gold answers cannot be read as {task.answers.name}, such as {unread[0].gold!r} of question "
            f"{unread[0].id!r}: whatever is answered there counts as wrong.",
            "Mend them, or set task.answer.",
            unread=len(unread),
        )
    if task.scorer is None and all(example.gold is None for example in task.splits.test):
        yield warning(CHECK, "No test question has a gold answer.", "Nothing can be scored without them.")


def _repeats(test: Sequence[Example], known: set[str], where: str, advice: str) -> Iterator[Finding]:
    found = [example for example in test if _words(example.text) in known]
    if found:
        text = f"{len(found)} of {len(test)} test questions {where}, such as {found[0].id!r}: the results flatter."
        yield warning(CHECK, text, advice, repeats=len(found))


def _words(text: str) -> str:
    return " ".join(text.lower().split())
