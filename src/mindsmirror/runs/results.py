"""From a run's folder to its report: read what every step left behind and put it together."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from mindsmirror.annotation.budget import dollars
from mindsmirror.errors import DataError
from mindsmirror.evaluation.evaluate import JudgeQuality, main_mode
from mindsmirror.methods import method_named
from mindsmirror.records import Annotation, Example, Prediction
from mindsmirror.reporting.accuracy_section import (
    ArmPredictions,
    arm_results,
    comparisons,
    mirror_versus_vote,
    shown_examples,
    student_judge,
)
from mindsmirror.reporting.annotation_section import annotation_report, verdict_sources
from mindsmirror.reporting.report import read_report, write_report
from mindsmirror.reporting.schema import UNTRAINED, Report, StepCost
from mindsmirror.runs.folder import Run
from mindsmirror.runs.recipe import Recipe
from mindsmirror.system.files import read_json, read_records
from mindsmirror.tasks.base import Task


def report_run(run: Run, recipe: Recipe, annotations: Sequence[Annotation], task: Task) -> Report:
    """Write `report.json` and `report.html` into the run's folder and return the report."""
    arms = _arms(run, recipe)
    if not arms:
        raise DataError(f"{run.folder} has no predictions yet. Run `mindsmirror evaluate {run.folder}` first.")
    seconds = _seconds(run, recipe)
    annotated = (read_json(run.folder / "annotation" / "done.json") or {"result": {}})["result"]
    spent = _spent(recipe, annotated)
    judging = next((arm for arm in reversed(arms) if arm.judge is not None), None)
    report = Report(
        name=recipe.name,
        created=datetime.now(UTC),
        task=recipe.task.name,
        teacher=_teacher(recipe, annotations),
        student=recipe.student.model,
        annotation=annotation_report(
            annotations,
            _judge(recipe, annotations),
            seconds["annotation"],
            _usd(recipe, annotations, spent),
            spent,
            annotated.get("stopped", ""),
            partial(_answer_key, task),
        ),
        arms=tuple(row for arm in arms for row in arm_results(arm, recipe.seed)),
        comparisons=tuple(comparisons(arms, recipe.seed)),
        student_judge=student_judge(judging, recipe.seed) if judging else None,
        mirror_vs_vote=mirror_versus_vote(judging, recipe.seed) if judging else None,
        examples=tuple(shown_examples(arms, task.splits.test)),
        seconds=seconds,
        machine=_manifest(run).get("machine", ""),
        provenance=_provenance(run),
    )
    document, _ = write_report(report, run.folder)
    return read_report(document)


def read_predictions(path: Path) -> list[Prediction]:
    """Predictions of one mode; DataError if the file is missing or broken."""
    try:
        return read_records(path, Prediction)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} contains no predictions: {error}") from error


def _answer_key(task: Task, example: Example, answer: str) -> str:
    """What makes two answers of the task the same, such as the number that an equation comes to."""
    read = task.read(example, answer)
    return answer if read is None else read.key


def _arms(run: Run, recipe: Recipe) -> list[ArmPredictions]:
    """Every arm that was asked: the untrained student first, then as the recipe orders them."""
    found = []
    for arm in (None, *recipe.arm):
        name = arm.name if arm else UNTRAINED
        folder = run.folder / "predictions" / name
        done = read_json(folder / "done.json")
        if done is None or (arm is None and not recipe.evaluation.untrained):
            continue
        method = method_named(arm.method) if arm else None
        trained = read_json(run.folder / "arms" / name / "done.json") if arm else None
        judge = done["result"]["judge"]
        found.append(
            ArmPredictions(
                name=name,
                method=arm.method if arm else UNTRAINED,
                main=main_mode(method, arm),
                modes={mode: read_predictions(folder / f"{mode}.jsonl") for mode in done["result"]["modes"]},
                training=trained["result"] if trained else (),
                judge=JudgeQuality.model_validate(judge) if judge else None,
            )
        )
    return found


def _seconds(run: Run, recipe: Recipe) -> dict[str, float]:
    seconds = {"annotation": run.seconds("annotation")}
    for arm in recipe.arm:
        seconds[f"training {arm.name}"] = run.seconds(f"arms/{arm.name}")
    for name in ([UNTRAINED] if recipe.evaluation.untrained else []) + [arm.name for arm in recipe.arm]:
        seconds[f"asking {name}"] = run.seconds(f"predictions/{name}")
    return seconds


def _teacher(recipe: Recipe, annotations: Sequence[Annotation]) -> str:
    """Who wrote the rationales: the recipe's teachers, or whom the file of annotations names."""
    if recipe.teacher:
        return ", ".join(recipe.teacher[number].model for number in recipe.annotation.teachers)
    return ", ".join(sorted({rationale.teacher for annotation in annotations for rationale in annotation.rationales}))


def _judge(recipe: Recipe, annotations: Sequence[Annotation]) -> str:
    """What the verdicts rest on: the recipe's strategy, or what the file of annotations says."""
    if recipe.teacher:
        return recipe.judge.strategy
    return verdict_sources(annotations) or "absent"


def _spent(recipe: Recipe, annotated: Mapping[str, Any]) -> list[StepCost]:
    """What each step cost at its own teacher's price; nothing for annotations made before there were such counts."""
    steps = annotated.get("steps", {})
    writer, *others = recipe.annotation.teachers
    asked = (
        ("rationale", "rationale", writer),
        ("judgement", "self-evaluation", recipe.judge.teacher),
        ("rectified", "rectified", writer),
        ("corrupted", "corrupted", writer),
    )
    spent = []
    for counted, step, teacher in asked:
        if not steps.get(counted, {}).get("samples"):
            continue
        tokens_in, tokens_out = steps[counted]["tokens_in"], steps[counted]["tokens_out"]
        usd = dollars(recipe.teacher[teacher].price, tokens_in, tokens_out)
        if others and counted != "judgement":
            # Of several teachers only the time of asking knows who read and wrote how much.
            priced = all(recipe.teacher[number].price for number in recipe.annotation.teachers)
            usd = steps[counted]["usd"] if priced else None
        spent.append(StepCost(step=step, usable=0, tokens_in=tokens_in, tokens_out=tokens_out, usd=usd))
    return spent


def _usd(recipe: Recipe, annotations: Sequence[Annotation], spent: Sequence[StepCost]) -> float | None:
    """What the tokens cost at the teachers' prices; None where a price, or any teacher, lacks."""
    if not recipe.teacher:
        return None
    if recipe.annotation.teachers == (recipe.judge.teacher,):
        tokens_in = sum(annotation.provenance.tokens_in for annotation in annotations)
        tokens_out = sum(annotation.provenance.tokens_out for annotation in annotations)
        return dollars(recipe.teacher[recipe.judge.teacher].price, tokens_in, tokens_out)
    known = [step.usd for step in spent if step.usd is not None]
    return sum(known) if known and len(known) == len(spent) else None


def _manifest(run: Run) -> dict[str, Any]:
    return read_json(run.folder / "manifest.json") or {}


def _provenance(run: Run) -> dict[str, str]:
    manifest = _manifest(run)
    shown = {key: str(manifest[key]) for key in ("recipe", "seed", "commit", "dirty") if key in manifest}
    return shown | {str(key): str(value) for key, value in manifest.get("packages", {}).items()}
