"""The trainings of an arm: once, or, where the recipe has `[reflect]`, with the student's own rationales in between.

In a round a student is trained on a part of the budget, writes rationales for questions that it was not trained on, and
those are judged. The next training has the teacher's rationales and the student's own. It goes on with the student that
wrote, or begins at the base again (`reflect.start`).

    reflection/ARM/1/student   the student that writes (`student-2`: that of the other half of the questions)
    reflection/ARM/1/own       what it wrote, as annotations
    arms/ARM                   the arm
"""

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from mindsmirror.answers.base import Answer
from mindsmirror.errors import DataError, RecipeError
from mindsmirror.methods import ArmConfig, method_named
from mindsmirror.records import Annotation, Example, VerdictSource
from mindsmirror.reflection.questions import halves
from mindsmirror.reflection.result import DrawResult
from mindsmirror.reporting.training_section import Round
from mindsmirror.runs.folder import Run
from mindsmirror.runs.training import LOADING, ArmTraining, Once, arm_step, train_once
from mindsmirror.system.distributed import join, leads
from mindsmirror.system.files import read_json
from mindsmirror.system.progress import Working
from mindsmirror.system.record_file import RecordFile
from mindsmirror.training.config import Budget
from mindsmirror.training.result import TrainingResult

STEPS = ("student", "own")
"""What each student of a round has, with the half's name behind it."""
LEAST = 0.1
"""Share of a budget in FLOPs that must be left for the last training."""


@dataclass(frozen=True)
class Reflection:
    """What an arm's student reflects on."""

    unused: Sequence[Example]
    """Questions that it is not trained on; none: the training questions are halved."""
    agreed: Mapping[str, Answer] | None
    """By question the answer that the teacher's samples agree on; None: rationales are held against gold."""


class _Half(NamedTuple):
    """A student that writes, and what about."""

    name: str
    """What is added to the names of its steps."""
    training: ArmTraining
    origin: tuple[str, ...]
    examples: Sequence[Example]


def reflects(training: ArmTraining) -> bool:
    """Whether the arm's student writes rationales that it then learns from."""
    method = method_named(training.arm.method)
    return training.recipe.reflect is not None and training.arm.reflect and "think" in method.modes(training.arm)


def train(training: ArmTraining, reflection: Reflection | None) -> TrainingResult:
    """Train an arm, with its rounds of reflection where there are any, or return what it came to before."""
    recipe, config = training.recipe, training.recipe.reflect
    budget = recipe.training.budget
    if reflection is None or config is None or not reflects(training):
        _forget_all_but(training, ())
        return train_once(training, Once(arm_step(training.arm), training.arm.name, budget))
    own: list[Annotation] = []
    origin: tuple[str, ...] = ()
    spent = 0
    before: str | None = None
    parts = _halves(training, reflection)
    rounds = [(number, f"reflection/{training.arm.name}/{number}") for number in range(1, config.rounds + 1)]
    _forget_all_but(training, [f"{here}/{what}{half.name}" for _, here in rounds for half in parts for what in STEPS])
    for number, here in rounds:
        drawn: list[RecordFile[Annotation]] = []
        for half in parts:
            label = f"{training.arm.name} round {number}{half.name}"
            part = budget.part(config.share / config.rounds / len(parts))
            step = f"{here}/student{half.name}"
            # Each half goes on with its own student: the other's has learnt what this one is to write about.
            start = before and f"{before}/student{half.name}"
            once = Once(step, label, part, own, (*origin, *half.origin), start, adapters=False)
            train_once(half.training, once)
            _draw(half, step, f"{here}/own{half.name}", reflection, number)
            # All processes must plan alike, and only the main one has been told.
            join()
            spent += _flops(training.run, step, f"{here}/own{half.name}")
            drawn.append(_written(training.run.folder / here / f"own{half.name}"))
        own += [annotation for file in drawn for annotation in file]
        origin += tuple(file.digest() for file in drawn)
        before = here if config.start == "student" else None
    rest, start = _rest(budget, config.share, spent), before and f"{before}/student"
    return train_once(training, Once(arm_step(training.arm), training.arm.name, rest, own, origin, start))


def _forget_all_but(training: ArmTraining, steps: Collection[str]) -> None:
    """Delete what rounds left that the recipe has no longer: it would be shown and counted with the others."""
    folder = training.run.folder
    for left in (folder / "reflection" / training.arm.name).glob("*/*") if leads() else ():
        if left.relative_to(folder).as_posix() not in steps:
            shutil.rmtree(left, ignore_errors=True)


def reflection_steps(run: Run, arm: ArmConfig) -> list[str]:
    """The steps of the rounds that an arm's run has, as they follow one another."""
    folder = run.folder / "reflection" / arm.name
    found = sorted(folder.glob("*/*/done.json"), key=lambda path: (int(path.parts[-3]), "own" in path.parts[-2]))
    return [path.parent.relative_to(run.folder).as_posix() for path in found]


