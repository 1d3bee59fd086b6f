"""Whether the judge's verdicts carry information: compared with gold, on stored samples."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from mindsmirror.doctor.case import Case
from mindsmirror.doctor.finding import Finding, ok, skipped, warning
from mindsmirror.records import Annotation, VerdictSource
from mindsmirror.reporting.annotation_section import annotation_report, verdict_sources
from mindsmirror.reporting.verdict_section import informative, judged

CHECK = "judge"
ENOUGH = 100
"""Rationales, judged and known to be right or wrong, before a judge is trusted."""


def check(case: Case) -> Iterator[Finding]:
    """One finding: the report's own sentence, or what is missing for it."""
    recipe = case.pipeline.recipe
    if recipe.teacher and recipe.judge.source is VerdictSource.INFORMED:
        yield ok(CHECK, "The verdicts come from gold answers: there is nothing to measure.")
        return
    if recipe.teacher and not recipe.annotation.self_evaluations:
        yield skipped(CHECK, "Nothing is judged: annotation.self_evaluations is 0.")
        return
    if not recipe.teacher:
        yield _judged(case, case.pipeline.file_annotations)
        return
    if case.samples:
        _ = case.estimate
    with TemporaryDirectory() as folder:
        yield _judged(case, case.pipeline.annotation_step.stored(Path(folder) / "annotations.jsonl"))


def _judged(case: Case, annotations: Sequence[Annotation]) -> Finding:
    recipe = case.pipeline.recipe
    known = judged_rationales(annotations)
    if recipe.teacher and known < ENOUGH and not _has_gold(case):
        return warning(
            CHECK, "No question has a gold answer: the judge cannot be measured.", "Add gold answers to the data."
        )
    if known < ENOUGH:
        return warning(
            CHECK,
            f"Only {known} judged rationales have a gold answer; measuring the judge takes {ENOUGH} or more.",
            _more(case, ENOUGH - known),
            rationales=known,
        )
    return _measured(recipe.judge.strategy if recipe.teacher else verdict_sources(annotations), annotations, known)


def judged_rationales(annotations: Sequence[Annotation]) -> int:
    """How many rationales are known to be right or wrong and have been judged."""
    total = 0
    for annotation in annotations:
        with_verdict = {evaluation.rationale for evaluation in annotation.evaluations}
        total += sum(r.right is not None and r.sample in with_verdict for r in annotation.rationales)
    return total


def _measured(source: str, annotations: Sequence[Annotation], known: int) -> Finding:
    report = annotation_report(annotations, source, seconds=0.0, usd=None)
    figures = {
        "rationales": known,
        "balanced_accuracy": report.judge_balanced_accuracy,
        "ci95": report.judge_balanced_accuracy_ci95,
    }
    sentence = f"{judged(report).removeprefix('Warning: ')} Seen on {known} rationales."
    if informative(report):
        return ok(CHECK, sentence, **figures)
    # What to do about it is said in the report's sentence.
    return warning(CHECK, sentence, "", **figures)


def _has_gold(case: Case) -> bool:
    task = case.pipeline.task
    return task.scorer is not None or any(e.gold is not None for _, e in task.splits.annotated())


def _more(case: Case, lacking: int) -> str:
    if not case.recipe.teacher:
        return "Import more of them."
    # Some rationales have no answer that could be judged.
    questions = math.ceil(1.25 * lacking / case.recipe.annotation.rationales)
    return f"--samples {questions} asks that many questions for real. They are paid for, and the replies are kept."
