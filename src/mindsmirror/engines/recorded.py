"""Completions from a file: replies that an engine once wrote, here or elsewhere, are replayed.

A recording is JSON lines, gzipped if its name ends in `.gz`. A row has `text` and is found by its `key` (the
sample's key), or by `messages` and optionally `sample` (its number, else its place among the rows with these
messages). `finish`, `tokens_in`, `tokens_out` and `alternatives` (pairs of text and logprob) may be given. The
first line may be `{"identity": {…}}`, the identity of the engine that wrote the texts: then a replay has the same
keys as the original.
"""

import hashlib
import json
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from mindsmirror.engines.base import Alternative, Completion, Finish, Message, Request, sample_key
from mindsmirror.engines.config import TeacherConfig
from mindsmirror.engines.plugin import EngineBase
from mindsmirror.errors import DataError, RecipeError
from mindsmirror.limits import BoundError
from mindsmirror.models.digest import sha256_of
from mindsmirror.system.documents import read_lines
from mindsmirror.system.files import expanded
from mindsmirror.system.validation import in_words


class _Turn(BaseModel):
    model_config = ConfigDict(frozen=True)

    role: str
    content: str


class _Row(BaseModel):
    """One completion. Other fields of a row are notes, and are ignored."""

    model_config = ConfigDict(frozen=True)

    text: str
    key: str | None = None
    messages: tuple[_Turn, ...] | None = None
    prompt_hash: str | None = None
    sample: int | None = None
    finish: Finish = Finish.STOP
    tokens_in: int = 0
    tokens_out: int = 0
    alternatives: tuple[Alternative, ...] = ()

    @model_validator(mode="after")
    def _can_be_found(self) -> "_Row":
        if self.key is None and self.messages is None and self.prompt_hash is None:
            raise ValueError("needs one of key, messages, prompt_hash")
        return self


def prompt_hash(messages: Iterable[Message]) -> str:
    """Hex SHA-256 of a conversation, by which a recording's rows are found."""
    document = json.dumps([[m.role, m.content] for m in messages], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(document.encode()).hexdigest()


def recorded_identity(path: Path, model: str) -> Mapping[str, Any]:
    """The identity in the recording's first line, else the model's name and the file's SHA-256."""
    if not path.is_file():
        raise DataError(f"the recording {path} does not exist")
    for _, row in _rows(path):
        if isinstance(row.get("identity"), dict):
            return cast("Mapping[str, Any]", row["identity"])
        break
    return {"engine": "recorded", "model": model, "sha256": sha256_of(path)}


class RecordedEngine(EngineBase):
    """Replays a recording; a sample that it lacks is a failed completion that names it."""

    purpose = "replies that were recorded before, from a file; no model is asked"

    @classmethod
    def identity_of(cls, config: TeacherConfig) -> Mapping[str, Any]:
        """The identity that the recording names, else its SHA-256."""
        return recorded_identity(_path_of(config), config.model)

    @classmethod
    def open(cls, config: TeacherConfig) -> Self:
        """The engine with the recording in memory; DataError if it cannot be read."""
        return cls(_path_of(config), config.model)

    def __init__(self, path: Path, model: str = "recorded") -> None:
        self._path = path
        self._identity = recorded_identity(path, model)
        self._by_key: dict[str, _Row] = {}
        self._by_prompt: dict[str, dict[int, _Row]] = {}
        for number, raw in _rows(path):
            if number == 1 and "identity" in raw and "text" not in raw:
                continue
            try:
                self._add(_Row.model_validate(raw))
            except ValidationError as error:
                first = error.errors()[0]
                field = ".".join(str(part) for part in first["loc"]) or "row"
                raise DataError(f"{path}, line {number}: {field}: {in_words(first)}") from error
        self._waiting: deque[Request] = deque()

    @property
    def identity(self) -> Mapping[str, Any]:
        """That of the engine whose texts these are, where the recording says it."""
        return self._identity

    @property
    def capacity(self) -> int:
        """A larger number would gain nothing: a replay does not wait."""
        return 64

    def submit(self, request: Request) -> None:
        """Queue the request."""
        self._waiting.append(request)

    def poll(self) -> Sequence[tuple[Request, tuple[Completion, ...]]]:
        """Replay everything that waits."""
        requests = tuple(self._waiting)
        self._waiting.clear()
        return [(r, tuple(self._complete(r, key) for key in r.keys)) for r in requests]

    def close(self) -> None:
        """Drop what waits."""
        self._waiting.clear()

    def _add(self, row: _Row) -> None:
        if row.key is not None:
            self._by_key.setdefault(row.key, row)
        address = row.prompt_hash
        if row.messages is not None:
            address = prompt_hash(Message(cast("Any", t.role), t.content) for t in row.messages)
        if address is not None:
            samples = self._by_prompt.setdefault(address, {})
            samples.setdefault(len(samples) if row.sample is None else row.sample, row)

    def _complete(self, request: Request, key: str) -> Completion:
        row = self._by_key.get(key) or self._by_number(request, key)
        if row is None:
            reason = f"the recording {self._path.name} does not hold sample {key} (request {request.id})"
            return Completion(key, "", Finish.FAILED, error=reason)
        return Completion(key, row.text, row.finish, row.tokens_in, row.tokens_out, alternatives=row.alternatives)

    def _by_number(self, request: Request, key: str) -> _Row | None:
        # A request names keys, not sample numbers: the number is the one that hashes to this key.
        samples = self._by_prompt.get(prompt_hash(request.messages), {})
        for sample, row in samples.items():
            if sample_key(self._identity, request.messages, request.sampling, sample) == key:
                return row
        return None


def _path_of(config: TeacherConfig) -> Path:
    if config.path is None:
        raise RecipeError(f"[[teacher]] {config.model}: the engine recorded needs `path`, the recording")
    return expanded(config.path)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers from 1 and the objects on them; empty lines are passed over."""
    number = 0
    try:
        for number, line in enumerate(read_lines(path), 1):
            if line.strip():
                row = json.loads(line.decode("utf-8"))
                if not isinstance(row, dict):
                    raise DataError(f"{path}, line {number}: is not a JSON object")
                yield number, row
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, BoundError) as error:
        raise DataError(f"cannot read the recording {path} after line {number}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}, line {number}: is not JSON: {error}") from error
