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
