"""Duals through the command line: estimated, asked for, reported, learnt, shown and reused."""

import json
from pathlib import Path

import pytest
from end_to_end import material
from end_to_end.console import mindsmirror

RECIPE = """
name = "duals"

[task]
name = "words.jsonl"

[[teacher]]
model = "teacher"
engine = "scripted"
price = {{ input = 1.0, output = 10.0 }}

[annotation]
rationales = 3
self_evaluations = 0
rectified = 1
corrupted = 1
store = "store.sqlite"

[student]
model = "{student}"

[training]
budget = {{ steps = 10 }}
batch_tokens = 512
precision = "fp32"

[[arm]]
name = "edit"
method = "edit"
labels = "gold"

[evaluation]
modes = ["predict", "think"]
max_tokens = 20
untrained = false
"""


@pytest.fixture
def place(tmp_path: Path, llama: Path) -> Path:
    material.write_rows(tmp_path / "words.jsonl", material.word_problems())
    (tmp_path / "duals.toml").write_text(RECIPE.format(student=llama), encoding="utf-8")
    return tmp_path


def stored(place: Path) -> dict[str, int]:
    """Samples in the store by what they were asked for."""
    purposes = [purpose for purpose, _ in material.stored(place / "store.sqlite").values()]
    return {purpose: purposes.count(purpose) for purpose in sorted(set(purposes))}


def test_from_estimate_to_report(place: Path) -> None:
    ended = mindsmirror("run", "duals.toml", "--dry-run", cwd=place)
    assert ended.code == 0, ended.err
    assert "10 x 3 rationales x 0 self-evaluations and 1 duals each: at most 60 samples" in ended.out
    ended = mindsmirror("run", "duals.toml", "--json", cwd=place)
    assert ended.code == 0, ended.err
    report = json.loads(ended.out)
    counts = stored(place)
    assert set(counts) == {"rationale", "rectified", "corrupted"} and sum(counts.values()) <= 60
    yields = {step["step"]: step for step in report["annotation"]["yields"]}
    assert list(yields) == ["rationale", "rectified", "corrupted"]
    right = yields["corrupted"]["asked"]
    assert right > 0 and right + yields["rectified"]["asked"] == yields["rationale"]["ok"] == 30
    costs = {step["step"]: step for step in report["annotation"]["costs"]}
    assert costs["rationale"]["usd"] > costs["rectified"]["usd"] > 0
    assert sum(step["usd"] for step in costs.values()) == pytest.approx(report["annotation"]["usd"])
    [arm] = report["arms"]
    assert (arm["name"], arm["mode"]) == ("edit", "think"), "it learns no label by itself, so it cannot predict"
    stages = material.document(place / "runs/duals/arms/edit/done.json")["result"]["stages"]
    assert [(stage["stage"], stage["steps"]) for stage in stages] == [("thinking", 6), ("key_steps", 4)]
    assert {"explain", "unlearn_explain"} == set(stages[1]["task_losses"])
    assert mindsmirror("browse", "runs/duals", cwd=place).code == 0
    assert '"kind":"corrupted"' in (place / "runs/duals/annotations.html").read_text(encoding="utf-8")


def test_what_it_needs_is_said_before_anything_is_asked(place: Path) -> None:
    ended = mindsmirror("run", "duals.toml", "--set", "annotation.corrupted=0", cwd=place)
    assert ended.code == 19 and "method 'edit' needs [annotation] corrupted >= 1, the recipe has 0" in ended.err
    assert not (place / "store.sqlite").exists() and not (place / "runs").exists()


def test_annotations_of_another_run_bring_their_duals(place: Path) -> None:
    assert mindsmirror("annotate", "duals.toml", cwd=place).code == 0
    text = (place / "duals.toml").read_text()
    before, _, after = text.partition("[[teacher]]")
    table = '[annotation]\nfile = "runs/duals/annotation/annotations.jsonl"\n\n'
    again = before.replace('"duals"', '"again"') + table + "[student]" + after.partition("[student]")[2]
    (place / "again.toml").write_text(again, encoding="utf-8")
    file = place / "runs/duals/annotation/annotations.jsonl"
    said = file.read_text(encoding="utf-8")
    bare = [json.loads(line) for line in said.splitlines()]
    file.write_text("".join(json.dumps({**row, "duals": []}) + "\n" for row in bare), encoding="utf-8")
    ended = mindsmirror("annotate", "again.toml", cwd=place)
    assert ended.code == 19 and "needs [annotation] rectified >= 1, runs/duals" in ended.err
    file.write_text(said, encoding="utf-8")
    assert mindsmirror("annotate", "again.toml", cwd=place).code == 0
    ended = mindsmirror("distill", "again.toml", cwd=place)
    assert ended.code == 0, ended.err
    assert (place / "runs/again/annotation/annotations.jsonl").read_text(encoding="utf-8") == said
