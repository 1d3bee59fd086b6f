"""The task, the engine and the method of `docs/extending.md` as they stand there, in one run from recipe to report."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

import mindsmirror
import mindsmirror.tasks
from docs import ROOT, blocks
from mindsmirror.engines import engine_class, engine_names
from mindsmirror.methods import method_names
from mindsmirror.runs.recipe import make_recipe
from mindsmirror.system import plugins
from mindsmirror.tasks import registry

PAGE = ROOT / "docs" / "extending.md"
MODULES = ("sums", "calculator", "shortest")
"""What the page calls the modules of its blocks, in their order."""


@pytest.fixture
def extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for runs; the page's modules are where the page puts them, for this test alone."""
    modules = tmp_path / "modules"
    modules.mkdir()
    for name, block in zip(MODULES, blocks("python", PAGE), strict=True):
        (modules / f"{name}.py").write_text(block.text, encoding="utf-8")
    line, points = (block.text for block in blocks("", PAGE))
    ((name, place),) = ast.literal_eval(f"{{{line}}}").items()
    monkeypatch.setattr(registry, "BUILT_IN", {**registry.BUILT_IN, name: place})
    monkeypatch.setattr(mindsmirror.tasks, "__path__", [*mindsmirror.tasks.__path__, str(modules)])
    monkeypatch.syspath_prepend(str(modules))
    groups = tomllib.loads(points)["project"]["entry-points"]
    found = EntryPoints(EntryPoint(name, at, group) for group, own in groups.items() for name, at in own.items())
    monkeypatch.setattr(plugins, "entry_points", found.select)
    yield tmp_path
    for module in ("mindsmirror.tasks.sums", "calculator", "shortest"):
        sys.modules.pop(module, None)


def test_the_three_work_together(extended: Path, llama: Path) -> None:
    recipe = make_recipe(
        {
            "name": "sums",
            "task": {"name": "sums", "train": 8, "valid": 2, "test": 4},
            "teacher": [{"model": "abacus", "engine": "calculator"}],
            "annotation": {"rationales": 2, "self_evaluations": 0, "shots": 0},
            "student": {"model": str(llama)},
            "training": {"budget": {"steps": 3}, "batch_tokens": 512, "precision": "fp32"},
            "arm": [{"name": "shortest", "method": "shortest", "labels": "gold"}],
            "evaluation": {"modes": ["think"], "max_tokens": 12, "untrained": False},
        }
    )
    report = mindsmirror.run(recipe, extended / "runs")
    assert [(arm.name, arm.mode, arm.n) for arm in report.arms] == [("shortest", "think", 4)]
    annotated = mindsmirror.open_run(extended / "runs/sums").annotations
    assert len(annotated) == 10
    for annotation in annotated:
        assert len(annotation.rationales) == 2 and all(each.right for each in annotation.rationales)
    trained = report.arms[0].training
    assert trained is not None and trained.target_tokens > 0
    assert "calculator" in engine_names() and engine_class("calculator").description() == "adds two numbers"
    assert "shortest" in method_names() and report.task == "sums"
