"""From the folders of several runs to one comparison: which arms are the same, which seeds they have, what they said.

Two arms are the same if their recipes say the same of them: everything but the run's name, the seeds, the other arms,
where files lie, and what is asked or shown beside. Arms of one name that differ are told apart by the keys that do.
"""

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from mindsmirror.errors import DataError, UnknownNameError
from mindsmirror.records import Example
from mindsmirror.reporting.accuracy_section import ArmPredictions
from mindsmirror.reporting.comparison_page import write_comparison
from mindsmirror.reporting.comparison_schema import ComparedRun, ComparisonReport
from mindsmirror.reporting.comparison_section import (
    ArmOfSeed,
    ComparedArm,
    seeds_comparisons,
    seeds_judge,
    seeds_results,
)
from mindsmirror.reporting.schema import UNTRAINED
from mindsmirror.runs.folder import Run
from mindsmirror.runs.recipe import Recipe
from mindsmirror.runs.results import predicted_arms
from mindsmirror.system.progress import Working
from mindsmirror.tasks.tables import task_label

SAME = (
    *("name", "seed", "arm", "task.seed", "task.data_dir", "annotation.store", "student.path"),
    *("training.trackers", "evaluation.untrained", "evaluation.batch", "evaluation.compile"),
    *("evaluation.judge_baselines", "arm.against"),
)
"""Keys of a recipe that make no other arm."""
FILES = ("task.name", "annotation.prompts", "annotation.file")
"""Keys that may name a file: one of that name is the same one, wherever a machine keeps it."""
OF_UNTRAINED = ("task", "student", "evaluation")
"""Tables on which the answers of the student before training depend."""
NAMED = 4
"""Runs that a comparison is named after, at most."""


class _Read(NamedTuple):
    """A run with its recipe, and the label of its seed."""

    run: Run
    recipe: Recipe
    seed: str


def compare_runs(
    folders: Sequence[Path],
    out: Path,
    baseline: str | None = None,
    failed: Mapping[str, str] | None = None,
    seed: int = 0,
) -> ComparisonReport:
    """Compare all arms of some runs; writes `report.json` and `report.html` into `out` and returns the report.

    `baseline` names the arm that others are compared with; by default each is held against those that its recipe names
    (`against`), or where none names any against the first. `failed` holds runs that could not be had, and why; `seed`
    is that of bootstraps. DataError for a run without predictions, or two runs of one arm and seed; UnknownNameError
    for a baseline that is no arm.
    """
    runs = _with_seeds([Run(folder) for folder in folders])
    arms = _arms(runs)
    trained = [arm for arm in arms if not arm.untrained]
    named = baseline is None and any(arm.against for arm in trained)
    base = None if named else _baseline(trained or arms, baseline)
    with Working("comparing"):
        judges = (seeds_judge(arm, seed) for arm in trained)
        report = ComparisonReport(
            name=", ".join(r.folder.name for r, _, _ in runs) if len(runs) <= NAMED else f"{len(runs)} runs",
            created=datetime.now(UTC),
            tasks=_each(task_label(recipe.task.name) for _, recipe, _ in runs),
            teachers=_each(teacher for _, recipe, _ in runs for teacher in _teachers(recipe)),
            students=_each(recipe.student.model for _, recipe, _ in runs),
            runs=tuple(ComparedRun(run=r.folder.name, seed=label, recipe=own.hash) for r, own, label in runs),
            failed=dict(failed or {}),
            baseline=base.name if base is not None else None,
            arms=tuple(row for arm in arms for row in seeds_results(arm, seed)),
            comparisons=tuple(seeds_comparisons(arms, base)),
            judges=tuple(judge for judge in judges if judge is not None),
        )
        return write_comparison(report, out)


def _with_seeds(runs: Sequence[Run]) -> list[_Read]:
    """The runs with their seeds; where one seed has several seeds of questions, these are named as well."""
    recipes = [run.recipe for run in runs]
    pairs = {(recipe.seed, recipe.task.seed) for recipe in recipes}
    plain = len({seed for seed, _ in pairs}) == len(pairs)
    return [
        _Read(run, recipe, str(recipe.seed) if plain else f"{recipe.seed}, questions {recipe.task.seed}")
        for run, recipe in zip(runs, recipes, strict=True)
    ]


