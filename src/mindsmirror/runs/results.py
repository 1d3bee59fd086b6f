"""From a run's folder to its report: read what every step left behind and put it together."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from mindsmirror.annotation.budget import dollars
from mindsmirror.annotation.result import AnnotationResult
from mindsmirror.errors import DataError
from mindsmirror.evaluation.evaluate import main_mode
from mindsmirror.evaluation.result import CalibrationResult, PredictionResult
from mindsmirror.evaluation.sound_arithmetic import sound_arithmetic
from mindsmirror.records import Annotation, Example, Purpose, Usage
from mindsmirror.reporting.accuracy_section import (
    ArmPredictions,
    arm_results,
    comparisons,
    mirror_versus_vote,
    shown_examples,
    student_judge,
)
from mindsmirror.reporting.annotation_section import in_words, totals_report
from mindsmirror.reporting.annotation_totals import AnnotationTotals
from mindsmirror.reporting.confidence_schema import ConfidenceReport
from mindsmirror.reporting.confidence_section import confidence_report
from mindsmirror.reporting.escalation_section import EscalationReport
from mindsmirror.reporting.report import read_report, write_report
from mindsmirror.reporting.schema import UNTRAINED, Report
from mindsmirror.runs.calibration import calibration_of, calibration_step
from mindsmirror.runs.escalation import escalation_report
from mindsmirror.runs.folder import Run
from mindsmirror.runs.predictions import outdated, predictions_step, read_predictions
from mindsmirror.runs.recipe import Recipe
from mindsmirror.runs.reflection import reflection_steps, rounds_of
from mindsmirror.runs.training import arm_step
from mindsmirror.system.files import read_json
from mindsmirror.system.progress import say
from mindsmirror.tasks.base import Task
from mindsmirror.tasks.tables import task_label
from mindsmirror.training.result import TrainingResult


def report_run(
    run: Run, recipe: Recipe, annotations: Iterable[Annotation], task: Task, answers: Iterable[Annotation] = ()
) -> Report:
    """Write `report.json` and `report.html` into the run's folder and return the report.

    `answers` are the teacher's to test questions, which are read where the recipe has `escalate`.
    """
    arms = predicted_arms(run, recipe)
    if not arms:
        raise DataError(f"{run.folder} has no predictions yet. Run `mindsmirror evaluate {run.folder}` first.")
    seconds = _seconds(run, recipe)
    annotated = run.result("annotation", AnnotationResult)
    spent = _spent(recipe, annotated) if annotated else {}
    totals = AnnotationTotals.of(annotations, partial(_answer_key, task))
    judging = next((arm for arm in reversed(arms) if arm.judge is not None), None)
    elects = judging or next((arm for arm in reversed(arms) if "mirror" in arm.modes), None)
    report = Report(
        name=recipe.name,
        created=datetime.now(UTC),
        task=task_label(recipe.task.name),
        teacher=_teacher(recipe, totals),
        student=recipe.student.model,
        annotation=totals_report(
            totals,
            _judge(recipe, totals),
            seconds["annotation"],
            _usd(recipe, totals, spent),
            spent,
            annotated.stopped if annotated else "",
        ),
        arms=tuple(row for arm in arms for row in arm_results(arm, recipe.seed)),
        comparisons=tuple(comparisons(arms, recipe.seed)),
        student_judge=student_judge(judging, recipe.seed) if judging else None,
        mirror_vs_vote=mirror_versus_vote(elects, recipe.seed) if elects else None,
        arithmetic={arm.name: found for arm in arms if (found := sound_arithmetic(arm.modes.get("think", ())))},
        confidences=tuple(_confidences(run, recipe, arms, task)),
        escalations=tuple(_escalations(run, recipe, arms, answers, task)),
        examples=tuple(shown_examples(arms, task.splits.test)),
        seconds=seconds,
        machine=_manifest(run).get("machine", ""),
        provenance=_provenance(run),
    )
    document, _ = write_report(report, run.folder)
    return read_report(document)


def _answer_key(task: Task, example: Example, answer: str) -> str:
    """What makes two answers of the task the same, such as the number that an equation comes to."""
    read = task.read(example, answer)
    return answer if read is None else read.key


def predicted_arms(run: Run, recipe: Recipe) -> list[ArmPredictions]:
    """Every arm that was asked: the untrained student first, then as the recipe orders them."""
    found = []
    for arm in (None, *recipe.arm):
        step = predictions_step(arm)
        done = run.result(step, PredictionResult)
        if done is None or (arm is None and not recipe.evaluation.untrained):
            continue
        other = outdated(run, recipe, arm)
        if other:
            name = arm.name if arm else UNTRAINED
            say(
                f"{name} is left out: its answers were made with another {', '.join(other)} than the recipe says now. "
                "`mindsmirror run` makes them anew."
            )
            continue
        trained = run.result(arm_step(arm), TrainingResult) if arm else None
        found.append(
            ArmPredictions(
                name=arm.name if arm else UNTRAINED,
                method=arm.method if arm else UNTRAINED,
                main=main_mode(arm),
                modes={mode: read_predictions(run.folder / step / f"{mode}.jsonl") for mode in done.modes},
                training=trained.stages if trained else (),
                rounds=rounds_of(run, arm) if arm else (),
                judge=done.judge,
                baselines=done.baselines,
                against=arm.against if arm else (),
            )
        )
    return found


def _confidences(run: Run, recipe: Recipe, arms: Iterable[ArmPredictions], task: Task) -> Iterator[ConfidenceReport]:
    """Of the arms that were calibrated."""
    asked = {example.id: example for example in task.splits.test}
    configured = {arm.name: arm for arm in recipe.arm}
    for arm in arms:
        if arm.name in configured:
            found = run.result(calibration_step(configured[arm.name]), CalibrationResult)
            if found is not None:
                yield confidence_report(
                    arm,
                    found,
                    recipe.evaluation.risk,
                    recipe.seed,
                    lambda example, answer: _answer_key(task, asked[example], answer),
                )


def _escalations(
    run: Run, recipe: Recipe, arms: Iterable[ArmPredictions], answers: Iterable[Annotation], task: Task
) -> Iterator[EscalationReport]:
    """Of the arms that say how sure they are, each in the mode that it prefers, or else the next that says so."""
    said = {each.example.id: each for each in answers} if recipe.evaluation.escalate else {}
    configured = {arm.name: arm for arm in recipe.arm}
    for arm in arms if said else ():
        calibration = calibration_of(run, configured[arm.name]) if arm.name in configured else None
        preferred = (calibration.preferred if calibration else None) or arm.main
        sure = [mode for mode, found in arm.modes.items() if any(each.confidence is not None for each in found)]
        if sure:
            mode = preferred if preferred in sure else sure[-1]
            report = escalation_report(arm.name, mode, arm.modes[mode], said, task, recipe)
            if report is not None:
                yield report


def _seconds(run: Run, recipe: Recipe) -> dict[str, float]:
    seconds = {"annotation": run.seconds("annotation")}
    for arm in recipe.arm:
        seconds[f"training {arm.name}"] = run.seconds(f"arms/{arm.name}")
        if steps := reflection_steps(run, arm):
            seconds[f"reflection {arm.name}"] = round(sum(map(run.seconds, steps)), 1)
    for name in ([UNTRAINED] if recipe.evaluation.untrained else []) + [arm.name for arm in recipe.arm]:
        seconds[f"asking {name}"] = run.seconds(f"predictions/{name}")
    return seconds


def _teacher(recipe: Recipe, totals: AnnotationTotals) -> str:
    """Who wrote the rationales: the recipe's teachers, or whom the file of annotations names."""
    if recipe.teacher:
        return ", ".join(recipe.teacher[number].model for number in recipe.annotation.teachers)
    return ", ".join(sorted(totals.teachers))


