"""What is far too long, deep or large, through the command line: refused by name, and no teacher is asked."""

import gzip
import shutil
from pathlib import Path

import pytest
from end_to_end import material
from end_to_end.console import mindsmirror
from end_to_end.refusal import LOG, check

from mindsmirror import errors

RECIPE, DATA, MODEL = errors.RecipeError, errors.DataError, errors.ModelFileError

SETTINGS: dict[str, tuple[str, str]] = {
    f"seed={2**64}": ("seed", "too large"),
    "teacher.0.price={ input = 1e308 }": ("teacher.0.price.input", "1000000"),
    "name=" + "n" * 300: ("name", "300 bytes"),
    "arm.0.name=" + "n" * 101: ("arm.0.name", "100"),
    "evaluation.samples=1000000000": ("evaluation.samples", "1000"),
    "training.budget={ steps = 1000000000000 }": ("training.budget.steps", "10000000"),
    "training.budget={ tokens = 1000000000000000 }": ("budget", "batches"),
    "training.learning_rate=inf": ("training.learning_rate", "inf"),
    "seed=" + "9" * 5000: ("--set seed=", "5,000 characters"),
    "a." * 60_000 + "b=1": ("--set a.a", "16 parts"),
}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting[:24])
def test_a_setting_that_is_far_too_large(setting: str, workplace: Path) -> None:
    ended = mindsmirror("run", "tiny.toml", "--set", setting, cwd=workplace, environment=LOG)
    check(ended, RECIPE, *SETTINGS[setting])
    nothing_happened(workplace)


TEXTS: dict[str, tuple[str, str]] = {
    "5,000 digits": ("seed = " + "9" * 5000, "5,000 characters"),
    "deep lists": ("x = " + "[" * 50_000, "16 deep"),
    "deep tables": ("x = " + "{a = " * 5000, "16 deep"),
    "a dotted key": ("x" + ".a" * 200_000 + " = 1", "16 parts"),
    "NUL as an escape": ('x = "a\\u0000b"', "NUL"),
    "NUL": ("x = 1\0", "not TOML"),
    "a date": ("x = 1979-05-27", "dates and times are not allowed"),
    "many values": ("x = [" + "1," * 50_000 + "]", "20,000 values"),
    "a long file": ("#" * 1_000_001, "1,000,000 bytes"),
}


@pytest.mark.parametrize("how", TEXTS)
def test_a_recipe_that_is_far_too_large(how: str, workplace: Path) -> None:
    text, said = TEXTS[how]
    (workplace / "huge.toml").write_text(f"{text}\n{(workplace / 'tiny.toml').read_text()}")
    check(mindsmirror("run", "huge.toml", cwd=workplace, environment=LOG), RECIPE, "huge.toml", said)
    nothing_happened(workplace)


def test_a_recipe_without_an_end(workplace: Path) -> None:
    check(mindsmirror("run", "/dev/zero", cwd=workplace, environment=LOG), RECIPE, "/dev/zero", "1,000,000 bytes")


@pytest.mark.parametrize(
    ("content", "said"), [(b"a" * 2**26, "line 1 is longer"), (b"\n" * 2**26, "more than 100,000 blank lines")]
)
def test_a_bomb_as_a_task(content: bytes, said: str, workplace: Path) -> None:
    (workplace / "bomb.jsonl.gz").write_bytes(gzip.compress(content))
    ended = mindsmirror("run", "tiny.toml", "--set", "task.name=bomb.jsonl.gz", cwd=workplace, environment=LOG)
    check(ended, DATA, "bomb.jsonl.gz", said)
    nothing_happened(workplace)


def test_a_student_whose_template_hangs_is_found_before_a_teacher_is_asked(workplace: Path, llama: Path) -> None:
    shutil.copytree(llama, workplace / "own")
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    (workplace / "own" / "chat_template.jinja").write_text(loop)
    ended = mindsmirror("run", "tiny.toml", "--set", "student.model=own", cwd=workplace, environment=LOG)
    check(ended, MODEL, "own", "chat template that has not ended")
    nothing_happened(workplace)


def nothing_happened(folder: Path) -> None:
    assert not (folder / "log").exists() and not material.stored(folder / "runs" / "store.sqlite")
