"""`examples/minimal.py` with the scripted teacher and a tiny student; here its judge is an adapter, and is exported."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from end_to_end import material

import mindsmirror
from docs import ROOT

ARMS = ("standard", "mirror")


@pytest.fixture(scope="module")
def example(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The example's names, with what takes long or has to be fetched made small, and a folder for its runs."""
    folder = tmp_path_factory.mktemp("example")
    found = runpy.run_path(str(ROOT / "examples" / "minimal.py"))
    recipe = found["RECIPE"]
    assert [arm["name"] for arm in recipe["arm"]] == list(ARMS)
    recipe["task"] = {"name": str(material.write_rows(folder / "words.jsonl", material.word_problems()))}
    recipe["teacher"] = [{"model": "teacher", "engine": "scripted"}]
    recipe["student"] = {"model": str(llama), "lora_rank": 4}
    recipe["training"] = {"learning_rate": 1e-3, "budget": {"steps": 13}, "batch_tokens": 512, "precision": "fp32"}
    recipe["evaluation"] = {"samples": 2, "max_tokens": 60}
    recipe["arm"][1] |= {"schedule": "adapter", "judge_passes": 4}
    return {**found, "runs": folder / "runs"}


@pytest.mark.timeout(900)
def test_the_example_runs_and_its_student_is_exported_with_its_judge(
    example: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example["main"](str(example["runs"]))
    said = capsys.readouterr().out
    shares = re.findall(r"^(\w+) \((\w+)\): \d+% of 6 questions, 95 % interval \(", said, re.MULTILINE)
    assert {(name, mode) for name, mode in shares if name in ARMS} == {
        ("standard", "predict"),
        *(("mirror", mode) for mode in material.MODES["mirror"]),
    }
    assert f"{material.TRAIN + material.VALID} questions annotated" in said
    assert 'probability of "correct": 0.' in said
    run, out = example["runs"] / "minimal", tmp_path / "out"
    (found,) = mindsmirror.export_student(run, out, "safetensors", weights="fp32")
    judge: Any = found["judge"]
    assert judge["rationales"] > 0 and judge["largest_difference"] < 1e-4
    assert found["without_judge"] is None
    question = mindsmirror.open_run(run).predictions("mirror", "think")[0].question
    at_home, away = (mindsmirror.load(folder).ask(question, mode="think") for folder in (run, out))
    assert away.rationale == at_home.rationale
    assert away.verdict == at_home.verdict and away.p_correct == pytest.approx(at_home.p_correct, abs=1e-4)
