"""A student is checked before a teacher is paid: in the catalogue, in a folder, or known to the hub."""

import json
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import pytest

from mindsmirror.errors import ModelFileError, UnknownNameError
from mindsmirror.models import download
from mindsmirror.students.config import StudentConfig, check_student

Ask = Callable[[str, str], None]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Callable[[Ask], None]:
    """An empty cache, and what the hub does when it is asked for a file of a repository."""

    def answers(ask: Ask) -> None:
        monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(download, "reach_hub", ask)

    return answers


def refuses(repository: str, file: str) -> None:
    raise download.SourceError("unreachable: 404")


def test_a_name_of_the_catalogue_is_taken_as_it_is(hub: Callable[[Ask], None]) -> None:
    hub(refuses)
    check_student(StudentConfig(model="smollm2-135m-instruct"))


def test_a_copy_of_a_catalogue_model_must_have_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "copy.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelFileError, match=r"copy\.gguf is not smollm2-135m-instruct.*4 bytes"):
        check_student(StudentConfig(model="smollm2-135m-instruct", path=tmp_path / "copy.gguf"))


def test_a_folder_needs_a_configuration(tmp_path: Path, hub: Callable[[Ask], None]) -> None:
    hub(refuses)
    with pytest.raises(ModelFileError, match=r"is not a model: there is no file .*config\.json"):
        check_student(StudentConfig(model=str(tmp_path)))
    with pytest.raises(ModelFileError, match="is not a model"):
        check_student(StudentConfig(model="./nowhere"))
    (tmp_path / "config.json").write_text("{}")
    check_student(StudentConfig(model=str(tmp_path)))


def test_the_hub_is_asked_once_for_an_id(hub: Callable[[Ask], None], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    hub(lambda repository, file: asked.append((repository, file)))
    check_student(StudentConfig(model="google/t5-v1_1-small"))
    check_student(StudentConfig(model="gpt2"))
    assert asked == [("google/t5-v1_1-small", "config.json"), ("gpt2", "config.json")]
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: "somewhere/config.json")
    check_student(StudentConfig(model="some/cached"))
    assert len(asked) == 2


def test_what_nobody_knows_is_told_with_what_there_is(hub: Callable[[Ask], None]) -> None:
    hub(refuses)
    with pytest.raises(ModelFileError, match=r"'some/student'.*smollm2-135m-instruct.*unreachable: 404"):
        check_student(StudentConfig(model="some/student"))
    with pytest.raises(UnknownNameError, match=r"no student is called 'smolm2-135m'.*smollm2-135m-instruct"):
        check_student(StudentConfig(model="smolm2-135m"))
    with pytest.raises(ModelFileError, match="'no/such/place'"):
        check_student(StudentConfig(model="no/such/place"))


def test_offline_only_the_cache_counts(hub: Callable[[Ask], None], monkeypatch: pytest.MonkeyPatch) -> None:
    hub(lambda *_: None)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelFileError, match="HF_HUB_OFFLINE is set"):
        check_student(StudentConfig(model="some/student"))


HANG = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


def folder_of(path: Path, **files: object) -> StudentConfig:
    """A student whose folder has these files, `_` for the dot of their names."""
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (path / ".".join(name.rsplit("_", 1))).write_text(text)
    return StudentConfig(model=str(path))


@pytest.mark.parametrize("file", ["config_json", "tokenizer_config_json"])
def test_code_of_a_folder_must_be_allowed_by_name(file: str, tmp_path: Path) -> None:
    own = {"auto_map": {"AutoConfig": "own.OwnConfig"}}
    config = folder_of(tmp_path, **{"config_json": {"model_type": "own"}} | {file: {"model_type": "own"} | own})
    with pytest.raises(ModelFileError, match=r"code of its own.*student\.trust_remote_code = true"):
        check_student(config)
    check_student(config.model_copy(update={"trust_remote_code": True}))


def test_of_an_architecture_that_is_known_its_own_code_is_not_needed(tmp_path: Path) -> None:
    check_student(folder_of(tmp_path, config_json={"model_type": "phi3", "auto_map": {"AutoConfig": "own.OwnConfig"}}))


@pytest.mark.parametrize("file", ["chat_template_jinja", "tokenizer_config_json"])
def test_a_template_that_hangs_is_found_before_a_teacher_is_paid(file: str, tmp_path: Path) -> None:
    content: object = HANG if file.endswith("jinja") else {"chat_template": [{"name": "default", "template": HANG}]}
    with pytest.raises(ModelFileError, match="has a chat template that has not ended"):
        check_student(folder_of(tmp_path, config_json={}, **{file: content}))


@pytest.mark.parametrize("content", ["", "[]", "[" * 100_000, '{"x": ' + "9" * 5000 + "}", "\0"])
@pytest.mark.parametrize("file", ["config_json", "tokenizer_config_json"])
def test_a_configuration_that_is_none_is_a_clear_error(file: str, content: str, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot be loaded"):
        check_student(folder_of(tmp_path, **{"config_json": {}} | {file: content}))


@pytest.mark.parametrize(
    ("config", "most", "fits"),
    [
        ({"model_type": "gpt2", "n_positions": 1024}, (1024, 256), False),
        ({"model_type": "gpt2", "n_positions": 1024}, (768, 256), True),
        ({"model_type": "bart", "max_position_embeddings": 1024, "is_encoder_decoder": True}, (1024, 256), True),
        ({"model_type": "bart", "max_position_embeddings": 512, "is_encoder_decoder": True}, (1024, 256), False),
        ({"model_type": "llama", "max_position_embeddings": 64}, (1024, 256), True),
        ({"model_type": "t5", "n_positions": 512, "is_encoder_decoder": True}, (1024, 256), True),
    ],
)
def test_a_student_has_room_for_what_it_reads_and_writes(
    config: dict[str, object], most: tuple[int, int], fits: bool, tmp_path: Path
) -> None:
    """Positions that are computed go on for ever, those of a table end."""
    (tmp_path / "config.json").write_text(json.dumps(config))
    student = StudentConfig(model=str(tmp_path), max_source=most[0], max_target=most[1])
    if fits:
        check_student(student)
    else:
        with pytest.raises(ModelFileError, match=r"at most \d+ tokens, but student.max_source = 1024 and"):
            check_student(student)
