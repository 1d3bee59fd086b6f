"""The run folder: what happened, step by step, so that a run started again goes on where it stopped.

A step is a folder with `inputs.json` (a hash of all that determines it, written when it begins) and `done.json`
(its result, written when it has ended). A step whose inputs changed is begun anew; one that is done is skipped;
one that was cut short finds what it left behind and goes on. What a step with other inputs left is kept in `replaced`
until the new one is done, and comes back if those inputs do, or if the new one fails before it has made anything.
"""

import hashlib
import importlib.metadata
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from mindsmirror.errors import DataError, RunLockedError
from mindsmirror.runs.recipe import Recipe, make_recipe
from mindsmirror.system.files import clear_leftovers, read_json, storage_guard, write_json
from mindsmirror.system.hardware import machine
from mindsmirror.system.progress import Working, say
from mindsmirror.tasks import Task, load_task
from mindsmirror.tasks.stored import store_task, stored_task

R = TypeVar("R", bound=BaseModel)

PATIENCE = 2.0
"""Seconds for which a run's lock is waited for: one that was killed holds it until the system has cleared it away."""
REPLACED = "replaced"
"""The folder in which a run keeps what a step is about to replace."""
MADE = ("*.jsonl", "model/*.safetensors")
"""Files of a step without which it is not done."""
TASK = "task"
"""The folder in which a run keeps its questions."""
PACKAGES = ("mindsmirror", "torch", "transformers", "accelerate", "openvino-genai", "reasoning-gym", "peft")


