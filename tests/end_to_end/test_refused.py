"""Wrong input, through the command line: one clear error with an exit code of its own, and nothing lost."""

import json
import socket
from pathlib import Path

import pytest
from end_to_end import material
from end_to_end.conftest import Finished
from end_to_end.console import mindsmirror
from end_to_end.refusal import LOG, check
from filelock import FileLock

from mindsmirror import errors

RECIPE, DATA, NAME = errors.RecipeError, errors.DataError, errors.UnknownNameError
MODEL, ENGINE = errors.ModelFileError, errors.EngineError
Kind = type[errors.MindsMirrorError]


def test_each_kind_has_an_exit_code_of_its_own() -> None:
    kinds = (RECIPE, DATA, NAME, MODEL, ENGINE, errors.StorageError, errors.RunLockedError, errors.AnnotationError)
    assert len({kind.exit_code for kind in kinds} - {0, 1, 2}) == len(kinds)


EDITS: dict[str, tuple[str, str, Kind, tuple[str, ...]]] = {
    "a misspelt key at the top": ('name = "tiny"', 'name = "tiny"\nsede = 1', RECIPE, ("'sede'", "'seed'")),
    "a misspelt key in a table": (
        "learning_rate",
        "learning_rat",
        RECIPE,
        ("'training.learning_rat'", "'learning_rate'"),
    ),
    "a misspelt key in an inline table": ("steps", "step", RECIPE, ("'training.budget.step'", "'steps'")),
    "a misspelt key of an arm": ("method", "metod", RECIPE, ("'arm.0.metod'", "'method'")),
    "a misspelt table": ("[training]", "[trainig]", RECIPE, ("'trainig'", "'training'")),
    "a misspelt parameter": (
        "[annotation]",
        "parameters.faild = 0.1\n[annotation]",
        RECIPE,
        ("teacher.0", "faild", "'failed'"),
    ),
    "a wrong type": ("1e-3", '"fast"', RECIPE, ("training.learning_rate", "number")),
    "a missing table": ('[student]\nmodel = "', "[judge] # ", RECIPE, ("'student' is missing",)),
    "no arm": ("[[arm]]", "[[task.parameters.arm]]", RECIPE, ("'arm' is missing",)),
    "no TOML": ('name = "tiny"', "name: tiny", RECIPE, ("not TOML", "line 2")),
    "an unknown task": ("words.jsonl", "svmp", NAME, ("'svmp'", "'svamp'", "csqa", "gsm8k", "PATH")),
    "an unknown method": ('"minds_mirror"', '"mind_miror"', NAME, ("'mind_miror'", "'minds_mirror'", "step_by_step")),
    "an unknown engine": (
        '"scripted"',
        '"scriptd"',
        NAME,
        ("'scriptd'", "'scripted'", "openvino", "openai"),
    ),
    "an unknown teacher": (
        'engine = "scripted"',
        'engine = "openvino"',
        NAME,
        ("'teacher'", "qwen2.5-coder-1.5b-instruct", "smollm2-135m-instruct"),
    ),
    "an unknown script": ('model = "teacher"', 'model = "teecher"', NAME, ("'teecher'", "'teacher'", "echo")),
    "no data file": ("words.jsonl", "nowhere.jsonl", DATA, ("nowhere.jsonl", "does not exist")),
    "more questions than there are": ('words.jsonl"', 'words.jsonl"\ntrain = 99', DATA, ("train = 99", "8")),
    "no prompts": ("rationales = 3", 'rationales = 3\nprompts = "nowhere.toml"', RECIPE, ("prompts", "nowhere.toml")),
    "no recording": (
        'engine = "scripted"',
        'engine = "recorded"\npath = "nowhere.jsonl"',
        DATA,
        ("recording nowhere.jsonl",),
    ),
    "too few rationales": (
        "rationales = 3",
        "rationales = 1",
        errors.AnnotationError,
        ("'mirror'", "rationales >= 2", "1"),
    ),
    "informed with teacher's labels": (
        "[student]",
        '[judge]\nstrategy = "informed"\n[student]',
        RECIPE,
        ("judge.strategy", "informed", 'labels = "gold"'),
    ),
    "a student that is not a folder": (
        '[student]\nmodel = "',
        '[student]\nmodel = "./nowhere/',
        MODEL,
        ("./nowhere/", "config.json"),
    ),
    "a student that nobody knows": (
        '[student]\nmodel = "',
        '[student]\nmodel = "smolm2-135m-instruct" # ',
        NAME,
        ("'smolm2-135m-instruct'", "'smollm2-135m-instruct'"),
    ),
    "a student that the hub does not give": (
        '[student]\nmodel = "',
        '[student]\nmodel = "some/student" # ',
        MODEL,
        ("'some/student'", "smollm2-135m-instruct", "HF_HUB_OFFLINE"),
    ),
}


