"""Reading recipes: what stands in them arrives, and what is wrong is named by file and key."""

import copy
import json
import re
from typing import Any

import pytest

from mindsmirror.errors import AnnotationError, RecipeError, UnknownNameError
from mindsmirror.methods.minds_mirror import MindsMirrorSettings
from mindsmirror.records import CalibrationTarget
from mindsmirror.runs.recipe import make_recipe

PLAIN: dict[str, Any] = {
    "name": "plain",
    "task": {"name": "svamp"},
    "teacher": [{"model": "teacher", "engine": "scripted"}],
    "student": {"model": "smollm2-135m-instruct"},
    "arm": [{"name": "labels", "method": "standard"}, {"name": "mirror", "method": "minds_mirror"}],
}


def with_change(path: str, value: Any) -> dict[str, Any]:
    """PLAIN with one key set, by its path; None removes it."""
    document = copy.deepcopy(PLAIN)
    table: Any = document
    *parents, last = path.split(".")
    for part in parents:
        table = table[int(part)] if isinstance(table, list) else table.setdefault(part, {})
    if value is None:
        del table[last]
    else:
        table[last] = value
    return document


def refusal(document: dict[str, Any]) -> str:
    with pytest.raises(RecipeError) as caught:
        make_recipe(document, "mine.toml")
    message = str(caught.value)
    assert message.startswith("mine.toml: ") and "\n" not in message
    assert "Value error" not in message
    return message


def test_a_plain_recipe_has_defaults() -> None:
    recipe = make_recipe(PLAIN)
    assert (recipe.seed, recipe.annotation.rationales, recipe.judge.strategy) == (0, 5, "consensus")
    assert recipe.training.budget.epochs == 3
    assert recipe.evaluation.modes == ("predict", "think", "vote", "mirror")
    assert recipe.arm[1].model_dump()["alpha"] == 0.5 and "alpha" not in recipe.arm[0].model_dump()


def test_what_is_written_down_reads_back_as_the_same_recipe() -> None:
    recipe = make_recipe(with_change("training.budget", {"tokens": 1000}))
    again = make_recipe(json.loads(json.dumps(recipe.model_dump(mode="json", exclude_none=True))))
    assert again == recipe and again.hash == recipe.hash


@pytest.mark.parametrize(
    ("path", "value"), [("seed", 1), ("arm.1.alpha", 0.4), ("task.train", 7), ("teacher.0.parameters.failed", 0.1)]
)
def test_the_hash_covers_every_table(path: str, value: Any) -> None:
    assert make_recipe(with_change(path, value)).hash != make_recipe(PLAIN).hash


@pytest.mark.parametrize(
    ("misspelt", "nearest"),
    [
        ("sed", "seed"),
        ("trainin", "training"),
        ("task.trian", "train"),
        ("training.learning_rat", "learning_rate"),
        ("training.budget.stpes", "steps"),
        ("teacher.0.enigne", "engine"),
        ("teacher.0.price.inptu", "input"),
        ("teacher.0.parameters.capactiy", "capacity"),
        ("arm.1.aplha", "alpha"),
        ("judge.stratgy", "strategy"),
        ("evaluation.mode", "modes"),
        ("annotation.rationale", "rationales"),
        ("student.adaptor", "adapter"),
    ],
)
def test_a_misspelt_key_is_named_and_the_nearest_suggested(misspelt: str, nearest: str) -> None:
    message = refusal(with_change(misspelt, {"x": 1} if misspelt == "trainin" else 1))
    assert misspelt.rpartition(".")[2] in message
    assert f"Did you mean {nearest!r}?" in message


@pytest.mark.parametrize(
    ("path", "misspelt"),
    [("task.name", "nmae"), ("student.model", "modle"), ("teacher.0.model", "modell"), ("arm.1.method", "metod")],
)
def test_a_required_key_that_is_misspelt_is_suggested_and_not_only_missed(path: str, misspelt: str) -> None:
    where, _, key = path.rpartition(".")
    document = with_change(path, None)
    table: Any = document
    for part in where.split("."):
        table = table[int(part)] if isinstance(table, list) else table[part]
    table[misspelt] = "something"
    message = refusal(document)
    assert f"{where}.{misspelt}" in message and f"Did you mean {key!r}?" in message


def test_a_misspelt_table_is_suggested_too() -> None:
    document = {key: value for key, value in PLAIN.items() if key != "teacher"} | {"techer": PLAIN["teacher"]}
    assert "Did you mean 'teacher'?" in refusal(document)


def test_a_key_like_nothing_lists_what_is_known() -> None:
    message = refusal(with_change("judge.zzz", 1))
    assert "Did you mean" not in message
    for key in ("strategy", "teacher", "temperature", "max_tokens"):
        assert key in message


