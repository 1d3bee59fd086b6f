"""What of `[training]` is refused before anything is paid for, and what makes an arm be trained again."""

from pathlib import Path
from typing import Any

import pytest
from end_to_end import material

from mindsmirror.errors import MissingExtraError, RecipeError
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import make_recipe
from mindsmirror.runs.training import ArmTraining, Once, train_once
from mindsmirror.training import config


def pipeline(folder: Path, **training: Any) -> Pipeline:
    data = material.write_rows(folder / "words.jsonl", material.word_problems())
    valid = {"valid": training.pop("valid")} if "valid" in training else {}
    document = {
        "name": "arms",
        "task": {"name": str(data), **valid},
        "teacher": [{"model": "teacher", "engine": "scripted"}],
        "student": {"model": "smollm2-135m-instruct"},
        "training": training,
        "arm": [{"name": "labels", "method": "standard"}],
    }
    return Pipeline(make_recipe(document), folder / "runs")


def test_an_early_end_needs_validation(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"training\.early_stopping: it needs validation questions.*task\.valid"):
        pipeline(tmp_path, valid=0, early_stopping=1).check()
    pipeline(tmp_path, early_stopping=1).check()
    pipeline(tmp_path, valid=0, early_stopping=1).check(trains=False)


def test_a_missing_tracker_is_found_before_the_teacher_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="mlflow"):
        pipeline(tmp_path, trackers=["mlflow"]).begin()
    assert not (tmp_path / "runs").exists()


def test_who_watches_or_is_compared_does_not_train_an_arm_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def inputs(against: tuple[str, ...] = (), **training: Any) -> Any:
        made = pipeline(tmp_path, **training)
        seen: list[Any] = []
        monkeypatch.setattr(made.run, "step", lambda name, given, action, kind: seen.append(given))
        own = made.recipe.arm[0].model_copy(update={"against": against})
        arm = ArmTraining(made.run, made.recipe, made.task, own, (), "hash", {})
        train_once(arm, Once("arms/labels", "labels", made.recipe.training.budget))
        return seen[0]

    assert inputs(trackers=["wandb"]) == inputs()
    assert inputs(("mirror",)) == inputs()
    assert inputs(early_stopping=1) != inputs()
    assert inputs(budget={"flops": 1e12}) != inputs(budget={"target_tokens": 10**6})