def _arms(runs: Sequence[_Read]) -> list[ComparedArm]:
    """All arms, the untrained students first, then as runs and recipes order them."""
    seeds: dict[str, dict[str, ArmOfSeed]] = {}
    settings: dict[str, dict[str, str]] = {}
    where: dict[tuple[str, str], Path] = {}
    for run, recipe, label in runs:
        said = predicted_arms(run, recipe)
        if not said:
            raise DataError(f"{run.folder} has no predictions yet. Run `mindsmirror evaluate {run.folder}` first.")
        questions = {example.id: _asked(example) for example in run.task(recipe).splits.test}
        for arm in said:
            of_arm = arm_settings(recipe, arm.name)
            key = json.dumps([arm.name, of_arm], sort_keys=True)
            if (key, label) in where:
                raise DataError(
                    f"{where[key, label]} and {run.folder} hold the same arm {arm.name!r} with the same seed {label}. "
                    "Name one of them, or train the other with a seed of its own."
                )
            where[key, label] = run.folder
            settings[key] = of_arm
            seeds.setdefault(key, {})[label] = ArmOfSeed(arm, _known(arm, questions, run), str(run.folder))
    names = _names({key: (next(iter(own.values())).said.name, settings[key]) for key, own in seeds.items()})
    arms = [ComparedArm(names[key], settings[key].get("training.budget", ""), own) for key, own in seeds.items()]
    return sorted(arms, key=lambda arm: not arm.untrained)


def _asked(example: Example) -> Hashable:
    return (example.text, *sorted(example.choices.items()))


def _known(arm: ArmPredictions, questions: Mapping[str, Hashable], run: Run) -> Mapping[str, Hashable]:
    """The questions, if they are all of those that were answered; DataError if not."""
    for predictions in arm.modes.values():
        for prediction in predictions:
            if prediction.example not in questions:
                raise DataError(
                    f"{run.folder} holds an answer of arm {arm.name!r} to question {prediction.example!r}, which is "
                    f"none of its test questions. `mindsmirror evaluate {run.folder}` asks them again."
                )
    return questions


def arm_settings(recipe: Recipe, name: str) -> dict[str, str]:
    """What a recipe says of one arm, by key; of the student before training where that is meant."""
    document = recipe.model_dump(mode="json", exclude_none=True)
    found = {key: _name_of_file(value) if key in FILES else value for key, value in _flat(document)}
    if name == UNTRAINED:
        return {key: value for key, value in found.items() if key.split(".")[0] in OF_UNTRAINED and key not in SAME}
    own = next(arm for arm in document["arm"] if arm["name"] == name)
    return {key: value for key, value in (found | dict(_flat({"arm": own}))).items() if key not in SAME}


def _name_of_file(value: str) -> str:
    """A file's name without its folders; other values as they are."""
    return Path(value).name if value.endswith(".toml") else task_label(value)


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Every value with its whole key. A budget is one value: which unit it has is part of it."""
    for key, value in table.items():
        if isinstance(value, dict) and key != "budget":
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _names(arms: Mapping[str, tuple[str, Mapping[str, str]]]) -> dict[str, str]:
    """A name for each arm: its own, and in brackets the keys in which arms of that name differ."""
    found = {}
    for key, (name, settings) in arms.items():
        others = [own for other, own in arms.values() if other == name]
        differing = [
            each for each in sorted({k for own in others for k in own}) if len({o.get(each) for o in others}) > 1
        ]
        told = ", ".join(f"{each} = {settings[each]}" for each in differing if each in settings)
        found[key] = f"{name} ({told})" if told else name
    return found


def _baseline(arms: Sequence[ComparedArm], wanted: str | None) -> ComparedArm:
    """The arm of that whole name, else the first whose own name it is; the first of all where none is wanted."""
    if wanted is None:
        return arms[0]
    named = [arm for arm in arms if arm.name == wanted]
    own = [arm for arm in arms if arm.own_name == wanted]
    if not named and not own:
        raise UnknownNameError("arm", wanted, (arm.name for arm in arms))
    return (named or own)[0]


def _teachers(recipe: Recipe) -> Iterator[str]:
    yield from (recipe.teacher[number].model for number in recipe.asked_teachers)
    if recipe.annotation.file is not None:
        yield recipe.annotation.file.name


def _each(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once, in order."""
    return tuple(dict.fromkeys(names))
