"""From a name to a student and back to a folder; every broken folder is one clear error."""

import io
import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file

from mindsmirror.errors import ModelFileError
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.load import load_student, merged_model, save_student, saved_precision, with_adapter

Folder = Callable[..., Path]


@pytest.mark.parametrize("kind", tiny.FAMILIES)
def test_what_is_saved_loads_as_it_was(kind: str, tiny_folder: Folder, tmp_path: Path) -> None:
    student = tiny.load(tiny_folder(kind))
    with torch.no_grad():
        for value in student.model.parameters():
            value.add_(0.01)
    folder = tmp_path / "deep" / "model"
    save_student(student.model, student.tokenizer, folder)
    save_student(student.model, student.tokenizer, folder)
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert not list(folder.glob("*.bin"))
    again = tiny.load(folder)
    assert again.tokenizer.chat_template == student.tokenizer.chat_template
    for name, value in again.model.state_dict().items():
        assert torch.equal(value, student.model.state_dict()[name]), name
        assert value.dtype == torch.float32


@pytest.mark.parametrize(("umask", "file", "whole"), [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700)])
def test_who_else_may_read_the_weights_is_for_the_user_to_say(
    umask: int, file: int, whole: int, tiny_folder: Folder, tmp_path: Path
) -> None:
    student = tiny.load(tiny_folder("llama"))
    before = os.umask(umask)
    try:
        save_student(student.model, student.tokenizer, tmp_path / "model")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert "model.safetensors" in modes and modes.pop("model") == whole
    assert set(modes.values()) == {file}


def test_a_trained_folder_takes_the_place_of_the_name(tiny_folder: Folder) -> None:
    student = load_student(StudentConfig(model="nobody/nothing"), tiny_folder("t5"))
    assert student.model.config.model_type == "t5"


def test_a_save_that_fails_leaves_what_was_there(tiny_folder: Folder, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").write_text("kept")

    class Full:
        def save_pretrained(self, *_: Any, **__: Any) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        save_student(Full(), None, folder)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (folder / "old").read_text() == "kept"


def _cut(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])


