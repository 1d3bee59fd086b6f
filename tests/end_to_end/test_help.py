"""Help answers at once: nothing heavy is imported for it, by the console script itself."""

import os
import subprocess
import sys

import pytest
from end_to_end.console import SCRIPT

from mindsmirror.cli.main import VERBS

HEAVY = ("torch", "transformers", "numpy", "openvino", "httpx2", "reasoning_gym")


def imported(*arguments: str) -> tuple[set[str], str]:
    """The modules that a command imports, and what it prints."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {
        line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")
    }, done.stdout


def tops(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_help_imports_next_to_nothing() -> None:
    modules, said = imported("--help")
    assert not tops(modules) & {*HEAVY, "pydantic"}
    assert {module for module in modules if module.startswith("mindsmirror.cli.")} == {"mindsmirror.cli.main"}
    for verb in VERBS:
        assert verb in said


@pytest.mark.parametrize("verb", VERBS)
def test_a_verbs_help_needs_neither_torch_nor_pydantic(verb: str) -> None:
    modules, said = imported(verb, "--help")
    assert not tops(modules) & {*HEAVY, "pydantic"}
    assert f"mindsmirror {verb}" in said and "--json" in said


@pytest.mark.parametrize("what", ["tasks", "methods", "teachers", "students", "engines", "recipes", "runs"])
def test_listing_needs_no_torch(what: str) -> None:
    modules, said = imported("list", what, "--json")
    assert not tops(modules) & set(HEAVY)
    assert said.startswith("[")


def test_the_package_itself_imports_nothing_heavy() -> None:
    script = "import sys, mindsmirror; assert not {'torch', 'pydantic', 'numpy'} & set(sys.modules), sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60, env={**os.environ, "PYTHONPATH": ""})


def test_everything_up_to_annotation_and_the_recipe_imports_no_torch() -> None:
    names = (
        "runs.recipe",
        "runs.folder",
        "runs.pipeline",
        "annotation.annotate",
        "methods",
        "engines.registry",
        "tasks",
        "students.config",
    )
    script = "import sys\n" + "".join(f"import mindsmirror.{name}\n" for name in names)
    script += "assert not {'torch', 'transformers', 'openvino', 'reasoning_gym'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
