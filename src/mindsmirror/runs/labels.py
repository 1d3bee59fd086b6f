"""Which answers the arms learn that name none: the task's own where every question has one, else the teacher's."""

from collections.abc import Iterable, Sequence

from mindsmirror.errors import MindsMirrorError
from mindsmirror.methods.base import Labels
from mindsmirror.methods.targets import readable_gold
from mindsmirror.records import Annotation, Example
from mindsmirror.runs.folder import Run
from mindsmirror.runs.recipe import Recipe
from mindsmirror.system.distributed import leads
from mindsmirror.system.progress import say
from mindsmirror.tasks.base import Task


def with_labels(recipe: Recipe, run: Run, task: Task, ready: Sequence[Annotation] = ()) -> Recipe:
    """The recipe with labels in every arm; one line on stderr says which were taken and why.

    Gold's, if all training questions have a gold answer that can be read; where there are `ready` annotations, all of
    those that they are of. A run that was begun keeps the labels that it was begun with, so that nothing of it is made
    anew. RecipeError if the recipe needs gold that is not there.
    """
    annotated = (annotation.example for annotation in ready if annotation.split == "train")
    questions = annotated if ready else task.splits.train
    unnamed = [arm.name for arm in recipe.arm if arm.labels is None]
    labels, why = _begun(run, unnamed) or _by_data(task, questions)
    found = recipe.labelled(labels, why)
    if leads():
        of = "" if len(unnamed) == len(recipe.arm) else f" for {', '.join(map(repr, unnamed))}"
        say(f"labels = {labels}{of}: {why}")
    return found


def _begun(run: Run, unnamed: Sequence[str]) -> tuple[Labels, str] | None:
    """The labels of these arms when the run was begun; None if it was not, or if they differed."""
    try:
        before = {arm.labels for arm in run.recipe.arm if arm.name in unnamed and arm.labels is not None}
    except MindsMirrorError:
        return None  # Nothing was begun, or nothing that could be gone on with.
    if len(before) != 1:
        return None
    (labels,) = before
    return labels, f"{run.folder} was begun with them; name labels in the recipe to change them"


def _by_data(task: Task, questions: Iterable[Example]) -> tuple[Labels, str]:
    count = 0
    for example in questions:
        if readable_gold(example, task) is None:
            return "teacher", (
                f"training question {example.id!r} has no gold answer that can be read (gold = {example.gold!r}), so "
                "the teacher's answers are learnt"
            )
        count += 1
    return "gold", (
        f"all {count} training questions have a gold answer; set labels = "
        '"teacher" to learn the teacher\'s answers instead'
    )
