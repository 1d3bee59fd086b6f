"""An engine that another package adds by an entry point (`parrot_package`): nothing in our source knows it."""

import json
import os
from pathlib import Path

import pytest
from end_to_end import material
from end_to_end.console import Ended, real

from mindsmirror.errors import RecipeError, UnknownNameError

PACKAGE = Path(__file__).with_name("parrot_package")
INSTALLED = {"PYTHONPATH": os.pathsep.join([str(PACKAGE), *filter(None, [os.environ.get("PYTHONPATH")])])}
RECIPE = """
name = "parrots"
[task]
name = "words.jsonl"
[[teacher]]
model = "grey"
engine = "parrot"
parameters = { word = "Hello!", cage = 2 }
[annotation]
rationales = 2
self_evaluations = 0
[student]
model = "smollm2-135m-instruct"
[[arm]]
name = "a"
method = "multi_cot"
labels = "teacher"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    material.write_rows(tmp_path / "words.jsonl", material.word_problems())
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path


def mindsmirror(*arguments: str, cwd: Path, installed: bool = True) -> Ended:
    return real(*arguments, cwd=cwd, environment=INSTALLED if installed else None)


def test_a_recipe_with_it_is_annotated_once(folder: Path) -> None:
    ended = mindsmirror("annotate", "recipe.toml", "--json", cwd=folder)
    assert ended.code == 0, ended.err
    done = json.loads(ended.out)
    assert (done["questions"], done["failed"]) == (material.TRAIN + material.VALID, 0) and done["asked"] > 0
    lines = Path(folder / done["annotations"]).read_text().splitlines()
    rationales = [rationale for line in lines for rationale in json.loads(line)["rationales"]]
    assert len(rationales) == 2 * len(lines)
    assert all(each["teacher"] == "grey" and each["text"].startswith("Hello! I heard") for each in rationales)
    assert {each["parse"] for each in rationales} == {"ok"}
    # Another capacity is the same teacher, another word is another one.
    again = mindsmirror("annotate", "recipe.toml", "--json", "--set", "teacher.0.parameters.cage=3", cwd=folder)
    assert json.loads(again.out)["asked"] == 0
    other = mindsmirror("annotate", "recipe.toml", "--json", "--set", "teacher.0.parameters.word=Hi", cwd=folder)
    assert json.loads(other.out)["asked"] == done["asked"]


def test_it_is_listed_with_its_purpose(folder: Path) -> None:
    # Another engine of the package cannot be imported, which is said where somebody asks for it.
    ended = mindsmirror("list", "engines", "--json", cwd=folder)
    listed = {row["name"]: row["description"] for row in json.loads(ended.out)}
    assert listed["parrot"] == "repeats the first number of what it is asked" and "scripted" in listed
    assert "'parrot_missing:Engine' of the package 'parrot' cannot be loaded" in listed["broken"]


@pytest.mark.parametrize(
    ("setting", "code", "said"),
    [
        ("teacher.0.parameters.wrod=x", RecipeError.exit_code, "no such parameter. Did you mean 'word'? It has: word"),
        ("teacher.0.parameters.cage=0", RecipeError.exit_code, "parameters.cage: must be at least 1, not 0"),
        ("teacher.0.engine=parot", UnknownNameError.exit_code, "no engine is called 'parot'. Did you mean 'parrot'?"),
        (
            "teacher.0.engine=broken",
            RecipeError.exit_code,
            "'parrot_missing:Engine' of the package 'parrot' cannot be loaded",
        ),
    ],
)
def test_what_is_wrong_with_it_is_said_as_of_a_built_in_one(folder: Path, setting: str, code: int, said: str) -> None:
    ended = mindsmirror("annotate", "recipe.toml", "--set", setting, cwd=folder)
    assert ended.code == code and len(ended.errors) == 1, ended.err
    assert said in ended.errors[0]


def test_without_its_package_it_is_unknown(folder: Path) -> None:
    ended = mindsmirror("annotate", "recipe.toml", cwd=folder, installed=False)
    assert ended.code == UnknownNameError.exit_code and "no engine is called 'parrot'" in ended.err


def test_doctor_knows_what_it_cannot_look_at(folder: Path) -> None:
    ended = mindsmirror("doctor", "recipe.toml", "--only", "endpoint", "--only", "fidelity", "--json", cwd=folder)
    found = {each["check"]: each for each in json.loads(ended.out)["findings"]}
    assert found["endpoint"]["status"] == "skipped" and found["fidelity"]["status"] == "skipped", ended.err
    assert "the engine parrot has no file" in found["fidelity"]["found"]
