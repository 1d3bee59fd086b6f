"""The package from Python: all that the command line can do, and the names that it promises."""

import inspect
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from end_to_end import material
from end_to_end.conftest import Finished
from end_to_end.console import mindsmirror as command

import mindsmirror
from mindsmirror.errors import DataError, RecipeError, UnknownNameError
from mindsmirror.runs.folder import Run
from mindsmirror.tasks import Task

MODES = {(name, mode) for name, modes in material.MODES.items() for mode in modes}


def test_every_promised_name_is_there() -> None:
    assert mindsmirror.__all__ == sorted(set(mindsmirror.__all__))
    assert {"run", "ask", "Recipe", "read_recipe", "Annotation", "Report", "load_task"} <= set(mindsmirror.__all__)
    for name in mindsmirror.__all__:
        assert getattr(mindsmirror, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        getattr(mindsmirror, "nonsense")  # noqa: B009


def test_the_version_and_the_names_are_to_be_seen() -> None:
    assert mindsmirror.__version__ == version("mindsmirror")
    assert {*mindsmirror.__all__, "__version__"} <= set(dir(mindsmirror))


def test_an_arm_that_is_made_by_hand_has_the_settings_of_its_method() -> None:
    arm = mindsmirror.read_arm({"name": "a", "method": "minds_mirror", "labels": "gold"})
    assert type(arm) is not mindsmirror.ArmConfig and isinstance(arm, mindsmirror.ArmConfig)
    assert set(mindsmirror.ArmConfig.model_fields) < set(arm.model_dump())
    assert mindsmirror.read_arm(mindsmirror.ArmConfig(name="a", method="minds_mirror", labels="gold")) == arm


def test_no_name_is_hidden_by_a_module_of_the_package() -> None:
    """Importing a submodule sets its name on the package: a function of that name would be gone from then on."""
    modules = {path.stem for path in Path(mindsmirror.__path__[0]).iterdir()}
    assert not modules & set(mindsmirror.__all__)


def test_run_takes_a_path_or_a_recipe_and_gives_the_report(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = finished.copy(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = material.document(copied.run / "report.json")
    for recipe in ("tiny.toml", Path("tiny.toml"), mindsmirror.read_recipe(Path("tiny.toml"))):
        report = mindsmirror.run(recipe, tmp_path / "runs")
        assert isinstance(report, mindsmirror.Report)
        assert json.loads(report.model_dump_json())["arms"] == before["arms"]
    assert {(arm.name, arm.mode) for arm in report.arms} == MODES


def test_every_function_takes_strings_and_paths_and_knows_its_defaults(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is called twice: with strings, and with paths. One that is added must find its place here."""
    copied = finished.copy(tmp_path)
    material.write_rows(tmp_path / "said.jsonl", [{"id": "w0", "rationale": "Ann has 3. The answer is 3."}])
    monkeypatch.chdir(tmp_path)
    question = "Ann has 5 pens and Bo has 60 pens. How many pens has Ann?"
    run, out = str(copied.run.relative_to(tmp_path)), iter(("one", "two", "three", "four", "five", "six"))
    calls: dict[str, Callable[[Callable[[str], str | Path]], object]] = {
        "ask": lambda as_: mindsmirror.ask(as_(run), question).mode,
        "evaluate_elsewhere": lambda as_: [
            mindsmirror.evaluate_elsewhere(as_(run)),
            mindsmirror.evaluate_elsewhere(as_(run), as_("words.jsonl"), as_("."), "valid", 1, "predict"),
        ],
        "export_annotations": lambda as_: mindsmirror.export_annotations(as_(run), as_(next(out)), "jsonl"),
        "export_student": lambda as_: [
            each["divergence"] for each in mindsmirror.export_student(as_(run), as_(next(out)), "safetensors")
        ],
        "export_lm_eval": lambda as_: mindsmirror.export_lm_eval(as_(run), as_(next(out))),
        "import_annotations": lambda as_: mindsmirror.import_annotations(
            "jsonl", as_("said.jsonl"), as_("words.jsonl")
        ),
        "load": lambda as_: mindsmirror.load(as_(run), "labels").ask(question),
        "load_task": lambda as_: mindsmirror.load_task(as_("words.jsonl"), data_dir=as_(".")).splits,
        "make_recipe": lambda as_: mindsmirror.make_recipe(
            material.document(copied.run / "recipe.json"), as_("it"), as_(".")
        ),
        "open_run": lambda as_: list(mindsmirror.open_run(as_(run)).predictions()),
        "read_arm": lambda as_: mindsmirror.read_arm({"name": "a", "method": "minds_mirror"}),
        "read_recipe": lambda as_: mindsmirror.read_recipe(as_("tiny.toml"), "seed=3").seed,
        "run": lambda as_: mindsmirror.run(as_("tiny.toml"), as_("runs")).arms,
        "Pipeline": lambda as_: [
            mindsmirror.Pipeline(as_("tiny.toml"), as_("runs")).run.folder,
            list(mindsmirror.Pipeline.of(as_(run)).annotations()),
        ],
    }
    functions = {name for name in mindsmirror.__all__ if inspect.isfunction(getattr(mindsmirror, name))}
    assert set(calls) == functions | {"Pipeline"}
    before = material.document(copied.run / "report.json")["arms"]
    for name, call in calls.items():
        assert call(str) == call(Path), name
    assert material.document(copied.run / "report.json")["arms"] == before
    for name in functions:
        parameters = inspect.signature(getattr(mindsmirror, name)).parameters.values()
        assert all(p.annotation != "Path" and p.annotation is not Path for p in parameters), name


def test_a_name_that_there_is_not_is_said(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished.folder)
    run = str(finished.run)
    with pytest.raises(UnknownNameError, match="no mode is called 'thnk'"):
        mindsmirror.ask(run, "Where?", mode="thnk")
    with pytest.raises(UnknownNameError, match="no mode is called 'thnk'"):
        mindsmirror.evaluate_elsewhere(run, modes=["think", "thnk"])
    for split in ("tset", "count"):
        with pytest.raises(UnknownNameError, match=f"no split is called '{split}'"):
            mindsmirror.evaluate_elsewhere(run, split=split)


def test_what_the_student_wrote_is_there_where_no_answer_is(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished.folder)
    monkeypatch.setattr(Task, "read", lambda *_: None)
    question = "Ann has 5 pens and Bo has 60 pens. How many pens has Ann?"
    for mode in ("predict", "think", "vote", "mirror"):
        reply = mindsmirror.ask(finished.run, question, mode=mode)
        assert reply.answer is None and reply.text.strip() and reply.tokens > 0


def test_ask_gives_one_answer_with_what_stands_behind_it(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished.folder)
    question = "Ann has 5 pens and Bo has 60 pens. How many pens has Ann?"
    for mode in (None, "mirror", "vote", "think", "predict"):
        reply = mindsmirror.ask(finished.run, question, {}, mode=mode)
        assert reply.arm == "mirror" and reply.mode == (mode or "think")
        assert reply.tokens > 0
        assert reply.text and (mode == "predict" or reply.rationale in reply.text)
        if reply.p_correct is not None:
            assert reply.verdict in ("correct", "wrong", "uncertain") and 0 <= reply.p_correct <= 1
    thoughts = [mindsmirror.ask(finished.run, f"{question} {n}", {}, mode="think") for n in range(5)]
    assert any(thought.rationale for thought in thoughts)
    assert all((thought.p_correct is not None) == bool(thought.rationale) for thought in thoughts)
    assert thoughts[0] == mindsmirror.ask(finished.run, f"{question} 0", {}, mode="think")
    direct = mindsmirror.ask(finished.run, question, {}, arm="labels")
    assert (direct.arm, direct.mode, direct.verdict) == ("labels", "predict", None)
    with pytest.raises(UnknownNameError, match="no arm is called 'miror'"):
        mindsmirror.ask(finished.run, question, {}, arm="miror")
    with pytest.raises(RecipeError, match="was not taught to think; it can predict"):
        mindsmirror.ask(finished.run, question, {}, arm="labels", mode="think")
    with pytest.raises(DataError, match="is neither a run nor a student"):
        mindsmirror.ask(finished.folder, question, {})


def test_ask_from_the_command_line_says_the_same(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished.folder)
    choices = {"a": "bank", "b": "river"}
    expected = mindsmirror.ask(finished.run, "Where is money?", choices, mode="think")
    given = ("--choice", "a=bank", "--choice", "b=river", "--mode", "think")
    ended = command("ask", "tiny", "Where is money?", *given, "--json", cwd=finished.folder)
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    ours, theirs = said.pop("p_correct"), expected.p_correct
    assert ours == (None if theirs is None else pytest.approx(theirs, rel=1e-5))
    assert said == expected.model_dump(mode="json", exclude={"p_correct"})
    plain = command("ask", "tiny", "Where is money?", *given, cwd=finished.folder)
    assert plain.out.startswith("answer: ")
    assert expected.rationale in plain.out and plain.out.count(expected.rationale) == 1
    assert (f"own verdict: {expected.verdict}" in plain.out) == (theirs is not None)


def test_other_questions_than_those_it_was_trained_for(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished.folder)
    rows = [{"question": f"What is {n} + {n}?", "answer": 2 * n} for n in range(60)]
    other = material.write_rows(tmp_path / "other.jsonl.gz", rows)
    before = material.state(finished.folder)
    results = mindsmirror.evaluate_elsewhere(finished.run, str(other), split="train", limit=4)
    assert {(arm.name, arm.mode) for arm in results} == {pair for pair in MODES if pair[0] != "untrained"}
    for arm in results:
        assert arm.n == 4 and arm.accuracy is not None and arm.ci95 is not None
    valid = mindsmirror.evaluate_elsewhere(finished.run, split="valid", modes=["think"])
    assert [(arm.name, arm.mode, arm.n) for arm in valid] == [("mirror", "think", 2)]
    ended = command("evaluate", "tiny", "--split", "valid", "--mode", "think", "--json", cwd=finished.folder)
    assert json.loads(ended.out)[0]["arms"] == [arm.model_dump(mode="json") for arm in valid]
    assert material.state(finished.folder) == before
    with pytest.raises(DataError, match="has no questions"):
        mindsmirror.evaluate_elsewhere(
            finished.run, str(material.write_rows(tmp_path / "no.jsonl", rows_without_valid())), split="valid"
        )


def test_questions_of_another_file_that_were_trained_on_are_left_out(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(finished.run)
    train = run.task(run.recipe).splits.train
    rows = [{"question": each.text.upper(), "answer": each.gold, "split": "test"} for each in train]
    rows.append({"question": "What is 3 + 4?", "answer": "7", "split": "test"})
    rows += [{"question": f"What is {n} + 1?", "answer": str(n + 1), "split": "train"} for n in range(20, 24)]
    other = material.write_rows(tmp_path / "mixed.jsonl", rows)
    results = mindsmirror.evaluate_elsewhere(finished.run, str(other), modes=["predict"])
    assert {arm.n for arm in results} == {1}
    assert f"left out: {len(train)} questions of {len(train) + 1}" in capsys.readouterr().err


def test_the_runs_own_questions_from_another_folder(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = mindsmirror.evaluate_elsewhere(finished.run, modes=["predict"])
    found = mindsmirror.evaluate_elsewhere(finished.run, data_dir=finished.folder, modes=["predict"])
    assert [(arm.name, arm.n) for arm in found] == [("labels", material.TEST), ("mirror", material.TEST)]
    assert kept == found
    ended = command(
        "evaluate", finished.run, "--data-dir", finished.folder, "--mode", "predict", "--json", cwd=tmp_path
    )
    assert json.loads(ended.out)[0]["arms"] == [arm.model_dump(mode="json") for arm in found]


def rows_without_valid() -> list[dict[str, object]]:
    return [material.word_problem(n, "test" if n % 2 else "train") for n in range(6)]


def test_an_evaluation_elsewhere_equals_the_runs_own_on_its_own_questions(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished.folder)
    own = material.document(finished.run / "report.json")["arms"]
    again = mindsmirror.evaluate_elsewhere(finished.run)
    said = {(arm["name"], arm["mode"]): (arm["accuracy"], arm["tokens_per_question"], arm["n"]) for arm in own}
    for arm in again:
        assert (arm.accuracy, arm.tokens_per_question, arm.n) == said[arm.name, arm.mode]
