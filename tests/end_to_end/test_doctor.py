"""The doctor through the command line: lines, document and exit code, over real servers and real model files."""

import json
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import tiny_gguf
from end_to_end import material
from end_to_end.console import Ended, mindsmirror
from end_to_end.endpoint import serving, url_of
from unit.engines.loopback import Server

from mindsmirror.doctor import CHECKS
from mindsmirror.errors import BudgetError, DataError, EngineError, ModelFileError, RecipeError

LOG = {"MINDSMIRROR_SCRIPTED_LOG": "log"}


def doctor(folder: Path, *arguments: str, **settings: str) -> Ended:
    """A setting's key has double underscores for its dots."""
    given = [part for key, value in settings.items() for part in ("--set", f"{key.replace('__', '.')}={value}")]
    return mindsmirror("doctor", "tiny.toml", *given, *arguments, cwd=folder, environment=LOG)


def rows(ended: Ended) -> dict[str, list[str]]:
    """The statuses that each check printed."""
    found: dict[str, list[str]] = {}
    for line in ended.out.splitlines():
        status, check, _ = line.split(maxsplit=2)
        found.setdefault(check, []).append(status)
    return found


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def test_a_recipe_in_order(workplace: Path) -> None:
    ended = doctor(workplace)
    assert ended.code == 0, ended.err
    assert list(rows(ended)) == list(CHECKS)
    assert not [line for line in ended.out.splitlines() if line.startswith("failure")]
    assert not (workplace / "runs").exists() and not (workplace / "log").exists()


def test_samples_are_asked_once_and_kept_for_the_run(workplace: Path) -> None:
    ended = doctor(workplace, "--samples", "3", "--only", "prices", "--only", "judge", "--json")
    document = json.loads(ended.out)
    prices, judge = document["findings"]
    assert ended.code == document["exit_code"] == 0
    assert prices["figures"]["complete"] == 3 and judge["figures"]["rationales"] == 9
    asked = material.served(workplace / "log")
    assert len(asked) == prices["figures"]["asked"] == len(set(asked))
    assert mindsmirror("annotate", "tiny.toml", cwd=workplace, environment=LOG).code == 0
    asked = material.served(workplace / "log")
    assert len(asked) == len(set(asked)) == len(material.stored(workplace / "runs/store.sqlite"))


def test_the_quickstart_on_a_machine_that_has_nothing_yet(tmp_path: Path) -> None:
    """It says what a run fetches, fetches nothing, and finds nothing wrong."""
    empty = {"MINDSMIRROR_CACHE": str(tmp_path / "cache"), "HF_HOME": str(tmp_path / "hub"), "HOME": str(tmp_path)}
    ended = mindsmirror("doctor", "quickstart", cwd=tmp_path, environment=empty)
    assert ended.code == 0, ended.out + ended.err
    lines = ended.out.splitlines()
    assert not [line for line in lines if line.startswith("failure")]
    (fetched,) = [line for line in lines if "A run will download" in line]
    assert "smollm2-135m-instruct (98 MB)" in fetched and "qwen2.5-coder-1.5b-instruct (1,117 MB)" in fetched
    (compared,) = [line for line in lines if line.split()[1] == "fidelity"]
    assert compared.startswith("skipped") and "1,117 MB" in compared
    assert not list((tmp_path / "cache").rglob("*.gguf")) and not (tmp_path / "runs").exists()


