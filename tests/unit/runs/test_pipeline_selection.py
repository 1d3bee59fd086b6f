"""An arm that a selection leaves with nothing to learn is found out before any arm is trained."""

from pathlib import Path

import pytest
from end_to_end import material

from mindsmirror.errors import AnnotationError
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import make_recipe

ARMS = [
    {"name": "labels", "method": "standard", "labels": "gold"},
    {"name": "chosen", "method": "step_by_step", "labels": "gold", "select": "right"},
]


def test_nothing_is_trained_if_one_arm_is_left_with_nothing(tmp_path: Path) -> None:
    data = material.write_rows(
        tmp_path / "words.jsonl", [row | {"answer": 10**6 + row["answer"]} for row in material.word_problems()]
    )
    recipe = make_recipe(
        {
            "name": "wrong",
            "task": {"name": str(data)},
            "teacher": [{"model": "teacher", "engine": "scripted"}],
            "student": {"model": "smollm2-135m-instruct"},
            "arm": ARMS,
        }
    )
    pipeline = Pipeline(recipe, tmp_path / "runs")
    pipeline.annotate()
    with pytest.raises(AnnotationError, match=r"arm 'chosen'.*'thinking' \(.*not right: \d+.*select = \"all\""):
        pipeline.distill()
    assert not (pipeline.run.folder / "arms").exists()