@pytest.mark.parametrize("mistake", EDITS)
def test_a_mistake_in_a_recipe(mistake: str, copied: Finished) -> None:
    old, new, kind, named = EDITS[mistake]
    path = copied.folder / "tiny.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    before = material.state(copied.folder / "runs")
    samples = material.stored(copied.folder / "runs" / "store.sqlite")
    ended = mindsmirror("run", "tiny.toml", cwd=copied.folder, environment=LOG)
    check(ended, kind, *named)
    assert material.stored(copied.folder / "runs" / "store.sqlite") == samples
    if kind is RECIPE and "prompts" not in named:
        check(ended, kind, "tiny.toml: " if mistake != "no TOML" else "tiny.toml is")
    after = material.state(copied.folder / "runs")
    if mistake == "an unknown script":  # found when the script is opened; what the old one wrote is in the store
        before, after = (
            {
                name: found
                for name, found in files.items()
                # The store's file knows that it was opened; its samples are compared below.
                if not name.endswith(("/recipe.json", "store.sqlite"))
                and "annotation" not in name
                and "manifest" not in name
            }
            for files in (before, after)
        )
    assert after == before
    assert not (copied.folder / "log").exists()


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("nonsense", ("--set nonsense", "key=value")),
        ("arm.9.alpha=1", ("--set arm.9.alpha=1", "'9'")),
        ("arm.alpha=1", ("--set arm.alpha=1", "arm")),
        ("name.x=1", ("--set name.x=1", "'name'")),
        ("trainig.learning_rate=1", ("'trainig'", "'training'")),
        ("seed=minus one", ("seed",)),
        ("name=../out", ("name",)),
    ],
)
def test_an_override_of_nonsense(override: str, named: tuple[str, ...], workplace: Path) -> None:
    check(mindsmirror("run", "tiny.toml", "--set", override, cwd=workplace), RECIPE, *named)
    assert not (workplace / "runs").exists()


def test_no_recipe_and_no_run(finished: Finished) -> None:
    check(mindsmirror("run", "nowhere.toml", cwd=finished.folder), RECIPE, "nowhere.toml")
    for verb in (["evaluate", "tinny"], ["report", "tinny"], ["ask", "tinny", "How many?"]):
        check(mindsmirror(*verb, cwd=finished.folder), DATA, "tinny is not a run", "tiny")
    check(mindsmirror("report", "tinny", "--runs", "elsewhere", cwd=finished.folder), DATA, "no run in elsewhere yet")


