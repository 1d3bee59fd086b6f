"""Trained students are compiled once, kept only if they write as before, and asked through what was compiled."""

import shutil
from pathlib import Path
from typing import Any

import exported
import pytest
from end_to_end import material

from mindsmirror.runs.compiled import compile_students
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import make_recipe
from mindsmirror.runs.student import load
from mindsmirror.students.config import COMPILED

FILES = ["openvino_model.bin", "openvino_model.xml"]


def pipeline(folder: Path, precision: str = "bf16", **evaluation: Any) -> Pipeline:
    student = folder / "student"
    if not student.exists():
        shutil.copytree(exported.student_folder(folder / "made"), student)
    rows = [material.word_problem(number, split) for number, split in enumerate(["train"] * 4 + ["valid", "test"])]
    document = {
        "name": "compiled",
        "task": {"name": str(material.write_rows(folder / "words.jsonl", rows))},
        "teacher": [{"model": "teacher", "engine": "scripted"}],
        "annotation": {"rationales": 2},
        "student": {"model": str(student)},
        "training": {"budget": {"steps": 2}, "batch_tokens": 512, "precision": precision},
        "arm": [{"name": "mirror", "method": "minds_mirror", "labels": "gold"}],
        "evaluation": {"samples": 2, "max_tokens": 8, "untrained": False, **evaluation},
    }
    return Pipeline(make_recipe(document), folder / "runs")


def distilled(made: Pipeline) -> Path:
    """Where the graph of the run's student lies, if there is one."""
    made.begin()
    made.annotate()
    made.distill()
    return made.run.folder / "arms" / "mirror" / "model" / COMPILED


def test_a_student_is_compiled_once_and_asked_through_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = pipeline(tmp_path)
    graph = distilled(made)
    assert sorted(path.name for path in graph.iterdir()) == FILES
    assert "mirror: asked through OpenVINO, " in capsys.readouterr().err
    written = [path.stat().st_mtime_ns for path in graph.iterdir()]
    distilled(made)
    assert [path.stat().st_mtime_ns for path in graph.iterdir()] == written
    student = load(made.run.folder)
    assert student._predictor.compiled is not None
    asked: list[Any] = []
    generate = student._predictor.student.generate

    def watched(writer: Any, *given: Any) -> Any:
        asked.append(writer)
        return generate(writer, *given)

    monkeypatch.setattr(student._predictor.student, "generate", watched)
    assert student.ask("Ann has 5 pens. How many pens has Ann?").text
    assert asked == [student._predictor.compiled]


def test_a_recipe_without_it_takes_the_graph_away(tmp_path: Path) -> None:
    graph = distilled(pipeline(tmp_path))
    assert graph.exists()
    made = pipeline(tmp_path, compile=False)
    assert distilled(made) == graph and not graph.exists()
    assert load(made.run.folder)._predictor.compiled is None


def test_fp32_is_never_compiled(tmp_path: Path) -> None:
    assert not distilled(pipeline(tmp_path, "fp32")).exists()


def test_a_gpu_needs_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = pipeline(tmp_path)
    graph = distilled(made)
    shutil.rmtree(graph)
    monkeypatch.setattr("mindsmirror.system.hardware.device", lambda: "cuda")
    compile_students(made.run, made.recipe, made.untested_task)
    assert not graph.exists()


@pytest.mark.parametrize("apart", [0.2, float("nan")])
def test_a_graph_that_writes_otherwise_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], apart: float
) -> None:
    monkeypatch.setattr("mindsmirror.delivery.fidelity.divergence", lambda before, after: (apart, 1.0))
    graph = distilled(pipeline(tmp_path))
    assert not graph.exists() and [path.name for path in graph.parent.iterdir() if path.name.startswith(".")] == []
    assert "asked through PyTorch" in capsys.readouterr().err


def test_an_architecture_that_is_not_converted_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mindsmirror.delivery.gguf_file.ARCHITECTURES", {})
    assert not distilled(pipeline(tmp_path)).exists()
    assert "OpenVINO" not in capsys.readouterr().err
