"""Folders of runs in which nothing was trained: their predictions are planted, so a test knows what is to be found."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mindsmirror.answers.number import Number
from mindsmirror.evaluation.result import PredictionResult
from mindsmirror.records import MODES, Example, Mode, Prediction, Sample
from mindsmirror.runs.folder import Run
from mindsmirror.runs.recipe import Recipe, make_recipe
from mindsmirror.system.files import write_json, write_records
from mindsmirror.tasks.base import Splits, Task
from mindsmirror.tasks.stored import store_task

Marks = Mapping[str, Mapping[str, str]]
"""Arm to mode to a mark for each test question: + right, - wrong, ? without gold."""
RIGHT = {"+": True, "-": False, "?": None}


def recipe(
    name: str, seed: int = 0, task_seed: int = 0, arms: Sequence[str] = ("labels", "mirror"), **more: Any
) -> Recipe:
    """Arms called `standard` or `labels` learn labels only; the others reason."""
    document: dict[str, Any] = {
        "name": name,
        "seed": seed,
        "task": {"name": "planted", "seed": task_seed},
        "teacher": [{"model": "teacher", "engine": "scripted"}],
        "student": {"model": "student"},
        "arm": [
            {"name": arm, "method": "standard" if arm in ("labels", "standard") else "minds_mirror", "labels": "gold"}
            for arm in arms
        ],
    }
    return make_recipe(document | more)


def questions(count: int, task_seed: int = 0) -> list[Example]:
    """Those of one seed of questions; of another none is the same."""
    return [Example(id=f"q{n}", text=f"Question {n} of {task_seed}?", gold=str(n)) for n in range(count)]


def planted(runs: Path, recipe: Recipe, marks: Marks, samples: int = 0) -> Path:
    """A run's folder that holds these predictions, each with so many samples that a judge has looked at."""
    run = Run(runs / recipe.name)
    count = len(next(iter(next(iter(marks.values())).values())))
    test = questions(count, recipe.task.seed)
    run.begin(recipe)
    store_task(Task("planted", 1, "none", Number(), Splits([], [], test)), run.folder / "task")
    draw = random.Random(f"{recipe.seed} {recipe.name}")
    for arm, modes in marks.items():
        folder = run.folder / "predictions" / arm
        for mode, text in _modes(modes):
            said = [_prediction(example, mode, mark, samples, draw) for example, mark in zip(test, text, strict=True)]
            write_records(folder / f"{mode}.jsonl", said)
        done = PredictionResult(modes=tuple(mode for mode, _ in _modes(modes)))
        write_json(folder / "done.json", {"result": done.model_dump(mode="json"), "seconds": 1.0})
    return run.folder


def _modes(modes: Mapping[str, str]) -> list[tuple[Mode, str]]:
    return [(mode, modes[mode]) for mode in MODES if mode in modes]


def _prediction(example: Example, mode: Mode, mark: str, samples: int, draw: random.Random) -> Prediction:
    right = RIGHT[mark]
    drawn = [_sample(example, draw) for _ in range(samples)] if mode in ("vote", "mirror") else []
    sure = None if not samples or mode == "predict" else min(1.0, max(0.0, draw.gauss(0.6 if right else 0.4, 0.2)))
    return Prediction(
        example=example.id,
        mode=mode,
        answer=example.gold if right else "-1",
        right=right,
        rationale="" if mode == "predict" else f"It is {example.gold if right else -1}.",
        confidence=sure,
        calibrated=sure is not None,
        tokens=3 if mode == "predict" else 50,
        samples=tuple(drawn),
    )


def _sample(example: Example, draw: random.Random) -> Sample:
    right = draw.random() < 0.5
    answer = example.gold if right else "-1"
    return Sample(
        text=f"So it is {answer}.", answer=answer, right=right, p_correct=min(1.0, max(0.0, draw.gauss(0.5, 0.2)))
    )