def test_a_failure_under_json_is_one_document(workplace: Path) -> None:
    ended = mindsmirror("run", "tiny.toml", "--json", "--set", "task.name=nowhere.jsonl", cwd=workplace)
    found = json.loads(ended.out)
    assert ended.code == found["exit_code"] == 11 and found["kind"] == "DataError"
    assert ended.errors == [f"error: {found['error']}"]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('{"question": "How many?", "answer": 3', ("not JSON", "column")),
        ('["a list"]', ("object",)),
        ('{"question": "How many?"}', ("answer",)),
        ('{"question": 5, "answer": 3, "split": "test"}', ("question", "string")),
        ('{"question": "How many?", "answer": 3, "split": "exam"}', ("'exam'", "train, valid or test")),
        ('{"question": "How many?", "answer": 3, "split": "test", "id": "w0"}', ("'w0'", "line 1")),
    ],
)
def test_a_broken_row_is_named_by_file_and_line(line: str, named: tuple[str, ...], copied: Finished) -> None:
    with (copied.folder / "words.jsonl").open("a") as file:
        file.write(line + "\n")
    before = material.state(copied.folder / "runs")
    ended = mindsmirror("run", "tiny.toml", cwd=copied.folder, environment=LOG)
    check(ended, DATA, "words.jsonl, line 17", *named)
    assert material.state(copied.folder / "runs") == before


def test_gold_labels_that_are_missing_are_found_before_the_teacher_is_asked(workplace: Path) -> None:
    row = material.word_problem(99, "train") | {"answer": None}
    with (workplace / "words.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    ended = mindsmirror("run", "tiny.toml", "--set", "arm.0.labels=gold", cwd=workplace, environment=LOG)
    check(ended, errors.AnnotationError, "'labels'", "'w99'", 'labels = "teacher"')
    assert not (workplace / "log").exists()


def test_an_endpoint_that_is_down(copied: Finished) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        settings = ("teacher.0.engine=openai", f"teacher.0.base_url={url}")
        ended = mindsmirror(
            *("annotate", "tiny.toml"), *(part for key in settings for part in ("--set", key)), cwd=copied.folder
        )
    check(ended, ENGINE, url, "base_url")
    before = material.stored(copied.folder / "runs" / "store.sqlite")
    again = mindsmirror("run", "tiny.toml", cwd=copied.folder, environment=LOG)
    assert again.code == 0, again.err
    assert material.served(copied.folder / "log") == [] and before


def test_a_run_that_another_process_works_on(copied: Finished) -> None:
    before = material.state(copied.folder / "runs")
    with FileLock(copied.run / "lock"):
        for verb in (
            ["run", "tiny.toml"],
            ["annotate", "tiny.toml"],
            ["distill", "tiny.toml"],
            ["report", "tiny"],
            ["evaluate", "tiny"],
        ):
            check(mindsmirror(*verb, cwd=copied.folder), errors.RunLockedError, "another process", "tiny")
    assert material.state(copied.folder / "runs") == before


def test_asking_and_evaluating_what_is_not_trained(workplace: Path) -> None:
    assert mindsmirror("annotate", "tiny.toml", cwd=workplace).code == 0
    check(mindsmirror("ask", "tiny", "How many?", cwd=workplace), DATA, "'mirror'", "not trained", "distill")
    check(mindsmirror("ask", "tiny", "How many?", "--arm", "miror", cwd=workplace), NAME, "'miror'", "labels", "mirror")
    check(mindsmirror("evaluate", "tiny", "--mode", "predict", cwd=workplace), DATA, "'labels'", "not trained")
    check(mindsmirror("report", "tiny", cwd=workplace), DATA, "no predictions yet", "evaluate")
    assert mindsmirror("distill", "tiny.toml", "--runs", "new", cwd=workplace).code == DATA.exit_code


def test_what_a_trained_arm_cannot_do(finished: Finished) -> None:
    check(
        mindsmirror("ask", "tiny", "How?", "--arm", "labels", "--mode", "think", cwd=finished.folder),
        RECIPE,
        "'labels'",
        "think",
        "predict",
    )
    check(mindsmirror("ask", "tiny", "How?", "--choice", "bank", cwd=finished.folder), RECIPE, "bank", "LETTER=TEXT")
    check(mindsmirror("evaluate", "tiny", "--task", "nowhere.jsonl", cwd=finished.folder), DATA, "nowhere.jsonl")
    check(mindsmirror("evaluate", "tiny", "--task", "nowhere", cwd=finished.folder), NAME, "nowhere", "svamp")
