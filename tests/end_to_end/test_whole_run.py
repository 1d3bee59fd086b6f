"""A whole run: what it leaves, that it repeats nothing, and that a change redoes only what depends on it."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from end_to_end import material
from end_to_end.conftest import Finished
from end_to_end.console import Ended, mindsmirror
from end_to_end.material import MODES, TEST, TRAIN, VALID

ANNOTATION = {
    "examples",
    "rationales",
    "evaluations",
    "unparsed",
    "teacher_accuracy",
    "verdicts",
    "judge_balanced_accuracy",
    "tokens_in",
    "tokens_out",
    "seconds",
}


def again(run: Finished, *arguments: str) -> Ended:
    """The same command once more, with the keys of what the teacher is asked for in a log."""
    ended = mindsmirror("run", "tiny.toml", *arguments, cwd=run.folder, environment={"MINDSMIRROR_SCRIPTED_LOG": "log"})
    assert ended.code == 0, ended.err
    return ended


def report(run: Finished) -> dict[str, Any]:
    found: dict[str, Any] = material.document(run.run / "report.json")
    del found["created"]
    return found


def test_report_holds_what_is_promised(finished: Finished) -> None:
    found = report(finished)
    assert (found["task"], found["teacher"]) == ("words.jsonl", "teacher")
    assert found["student"].endswith("llama")
    annotation = found["annotation"]
    assert annotation.keys() >= ANNOTATION
    assert annotation["examples"] == TRAIN + VALID
    assert annotation["rationales"] == annotation["evaluations"] == 3 * (TRAIN + VALID)
    assert annotation["unparsed"] == 0
    assert 0.5 < annotation["teacher_accuracy"] < 1
    assert sum(annotation["verdicts"].values()) == annotation["evaluations"]
    assert annotation["judge_balanced_accuracy"] is not None
    assert annotation["tokens_in"] > annotation["tokens_out"] > 0
    judge = found["student_judge"]
    assert judge.keys() >= {"auroc", "balanced_accuracy", "n"}
    assert 0 < judge["n"] <= 2 * TEST and 0 < judge["agreement_n"] <= 3 * VALID
    assert found["mirror_vs_vote"]["n"] == TEST
    [sure] = [each for each in found["confidences"] if each["arm"] == "mirror"]
    ranked = sure["samples"]
    # The student is untrained chance, so what they are worth is open; that each ranks the same rationales is not.
    assert {"judge", "p_true", "agreement", "log_probability"} <= set(ranked)
    assert ranked["p_true"]["n"] == ranked["judge"]["n"] == judge["n"]


def test_every_arm_is_asked_every_test_question_in_every_mode_that_it_has(finished: Finished) -> None:
    arms = report(finished)["arms"]
    assert [(arm["name"], arm["mode"]) for arm in arms] == [
        (name, mode) for name, modes in MODES.items() for mode in modes
    ]
    for arm in arms:
        assert arm["n"] == TEST and arm["seed"] == 0
        low, high = arm["ci95"]
        assert low <= arm["accuracy"] <= high
    budgets = {arm["name"]: arm["training"] and arm["training"]["steps"] for arm in arms}
    assert budgets == {"untrained": None, "labels": 13, "mirror": 13}
    for name, modes in MODES.items():
        for mode in modes:
            rows = (finished.run / "predictions" / name / f"{mode}.jsonl").read_text().splitlines()
            assert [json.loads(row)["example"] for row in rows] == [f"w{n}" for n in range(TRAIN + VALID, 16)]


def test_json_is_one_document_on_stdout_and_the_report(finished: Finished) -> None:
    printed = json.loads(finished.ended.out)
    written = material.document(finished.run / "report.json")
    assert printed == written
    assert "6 test questions: with 3 right, the 95 % interval is 19 to 81 %. Add rows" in finished.ended.err
    assert "annotating" in finished.ended.err and "Traceback" not in finished.ended.err


def test_page_is_whole_and_needs_no_network(finished: Finished) -> None:
    page = (finished.run / "report.html").read_text(encoding="utf-8")
    opened: list[str] = []

    class Predictor(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            opened.append(tag)
            for name, value in attrs:
                assert name not in ("src", "srcset") or (value or "").startswith("data:")
                assert not (tag == "link" and name == "href")

    Predictor().feed(page)
    assert {"html", "body", "table", "svg"} <= set(opened) and "script" not in opened
    for name in MODES:
        assert name in page


WRITTEN_AGAIN = {"recipe.json", "manifest.json", "report.json", "report.html"}
"""Files of a run that has nothing left to do, besides the tables of its report."""


def test_run_again_asks_nothing_trains_nothing_and_reports_the_same(copied: Finished) -> None:
    before, said = material.state(copied.run), report(copied)
    again(copied)
    after = material.state(copied.run)
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert {name for name in changed if not name.startswith("tables/")} == WRITTEN_AGAIN
    assert before["recipe.json"][1] == after["recipe.json"][1]
    assert material.served(copied.folder / "log") == []
    assert report(copied) == said


def test_a_price_changes_nothing_but_what_it_cost(copied: Finished) -> None:
    before, said = material.state(copied.run), report(copied)["annotation"]
    again(copied, "--set", "teacher.0.price={ input = 3.0, output = 5.0 }")
    after, found = material.state(copied.run), report(copied)["annotation"]
    assert material.served(copied.folder / "log") == []
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert {name for name in changed if not name.startswith("tables/")} == WRITTEN_AGAIN
    assert said.pop("usd") is None
    assert found.pop("usd") == (found["tokens_in"] * 3 + found["tokens_out"] * 5) / 1e6
    for costs in (said, found):
        del costs["usd_per_question"]
        for step in costs["costs"]:
            assert (step.pop("usd") is None) == (step.pop("usd_per_usable") is None) == (costs is said)
    assert found == said


def test_another_alpha_retrains_that_arm_only(copied: Finished) -> None:
    before = material.state(copied.run)
    again(copied, "--set", "arm.1.alpha=0.9")
    after = material.state(copied.run)
    changed = {Path(name).parent.as_posix() for name in before | after if before.get(name) != after.get(name)}
    assert {name for name in changed if "labels" in name or "untrained" in name or "annotation" in name} == set()
    assert {"arms/mirror/model", "predictions/mirror"} <= changed
    assert material.served(copied.folder / "log") == []
    model = "arms/mirror/model/model.safetensors"
    assert before[model][1] != after[model][1]


def test_an_added_question_asks_only_for_itself(copied: Finished) -> None:
    added = material.word_problem(99, "train")
    with (copied.folder / "words.jsonl").open("a") as file:
        file.write(json.dumps(added) + "\n")
    before = material.stored(copied.folder / "runs" / "store.sqlite")
    again(copied, "--set", "training.budget.steps=2")
    keys = material.served(copied.folder / "log")
    new = material.stored(copied.folder / "runs" / "store.sqlite")
    assert len(keys) == len(set(keys)) and not set(keys) & before.keys()
    assert set(keys) == new.keys() - before.keys()
    # What is asked is the question and, below it, a reminder of the form.
    rationales = [text.split("\n\n")[0] for key in keys for purpose, text in [new[key]] if purpose == "rationale"]
    assert rationales == [added["question"]] * 3
    assert len(keys) <= 6
    assert report(copied)["annotation"]["examples"] == TRAIN + VALID + 1


def test_teachers_are_asked_about_as_many_validation_questions_as_the_recipe_says(copied: Finished) -> None:
    again(copied, "--set", "annotation.valid=1", "--set", "training.budget.steps=2")
    assert material.served(copied.folder / "log") == []
    found = report(copied)
    assert found["annotation"]["examples"] == TRAIN + 1
    assert found["student_judge"]["agreement_n"] == 3


def test_one_more_rationale_asks_only_for_the_fourth(copied: Finished) -> None:
    before = material.stored(copied.folder / "runs" / "store.sqlite")
    ended = mindsmirror(
        *("annotate", "tiny.toml", "--set", "annotation.rationales=4", "--json"),
        cwd=copied.folder,
        environment={"MINDSMIRROR_SCRIPTED_LOG": "log"},
    )
    assert ended.code == 0, ended.err
    keys = material.served(copied.folder / "log")
    new = material.stored(copied.folder / "runs" / "store.sqlite")
    assert not set(keys) & before.keys() and len(keys) == len(set(keys))
    assert [new[key][0] for key in keys].count("rationale") == TRAIN + VALID
    told = json.loads(ended.out)
    assert told["asked"] == len(keys) and 3 * (TRAIN + VALID) <= told["found"] <= len(before)


def test_annotating_what_is_done_says_what_was_found(copied: Finished) -> None:
    samples = len(material.stored(copied.folder / "runs" / "store.sqlite"))
    done = copied.run / "annotation" / "done.json"
    assert material.document(done)["result"]["asked"] == samples
    ended = mindsmirror("annotate", "tiny.toml", "--json", cwd=copied.folder)
    told = json.loads(ended.out)
    assert (ended.code, told["asked"], told["found"]) == (0, 0, samples)
    assert material.document(done)["result"]["asked"] == samples
    said = f"{TRAIN + VALID} questions, {samples} samples found in the store, none asked for"
    assert f"annotated before: {said}" in ended.err.splitlines() and "annotating: " not in ended.err
    ended = mindsmirror("annotate", "tiny.toml", cwd=copied.folder)
    annotated = f"{TRAIN + VALID} questions annotated, {samples} samples found in the store, 0 requested, 0 failed"
    assert ended.out.splitlines()[0] == annotated


def test_an_encoder_decoder_student_and_no_validation_questions(
    tmp_path: Path, tiny_folder: Callable[..., Path]
) -> None:
    folder = material.workplace(tmp_path, tiny_folder("t5"))
    ended = mindsmirror(
        *("run", "tiny.toml", "--set", "training.budget.steps=3", "--set", "task.valid=0", "--set", "seed=3", "--json"),
        cwd=folder,
    )
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert [(arm["name"], arm["mode"]) for arm in found["arms"]] == [
        (name, mode) for name, modes in MODES.items() for mode in modes
    ]
    assert {(arm["n"], arm["seed"]) for arm in found["arms"]} == {(TEST, 3)}
    assert found["annotation"]["examples"] == TRAIN
    assert found["student_judge"]["agreement_n"] == 0
    for arm in found["arms"]:
        assert arm["training"] is None or arm["training"]["valid_accuracy"] is None
    config = material.document(tmp_path / "runs/tiny/arms/mirror/model/config.json")
    assert config["model_type"] == "t5"


def test_a_verb_at_a_time_is_the_same_as_run(finished: Finished, workplace: Path) -> None:
    for command in (("annotate", "tiny.toml"), ("distill", "tiny.toml"), ("evaluate", "tiny"), ("report", "tiny")):
        ended = mindsmirror(*command, "--json", cwd=workplace)
        assert ended.code == 0, ended.err
        json.loads(ended.out)
    whole, parts = finished.run, workplace / "runs" / "tiny"
    assert material.weights(parts) == material.weights(whole)
    annotations = "annotation/annotations.jsonl"
    assert (parts / annotations).read_text() == (whole / annotations).read_text()
    for name, modes in MODES.items():
        for mode in modes:
            place = f"predictions/{name}/{mode}.jsonl"
            assert (parts / place).read_text() == (whole / place).read_text()