@pytest.mark.parametrize("path", ["name", "task", "task.name", "teacher", "student", "student.model", "arm"])
def test_what_is_missing_is_named(path: str) -> None:
    message = refusal(with_change(path, None))
    assert ("there is no [[teacher]]" if path == "teacher" else f"{path!r} is missing") in message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "a name"),
        ("name", "../up"),
        ("seed", -1),
        ("task", "svamp"),
        ("task.train", 0),
        ("task.train", "many"),
        ("teacher", []),
        ("teacher", {"model": "teacher"}),
        ("teacher.0.price.input", -1),
        ("annotation.temperature", -0.1),
        ("annotation.rationales", 2.5),
        ("judge.strategy", "oracle"),
        ("training.learning_rate", "fast"),
        ("training.budget", {"steps": 3, "tokens": 3}),
        ("training.budget", {}),
        ("training.warmup", 1.0),
        ("arm", []),
        ("arm.1.alpha", 1.5),
        ("arm.1.select", "best"),
        ("arm.1.distinct", 0),
        ("arm.0.name", "a/b"),
        ("evaluation.modes", ["thnk"]),
        ("evaluation.modes", []),
        ("evaluation.samples", 1),
    ],
)
def test_a_wrong_value_is_named_by_its_key(path: str, value: Any) -> None:
    assert path in refusal(with_change(path, value))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("name", "my run", r"'my run' does not, 'my-run' would"),
        ("name", "../up", r"letters \(a to z\), digits, '-', '_' and '\.': '\.\./up' does not, 'up' would"),
        ("name", "", "'' does not, 'mine-2' would"),
        ("arm.0.name", "a/b", "'a/b' does not, 'a-b' would"),
        ("task", "svamp", "task: must be a table of keys and values, not 'svamp'"),
        ("teacher", {"model": "teacher"}, r"teacher: must be a list: write .* in double brackets, \[\[teacher\]\]"),
        ("task.train", "many", "task.train: must be a whole number, not 'many'"),
        ("annotation.top_p", 2, "annotation.top_p: must be at most 1, not 2"),
        ("task.data_dir", 3, "task.data_dir: must be a path in quotes, not 3"),
        ("arm", [], "arm: must not be empty"),
        ("evaluation.untrained", "perhaps", "evaluation.untrained: must be true or false, not 'perhaps'"),
        ("teacher.0.parameters.capacity", "x", "parameters.capacity: must be a whole number, not 'x'"),
        ("arm.1.method", ["x"], "arm.1.method: must be a text in quotes, not a list"),
        ("arm.1.name", "\ud800", r"arm.1.name: must be a text of whole characters"),
        ("name", "x" * 101, "name: must have at most 100 characters, not 'xxx"),
        ("seed", "x" * 200, r"seed: must be a whole number, not 'x{50,60}…$"),
        ("seed", "9" * 5000, "seed: the text has 5,000 bytes; a name or path has at most 4,096"),
        ("teacher.0.parameters.capacity", "9" * 5000, "must be a whole number with fewer digits, not '9999"),
    ],
)
def test_a_wrong_value_is_told_in_words(path: str, value: Any, words: str) -> None:
    assert re.search(words, refusal(with_change(path, value)))


def test_a_key_in_place_of_its_variable_is_not_shown() -> None:
    message = refusal(with_change("teacher.0.api_key_env", "sk-proj-1234"))
    assert "teacher.0.api_key_env: must be the name of an environment variable" in message and "1234" not in message


def test_arms_must_have_names_of_their_own() -> None:
    assert "arm: every arm needs a name of its own" in refusal(with_change("arm.1.name", "labels"))
    assert "'untrained'" in refusal(with_change("arm.1.name", "untrained"))


def test_an_arm_is_held_against_other_arms_of_its_recipe() -> None:
    assert make_recipe(with_change("arm.1.against", ["labels"])).arm[1].against == ("labels",)
    assert "arm.1.against: 'label' is no other arm; the others are labels" in refusal(
        with_change("arm.1.against", ["label"])
    )
    assert "arm.1.against: 'mirror' is no other arm" in refusal(with_change("arm.1.against", ["mirror"]))


def test_the_judge_must_be_one_of_the_teachers() -> None:
    assert "judge.teacher: there is no teacher 1" in refusal(with_change("judge.teacher", 1))


def test_informed_verdicts_need_gold_labels_in_every_arm() -> None:
    document = with_change("judge.strategy", "informed")
    document["arm"][0]["labels"] = "gold"
    document["arm"][1]["labels"] = "teacher"
    assert 'every arm needs labels = "gold"' in refusal(document)
    document["arm"][1]["labels"] = "gold"
    assert make_recipe(document).judge.strategy == "informed"


@pytest.mark.parametrize(("labels", "judge"), [("gold", "informed"), ("teacher", "consensus")])
def test_where_every_arm_learns_from_gold_it_judges_unless_another_is_named(labels: str, judge: str) -> None:
    document = with_change("arm.0.labels", "gold")
    document["arm"][1]["labels"] = labels
    document["judge"] = {"max_tokens": 64}
    found = make_recipe(document).judge
    assert (found.strategy, found.max_tokens) == (judge, 64)
    del document["judge"]
    assert make_recipe(document).judge.strategy == judge
    document["judge"] = {"strategy": "consensus"}
    assert make_recipe(document).judge.strategy == "consensus"


