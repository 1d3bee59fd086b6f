"""The official code's `…_CoT_….json` (Liu et al., 2024, arXiv 2311.09214), or a folder of such files.

    [{"steps": [{"x": "\"input\":\"What is 2 + 3?\"", "new_ys": ["2 and 3 is 5. The answer is 5."],
                 "value_outputs_list": [["It adds up. Evaluation result: the given answer is correct."]]}]}]

A step has the question `x`, k rationales `new_ys` and, for each of them, m self-evaluations in `value_outputs_list`.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from mindsmirror import limits
from mindsmirror.annotation.imports.foreign import ForeignEvaluation, ForeignRationale, Format
from mindsmirror.errors import DataError
from mindsmirror.limits import BoundError
from mindsmirror.system.documents import read_bytes
from mindsmirror.system.validation import in_words

OFFICIAL_FILES = "*_CoT_*.json"


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

    DataError if there is no such file, if one is not of this form, or if self-evaluations and rationales do not pair:
    the published code would then shift all later ones against their rationales.
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
        raise DataError(f"{path} is not an official file: it must be a list of records.")
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
    for text, evaluations in zip(step.new_ys, judged, strict=True):
        said = tuple(ForeignEvaluation(evaluation) for evaluation in evaluations)
        yield ForeignRationale(where, text, question=question, evaluations=said)


def _official_question(x: str) -> str:
    """The question in `"input":"…"`, a piece of a JSON object, which the official prompts show as it is."""
    try:
        given = json.loads(f"{{{x}}}")["input"]
    except (ValueError, KeyError, RecursionError):
        return x
    return given if isinstance(given, str) else x


FORMAT = Format(read_minds_mirror, teacher="gpt-3.5-turbo")
