"""The teacher's table, identities without loading, and which engine opens."""

import hashlib
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from unit.engines.recordings import write_recording

from mindsmirror.engines import (
    EngineBase,
    LocalEngine,
    TeacherConfig,
    engine_class,
    engine_identity,
    engine_names,
    open_engine,
    registry,
)
from mindsmirror.engines.scripted import ScriptedEngine
from mindsmirror.errors import EngineError, ModelFileError, RecipeError, UnknownNameError
from mindsmirror.system import plugins


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINDSMIRROR_CACHE", str(tmp_path / "cache"))


def test_identity_of_a_catalogue_model_needs_no_file() -> None:
    identity = engine_identity(TeacherConfig(model="qwen2.5-coder-1.5b-instruct"))
    assert identity["model"] == "qwen2.5-coder-1.5b-instruct"
    assert identity["sha256"].startswith("cc324af0") and identity["engine"] == "openvino"


def test_identity_follows_bytes_and_parameters_but_not_speed(tmp_path: Path) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(b"GGUF one")

    def identity(**parameters: Any) -> Any:
        config = TeacherConfig(model=str(model), engine="transformers", parameters=parameters)
        return engine_identity(config)

    first = identity()
    assert first["sha256"] == hashlib.sha256(b"GGUF one").hexdigest() and first["model"] == "m.gguf"
    assert identity(batch=3) == first == identity(dtype="auto")
    assert identity(dtype="float32") != first
    model.write_bytes(b"GGUF two")
    assert identity() != first


def test_identity_of_a_folder_follows_its_files(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"one")
    config = TeacherConfig(model=str(tmp_path), engine="transformers")
    first = engine_identity(config)
    (tmp_path / "model.safetensors").write_bytes(b"two")
    assert engine_identity(config) != first


def test_identity_of_an_endpoint_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    url = "http://me:sk-secret@host:8000/v1/?token=sk-secret"
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    config = TeacherConfig(model="m", engine="openai", parameters={"concurrency": 2})
    assert engine_identity(config) == {
        "engine": "openai",
        "model": "m",
        "base_url": "http://host:8000/v1",
        "parameters": {},
    }
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere/v1")
    assert engine_identity(TeacherConfig(model="m", engine="openai"))["base_url"] == "http://elsewhere/v1"


def test_scripted_and_recorded_open(tmp_path: Path) -> None:
    config = TeacherConfig(model="teacher", engine="scripted", parameters={"failed": 0.5, "capacity": 3})
    with open_engine(config) as engine:
        assert engine.capacity == 3 and engine.identity == engine_identity(config)
    write_recording(tmp_path / "r.jsonl", [("a", "t")])
    config = TeacherConfig(model="gpt", engine="recorded", path=tmp_path / "r.jsonl")
    with open_engine(config) as engine:
        assert engine.identity == engine_identity(config)
    with pytest.raises(RecipeError, match="needs `path`"):
        engine_identity(TeacherConfig(model="gpt", engine="recorded"))


def test_wrong_tables_are_refused() -> None:
    with pytest.raises(ValidationError, match="Did you mean 'unparsed'"):
        TeacherConfig(model="teacher", engine="scripted", parameters={"unparsd": 0.1})
    with pytest.raises(ValidationError, match=r"parameters\.concurrency"):
        TeacherConfig(model="m", engine="openai", parameters={"concurrency": 0})
    with pytest.raises(UnknownNameError, match=r"Did you mean 'openai'.*llama_cpp, openai, openvino"):
        TeacherConfig.model_validate({"model": "m", "engine": "opnai"})
    with pytest.raises(ValidationError, match="pric"):
        TeacherConfig.model_validate({"model": "m", "pric": {}})


class Another(EngineBase):
    """An engine that another package adds."""

    purpose = "to be found"

    @classmethod
    def open(cls, config: TeacherConfig) -> Any:
        return config.model


def test_another_package_adds_engines_and_replaces_none(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint(name, f"{__name__}:Another", registry.ENGINES.group) for name in ("another", "scripted")]
    points.append(EntryPoint("odd", f"{__name__}:TeacherConfig", registry.ENGINES.group))
    points.append(EntryPoint("torn", f"{__name__}:Nothing", registry.ENGINES.group))
    monkeypatch.setattr(plugins, "entry_points", EntryPoints(points).select)
    assert engine_names() == (*registry.BUILT_IN, "another", "odd", "torn")
    config = TeacherConfig(model="m", engine="another")
    opened: object = open_engine(config)
    assert opened == "m" and not config.local
    assert engine_identity(config) == {"engine": "another", "model": "m", "parameters": {}}
    assert engine_class("scripted") is ScriptedEngine
    with pytest.raises(RecipeError, match=r"engine 'torn': .*:Nothing' .* cannot be loaded: AttributeError"):
        TeacherConfig(model="m", engine="torn")
    with pytest.raises(RecipeError, match=r"engine 'odd': .* is no class derived from .*engines\.plugin\.EngineBase"):
        TeacherConfig(model="m", engine="odd")
    with pytest.raises(UnknownNameError, match="Did you mean 'another'"):
        TeacherConfig(model="m", engine="anothr")
    with pytest.raises(ValidationError, match=r"parameters\.x: the engine another has no such parameter"):
        TeacherConfig(model="m", engine="another", parameters={"x": 1})


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_a_built_in_engine_says_what_it_is(name: str) -> None:
    engine = engine_class(name)
    assert issubclass(engine, EngineBase) and engine.purpose
    assert engine.local == issubclass(engine, LocalEngine)
    assert engine.options.neutral <= set(engine.options.model_fields)
    assert not engine.extra or engine.package


def test_unknown_models_are_named() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'qwen2\.5-coder-1\.5b-instruct'"):
        open_engine(TeacherConfig(model="qwen2.5-coder-1.5-instruct"))
    with pytest.raises(UnknownNameError, match="Did you mean 'teacher'"):
        open_engine(TeacherConfig(model="teachr", engine="scripted"))
    with pytest.raises(ModelFileError, match=r"nowhere/m\.gguf does not exist"):
        open_engine(TeacherConfig(model="nowhere/m.gguf", engine="transformers"))


@pytest.mark.parametrize("model", ["smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct"])
def test_what_openvino_cannot_run_is_refused_before_it_is_fetched(model: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="transformers"):
        open_engine(TeacherConfig(model=model))
    assert not (tmp_path / "cache").exists()


def test_nothing_heavy_is_imported_until_an_engine_opens() -> None:
    code = (
        "import sys\n"
        "from mindsmirror.engines import TeacherConfig, engine_class, engine_identity, engine_names, open_engine\n"
        "engine_identity(TeacherConfig(model='qwen2.5-coder-1.5b-instruct'))\n"
        "engine_identity(TeacherConfig(model='m', engine='openai'))\n"
        "for name in engine_names(): engine_class(name)\n"
        "open_engine(TeacherConfig(model='teacher', engine='scripted'))\n"
        "import mindsmirror.engines.transformers\n"
        "heavy = {'torch', 'transformers', 'openvino_genai', 'httpx2', 'huggingface_hub'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