def _configured(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


HANG = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
BREAKS: dict[str, Callable[[Path], Any]] = {
    "weights cut short": _cut,
    "weights empty": lambda folder: (folder / "model.safetensors").write_bytes(b""),
    "weights missing": lambda folder: (folder / "model.safetensors").unlink(),
    "weights of another shape": _configured(hidden_size=64, head_dim=16),
    "an unknown architecture": _configured(model_type="zorg"),
    "no language model": _configured(model_type="vit"),
    "configuration broken": lambda folder: (folder / "config.json").write_text("{"),
    "tokenizer broken": lambda folder: (folder / "tokenizer.json").write_text("{"),
    "tokenizer empty": lambda folder: (folder / "tokenizer.json").write_text("{}"),
    "tokenizer missing": lambda folder: (folder / "tokenizer.json").unlink(),
    "configuration is a list": lambda folder: (folder / "config.json").write_text("[]"),
    "configuration is deep": lambda folder: (folder / "config.json").write_text("[" * 100_000),
    "a number of 5,000 digits": lambda folder: (folder / "config.json").write_text('{"x": ' + "9" * 5000 + "}"),
    "a size that is no number": _configured(hidden_size=None),
    "a size of nothing": _configured(num_attention_heads=0),
    "a template that hangs": lambda folder: (folder / "chat_template.jinja").write_text(HANG),
    "a template that refuses": lambda folder: (folder / "chat_template.jinja").write_text("{{ 1 / 0 }}"),
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_broken_folder_is_one_clear_error(how: str, tiny_folder: Folder, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(tiny_folder("llama"), folder)
    BREAKS[how](folder)
    with pytest.raises(ModelFileError) as caught:
        load_student(StudentConfig(model=str(folder)))
    message = str(caught.value)
    assert str(folder) in message
    assert "\n" not in message


def test_a_folder_that_does_not_exist_is_not_looked_for_on_the_hub(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no such folder"):
        load_student(StudentConfig(model=str(tmp_path / "nowhere")))


@pytest.mark.parametrize("kind", ["llama", "gemma3", "t5"])
def test_a_fresh_adapter_changes_nothing_and_folds_into_the_weights(kind: str, tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder(kind))
    before = {name: value.clone() for name, value in student.model.state_dict().items()}
    adapted = with_adapter(student.model, StudentConfig(model="x", adapter="lora", lora_rank=4))
    trained = [name for name, value in adapted.named_parameters() if value.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)
    folded = merged_model(adapted)
    assert type(folded) is type(tiny.load(tiny_folder(kind)).model)
    for name, value in folded.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_without_an_adapter_the_model_is_itself(tiny_folder: Folder) -> None:
    model = tiny.load(tiny_folder("llama")).model
    assert with_adapter(model, StudentConfig(model="x")) is model
    assert merged_model(model) is model


@pytest.mark.parametrize("kind", ["llama", "t5"])
@pytest.mark.parametrize(
    ("weights", "precision", "expected"),
    [
        ("auto", "auto", torch.bfloat16),
        ("auto", "bf16", torch.bfloat16),
        ("auto", "fp32", torch.float32),
        ("fp16", "auto", torch.float16),
        ("fp32", "bf16", torch.float32),
        ("bf16", "fp32", torch.bfloat16),
    ],
)
def test_weights_are_saved_in_the_precision_that_is_asked_for(
    kind: str, weights: str, precision: str, expected: torch.dtype, tiny_folder: Folder, tmp_path: Path
) -> None:
    student = tiny.load(tiny_folder(kind))
    before = {name: value.clone() for name, value in student.model.named_parameters()}
    save_student(saved_precision(student.model, weights, precision), student.tokenizer, tmp_path / "saved")
    saved = load_file(tmp_path / "saved" / "model.safetensors")
    assert {value.dtype for value in saved.values()} == {expected}
    again = tiny.load(tmp_path / "saved")
    for name, value in again.model.named_parameters():
        assert value.dtype == torch.float32
        assert torch.equal(value, before[name].to(expected).float()), name


CODE = """
from pathlib import Path
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
(Path(__file__).parent / "ran").touch()
Path({mark!r}).touch()
class OwnConfig(LlamaConfig):
    model_type = "own"
class OwnModel(LlamaForCausalLM):
    config_class = OwnConfig
class OwnTokenizer(PreTrainedTokenizerFast):
    pass
"""


@pytest.fixture
def with_code(tiny_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A folder with code of its own, and the file that the code makes when it is run."""
    folder, mark = tmp_path / "own", tmp_path / "mark"
    shutil.copytree(tiny_folder("llama"), folder)
    classes = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    _configured(model_type="own", architectures=["OwnModel"], auto_map=classes)(folder)
    (folder / "own.py").write_text(CODE.format(mark=str(mark)))
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr("transformers.dynamic_module_utils.TRANSFORMERS_DYNAMIC_MODULE_NAME", "own_modules")
    return folder, mark


def _say_yes(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    said = io.StringIO("y\n" * 10)
    monkeypatch.setattr("sys.stdin", said)
    return said


def test_code_of_a_folder_is_not_run_though_standard_input_says_yes(
    with_code: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, mark = with_code
    said = _say_yes(monkeypatch)
    with pytest.raises(ModelFileError, match=r"code of its own.*student\.trust_remote_code = true"):
        load_student(StudentConfig(model=str(folder)))
    assert not mark.exists() and said.tell() == 0


def test_code_of_a_tokenizer_is_not_run_either(
    with_code: tuple[Path, Path], tiny_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, mark = with_code
    shutil.copyfile(tiny_folder("llama") / "config.json", folder / "config.json")
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps(settings | {"auto_map": {"AutoTokenizer": [None, "own.OwnTokenizer"]}}))
    said = _say_yes(monkeypatch)
    try:
        load_student(StudentConfig(model=str(folder)))
    except ModelFileError as error:
        assert "student.trust_remote_code" in str(error)
    assert not mark.exists() and said.tell() == 0


def test_the_recipe_can_allow_it_by_name(with_code: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, mark = with_code
    said = _say_yes(monkeypatch)
    student = load_student(StudentConfig(model=str(folder), trust_remote_code=True))
    assert student.model.config.model_type == "own"
    assert mark.exists() and said.tell() == 0


def test_a_pickle_of_weights_is_not_executed(tiny_folder: Folder, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(tiny_folder("llama"), folder)
    (folder / "model.safetensors").unlink()
    torch.save({"model.embed_tokens.weight": Evil(tmp_path / "written")}, folder / "pytorch_model.bin")
    with pytest.raises(ModelFileError):
        load_student(StudentConfig(model=str(folder)))
    assert not (tmp_path / "written").exists()


class Evil:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))
