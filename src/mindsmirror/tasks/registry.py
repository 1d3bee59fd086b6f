"""The tasks by name; a task's own module is imported only when it is loaded."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mindsmirror.errors import DataError, RecipeError, UnknownNameError
from mindsmirror.system.validation import explain
from mindsmirror.tasks.base import Task, TaskConfig
from mindsmirror.tasks.instructed import instructed
from mindsmirror.tasks.other_files import refuse_other_file
from mindsmirror.tasks.tables import FILES, is_own_file

BUILT_IN: Mapping[str, tuple[str, str]] = {
    "svamp": ("svamp", "word problems answered by an equation; 720/80/200 as in the paper"),
    "csqa": ("csqa", "CommonsenseQA, five choices; 8766/975/1221 as in the paper"),
    "anli_r1": ("anli", "adversarial NLI round 1; 16946/1000/1000; non-commercial licence"),
    "gsm8k": ("gsm8k", "grade-school word problems answered by a number"),
    "strategyqa": ("strategyqa", "yes/no questions that need implicit steps"),
    "arc_challenge": ("arc", "grade-school science, three to five choices"),
}
GENERATED = "reasoning_gym:"
FAMILIES: Mapping[str, str] = {
    "reasoning_gym:NAME": "any generator of the reasoning-gym package, scored by its own verifier",
    "PATH": "a file of your own: .jsonl, .csv, .tsv (each also .gz) or .parquet",
}


def load_task(task: TaskConfig | str | Path, **settings: Any) -> Task:
    """The task of a recipe's table `[task]`, or of a name or path, loaded.

    `settings` are further keys of that table: `load_task("questions.jsonl", answer="number", test=50)`.
    UnknownNameError lists what there is; RecipeError names a setting that is wrong; DataError a file that is.
    """
    config = _config(task, settings)
    if config.name.startswith(GENERATED):
        module = "reasoning_gym"
    elif is_own_file(config.name):
        module = "own_file"
    elif config.name in BUILT_IN:
        module = BUILT_IN[config.name][0]
    else:
        refuse_other_file(config.name)
        raise UnknownNameError("task", config.name, [*BUILT_IN, *FAMILIES])
    if config.columns and module != "own_file":
        raise RecipeError(f"task.columns: {config.name} is no file of your own, so it has no columns to name.")
    loaded: Task = importlib.import_module(f"mindsmirror.tasks.{module}").load(config)
    return instructed(loaded, config.instruction) if config.instruction else loaded


def _config(task: TaskConfig | str | Path, settings: Mapping[str, Any]) -> TaskConfig:
    given = task.model_dump() if isinstance(task, TaskConfig) else {"name": str(task)}
    try:
        return TaskConfig.model_validate({**given, **settings})
    except ValidationError as error:
        raise RecipeError(f"the task {given['name']}: {explain(error, TaskConfig)}") from error


def require_own_file(path: Path) -> None:
    """DataError, with what is needed instead, unless the path is called as a file of one's own is."""
    if not is_own_file(str(path)):
        refuse_other_file(str(path))
        raise DataError(f"{path} is no file of questions. It needs to be called like one of {', '.join(FILES)}.")


def task_names() -> tuple[str, ...]:
    """The built-in tasks, in the order in which they are listed."""
    return tuple(BUILT_IN)


def task_descriptions() -> dict[str, str]:
    """A line for every built-in task and for the two open families."""
    return {name: text for name, (_, text) in BUILT_IN.items()} | dict(FAMILIES)
