"""What stops a run: before anything is paid for, and where an annotation is not enough to train on."""

from pathlib import Path

from mindsmirror.annotation.result import AnnotationResult
from mindsmirror.errors import BudgetError, RecipeError, UnansweredError
from mindsmirror.evaluation.config import FEWEST_QUESTIONS
from mindsmirror.methods.targets import gold_label
from mindsmirror.models import catalogue
from mindsmirror.models.digest import cache_dir
from mindsmirror.models.locate import is_cached
from mindsmirror.runs.calibration import validation_questions
from mindsmirror.runs.recipe import Recipe
from mindsmirror.students.config import check_student, is_at_hand
from mindsmirror.system.progress import clock, say
from mindsmirror.tasks import Task
from mindsmirror.training.config import check_trackers

DOWNLOAD = 10e6
"""Bytes a second of a middling connection, by which the time of a download is told before it begins."""


def check_training(recipe: Recipe, task: Task) -> None:
    """Refuse a student, a tracker or an early stop that cannot be had."""
    check_trackers(recipe.training)
    check_student(recipe.student)
    check_risk(recipe, task)
    if recipe.training.early_stopping and all(example.gold is None for example in task.splits.valid):
        raise RecipeError(
            "training.early_stopping: it needs validation questions with gold answers, and there are none. "
            "Set task.valid, or remove early_stopping."
        )


def check_risk(recipe: Recipe, task: Task) -> None:
    """Refuse to promise a risk where too few validation questions have gold."""
    known = len(validation_questions(task))
    if recipe.evaluation.risk is not None and known < FEWEST_QUESTIONS:
        raise RecipeError(
            f"evaluation.risk: a promise takes {FEWEST_QUESTIONS} validation questions with gold answers, and there "
            f"are {known}. Raise task.valid, or remove risk."
        )


def check_gold(recipe: Recipe, task: Task) -> None:
    """Refuse arms that learn from gold where a training question has none that can be read."""
    taught_gold = [arm for arm in recipe.arm if arm.labels == "gold"]
    for example in task.splits.train:
        for arm in taught_gold:
            gold_label(example, task, arm)


def to_fetch(recipe: Recipe, *, annotates: bool = True, trains: bool = True) -> list[catalogue.CatalogueEntry]:
    """Catalogue models that the recipe uses and that are not on this machine, the teachers' first."""
    teachers = [recipe.teacher[number] for number in recipe.asked_teachers] if annotates else []
    names = [teacher.model for teacher in teachers if teacher.local and teacher.path is None]
    lacking = [name for name in names if name in catalogue.entries() and not is_cached(name)]
    if trains and recipe.student.model in catalogue.entries() and not is_at_hand(recipe.student):
        lacking.append(recipe.student.model)
    return [catalogue.entries()[name] for name in dict.fromkeys(lacking)]


def say_what_is_asked(task: Task) -> None:
    """Tell how a file of the user's own was understood."""
    if task.own:
        train, valid, test = task.splits
        counts = f"{len(train)} training, {len(valid)} validation and {len(test)} test questions"
        say(f"{task.name}: {counts}; the kind of answer is {task.answer_words}")


def say_what_to_fetch(recipe: Recipe, *, annotates: bool, trains: bool) -> None:
    """Tell which models will be downloaded, how large they are and how long that takes."""
    missing = to_fetch(recipe, annotates=annotates, trains=trains)
    if missing:
        models = ", ".join(f"{entry.name} ({entry.bytes / 1e9:.2f} GB)" for entry in missing)
        seconds = sum(entry.bytes for entry in missing) / DOWNLOAD
        say(f"will download once: {models}; about {clock(seconds)} at {DOWNLOAD / 1e6:.0f} MB/s, into {cache_dir()}")


def require_whole(annotated: AnnotationResult, recipe: Recipe, store: Path, folder: Path) -> None:
    """BudgetError if an annotation stopped at its budget, UnansweredError if it is too little to use."""
    unanswered = annotated.too_little(recipe.annotation.max_failed)
    if unanswered:
        raise UnansweredError(f"{unanswered} The replies that came are kept in {store}.")
    if annotated.stopped:
        raise BudgetError(
            f"{annotated.stopped} in {folder}. Raise the cap and run the same command again to resume, or "
            "train on what there is with `mindsmirror distill`."
        )
