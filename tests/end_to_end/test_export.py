"""`export RUN --to FORMAT`: a finished run's student, compared with the trained one, or a clear word why not."""

import json
from typing import Any

from end_to_end import material
from end_to_end.conftest import Finished
from end_to_end.console import mindsmirror
from huggingface_hub import ModelCard


def test_a_student_is_exported_into_its_run(copied: Finished) -> None:
    ended = mindsmirror("export", "tiny", "--to", "safetensors", "--weights", "fp32", "--json", cwd=copied.folder)
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    folder = copied.folder / said["out"]
    assert folder == copied.run / "exports" / "safetensors-fp32"
    (found,) = said["files"]
    assert found == material.document(folder / "fidelity.json")[0]
    assert found["questions"] == material.TEST + material.VALID
    assert found["same_texts"] == found["same_answers"] == 1
    assert found["right_before"] == found["right_after"]
    assert found["judge"]["rationales"] > 0
    assert found["judge"]["largest_difference"] < 1e-5
    assert (folder / "model.safetensors").exists()
    card: Any = ModelCard.load(folder / "README.md")
    results = card.data.to_dict()["model-index"][0]["results"][0]["metrics"]
    arms = material.document(copied.run / "report.json")["arms"]
    assert {m["name"]: m["value"] for m in results} == {
        f"accuracy ({arm['mode']})": round(arm["accuracy"], 4) for arm in arms if arm["name"] == "mirror"
    }


def test_what_llama_cpp_would_not_load_is_refused_in_a_line(copied: Finished) -> None:
    ended = mindsmirror("export", "tiny", "--to", "gguf", "--out", "files", cwd=copied.folder)
    assert ended.code == 13
    assert "has no merges" in ended.err
    assert not (copied.folder / "files").exists()


def test_options_of_students_are_refused_for_annotations(copied: Finished) -> None:
    ended = mindsmirror("export", "tiny", "--to", "jsonl", "--arm", "mirror", cwd=copied.folder)
    assert ended.code == 2
    assert "--arm and --weights are for students" in ended.err


def test_an_arm_that_there_is_not_is_said(copied: Finished) -> None:
    ended = mindsmirror("export", "tiny", "--to", "safetensors", "--arm", "mirrow", cwd=copied.folder)
    assert ended.code == 12
    assert "Did you mean 'mirror'" in ended.err


def test_an_export_is_pushed_into_a_folder(copied: Finished) -> None:
    before = mindsmirror("push", "tiny", "./there", cwd=copied.folder)
    assert before.code == 11
    assert "has no exports yet" in before.err
    mindsmirror("export", "tiny", "--to", "jsonl", cwd=copied.folder)
    ended = mindsmirror("push", "tiny", "./there", "--json", cwd=copied.folder)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out) == {
        "export": str(copied.run.relative_to(copied.folder) / "exports/jsonl"),
        "target": "there",
    }
    assert (copied.folder / "there" / "README.md").exists()
    mindsmirror("export", "tiny", "--to", "safetensors", "--questions", "2", cwd=copied.folder)
    several = mindsmirror("push", "tiny", "me/mine", cwd=copied.folder)
    assert several.code == 11
    assert "Name one with --export: jsonl, safetensors" in several.err
    unknown = mindsmirror("push", "tiny", "me/mine", "--export", "json", cwd=copied.folder)
    assert unknown.code == 12
    assert "Did you mean 'jsonl'" in unknown.err
