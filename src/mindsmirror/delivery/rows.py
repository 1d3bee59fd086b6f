"""Annotations as flat rows, one for each rationale with its self-evaluations: the columns of every export.

The columns `id`, `rationale`, `answer`, `teacher`, `evaluations` and `duals` are those that `import jsonl` reads, so
that what is exported comes in again. Nothing is left out: a rationale that did not parse is a row with the reason why.
"""

from collections.abc import Iterable
from typing import Any

from mindsmirror.records import Annotation, DualRationale, Rationale, SelfEvaluation

Row = dict[str, Any]

COLUMNS: dict[str, str] = {
    "id": "the question's id in the task",
    "split": "train or valid",
    "question": "the whole question as the teacher was shown it",
    "choices": "letter and text of each choice, in order; empty for questions without choices",
    "gold": "the task's own answer; null if it is not known",
    "sample": "which of the question's rationales this is, from 0",
    "teacher": "who wrote the rationale",
    "rationale": "the teacher's whole reply",
    "reasoning": "the reply up to the sentence that states the answer",
    "answer": "the answer that it reaches, in canonical form; null if it did not parse",
    "parse": "how reading it ended: ok, empty, truncated, refused, no_answer, bad_answer, failed",
    "reason": "why it did not parse",
    "right": "whether the answer is right by gold; null if that is not known",
    "evaluations": "its self-evaluations: sample, teacher, verdict, source of the verdict, critique, parse, reason; "
    "of a judge that gives likelihoods also likelihood, p_correct and calibration, else null",
    "duals": "the rationale corrected (kind rectified) or spoilt (corrupted) by a teacher that knew the answer: kind, "
    "sample, teacher, rationale, reasoning, answer, parse (also: missed), reason, right",
}


def rationale_rows(annotations: Iterable[Annotation]) -> dict[str, list[Row]]:
    """Rows by split, in the order of the annotations and of their samples; the keys of a row are COLUMNS."""
    rows: dict[str, list[Row]] = {}
    for annotation in annotations:
        for rationale in annotation.rationales:
            evaluations = [e for e in annotation.evaluations if e.rationale == rationale.sample]
            duals = [dual for dual in annotation.duals if dual.of == rationale.sample]
            rows.setdefault(annotation.split, []).append(_row(annotation, rationale, evaluations, duals))
    return rows


def _row(
    annotation: Annotation,
    rationale: Rationale,
    evaluations: Iterable[SelfEvaluation],
    duals: Iterable[DualRationale],
) -> Row:
    example = annotation.example
    return {
        "id": example.id,
        "split": annotation.split,
        "question": example.text,
        "choices": [{"letter": letter, "text": text} for letter, text in example.choices.items()],
        "gold": example.gold,
        "sample": rationale.sample,
        "teacher": rationale.teacher,
        "rationale": rationale.text,
        "reasoning": rationale.reasoning,
        "answer": rationale.answer,
        "parse": rationale.parse.value,
        "reason": rationale.reason,
        "right": rationale.right,
        "evaluations": [
            {
                "sample": evaluation.sample,
                "teacher": evaluation.teacher,
                "verdict": evaluation.verdict.value,
                "source": evaluation.source.value,
                "critique": evaluation.critique,
                "parse": evaluation.parse.value,
                "reason": evaluation.reason,
                "likelihood": evaluation.likelihood,
                "p_correct": evaluation.p_correct,
                "calibration": evaluation.calibration.value if evaluation.calibration else None,
            }
            for evaluation in evaluations
        ],
        "duals": [
            {
                "kind": dual.kind.value,
                "sample": dual.sample,
                "teacher": dual.teacher,
                "rationale": dual.text,
                "reasoning": dual.reasoning,
                "answer": dual.answer,
                "parse": dual.parse.value,
                "reason": dual.reason,
                "right": dual.right,
            }
            for dual in duals
        ],
    }
