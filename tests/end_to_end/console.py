"""The command line in processes of its own, cheaply: forked from a server that has imported torch already.

Importing torch and Transformers takes longer than a tiny run. A child here starts where the console script is
after its imports; what it does from then on, how it ends and what it leaves behind are those of the console
script, which some tests run for real (`real`).
"""

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from halting import Moment, halt

SCRIPT = Path(sys.executable).with_name("mindsmirror")
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
"""One thread, as tiny models like it, and no network."""

PRELOADED = [
    "mindsmirror.cli.main",
    "mindsmirror.evaluation.arms",
    "mindsmirror.runs.results",
    "mindsmirror.reporting.report",
    "mindsmirror.tasks.own_file",
    "mindsmirror.training.stages",
    "mindsmirror.engines.openai",
    "transformers.models.llama.modeling_llama",
    "transformers.models.t5.modeling_t5",
]


HALTED = "halted"
"""The file that says that a command has halted."""


@dataclass(frozen=True)
class Limits:
    """How far a command may go."""

    file_limit: int | None
    moment: Moment | None


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        """The lines of stderr that report a failure."""
        return [line for line in self.err.splitlines() if line.startswith("error:")]


class Child:
    """A command that runs."""

    def __init__(self, arguments: tuple[str, ...], cwd: Path, environment: dict[str, str], limits: Limits):
        self._folder = TemporaryDirectory(prefix="mindsmirror-")
        for name in ("out", "err"):
            # There even if the process is killed before it says anything.
            (Path(self._folder.name) / name).touch()
        given = (arguments, cwd, environment, limits, Path(self._folder.name))
        self._process = _server().Process(target=_work, args=given)
        self._process.start()

    def ended(self) -> Ended:
        """Its exit code, negative for a signal, and what it has said."""
        code = self._process.exitcode
        assert code is not None, "it still runs"
        out, err = ((Path(self._folder.name) / name).read_text() for name in ("out", "err"))
        return Ended(code, out, err)

    def wait(self, seconds: float = 120.0) -> Ended:
        """Until it ends; it is killed if that takes longer."""
        self._process.join(seconds)
        if self._process.exitcode is None:
            raise TimeoutError(f"still running after {seconds} s: {self.kill().err}")
        return self.ended()

    def kill(self, number: int = signal.SIGKILL) -> Ended:
        """End it from outside, unless it has ended by itself."""
        if self._process.is_alive() and self._process.pid is not None:
            os.kill(self._process.pid, number)
        self._process.join(60)
        return self.ended()

    def halts(self) -> bool:
        """Wait until it has halted at its moment; False if it ended without coming to that."""
        halted, limit = Path(self._folder.name) / HALTED, time.monotonic() + 120
        while not halted.exists():
            if not self._process.is_alive():
                return halted.exists()
            if time.monotonic() > limit:
                raise TimeoutError(f"it has not come to that: {self.kill().err}")
            time.sleep(0.002)
        return True


def start(
    *arguments: str | Path,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    file_limit: int | None = None,
    moment: Moment | None = None,
) -> Child:
    """Start a command, which halts at a moment if one is given.

    `file_limit` is what `ulimit -f` sets, in bytes: a full disk for every longer file.
    """
    return Child(tuple(map(str, arguments)), cwd, dict(environment or {}), Limits(file_limit, moment))


def mindsmirror(*arguments: str | Path, cwd: Path, **settings: Any) -> Ended:
    """Run a command to its end."""
    return start(*arguments, cwd=cwd, **settings).wait()


def real(*arguments: str | Path, cwd: Path, environment: Mapping[str, str] | None = None) -> Ended:
    """Run a command by the console script itself."""
    done = subprocess.run(
        [str(SCRIPT), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **ENVIRONMENT, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with patch.dict(os.environ, ENVIRONMENT):
        forkserver.ensure_running()
    return context


def _work(arguments: tuple[str, ...], cwd: Path, environment: Mapping[str, str], limits: Limits, folder: Path) -> None:
    for number, name in ((1, "out"), (2, "err")):
        handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(handle, number)
        os.close(handle)
    os.chdir(cwd)
    os.environ.update(environment)
    sys.argv = ["mindsmirror", *arguments]
    import torch

    from mindsmirror.cli.main import main

    torch.set_num_threads(1)
    if limits.file_limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_limit, resource.RLIM_INFINITY))
    if limits.moment is not None:
        halt(limits.moment, folder / HALTED)
    main()
