"""A model file that nobody knows is tried in a process of its own: a crash there is a clean error here."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_gguf

from mindsmirror import limits
from mindsmirror.engines import TeacherConfig, engine_class, open_engine, trial
from mindsmirror.errors import EngineError, ModelFileError
from mindsmirror.models import catalogue
from mindsmirror.models.digest import sha256_of

MUTATED = 6
"""Files a test; each that passes validation costs the start of a process."""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINDSMIRROR_CACHE", str(tmp_path / "cache"))


def teacher(path: Path, engine: str) -> TeacherConfig:
    small = {"cache_gb": 1} if engine == "openvino" else {"slots": 1, "context": 256} if engine == "llama_cpp" else {}
    return TeacherConfig.model_validate({"model": str(path), "engine": engine, "parameters": small})


def opens(config: TeacherConfig) -> bool:
    try:
        with open_engine(config):
            return True
    except (EngineError, ModelFileError) as error:
        assert config.model in str(error)
        return False


@pytest.mark.parametrize("engine", ["openvino", "llama_cpp"])
def test_a_sound_file_is_tried_once(
    engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    package = engine_class(engine).package
    pytest.importorskip(package.replace("-", "_"))
    path = tiny_gguf.write(tmp_path / "tiny.gguf")
    trial.try_in_child(teacher(path, engine), path, package)
    assert "trying it once in a process of its own" in capsys.readouterr().err
    trial.try_in_child(teacher(path, engine), path, package)
    assert capsys.readouterr().err == ""
    path.write_bytes(path.read_bytes() + b"\0")
    monkeypatch.setattr(trial, "say", pytest.fail)
    with pytest.raises(pytest.fail.Exception, match="in a process of its own"):
        trial.try_in_child(teacher(path, engine), path, package)


def test_mutated_files_never_end_this_process(tmp_path: Path) -> None:
    """Values of entries are changed, so that many pass validation and reach a reader in C++."""
    pytest.importorskip("openvino_genai")
    true = tiny_gguf.write(tmp_path / "tiny.gguf").read_bytes()
    begin = true.index(b"llama.context_length")
    end = true.index(b"tokenizer.ggml.tokens")
    for seed in range(MUTATED):
        draw, content = random.Random(seed), bytearray(true)
        for _ in range(3):
            content[draw.randrange(begin, end)] = draw.randrange(256)
        path = tmp_path / f"{seed}.gguf"
        path.write_bytes(content)
        opens(teacher(path, "openvino"))


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (f"import os; os.kill(os.getpid(), {signal.SIGSEGV:d})", r"openvino crashes \(SIGSEGV\) at this file"),
        ("import os; os.abort()", r"openvino crashes \(SIGABRT\)"),
        ("raise KeyError('x')", r"openvino fails \(KeyError: 'x'\)"),
        ("import time; time.sleep(60)", r"has not written a token after 1 seconds"),
        ('print(\'trial: {"kind": "EngineError", "error": "no such thing"}\'); raise SystemExit(3)', "^no such thing$"),
    ],
)
def test_however_the_child_ends_it_is_a_clean_error(
    ending: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program of the child is another here; how it is started and what is made of its end are not."""
    pytest.importorskip("openvino_genai")
    path = tiny_gguf.write(tmp_path / "tiny.gguf")
    own = tmp_path / "python"
    own.write_text(f"#!/bin/sh\nexec {sys.executable} -c {_quoted(ending)}\n")
    own.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(own))
    monkeypatch.setattr(limits, "TRIAL_SECONDS", 1.0 if "sleep" in ending else 60.0)
    with pytest.raises(EngineError, match=said):
        trial.try_in_child(teacher(path, "openvino"), path, "openvino-genai")
    assert not list((tmp_path / "cache").glob("trials/*"))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def test_what_the_catalogue_knows_is_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tiny_gguf.write(tmp_path / "tiny.gguf")
    entry = next(iter(catalogue.entries().values()))
    known = entry.model_copy(update={"bytes": path.stat().st_size, "sha256": sha256_of(path)})
    monkeypatch.setattr(catalogue, "entries", lambda: {known.name: known})
    monkeypatch.setattr("mindsmirror.engines.local.try_in_child", lambda *_: pytest.fail("it was tried"))
    with open_engine(teacher(path, "transformers")) as engine:
        assert engine.identity["model"] == known.name


def test_a_damaged_header_reaches_no_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tiny_gguf.write(tmp_path / "tiny.gguf")
    path.write_bytes(path.read_bytes()[:-100])
    monkeypatch.setattr("mindsmirror.engines.local.try_in_child", lambda *_: pytest.fail("it was tried"))
    for engine in ("openvino", "llama_cpp", "transformers"):
        with pytest.raises(ModelFileError, match="after the file's end"):
            open_engine(teacher(path, engine))


def test_a_template_that_hangs_reaches_no_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    path = tiny_gguf.write(tmp_path / "tiny.gguf", template=loop)
    monkeypatch.setattr("mindsmirror.engines.local.try_in_child", lambda *_: pytest.fail("it was tried"))
    with pytest.raises(ModelFileError, match="has not ended"):
        open_engine(teacher(path, "llama_cpp"))


def test_the_folder_that_one_is_in_gives_the_child_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mindsmirror").mkdir()
    (tmp_path / "json.py").write_text("raise SystemExit('hijacked')\n")
    (tmp_path / "mindsmirror" / "__init__.py").write_text("raise SystemExit('hijacked')\n")
    monkeypatch.chdir(tmp_path)
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "mindsmirror.engines.trial"],
        input=TeacherConfig(model="teacher", engine="scripted").model_dump_json(),
        text=True,
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(trial.__file__).parents[2])},
    )
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
