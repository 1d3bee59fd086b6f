"""The rooms stand in one order: whoever imports against it is reported, and torch stays where it belongs."""

import subprocess
import sys
from pathlib import Path

import pytest

from mindsmirror.reference.imports import (
    COMMON,
    ORDER,
    PACKAGE,
    SOURCE,
    circles,
    imports,
    modules,
    room,
    rooms_of_modules,
)

RANK = {room: rank for rank, room in enumerate(ORDER)}
HEAVY = (
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "datasets",
    "pyarrow",
    "openvino",
    "openvino_genai",
    "reasoning_gym",
    "sklearn",
    "vllm",
    "xllamacpp",
)
TORCH = ("torch", "transformers")
TORCH_ROOMS = ("students", "training", "inference")
LIGHT_IN_THEM = ("config", "confidence", "description", "question", "__init__")
"""Modules of those rooms that a recipe needs, so they load nothing heavy."""
RUN_STUDENTS = ("arms", "calibrate", "evaluate", "judge_baselines")
"""Modules of evaluation that load inference, and torch with it."""


def backward(source: Path) -> list[str]:
    """Every import of the package's own that runs against the order, or concerns a room without a place."""
    found = []
    for each in imports(source):
        here, there = room(each.path), room(each.name) if each.name else "__init__"
        if not each.own or here == there:
            continue
        where = f"{each.path}:{each.line} imports {each.name or PACKAGE}"
        if here not in RANK or there not in RANK:
            found.append(f"{where}: {here if here not in RANK else there} has no place in the order")
        elif RANK[there] > RANK[here]:
            found.append(where)
    return found


def misplaced(source: Path) -> list[str]:
    """Heavy packages that are loaded with a module that must be light."""
    found = []
    for each in imports(source):
        here, _, inner = each.path.partition(".")
        may = TORCH if here in TORCH_ROOMS and inner not in LIGHT_IN_THEM else ()
        loads = room(each.name) == "inference" and each.name.partition(".")[2] not in LIGHT_IN_THEM
        runs = here == "evaluation" and loads and inner not in RUN_STUDENTS
        if each.at_top and ((not each.own and each.name in HEAVY and each.name not in may) or (each.own and runs)):
            found.append(f"{each.path}:{each.line} loads {each.name}")
    return found


def test_no_arrow_runs_back() -> None:
    assert backward(SOURCE) == []


def test_heavy_packages_are_loaded_only_where_they_belong() -> None:
    assert misplaced(SOURCE) == []


def test_every_room_has_its_place_and_every_place_its_room() -> None:
    rooms = {room(module) for module in modules(SOURCE)}
    assert rooms <= set(RANK)
    assert {"errors", "records", "answers", "annotation", "methods", "training", "runs"} <= rooms


MOST_ROOMS = 8
"""That one module may import from: who needs more does more than one thing."""


def test_no_module_imports_from_too_many_rooms() -> None:
    found = {module: sorted(rooms) for module, rooms in rooms_of_modules(SOURCE).items()}
    assert {module: rooms for module, rooms in found.items() if len(rooms) > MOST_ROOMS} == {}


