"""A task as it is kept in a run's folder, so that the run needs nothing else when its data has moved or gone.

`task.json` says what the task is: name, licence, kind of answer, sources. Its examples are in a file for each split,
`train.jsonl.gz`, `valid.jsonl.gz` and `test.jsonl.gz`. A split is read when somebody looks at it: a report needs the
test questions only.
"""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast, overload

from pydantic import Field

from mindsmirror.answers.base import Answer
from mindsmirror.answers.stored import StoredKind
from mindsmirror.errors import DataError
from mindsmirror.records import Example, Record
from mindsmirror.system.files import read_record, whole_folder, write_json
from mindsmirror.tasks.base import Scorer, Splits, Task, TaskConfig
from mindsmirror.tasks.packed import Packed
from mindsmirror.tasks.registry import load_task

ABOUT = "task.json"
COMPRESSION = 3
"""Of gzip, from 1 to 9: more would take several times as long and save a tenth."""


class StoredTask(Record):
    """What a task is, without its examples."""

    name: str
    version: int
    licence: str
    answers: StoredKind
    sources: dict[str, str]
    own: bool = False
    instruction: str = ""
    scored: bool = Field(description="whether a verifier of its own decides what is right, instead of the gold answer")
    sizes: dict[str, int] = Field(description="examples of each split")
    digest: str = Field(description="SHA-256 of all examples, hex")


def store_task(task: Task, folder: Path) -> None:
    """Keep a task in a folder, unless the same one is there. Examples are written one at a time."""
    about = StoredTask(
        name=task.name,
        version=task.version,
        licence=task.licence,
        answers=StoredKind.of(task.answers),
        sources=dict(task.sources),
        own=task.own,
        instruction=task.instruction,
        scored=task.scorer is not None,
        sizes={name: len(getattr(task.splits, name)) for name in Splits._fields},
        digest=_digest(task.splits),
    )
    if read_record(folder / ABOUT, StoredTask) == about:
        return
    with whole_folder(folder) as part:
        for name in Splits._fields:
            _write(part / _file(name), getattr(task.splits, name))
        write_json(part / ABOUT, about.model_dump(mode="json"))


def stored_task(folder: Path, config: TaskConfig) -> Task | None:
    """The task that is kept in a folder; None if there is none.

    `config` is the recipe's: a task that is scored by a verifier is made from it again once an answer is to be scored.
    """
    about = read_record(folder / ABOUT, StoredTask)
    if about is None:
        return None
    parts = [StoredExamples(folder / _file(name), about.sizes.get(name, 0)) for name in Splits._fields]
    return Task(
        about.name,
        about.version,
        about.licence,
        about.answers.answers(),
        Splits(*parts),
        scorer=_Remade(config) if about.scored else None,
        sources=about.sources,
        own=about.own,
        instruction=about.instruction,
    )


class StoredExamples(Sequence[Example]):
    """The examples of a file, read when they are first looked at. DataError if the file is missing or damaged."""

    def __init__(self, path: Path, count: int) -> None:
        self._path, self._count = path, count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        return self._examples[index]

    def __iter__(self) -> Iterator[Example]:
        return iter(self._examples)

    @cached_property
    def _examples(self) -> Packed:
        try:
            with gzip.open(self._path) as lines:
                found = Packed(
                    Example.model_validate(json.loads(line.decode("utf-8", "surrogatepass"))) for line in lines
                )
        except (OSError, EOFError, ValueError) as error:
            raise DataError(
                f"{self._path} cannot be read: {error}. `mindsmirror run` with the run's recipe writes it again."
            ) from error
        if len(found) != self._count:
            raise DataError(f"{self._path} holds {len(found)} questions; {ABOUT} beside it says {self._count}.")
        return found


class _Remade:
    """The scorer of a task that is made again from its configuration when the first answer is to be scored."""

    def __init__(self, config: TaskConfig) -> None:
        self._config = config

    def __call__(self, example: Example, answer: Answer) -> bool:
        return self._scorer(example, answer)

    @cached_property
    def _scorer(self) -> Scorer:
        scorer = load_task(self._config).scorer
        if scorer is None:
            raise DataError(f"the task {self._config.name} has no verifier any more, so its answers cannot be scored.")
        return scorer


def _file(split: str) -> str:
    return f"{split}.jsonl.gz"


def _line(example: Example) -> bytes:
    fields = example.model_dump(exclude_defaults=True)
    return json.dumps(fields, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass") + b"\n"


def _digest(splits: Splits) -> str:
    digest = hashlib.sha256()
    for split, example in splits.named():
        digest.update(split.encode() + b"\t" + _line(example))
    return digest.hexdigest()


def _write(path: Path, examples: Iterable[Example]) -> None:
    # Without name and time, so that the same examples are the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", COMPRESSION, raw, mtime=0) as file:
        for example in examples:
            cast(BinaryIO, file).write(_line(example))
