"""What others' files of rationales hold: one reader for each kind of file, all of them giving the same.

minds_mirror   the official code's `…_CoT_….json` (Liu et al., 2024): records of steps with the question `x`, k
               rationales `new_ys` and, for each of them, m evaluations in `value_outputs_list`.
step_by_step   the PaLM-540B completions of Distilling step-by-step (Hsieh et al., 2023) as rows {id, raw}. The model
               goes on after its answer with questions of its own; they are cut off.
jsonl          rows {id or question, rationale}, and if you like `answer` (where the rationale states none),
               `teacher`, `evaluations`: texts, or {verdict, critique, likelihood}, and `duals`: {kind, rationale}. It
               is what `export` writes.

A file that is not of its kind is refused with its name and row. What a row's text amounts to is not decided here.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from mindsmirror import limits
from mindsmirror.errors import DataError
from mindsmirror.limits import BoundError
from mindsmirror.records import CalibrationTarget, DualKind, Verdict, VerdictSource
from mindsmirror.system.documents import read_bytes
from mindsmirror.system.validation import in_words
from mindsmirror.tasks.rows import Row, read_rows
from mindsmirror.tasks.shown import row_id

OFFICIAL_FILES = "*_CoT_*.json"

Word = TypeVar("Word", Verdict, VerdictSource, DualKind, CalibrationTarget)


@dataclass(frozen=True)
class ForeignJudgement:
    """A judgement as a file has it.

    `verdict` is None where it has to be read from the text's last line, `teacher` where it is the rationale's.
    """

    text: str
    verdict: Verdict | None = None
    source: VerdictSource = VerdictSource.PLAIN
    teacher: str | None = None
    likelihood: float | None = None
    p_correct: float | None = None
    calibration: CalibrationTarget | None = None


@dataclass(frozen=True)
class ForeignDual:
    """A rationale's other side as a file has it; `teacher` is None where it is the rationale's."""

    kind: DualKind
    text: str
    teacher: str | None = None


@dataclass(frozen=True)
class ForeignRationale:
    """A rationale as a file has it. Its question is named by `id`, or else by its whole text."""

    where: str
    text: str
    id: str | None = None
    question: str = ""
    truncated: bool = False
    answer: str | None = None
    teacher: str | None = None
    judgements: tuple[ForeignJudgement, ...] = ()
    duals: tuple[ForeignDual, ...] = ()


class _Step(BaseModel):
    """A step of an official record; what else it holds (scores, selected samples) is not needed."""

    model_config = ConfigDict(frozen=True, strict=True)

    x: str
    new_ys: list[str]
    value_outputs_list: list[list[str]] = []


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    steps: list[_Step]


_RECORDS = TypeAdapter(list[_Record])


def read_minds_mirror(path: Path) -> Iterator[ForeignRationale]:
    """The rationales of an official file, or of all such files under a folder; copies of a file are read once.

    DataError if there is no such file, if one is not of this form, or if judgements and rationales do not pair: the
    published code would then shift all later judgements against their rationales.
    """
    seen = set()
    for file in _official_files(path):
        content = _content(file)
        digest = hashlib.sha256(content).digest()
        if digest in seen:
            continue
        seen.add(digest)
        for number, record in enumerate(_records(file, content)):
            for place, step in enumerate(record.steps):
                yield from _of_step(step, f"{file}, record {number}, step {place}")


def read_step_by_step(path: Path) -> Iterator[ForeignRationale]:
    """The completions of a file of rows {id, raw}, each up to the first further question that the model invented.

    One that runs to its end without such a question was cut at the token limit.
    """
    for row in read_rows(path):
        raw = _string(row, "raw")
        further = _FURTHER.search(raw)
        text = raw[: further.start()].rstrip() if further else raw
        yield ForeignRationale(row.where, text, id=_id(row), truncated=further is None)


def read_jsonl(path: Path) -> Iterator[ForeignRationale]:
    """The rationales of a file of one's own, a row each; fields that are not named above are passed over."""
    for row in read_rows(path):
        named = row.fields.get("id") is not None
        yield ForeignRationale(
            row.where,
            _string(row, "rationale"),
            id=_id(row) if named else None,
            question="" if named else row.text("question"),
            answer=row.scalar("answer"),
            teacher=row.scalar("teacher"),
            judgements=_judgements(row),
            duals=_duals(row),
        )


