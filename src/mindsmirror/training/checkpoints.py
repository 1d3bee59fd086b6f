"""Checkpoints of a stage: which of them are whole, and what of them a stage goes on from.

The Trainer writes its state last, so a checkpoint without a readable state was cut short by a kill. A seal, written
after that, holds size and SHA-256 of every file: what a disk or a hand has changed since is noticed before it is read.
"""

import hashlib
import json
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from mindsmirror.errors import StorageError
from mindsmirror.system.files import read_json, write_json
from mindsmirror.system.progress import say

SEAL = "seal.json"
"""File of a checkpoint that names its other files."""
STATE = "trainer_state.json"
"""As the Trainer calls it."""


def seal(checkpoint: Path) -> None:
    """Write down the files of a checkpoint that has been written to its end."""
    write_json(checkpoint / SEAL, _contents(checkpoint))


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint from which the stage can go on; those that are torn or damaged are removed.

    One whose best checkpoint is lost is removed as well: the stage would end as another model than it says.
    """
    whole = {}
    for path in folder.glob("checkpoint-*"):
        step = _step(path)
        if step is None:
            shutil.rmtree(path, ignore_errors=True)
        else:
            whole[step] = path
    for step in sorted(whole, reverse=True):
        best = state(whole[step]).get("best_global_step")
        if not best or best in whole:
            return whole[step]
        _set_aside(whole[step], f"the best checkpoint until then, checkpoint-{best}, is lost")
    return None


def state(checkpoint: Path) -> dict[str, Any]:
    """The Trainer's state in a checkpoint; ValueError, RecursionError or OSError if there is none."""
    document = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise ValueError(f"{checkpoint / STATE} holds no state")
    return document


def history(checkpoint: Path) -> list[dict[str, Any]]:
    """What had been logged until then."""
    found: list[dict[str, Any]] = state(checkpoint).get("log_history", [])
    return found


@contextmanager
def readable(checkpoint: object) -> Iterator[None]:
    """Turn what is raised where a file of a checkpoint holds something else into a StorageError."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, pickle.UnpicklingError, SafetensorError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise StorageError(
            f"the checkpoint {checkpoint} is damaged: {lines[0]} Remove this folder and start the same command again; "
            "training goes on from what came before it."
        ) from error


def _step(checkpoint: Path) -> int | None:
    """Its step; None if it is torn or damaged."""
    try:
        step = int(state(checkpoint)["global_step"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    if not (checkpoint / SEAL).exists():
        # Versions before seals, and a kill between state and seal, leave whole checkpoints without one.
        return step
    sealed, found = read_json(checkpoint / SEAL), _contents(checkpoint)
    if sealed == found:
        return step
    named = sealed if isinstance(sealed, dict) else {}
    changed = sorted(name for name in {*named, *found} if named.get(name) != found.get(name))
    _set_aside(checkpoint, f"{', '.join(changed)} changed since it was written")
    return None


def _set_aside(checkpoint: Path, reason: str) -> None:
    say(f"{checkpoint} is damaged and was removed: {reason}. Training resumes from the checkpoint before it.")
    shutil.rmtree(checkpoint, ignore_errors=True)


def _contents(checkpoint: Path) -> dict[str, list[int | str]]:
    """Size and SHA-256 of every file but the seal."""
    found: dict[str, list[int | str]] = {}
    for path in sorted(checkpoint.rglob("*")):
        if path.is_file() and path.name != SEAL:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            found[path.relative_to(checkpoint).as_posix()] = [path.stat().st_size, digest]
    return found