FAULTS: dict[str, tuple[dict[str, str], str, int]] = {
    "a task that is not there": ({"task__name": "nowhere.jsonl"}, "task", DataError.exit_code),
    "a student that is none": ({"student__model": "./nothing"}, "student", ModelFileError.exit_code),
    "a cap that is reached": ({"annotation__budget": "{ tokens = 0 }"}, "prices", BudgetError.exit_code),
    "early stopping without validation": (
        {"task__valid": "0", "training__early_stopping": "1"},
        "student",
        RecipeError.exit_code,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_a_line_and_an_exit_code(name: str, workplace: Path) -> None:
    settings, check, code = FAULTS[name]
    ended = doctor(workplace, "--samples", "1", **settings)
    assert ended.code == code, ended.out
    assert [row for row, found in rows(ended).items() if "failure" in found] == [check]
    assert "Traceback" not in ended.err


def test_a_recipe_that_is_none_is_the_usual_error(workplace: Path) -> None:
    ended = doctor(workplace, "--json", training__lerning_rate="1")
    assert ended.code == RecipeError.exit_code and json.loads(ended.out)["kind"] == "RecipeError"
    assert doctor(workplace, "--only", "pulse").code == 2


def remote(server: Server) -> dict[str, str]:
    return {"teacher__0__engine": "openai", "teacher__0__base_url": url_of(server), "teacher__0__model": "tiny"}


def test_an_endpoint_that_works_and_one_that_refuses_the_key(workplace: Path, server: Server) -> None:
    ended = doctor(workplace, **remote(server))
    assert ended.code == 0, ended.out
    (line,) = [line for line in ended.out.splitlines() if "endpoint" in line.split()[1]]
    assert "answers for tiny;" in line and "(n): yes" in line and "alternatives: no" in line
    assert len(server.bodies) == 3 and sum(body.get("n", 1) for body in server.bodies) == 4

    server.behaviour = lambda s, h, b: h.refuse(401, "who are you?")
    ended = doctor(workplace, "--samples", "2", **remote(server))
    assert ended.code == EngineError.exit_code
    found = rows(ended)
    assert found["endpoint"] == ["failure"] and found["prices"] == ["skipped"]
    assert "OPENAI_API_KEY" in ended.out and len(server.bodies) == 4


def test_a_model_that_the_endpoint_does_not_serve(workplace: Path, server: Server) -> None:
    server.behaviour = lambda s, h, b: h.refuse(404, "no such model")
    ended = doctor(workplace, "--only", "endpoint", **remote(server) | {"teacher__0__model": "large"})
    assert ended.code == EngineError.exit_code
    assert "does not know the model 'large'" in ended.out and "It serves tiny." in ended.out


needs_openvino = pytest.mark.skipif(find_spec("openvino_genai") is None, reason="openvino-genai is not installed")


@needs_openvino
@pytest.mark.parametrize(("kind", "status"), [("F16", "ok"), ("Q4_1", "failure")])
def test_a_file_that_the_engine_reads_wrongly_without_complaint(kind: str, status: str, workplace: Path) -> None:
    """OpenVINO 2026.4.1 computes wrong logits from Q4_1 files, as it did for SmolLM2."""
    tiny_gguf.write(workplace / "teacher.gguf", kind)
    settings = {"teacher__0__engine": "openvino", "teacher__0__model": "teacher.gguf"}
    ended = doctor(workplace, "--only", "fidelity", "--json", **settings)
    (finding,) = json.loads(ended.out)["findings"]
    assert finding["status"] == status, finding
    assert ended.code == (0 if status == "ok" else EngineError.exit_code)
    figures: dict[str, Any] = finding["figures"]
    assert figures["tokens"] >= 60 and figures["prompts_differ"] == 0
    assert (figures["gap"] < 0.08) == (status == "ok")
    if status == "failure":
        assert "computes something else than the file says" in finding["found"] and "F16" in finding["advice"]


@needs_openvino
def test_a_file_that_does_not_fit_into_memory_twice_is_not_read(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mindsmirror.cli.main import main
    from mindsmirror.doctor import fidelity

    tiny_gguf.write(workplace / "teacher.gguf")
    forgotten: Callable[[], int] = lambda: 1000  # noqa: E731
    monkeypatch.setattr(fidelity, "free_memory", forgotten)
    monkeypatch.setattr(fidelity, "open_engine", lambda _: pytest.fail("it was loaded"))
    monkeypatch.chdir(workplace)
    settings = ["--set", "teacher.0.engine=openvino", "--set", "teacher.0.model=teacher.gguf"]
    monkeypatch.setattr("sys.argv", ["mindsmirror", "doctor", "tiny.toml", "--only", "fidelity", *settings])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("warning  fidelity  teacher.gguf was not compared")