def rounds_of(run: Run, arm: ArmConfig) -> list[Round]:
    """What the students of an arm's rounds took and wrote; empty for an arm that does not reflect."""
    rounds = []
    for step in _drawn(run, arm):
        trained = run.result(step.replace("/own", "/student"), TrainingResult)
        written = run.result(step, DrawResult)
        if trained is not None and written is not None:
            rounds.append(Round(int(step.split("/")[2]), trained.stages, written))
    return rounds


def written_by(run: Run, arm: ArmConfig) -> Iterator[Annotation]:
    """What an arm's students wrote in its rounds."""
    for step in _drawn(run, arm):
        yield from _written(run.folder / step)


def _drawn(run: Run, arm: ArmConfig) -> list[str]:
    """The steps in which its students wrote."""
    return [step for step in reflection_steps(run, arm) if step.split("/")[3].startswith("own")]


def _halves(training: ArmTraining, reflection: Reflection) -> list[_Half]:
    """The students that write: one about unused questions, or one for each half of the training questions."""
    if reflection.unused:
        return [_Half("", training, (), reflection.unused)]
    first, second = halves([annotation.example for annotation in training.annotations])
    parts = []
    for name, learnt, written in (("", first, second), ("-2", second, first)):
        known = {example.id for example in learnt}
        annotations = [each for each in training.annotations if each.example.id in known]
        parts.append(_Half(name, replace(training, annotations=annotations), tuple(sorted(known)), written))
    return parts


def _rest(budget: Budget, share: float, spent: int) -> Budget:
    """What is left for the last training: of FLOPs what was not spent, else what the rounds leave."""
    if budget.flops is None:
        return budget.part(1 - share)
    left = budget.flops - spent
    if left < LEAST * budget.flops:
        raise RecipeError(
            f"training.budget: its {budget.flops:.2g} FLOPs are not enough to reflect: training and writing before the "
            f"last training took {spent:.2g}. Raise it, or lower reflect.samples, reflect.questions or reflect.share."
        )
    return Budget(flops=left)


def _draw(half: _Half, model: str, step: str, reflection: Reflection, number: int) -> None:
    """Have a student write, unless it has; only the main process does."""
    run, recipe, config = half.training.run, half.training.recipe, half.training.recipe.reflect
    assert config is not None
    agreed = reflection.agreed
    examples = [e for e in half.examples if (e.gold is not None if agreed is None else e.id in agreed)]
    if not examples:
        raise DataError(
            "reflect: none of the questions that the student would write about has an answer to judge it by. "
            "Set reflect.questions = 0 to take the training questions, or remove [reflect]."
        )
    seed = recipe.seed + number
    inputs = {
        "model": read_json(run.folder / model / "inputs.json"),
        "questions": ([e.id, e.text, e.gold, agreed[e.id].text if agreed else None] for e in examples),
        "samples": [config.samples, config.temperature, recipe.evaluation.max_tokens, seed],
        **({"mend": True} if config.mend else {}),
        **half.training.reading,
    }

    def write(folder: Path) -> DrawResult:
        with Working(LOADING):
            from mindsmirror.evaluation.arms import open_predictor
            from mindsmirror.models.digest import sha256_of_folder
            from mindsmirror.reflection.draw import DrawPlan, draw
            from mindsmirror.reflection.own import own_annotation, writer_of

        place = run.folder / model / "model"
        task = half.training.task
        predictor = open_predictor(task, recipe.student, recipe.evaluation, recipe.training.precision, place)
        student = writer_of(sha256_of_folder(place))
        source = VerdictSource.INFORMED if agreed is None else VerdictSource.CONSENSUS
        return draw(
            DrawPlan(
                predictor,
                examples,
                config,
                seed,
                half.training.arm.name,
                student,
                lambda example, samples: own_annotation(
                    example,
                    samples,
                    task,
                    student,
                    config.temperature,
                    agreed[example.id] if agreed else None,
                    source,
                    mend=config.mend,
                ),
            ),
            folder,
        )

    if leads():
        run.step(step, inputs, write, DrawResult)


def _flops(run: Run, student: str, own: str) -> int:
    """What training a student and having it write took."""
    trained, drawn = run.result(student, TrainingResult), run.result(own, DrawResult)
    if trained is None or drawn is None:
        raise DataError(f"{run.folder / own} is not done. Run the same command again.")
    return sum(stage.flops for stage in trained.stages) + drawn.flops


def _written(folder: Path) -> RecordFile[Annotation]:
    from mindsmirror.reflection.draw import own_annotations

    return own_annotations(folder)