def test_likelihoods_are_calibrated_against_what_every_arm_may_know() -> None:
    document = with_change("judge.strategy", "likelihood")
    assert make_recipe(document).judge.calibration is CalibrationTarget.CONSENSUS
    document["judge"]["calibration"] = "gold"
    document["arm"][1]["labels"] = "teacher"
    assert "judge.calibration" in refusal(document) and 'calibration = "consensus"' in refusal(document)
    for arm in document["arm"]:
        arm["labels"] = "gold"
    assert make_recipe(document).judge.calibration is CalibrationTarget.GOLD
    document["judge"]["strategy"] = "consensus"
    assert "judge: calibration: the strategy consensus has nothing to calibrate" in refusal(document)


def test_a_likelihood_is_asked_for_once_and_needs_a_consensus_or_gold() -> None:
    document = with_change("judge.strategy", "likelihood")
    document["annotation"] = {"rationales": 2, "self_evaluations": 1}
    assert "annotation.rationales must be at least 3" in refusal(document)
    document["annotation"] |= {"rationales": 3, "self_evaluations": 2}
    assert "annotation.self_evaluations: a likelihood is the same each time" in refusal(document)


def test_selecting_what_is_right_needs_gold_labels_in_that_arm() -> None:
    document = with_change("arm.1.select", "right")
    document["arm"][1]["labels"] = "teacher"
    message = refusal(document)
    assert "arm.1" in message and 'labels = "gold"' in message and '"majority"' in message
    document["arm"][1]["labels"] = "gold"
    assert make_recipe(document).arm[1].model_dump()["select"] == "right"


def test_a_selection_that_selects_nothing_is_refused() -> None:
    message = refusal(with_change("arm.0.select", "majority"))
    assert (
        "arm.0.select: method 'standard' (arm 'labels') does not read it; it is a key of step_by_step, multi" in message
    )


def test_a_file_of_annotations_stands_in_place_of_a_teacher() -> None:
    document = with_change("annotation.file", "said.jsonl")
    assert "annotation.file" in refusal(document) and "[[teacher]]" in refusal(document)
    del document["teacher"]
    recipe = make_recipe(document)
    assert recipe.teacher == () and str(recipe.annotation.file) == "said.jsonl"
    assert make_recipe(recipe.model_dump(mode="json", exclude_none=True)) == recipe


@pytest.mark.parametrize("key", ["rationales", "self_evaluations"])
def test_a_method_that_needs_more_than_the_recipe_plans(key: str) -> None:
    with pytest.raises(AnnotationError, match=f"'minds_mirror' needs \\[annotation\\] {key}"):
        make_recipe(with_change(f"annotation.{key}", 1 if key == "rationales" else 0))


def test_an_unknown_method_lists_those_that_exist() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'minds_mirror'.*multi_cot.*standard.*step_by_step"):
        make_recipe(with_change("arm.1.method", "mind_mirror"))


def test_published_form_sets_three_keys_and_yields_to_the_recipe() -> None:
    arm = make_recipe(with_change("arm.1.form", "published")).arm[1]
    assert isinstance(arm, MindsMirrorSettings)
    assert (arm.tags, arm.rationale_target, arm.judge_sees_question) == ("published", "published", False)
    document = with_change("arm.1.form", "published")
    document["arm"][1]["rationale_target"] = "with_answer"
    assert make_recipe(document).arm[1].model_dump()["rationale_target"] == "with_answer"


def test_a_cap_in_usd_needs_the_prices_of_those_who_are_asked() -> None:
    message = refusal(with_change("annotation.budget", {"usd": 2.0}))
    assert "annotation.budget.usd" in message and "teacher.0 (teacher) has none" in message and "price = {" in message
    priced = with_change("annotation.budget", {"usd": 2.0, "tokens": 500_000, "minutes": 30})
    priced["teacher"][0]["price"] = {"input": 0.15, "output": 0.6}
    assert make_recipe(priced).annotation.budget.usd == 2.0
    priced["teacher"].append({"model": "echo", "engine": "scripted"})
    make_recipe(priced)
    priced["judge"] = {"teacher": 1}
    assert "teacher.1 (echo) has none" in refusal(priced)
    priced["annotation"]["self_evaluations"] = 0
    priced["arm"] = [{"name": "labels", "method": "standard"}]
    make_recipe(priced)


@pytest.mark.parametrize("budget", [{"usd": -1}, {"tokens": 0.5}, {"eur": 2}, {"minutes": "long"}])
def test_a_budget_that_is_none_is_refused(budget: dict[str, Any]) -> None:
    assert "annotation.budget" in refusal(with_change("annotation.budget", budget))


@pytest.mark.parametrize("store", [":memory:", "", "file:x.sqlite?mode=memory", "FILE:/tmp/x"])
def test_a_store_that_would_not_stay_is_refused(store: str) -> None:
    message = refusal(with_change("annotation.store", store))
    assert "annotation.store: a store" in message and "such as runs/store.sqlite" in message
    assert str(make_recipe(with_change("annotation.store", "runs/x.sqlite")).annotation.store) == "runs/x.sqlite"
