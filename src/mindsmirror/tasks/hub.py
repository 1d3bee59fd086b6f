"""Where a built-in task's rows come from: a folder of local files, or the Hugging Face hub at a pinned revision.

Without a `data_dir` in the recipe, a task is read from the folder that MINDSMIRROR_DATA names, if it holds the task,
else from the hub; a message says which. An unreachable hub fails within seconds. The pinned revisions come from other
projects' public records of what they resolved; they could not be checked against the hub when this was written.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from mindsmirror.errors import DataError, MissingExtraError
from mindsmirror.system.progress import say
from mindsmirror.tasks.base import TaskConfig
from mindsmirror.tasks.rows import Row

VARIABLE = "MINDSMIRROR_DATA"
"""Environment variable that names a data folder for recipes without `data_dir`."""
TIMEOUT = 8.0
"""Seconds for the first answer of the hub."""


class HubSource(NamedTuple):
    """A repository of datasets, its configuration, the commit that is read, and the task's folder in local data."""

    repository: str
    configuration: str | None
    revision: str
    folder: str

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}"


def data_folder(config: TaskConfig, source: HubSource) -> Path | None:
    """The folder of local files that the task is read from; None for the hub.

    `data_dir` is used as it is. Without it, the folder that MINDSMIRROR_DATA names is used if it holds the task, and a
    message on stderr says so. DataError if the variable names no folder.
    """
    if config.data_dir is not None:
        return config.data_dir
    named = os.environ.get(VARIABLE)
    if named:
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise DataError(f"{VARIABLE} is {named!r}, which is not a folder. Correct it, or unset it to use the hub.")
        if (folder / source.folder).is_dir():
            say(f"{config.name}: read from {folder} ({VARIABLE})")
            return folder
        say(f"{config.name}: {VARIABLE} ({folder}) has no folder {source.folder!r}; reading {source} from the hub")
    else:
        say(f"{config.name}: reading {source} from the hub; {VARIABLE} or task.data_dir can name a local folder")
    return None


def hub_rows(source: HubSource, split: str) -> list[Row]:
    """All rows of a split. MissingExtraError without the `datasets` package; DataError if they cannot be loaded."""

    def refused(error: Exception, answers: bool) -> str:
        cause = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        state = "cannot be read from the hub" if answers else "is not in the cache, and the hub cannot be reached"
        return (
            f"The dataset {source} {state} ({cause}). To read local files instead, set {VARIABLE} to a folder that "
            f"holds {source.folder!r}, or data_dir in [task]; docs/guide/annotate.md names the files."
        )

    table = load_from_hub(source.repository, source.configuration, refused, revision=source.revision, split=split)
    return [Row(f"{source}, {split}, row {index}", dict(row)) for index, row in enumerate(table)]


def load_from_hub(
    repository: str,
    configuration: str | None,
    refused: Callable[[Exception, bool], str],
    *,
    is_folder: bool = False,
    **which: Any,
) -> Any:
    """What `datasets` loads of a repository: from the hub, or from the cache alone if the hub does not answer.

    `refused` words an error for the user, from what the library raised and whether the hub answers. `is_folder` says
    that the repository is a folder in the hub's layout, which needs no hub; `which` are further arguments of
    `datasets.load_dataset`. MissingExtraError without that package; DataError, in the words of `refused`, if nothing
    can be loaded.
    """
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("datasets", "hub-data") from error
    answers = is_folder or _reachable(repository)
    try:
        with nullcontext() if answers else _offline():
            return datasets.load_dataset(repository, configuration, **which)
    except Exception as error:  # whatever the library raises, the user's way out is the same
        raise DataError(refused(error, answers)) from error


def local(data_dir: Path, *names: str) -> Path:
    """The first of the named files that exists under `data_dir`. DataError says which are looked for."""
    for name in names:
        if (data_dir / name).is_file():
            return data_dir / name
    if not data_dir.is_dir():
        raise DataError(f"data_dir {data_dir} is not a folder.")
    raise DataError(f"data_dir {data_dir} contains none of these files: {', '.join(names)}.")


@contextmanager
def _offline() -> Iterator[None]:
    """Whether only the cache is to be used. Both libraries would otherwise retry for half a minute each."""
    import datasets
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = before


def _reachable(repository: str) -> bool:
    """Whether the hub answers for the repository within seconds, and offline mode is not asked for."""
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        HfApi().dataset_info(repository, timeout=TIMEOUT)
    except Exception:  # no answer is the finding, whatever its cause
        return False
    return True