def _judge(recipe: Recipe, totals: AnnotationTotals) -> str:
    """What the verdicts rest on: the recipe's strategy, or what the file of annotations says."""
    if recipe.teacher:
        return recipe.judge.strategy
    return in_words(totals.sources) or "absent"


def _spent(recipe: Recipe, annotated: AnnotationResult) -> dict[Purpose, Usage]:
    """What the stored samples of each purpose took, at the prices that the teachers have now; empty for a file."""
    spent = {}
    for purpose, usage in annotated.steps.items():
        writers = (recipe.judge.teacher,) if purpose is Purpose.SELF_EVALUATION else recipe.annotation.teachers
        prices = [recipe.teacher[number].price for number in writers]
        # Of several teachers only the step itself knows who read and wrote how much.
        usd = dollars(prices[0], usage.tokens_in, usage.tokens_out) if len(prices) == 1 else usage.usd
        if usage.samples:
            spent[purpose] = usage.model_copy(update={"usd": usd if all(prices) else None})
    return spent


def _usd(recipe: Recipe, totals: AnnotationTotals, spent: Mapping[Purpose, Usage]) -> float | None:
    """What the tokens cost at the teachers' prices; None where a price, or any teacher, lacks."""
    if not recipe.teacher:
        return None
    if recipe.annotation.teachers == (recipe.judge.teacher,):
        return dollars(recipe.teacher[recipe.judge.teacher].price, totals.tokens_in, totals.tokens_out)
    known = [usage.usd for usage in spent.values() if usage.usd is not None]
    return sum(known) if known and len(known) == len(spent) else None


def _manifest(run: Run) -> dict[str, Any]:
    found = read_json(run.folder / "manifest.json")
    return found if isinstance(found, dict) else {}


def _provenance(run: Run) -> dict[str, str]:
    manifest = _manifest(run)
    shown = {key: str(manifest[key]) for key in ("recipe", "seed", "commit", "dirty") if key in manifest}
    packages = manifest.get("packages")
    return shown | {str(key): str(value) for key, value in (packages if isinstance(packages, dict) else {}).items()}
