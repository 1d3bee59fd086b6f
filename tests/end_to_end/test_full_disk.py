"""A disk that is full, by `ulimit -f`: one clear error, and afterwards the same result as without it."""

import shutil
from pathlib import Path

import pytest
from end_to_end import material
from end_to_end.conftest import Finished
from end_to_end.console import mindsmirror
from end_to_end.refusal import LOG, check

from mindsmirror import errors


def test_a_disk_that_is_full_from_the_start(workplace: Path) -> None:
    check(mindsmirror("run", "tiny.toml", cwd=workplace, file_limit=500), errors.StorageError, "runs/tiny")
    assert not (workplace / "runs/tiny/recipe.json").exists()


def test_a_disk_that_fills_while_the_teacher_writes(workplace: Path, finished: Finished) -> None:
    """What was stored is kept, and only the rest is asked for afterwards."""
    ended = mindsmirror("annotate", "tiny.toml", cwd=workplace, file_limit=150_000, environment=LOG)
    check(ended, errors.StorageError, "store.sqlite", "safe")
    kept = material.stored(workplace / "runs" / "store.sqlite")
    whole = material.stored(finished.folder / "runs" / "store.sqlite")
    assert 0 < len(kept) < len(whole)
    asked = len(material.served(workplace / "log"))
    again = mindsmirror("annotate", "tiny.toml", cwd=workplace, environment=LOG)
    assert again.code == 0, again.err
    assert set(material.served(workplace / "log")[asked:]) == whole.keys() - kept.keys()
    annotations = "annotation/annotations.jsonl"
    assert (workplace / "runs/tiny" / annotations).read_text() == (finished.run / annotations).read_text()


def test_a_disk_that_fills_while_a_model_is_saved(workplace: Path, finished: Finished, llama: Path) -> None:
    """Weights and optimizer are written by two libraries; afterwards the same weights come out."""
    assert mindsmirror("annotate", "tiny.toml", cwd=workplace).code == 0
    model = (llama / "model.safetensors").stat().st_size
    for limit in (model - 1, model + 20_000):
        ended = mindsmirror("distill", "tiny.toml", cwd=workplace, file_limit=limit)
        check(ended, errors.StorageError, "runs/tiny/arms/labels", "safe")
    again = mindsmirror("distill", "tiny.toml", cwd=workplace)
    assert again.code == 0, again.err
    assert material.weights(workplace / "runs/tiny") == material.weights(finished.run)


@pytest.mark.parametrize("verb", ["evaluate", "report"])
def test_a_disk_that_fills_while_results_are_written(verb: str, copied: Finished) -> None:
    if verb == "evaluate":
        shutil.rmtree(copied.run / "predictions" / "mirror")
    before = material.state(copied.run)
    check(mindsmirror(verb, "tiny", cwd=copied.folder, file_limit=1000), errors.StorageError, "runs/tiny", "safe")
    after = material.state(copied.run)
    assert {name: found for name, found in after.items() if name in before} == before
    assert mindsmirror(verb, "tiny", cwd=copied.folder).code == 0