@pytest.mark.parametrize("late", [False, True], ids=["when a module is loaded", "inside functions too"])
def test_no_modules_import_each_other_in_a_circle(late: bool) -> None:
    assert circles(SOURCE, late) == []


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small package whose arrows all run as they should."""
    files = {
        "__init__.py": "from mindsmirror.runs.pipeline import run",
        "errors.py": "",
        "records.py": "from mindsmirror import errors\nimport mindsmirror.limits",
        "limits.py": "",
        "answers/__init__.py": "from .base import Answer",
        "answers/base.py": "import re\nfrom mindsmirror.records import Parse\nfrom . import number",
        "answers/number.py": "from ..errors import DataError",
        "annotation/store.py": "from mindsmirror.answers.base import Answer",
        "students/config.py": "def f():\n    import torch",
        "students/base.py": "import torch.nn\nfrom transformers import AutoModel",
        "evaluation/evaluate.py": "from mindsmirror.inference.vote import vote",
        "evaluation/metrics.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch",
        "inference/vote.py": "import torch",
        "runs/pipeline.py": "from mindsmirror.annotation import store",
        "cli/main.py": "def main():\n    from mindsmirror.runs.pipeline import run",
    }
    for name, text in files.items():
        path = tmp_path / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / PACKAGE


def test_a_tree_in_order_is_not_reported(tree: Path) -> None:
    assert backward(tree) == [] and misplaced(tree) == []
    assert len(list(imports(tree))) == 18


@pytest.mark.parametrize(
    ("path", "text", "report"),
    [
        ("errors.py", "from mindsmirror.answers.base import Answer", "errors:1 imports answers.base"),
        ("errors.py", "import mindsmirror.cli.main", "errors:1 imports cli.main"),
        ("records.py", "from mindsmirror import annotation", "records:1 imports annotation"),
        (
            "answers/base.py",
            "def f():\n    from ..annotation.store import Store",
            "answers.base:2 imports annotation.store",
        ),
        ("answers/__init__.py", "from ..annotation import store", "answers.__init__:1 imports annotation.store"),
        ("answers/base.py", "from .. import annotation", "answers.base:1 imports annotation"),
        (
            "annotation/store.py",
            "if 1:\n    from mindsmirror.runs.pipeline import run",
            "annotation.store:2 imports runs.pipeline",
        ),
        (
            "annotation/store.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import mindsmirror.students.base",
            "annotation.store:3 imports students.base",
        ),
        ("cli/main.py", "from mindsmirror import run", "cli.main:1 imports mindsmirror"),
        ("cli/main.py", "import mindsmirror", "cli.main:1 imports mindsmirror"),
        ("helpers.py", "from mindsmirror import errors", "helpers:1 imports errors: helpers has no place in the order"),
    ],
)
def test_an_arrow_that_is_turned_round_is_reported(tree: Path, path: str, text: str, report: str) -> None:
    (tree / path).write_text(text, encoding="utf-8")
    assert backward(tree) == [report]


def test_a_circle_is_found_once(tree: Path) -> None:
    assert circles(tree, late=False) == [] and circles(tree, late=True) == []
    (tree / "answers" / "number.py").write_text("from .label import x", encoding="utf-8")
    (tree / "answers" / "label.py").write_text("def f():\n    from . import base", encoding="utf-8")
    assert circles(tree, late=False) == []
    assert circles(tree, late=True) == [["answers.base", "answers.label", "answers.number"]]
    (tree / "annotation" / "store.py").write_text("from mindsmirror.annotation.store import x", encoding="utf-8")
    assert circles(tree, late=False) == [["annotation.store"]]


def test_rooms_are_counted_without_those_that_all_may_use(tree: Path) -> None:
    text = (
        "from mindsmirror import errors\nfrom mindsmirror.runs import recipe\nfrom mindsmirror.system.files import x\n"
    )
    text += "def f():\n    from mindsmirror.students.base import y\n    from mindsmirror.students.load import z\n"
    (tree / "cli" / "main.py").write_text(text, encoding="utf-8")
    assert rooms_of_modules(tree)["cli.main"] == {"runs", "students"}
    assert "system" in COMMON


@pytest.mark.parametrize(
    ("path", "text", "report"),
    [
        ("annotation/store.py", "import torch", "annotation.store:1 loads torch"),
        ("annotation/store.py", "from torch import nn", "annotation.store:1 loads torch"),
        ("students/config.py", "from transformers.models import gemma3", "students.config:1 loads transformers"),
        (
            "students/__init__.py",
            "try:\n    import torch\nexcept ImportError:\n    pass",
            "students.__init__:2 loads torch",
        ),
        ("answers/base.py", "class A:\n    import openvino_genai", "answers.base:2 loads openvino_genai"),
        ("students/base.py", "import openvino", "students.base:1 loads openvino"),
        (
            "evaluation/metrics.py",
            "from mindsmirror.inference.vote import vote",
            "evaluation.metrics:1 loads inference.vote",
        ),
        ("evaluation/evaluate.py", "import torch", "evaluation.evaluate:1 loads torch"),
    ],
)
def test_a_heavy_package_in_the_wrong_place_is_reported(tree: Path, path: str, text: str, report: str) -> None:
    (tree / path).write_text(text, encoding="utf-8")
    assert misplaced(tree) == [report]


@pytest.mark.parametrize(
    "module", ["runs.recipe", "annotation.annotate", "tasks", "engines", "runs.pipeline", "methods", "cli.main"]
)
def test_what_needs_no_torch_does_not_load_it(module: str) -> None:
    script = f"import sys, {PACKAGE}.{module}\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (0, "[]"), ended.stderr
