"""The rooms stand in one order: whoever imports against it is reported, and torch stays where it belongs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = "mindsmirror"
SOURCE = Path(__file__).parents[2] / "src" / PACKAGE
ORDER = (
    "errors",
    "limits",
    "records",
    "system",
    "answers",
    "tasks",
    "models",
    "engines",
    "annotation",
    "methods",
    "students",
    "training",
    "inference",
    "evaluation",
    "reporting",
    "delivery",
    "runs",
    "doctor",
    "cli",
    "reference",
    "__init__",
    "__main__",
)
"""From the bottom up."""
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
    "vllm",
    "xllamacpp",
)
TORCH = ("torch", "transformers")
TORCH_ROOMS = ("students", "training", "inference")
LIGHT_IN_THEM = ("config", "__init__")
"""Modules of those rooms that a recipe needs, so they load nothing heavy."""
RUN_STUDENTS = ("arms", "evaluate")
"""Modules of evaluation that load inference, and torch with it."""


@dataclass(frozen=True)
class Import:
    """One import in one module; `path` and `name` are dotted and relative to the package."""

    path: str
    line: int
    name: str
    """A module of the package (`answers.base`, "" for the package itself), or a foreign package's top name."""
    own: bool
    at_top: bool
    """Executed when the module is loaded: not inside a function, nor for type checkers only."""


def modules(source: Path) -> dict[str, Path]:
    """Dotted names, relative to the package, of all its modules."""
    return {".".join(path.relative_to(source).with_suffix("").parts): path for path in sorted(source.rglob("*.py"))}


def room(module: str) -> str:
    return module.split(".")[0]


def imports(source: Path) -> Iterator[Import]:
    found = modules(source)
    known = {module[:end] for module in found for end in range(len(module) + 1) if module[end : end + 1] in (".", "")}
    for module, path in found.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        late = {id(inner) for node in ast.walk(tree) if _is_late(node) for inner in ast.walk(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name in _names(node, module, known):
                    own = name == PACKAGE or name.startswith(PACKAGE + ".")
                    shown = name.removeprefix(PACKAGE).removeprefix(".") if own else name.split(".")[0]
                    yield Import(module, node.lineno, shown, own, id(node) not in late)


def _is_late(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def _names(node: ast.Import | ast.ImportFrom, module: str, known: set[str]) -> list[str]:
    """The full names of the modules that a statement imports; `from package import module` is the module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        # `module` of a package's __init__ ends in "__init__", so one part less leads to its own package.
        above = [PACKAGE, *module.split(".")][: -node.level]
        base = ".".join([*above, *([node.module] if node.module else [])])
    if base.split(".")[0] != PACKAGE:
        return [base]
    inside = base.removeprefix(PACKAGE).removeprefix(".")
    full = [f"{inside}.{alias.name}".removeprefix(".") for alias in node.names]
    return list(dict.fromkeys(f"{PACKAGE}.{name}" if name in known else base for name in full))


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
        runs = here == "evaluation" and room(each.name) == "inference" and inner not in RUN_STUDENTS
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
