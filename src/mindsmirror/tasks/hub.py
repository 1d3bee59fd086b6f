"""Rows of a dataset on the Hugging Face hub, at a pinned revision; an unreachable hub is given up in seconds.

The revisions pinned by the tasks were found in other projects' public records of what they resolved; they
could not be checked against the hub itself when this was written.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from mindsmirror.errors import DataError, MissingExtraError
from mindsmirror.tasks.rows import Row

TIMEOUT = 8.0
"""Seconds for the first answer of the hub."""


class HubSource(NamedTuple):
    """A repository of datasets, its configuration, and the commit that is read."""

    repository: str
    configuration: str | None
    revision: str

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}"


def hub_rows(source: HubSource, split: str) -> list[Row]:
    """All rows of a split. MissingExtraError without the `datasets` package; DataError if it cannot be had."""
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("datasets", "hub-data") from error
    reachable = _reachable(source)
    try:
        with nullcontext() if reachable else _offline():
            table = datasets.load_dataset(
                source.repository, source.configuration, revision=source.revision, split=split
            )
    except Exception as error:  # whatever the library raises, the user's way out is the same
        cause = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        state = "cannot be read from the hub" if reachable else "is not in the cache, and the hub cannot be reached"
        raise DataError(
            f"The dataset {source} {state} ({cause}). Give data_dir in [task] to read local files instead."
        ) from error
    return [Row(f"{source}, {split}, row {index}", dict(row)) for index, row in enumerate(table)]


def local(data_dir: Path, *names: str) -> Path:
    """The first of the named files that exists under `data_dir`. DataError says which are looked for."""
    for name in names:
        if (data_dir / name).is_file():
            return data_dir / name
    if not data_dir.is_dir():
        raise DataError(f"data_dir {data_dir} is no folder.")
    raise DataError(f"data_dir {data_dir} holds none of: {', '.join(names)}.")


@contextmanager
def _offline() -> Iterator[None]:
    """Only the cache is asked: each of both libraries would otherwise retry for half a minute."""
    import datasets
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = before


def _reachable(source: HubSource) -> bool:
    """Whether the hub answers for the repository within seconds, and offline mode is not asked for."""
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        HfApi().dataset_info(source.repository, timeout=TIMEOUT)
    except Exception:  # no answer is the finding, whatever its cause
        return False
    return True
