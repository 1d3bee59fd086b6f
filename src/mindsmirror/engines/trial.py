"""An unknown model file is loaded in a process of its own first, so that a crash of its reader becomes an error.

Readers of model files are written in C++, and a file can make them crash or hang. The child opens the engine as the
recipe does and has it write a few tokens. What went well is remembered by the file's SHA-256 and the engine's version.
"""

import json
import signal
import subprocess
import sys
from contextlib import closing, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mindsmirror import limits
from mindsmirror.engines.base import Engine, Message, Request, Sampling, sample_key
from mindsmirror.engines.config import TeacherConfig
from mindsmirror.engines.registry import registered
from mindsmirror.errors import EngineError, MindsMirrorError, ModelFileError
from mindsmirror.models.digest import cache_dir, sha256_of
from mindsmirror.system.files import write_text
from mindsmirror.system.progress import say

REFUSED = 3
"""Exit code of the child where the engine itself says what is wrong."""
TOLD = b"trial: "
"""How the child's line about that begins."""
TOKENS = 4


def try_in_child(config: TeacherConfig, path: Path, package: str) -> None:
    """EngineError or ModelFileError if the engine cannot load the file and write with it, or crashes or hangs at it.

    `package` is the distribution that reads the file.
    """
    stamp = _stamp(config.engine, path, package)
    if stamp is None or stamp.exists():
        return
    say(f"{path.name} is not in the catalogue: trying it once in a process of its own")
    command = [sys.executable, "-P", "-m", "mindsmirror.engines.trial"]
    given = config.model_dump_json().encode("utf-8", "surrogatepass")
    try:
        ended = subprocess.run(command, input=given, capture_output=True, check=False, timeout=limits.TRIAL_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise EngineError(
            f"{path}: the engine {config.engine} has not written a token after {limits.TRIAL_SECONDS:g} seconds"
        ) from error
    if ended.returncode == REFUSED:
        # Readers may have written there as well.
        [told] = [line for line in ended.stdout.splitlines() if line.startswith(TOLD)]
        said = json.loads(told.removeprefix(TOLD))
        kinds: dict[str, type[MindsMirrorError]] = {"EngineError": EngineError, "ModelFileError": ModelFileError}
        if said["kind"] in kinds:
            raise kinds[said["kind"]](said["error"])
        # What is wrong with the machine and not with the file is said by the engine here.
        return
    if ended.returncode != 0:
        raise EngineError(
            f"{path}: the engine {config.engine} {_cause(ended.returncode, ended.stderr)} at this file. It is damaged "
            "or made to harm, or of a form that this version does not know. Get another copy, or use another engine."
        )
    with suppress(OSError):
        write_text(stamp, f"{path}\n")


def _stamp(engine: str, path: Path, package: str) -> Path | None:
    """Where it is remembered that the file can be read; None if the reader is not installed."""
    try:
        reader = version(package)
    except PackageNotFoundError:
        return None
    return cache_dir() / "trials" / f"{sha256_of(path)}-{engine}-{reader}"


def _cause(code: int, said: bytes) -> str:
    if code < 0:
        return f"crashes ({signal.Signals(-code).name})"
    lines = said.decode("utf-8", "replace").strip().splitlines() or ["no message"]
    return f"fails ({lines[-1]:.200})"


def main() -> int:
    """The child: open the engine that standard input describes, and have it answer one question."""
    config = TeacherConfig.model_validate_json(sys.stdin.buffer.read())
    kind = registered(config.engine)
    try:
        with closing(kind.load(config) if kind.local else kind.open(config)) as engine:
            _ask(engine)
    except MindsMirrorError as error:
        told = json.dumps({"kind": type(error).__name__, "error": str(error)})
        sys.stdout.write(f"\n{TOLD.decode()}{told}\n")
        return REFUSED
    return 0


def _ask(engine: Engine) -> None:
    messages, sampling = (Message("user", "How many are two and two?"),), Sampling(max_tokens=TOKENS)
    engine.submit(Request("trial", messages, sampling, (sample_key({}, messages, sampling, 0),)))
    while not engine.poll():
        pass


if __name__ == "__main__":
    sys.exit(main())
