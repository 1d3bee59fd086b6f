"""What every file of the source keeps to: it says what it is for, stays short, and runs no text as code."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "mindsmirror"
MODULE_LINES, FUNCTION_LINES = 300, 60
RUNS_TEXT = ("eval", "exec", "compile", "__import__")
UNSAFE = ("pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib")
HARMLESS = ("pickle.UnpicklingError", "pickle.PickleError")
"""What other libraries raise when they unpickle."""
UNFINISHED = ("TODO", "FIXME", "XXX", "NotImplementedError")


def faults(path: Path) -> Iterator[str]:
    """Everything in which a module departs from the rules."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    if not (ast.get_docstring(tree) or "").strip(" ."):
        yield "has no docstring"
    lines = text.count("\n")
    if lines > MODULE_LINES:
        yield f"has {lines} lines"
    yield from (f"speaks of {word}" for word in UNFINISHED if word in text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{node.name} has {length} lines"
        yield from _dangers(node)


def _dangers(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).removeprefix("builtins.")
        if called in RUNS_TEXT:
            yield f"calls {called}"
        if called == "torch.load" and not any(k.arg == "weights_only" for k in node.keywords):
            yield "calls torch.load without weights_only"
    used: list[str] = []
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        used = [f"{node.value.id}.{node.attr}"]
    elif isinstance(node, ast.ImportFrom):
        used = [f"{node.module}.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Import):
        # Another name would hide what is used of it.
        used = [f"{alias.name} as {alias.asname}" for alias in node.names if alias.asname]
    yield from (f"uses {name}" for name in used if name.split(".")[0].split()[0] in UNSAFE and name not in HARMLESS)


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_keeps_to_the_rules(path: Path) -> None:
    assert list(faults(path)) == []


def test_every_folder_of_modules_is_a_package() -> None:
    """Else it would be missing from a wheel."""
    folders = {path.parent for path in SOURCE.rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


LONG = '"""Doc."""\ndef f():\n' + "    x = 1\n" * FUNCTION_LINES


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('"""Doc."""\n', []),
        ("x = 1\n", ["has no docstring"]),
        ('"""."""\n', ["has no docstring"]),
        ('"""Doc."""\n' + "x = 1\n" * 300, ["has 301 lines"]),
        (LONG, ["f has 61 lines"]),
        (LONG.replace("    x = 1\n", "", 1), []),
        ('"""Doc."""\neval("1")\nbuiltins.exec("x")\nmodel.eval()\n', ["calls eval", "calls exec"]),
        ('"""Doc."""\nimport os, pickle\nexcept_ = pickle.UnpicklingError\n', []),
        (
            '"""Doc."""\nimport pickle\npickle.load(f)\nfrom marshal import loads\n',
            ["uses marshal.loads", "uses pickle.load"],
        ),
        ('"""Doc."""\nimport pickle as p\nfrom dill.source import x\n', ["uses pickle as p", "uses dill.source.x"]),
        (
            '"""Doc."""\ntorch.load("x")\ntorch.load("x", weights_only=True)\n',
            ["calls torch.load without weights_only"],
        ),
        ('"""TODO."""\n', ["speaks of TODO"]),
    ],
)
def test_a_fault_is_found(tmp_path: Path, text: str, found: list[str]) -> None:
    path = tmp_path / "module.py"
    path.write_text(text, encoding="utf-8")
    assert list(faults(path)) == found