class Run:
    """One run's folder."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe of this run."""
        path = self.folder / "recipe.json"
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"{self.folder} is not a run: {path.name} cannot be read ({error})") from error
        if not isinstance(document, dict):
            raise DataError(f"{self.folder} is not a run: {path.name} holds no recipe")
        return make_recipe(document, str(path))

    def keep_task(self, task: Task) -> None:
        """Keep the task's questions, so that the run needs nothing else when their file has moved or gone."""
        with storage_guard(self.folder), Working(f"keeping the questions of {task.name}"):
            store_task(task, self.folder / TASK)

    def task(self, recipe: Recipe) -> Task:
        """The task as the run keeps it; loaded anew for a run of a version that kept none."""
        with Working(f"reading the questions of {recipe.task.name}"):
            return stored_task(self.folder / TASK, recipe.task) or load_task(recipe.task)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run; raises RunLockedError if another process does. What killed ones were writing is removed."""
        lock = FileLock(self.folder / "lock", timeout=PATIENCE)
        with storage_guard(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire()
            except Timeout as error:
                raise RunLockedError(
                    f"another process is working on {self.folder}. Wait for it, or give this run another name "
                    "(--set name=…)."
                ) from error
        try:
            with storage_guard(self.folder):
                clear_leftovers(self.folder)
            yield
        finally:
            lock.release()

    def begin(self, recipe: Recipe) -> None:
        """Write down recipe and manifest; a recipe that changed only redoes the steps that it touches."""
        with storage_guard(self.folder):
            write_json(self.folder / "recipe.json", recipe.model_dump(mode="json", exclude_none=True))
            write_json(self.folder / "manifest.json", manifest(recipe))

    def step(
        self,
        name: str,
        inputs: Mapping[str, Any],
        action: Callable[[Path], R],
        kind: type[R],
        final: Callable[[R], bool] = lambda _: True,
        again: Callable[[R], R] = lambda result: result,
        settings: Mapping[str, Any] | None = None,
    ) -> R:
        """The step's result: from disk if it is done with these inputs, else by doing it in its folder.

        A result that is no record of its `kind` counts as not done, and so does one of which a file is gone or cut
        short. One that is not `final` is returned, but the next process does the step again. `again` maps the result of
        a step that was done before to what is returned. `settings` are noted for `made_with`.
        """
        folder, kept = self.folder / name, self.folder / REPLACED / name
        with Working(f"{name}: checking what is done"):
            mark = {"inputs": digest(inputs)}
        with storage_guard(folder):
            if read_json(folder / "inputs.json") != mark:
                _replace(folder, kept, mark)
            before = self.result(name, kind)
            if before is not None and final(before) and _is_whole(folder):
                return again(before)
            began = time.monotonic()
            try:
                result = action(folder)
            except BaseException:
                _come_back(folder, kept)
                raise
            document = {
                "result": result.model_dump(mode="json"),
                "seconds": round(time.monotonic() - began, 1),
                "files": _sizes(folder),
                "settings": settings,
            }
            write_json(folder / "done.json", document)
            _clear(kept)
        return result

    def made_with(self, name: str) -> dict[str, Any] | None:
        """The settings that a step was done with; None if it is not done or noted none."""
        found = _done(self.folder / name).get("settings")
        return found if isinstance(found, dict) else None

    def result(self, name: str, kind: type[R]) -> R | None:
        """The result of a step, whatever its inputs were; None if it is not done."""
        done = _done(self.folder / name)
        try:
            return kind.model_validate(done["result"]) if "result" in done else None
        except ValidationError:
            return None

    def seconds(self, name: str) -> float:
        """Wall time of the last process that worked on a step, 0 if it is not done."""
        return float(_done(self.folder / name).get("seconds", 0.0))


def _done(folder: Path) -> dict[str, Any]:
    """What a step wrote down when it had ended; empty if it has not."""
    found = read_json(folder / "done.json")
    return found if isinstance(found, dict) else {}


def _replace(folder: Path, kept: Path, mark: Mapping[str, str]) -> None:
    """Make room for a step with other inputs; what is done stays in `kept`, or comes back from there."""
    if read_json(kept / "inputs.json") == mark:
        _clear(folder)
        kept.rename(folder)
        return
    if (folder / "done.json").exists():
        _clear(kept)
        kept.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(kept)
        say(f"{folder.name}: its settings changed; what it was before is kept in {kept} until it is done")
    _clear(folder)
    write_json(folder / "inputs.json", mark)


def _clear(folder: Path) -> None:
    """Delete what a step has made. The mark goes first: what a kill leaves must not pass for done."""
    if folder.exists():
        (folder / "inputs.json").unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _come_back(folder: Path, kept: Path) -> None:
    """What was replaced takes its place again if what failed has made nothing."""
    if kept.exists() and {path.name for path in folder.iterdir()} <= {"inputs.json"}:
        _clear(folder)
        kept.rename(folder)


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of the files without which a step is not done."""
    files = (path for pattern in MADE for path in folder.glob(pattern))
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in sorted(files)}


def _is_whole(folder: Path) -> bool:
    """Whether all that a step has made is there; steps of earlier versions noted nothing."""
    files, there = _done(folder).get("files", {}), _sizes(folder)
    return not isinstance(files, dict) or all(there.get(name) == size for name, size in files.items())


def digest(inputs: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON document, keys in order; a value that is an iterator is a list, hashed item by item."""
    hashed = hashlib.sha256(b"{")
    for number, (key, value) in enumerate(sorted(inputs.items())):
        hashed.update(f"{', ' if number else ''}{json.dumps(key)}: ".encode())
        if isinstance(value, Iterator):
            hashed.update(b"[")
            for index, item in enumerate(value):
                hashed.update((", " if index else "").encode() + _json(item))
            hashed.update(b"]")
        else:
            hashed.update(_json(value))
    hashed.update(b"}")
    return hashed.hexdigest()


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, default=str).encode()


def manifest(recipe: Recipe) -> dict[str, Any]:
    """Where and with what a run is made."""
    return {
        "recipe": recipe.hash,
        "seed": recipe.seed,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        **_commit(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> dict[str, Any]:
    """Commit of this source tree and whether it has changes, if it is a checkout."""
    here = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True, timeout=10
        )
        changes = subprocess.run(
            ["git", "status", "--porcelain", "--", "."],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": commit.stdout.strip(), "dirty": bool(changes.stdout.strip())}
