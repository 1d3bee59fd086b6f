"""Whether a recipe's teacher is shown examples that are made of the task's own questions, and how many."""

from mindsmirror.annotation.own_shots import SHOTS
from mindsmirror.annotation.prompts import PromptSet, has_own_labels, load_prompts, prompts_for, without_examples
from mindsmirror.errors import RecipeError
from mindsmirror.runs.recipe import Recipe
from mindsmirror.tasks import Task

KEPT = "shots.json"
"""The file of a run that keeps them."""


def prompts_of(recipe: Recipe, task: Task) -> PromptSet:
    """What the teacher is asked, before any examples are made of the task's own questions."""
    named = recipe.annotation.prompts
    if named:
        return load_prompts(named)
    made = shots_of(recipe, task) or _is_strange(task)
    return without_examples(task.answers) if made else prompts_for(task.answers)


def _is_strange(task: Task) -> bool:
    """Whether the built-in examples for this kind of answer are of another task."""
    return task.own and (task.answers.name == "text" or has_own_labels(task.answers))


def shots_of(recipe: Recipe, task: Task) -> int:
    """How many examples for the teacher are made of the task's own questions.

    RecipeError if the recipe wants some and there is no gold to check them by, or a prompt set that has its own.
    """
    table = recipe.annotation
    wanted = table.shots
    if table.prompts is not None or table.file is not None:
        if wanted:
            other = "prompts" if table.prompts is not None else "file"
            raise RecipeError(f"annotation.shots: annotation.{other} has its own. Remove one of the two.")
        return 0
    if wanted is None:
        wanted = SHOTS if _is_strange(task) else 0
    if not wanted or any(example.gold is not None for example in task.splits.train):
        return wanted
    if table.shots:
        raise RecipeError("annotation.shots: no training question has a gold answer to check examples by. Remove it.")
    return 0
