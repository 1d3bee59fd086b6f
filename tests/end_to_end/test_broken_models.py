"""Models that are damaged, are none, or diverge: one clear error, and the teacher is not asked for nothing."""

import hashlib
import shutil
from pathlib import Path

import pytest
from end_to_end import material
from end_to_end.conftest import Finished
from end_to_end.console import mindsmirror
from end_to_end.refusal import LOG, check

from mindsmirror import errors
from mindsmirror.cli.main import main
from mindsmirror.models import catalogue

MODEL = errors.ModelFileError


@pytest.mark.parametrize("break_folder", ["empty", "no weights", "weights cut", "other kind"])
def test_a_student_folder_that_is_no_model(
    break_folder: str, copied: Finished, llama: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    student = tmp_path_factory.mktemp("broken") / "student"
    if break_folder == "empty":
        student.mkdir()
    else:
        shutil.copytree(llama, student)
    if break_folder == "no weights":
        (student / "model.safetensors").unlink()
    if break_folder == "weights cut":
        (student / "model.safetensors").write_bytes((student / "model.safetensors").read_bytes()[:5000])
    if break_folder == "other kind":
        (student / "config.json").write_text('{"model_type": "vit"}')
    ended = mindsmirror("run", "tiny.toml", "--set", f"student.model={student}", cwd=copied.folder)
    check(ended, MODEL, str(student))
    again = mindsmirror("annotate", "tiny.toml", cwd=copied.folder, environment=LOG)
    assert again.code == 0 and not (copied.folder / "log").exists()


@pytest.mark.parametrize("steps", [1, 13])
def test_a_learning_rate_that_is_far_too_high(steps: int, copied: Finished) -> None:
    settings = ("training.learning_rate=1e30", f"training.budget.steps={steps}")
    ended = mindsmirror(
        *("distill", "tiny.toml"), *(part for key in settings for part in ("--set", key)), cwd=copied.folder
    )
    check(ended, errors.TrainingError, "diverged", "training.learning_rate", "1e+30")


def test_one_flipped_byte(workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In this process, with a catalogue of one small file."""
    content = b"GGUF" + bytes(range(256)) * 40
    entry = catalogue.entries()["smollm2-135m-instruct"].model_copy(
        update={"name": "tiny", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    )
    monkeypatch.setattr(catalogue, "entries", lambda: {"tiny": entry})
    monkeypatch.setenv("MINDSMIRROR_CACHE", str(workplace / "cache"))
    monkeypatch.chdir(workplace)
    copy = workplace / "copy.gguf"
    for settings in (
        ["student.model=tiny", "student.path=copy.gguf"],
        ["teacher.0.model=tiny", "teacher.0.engine=transformers", "teacher.0.path=copy.gguf"],
        ["teacher.0.model=copy.gguf", "teacher.0.engine=transformers"],
    ):
        copy.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
        arguments = [part for key in settings for part in ("--set", key)]
        monkeypatch.setattr("sys.argv", ["mindsmirror", "run", "tiny.toml", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code == MODEL.exit_code
        *before, error = said.err.splitlines()
        assert error.startswith("error: copy.gguf ") and "SHA-256" in error
        assert all("test questions" in line for line in before) and len(before) <= 2
        assert copy.exists() and not material.stored(workplace / "runs" / "store.sqlite")