@dataclass(frozen=True)
class Kind:
    """A kind of file: how it is read, and who wrote what is in it if nobody says otherwise."""

    read: Callable[[Path], Iterator[ForeignRationale]]
    teacher: str


KINDS: Mapping[str, Kind] = {
    "minds_mirror": Kind(read_minds_mirror, "gpt-3.5-turbo"),
    "step_by_step": Kind(read_step_by_step, "PaLM-540B"),
    "jsonl": Kind(read_jsonl, "unknown"),
}

_MARKS = ("Q:", "Premise:")
"""How the prompts of Distilling step-by-step begin a question."""
_BEGUN = "|".join(mark[:length] for mark in _MARKS for length in range(1, len(mark)))
_FURTHER = re.compile(rf"(?:\A|\n)[ \t]{{0,4}}(?:{'|'.join(_MARKS)})|\n\n(?:{_BEGUN})\Z")


def _official_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.rglob(OFFICIAL_FILES))
    if not found:
        raise DataError(f"{path} holds no file that is named as the official ones are ({OFFICIAL_FILES}).")
    return found


def _content(path: Path) -> bytes:
    try:
        return read_bytes(path, limits.JSON_BYTES)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist.") from error
    except BoundError as error:
        raise DataError(f"{path}: {error}.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def _records(path: Path, content: bytes) -> list[_Record]:
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON in UTF-8: {error}.") from error
    if not isinstance(document, list):
        raise DataError(f"{path} is no official file: it must hold a list of records.")
    try:
        return _RECORDS.validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        number, *inner = first["loc"]
        place = ".".join(map(str, inner)) or "the record"
        raise DataError(f"{path}, record {number}: {place}: {in_words(first)}.") from error


def _of_step(step: _Step, where: str) -> Iterator[ForeignRationale]:
    judged = step.value_outputs_list or [[] for _ in step.new_ys]
    if len(judged) != len(step.new_ys):
        raise DataError(
            f"{where}: there are {len(step.new_ys)} rationales in new_ys, but value_outputs_list judges {len(judged)}."
        )
    question = _official_question(step.x)
    for text, judgements in zip(step.new_ys, judged, strict=True):
        said = tuple(ForeignJudgement(judgement) for judgement in judgements)
        yield ForeignRationale(where, text, question=question, judgements=said)


def _official_question(x: str) -> str:
    """The question in `"input":"…"`, a piece of a JSON object, which the official prompts show as it is."""
    try:
        given = json.loads(f"{{{x}}}")["input"]
    except (ValueError, KeyError, RecursionError):
        return x
    return given if isinstance(given, str) else x


def _string(row: Row, key: str) -> str:
    """A field that must be a string, but may be blank: a teacher that said nothing is data."""
    value = row.value(key)
    return value if isinstance(value, str) and not value.strip() else row.text(key)


def _id(row: Row) -> str:
    if row.value("id") is None:
        raise DataError(f"{row.where}: 'id' is null; it must name a question of the task.")
    return row_id(row, "")


def _judgements(row: Row) -> tuple[ForeignJudgement, ...]:
    given = row.fields.get("evaluations")
    if given is None:
        return ()
    if not isinstance(given, list):
        raise DataError(f"{row.where}: 'evaluations' must be a list of texts or of {{verdict, critique}}.")
    return tuple(_judgement(row, number, each) for number, each in enumerate(given))


def _judgement(row: Row, number: int, given: Any) -> ForeignJudgement:
    if isinstance(given, str):
        return ForeignJudgement(given)
    where = f"{row.where}: evaluation {number}"
    if not isinstance(given, dict):
        raise DataError(f"{where} must be a text or an object with 'verdict' and 'critique'.")
    critique = given.get("critique", "")
    if not isinstance(critique, str):
        raise DataError(f"{where}: 'critique' must be a string.")
    verdict = _word(where, "verdict", given.get("verdict"), Verdict)
    source = _word(where, "source", given.get("source", "plain"), VerdictSource)
    grounds = given.get("calibration")
    return ForeignJudgement(
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
        found.append(ForeignDual(kind, _string(inner, "rationale"), inner.scalar("teacher")))
    return tuple(found)


def _word(where: str, key: str, given: Any, words: type[Word]) -> Word:
    known = [word.value for word in words]
    if given not in known:
        raise DataError(f"{where}: {key!r} is {given!r}; it must be one of {', '.join(known)}.")
    return words(given)
