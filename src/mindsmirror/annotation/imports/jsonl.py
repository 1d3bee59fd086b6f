"""Rows of one's own, one a rationale; it is what `export --format jsonl` writes.

    {"id": "w1", "rationale": "Ann has 3 pens. The answer is 3.", "evaluations": [{"verdict": "correct"}]}

`id` (or the whole `question`) names a question of the task. A row may have `answer` (where the rationale states none),
`teacher`, `evaluations`: texts, or {verdict, critique, likelihood}, and `duals`: {kind, rationale}.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from mindsmirror.annotation.imports.foreign import (
    ForeignDual,
    ForeignEvaluation,
    ForeignRationale,
    Format,
    id_of,
    string_of,
)
from mindsmirror.errors import DataError
from mindsmirror.records import CalibrationTarget, DualKind, Verdict, VerdictSource
from mindsmirror.tasks.rows import Row, read_rows

Word = TypeVar("Word", Verdict, VerdictSource, DualKind, CalibrationTarget)


def read_jsonl(path: Path) -> Iterator[ForeignRationale]:
    """The rationales of a file of one's own, a row each; other fields are passed over."""
    for row in read_rows(path):
        named = row.fields.get("id") is not None
        yield ForeignRationale(
            row.where,
            string_of(row, "rationale"),
            id=id_of(row) if named else None,
            question="" if named else row.text("question"),
            answer=row.scalar("answer"),
            teacher=row.scalar("teacher"),
            evaluations=_evaluations(row),
            duals=_duals(row),
        )


def _evaluations(row: Row) -> tuple[ForeignEvaluation, ...]:
    given = row.fields.get("evaluations")
    if given is None:
        return ()
    if not isinstance(given, list):
        raise DataError(f"{row.where}: 'evaluations' must be a list of texts or of {{verdict, critique}}.")
    return tuple(_evaluation(row, number, each) for number, each in enumerate(given))


def _evaluation(row: Row, number: int, given: Any) -> ForeignEvaluation:
    if isinstance(given, str):
        return ForeignEvaluation(given)
    where = f"{row.where}: evaluation {number}"
    if not isinstance(given, dict):
        raise DataError(f"{where} must be a text or an object with 'verdict' and 'critique'.")
    critique = given.get("critique", "")
    if not isinstance(critique, str):
        raise DataError(f"{where}: 'critique' must be a string.")
    verdict = _word(where, "verdict", given.get("verdict"), Verdict)
    source = _word(where, "source", given.get("source", "plain"), VerdictSource)
    grounds = given.get("calibration")
    return ForeignEvaluation(
        critique,
        verdict,
        source,
        Row(where, given).scalar("teacher"),
        likelihood=_share(where, "likelihood", given),
        p_correct=_share(where, "p_correct", given),
        calibration=None if grounds is None else _word(where, "calibration", grounds, CalibrationTarget),
    )


def _share(where: str, key: str, given: Mapping[str, Any]) -> float | None:
    value = given.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise DataError(f"{where}: {key!r} is {value!r}; it must be a number from 0 to 1, or null.")
    return float(value)


def _duals(row: Row) -> tuple[ForeignDual, ...]:
    given = row.fields.get("duals")
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise DataError(f"{row.where}: 'duals' must be a list of objects with 'kind' and 'rationale'.")
    found = []
    for number, each in enumerate(given):
        inner = Row(f"{row.where}: dual {number}", each)
        kind = _word(inner.where, "kind", each.get("kind"), DualKind)
        found.append(ForeignDual(kind, string_of(inner, "rationale"), inner.scalar("teacher")))
    return tuple(found)


def _word(where: str, key: str, given: Any, words: type[Word]) -> Word:
    known = [word.value for word in words]
    if given not in known:
        raise DataError(f"{where}: {key!r} is {given!r}; it must be one of {', '.join(known)}.")
    return words(given)


FORMAT = Format(read_jsonl, teacher="unknown")
