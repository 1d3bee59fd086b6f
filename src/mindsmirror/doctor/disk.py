"""Disk space for what a run writes: replies in the store, checkpoints and students, downloaded models."""

import json
import os
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from mindsmirror.doctor.case import Case
from mindsmirror.doctor.finding import Finding, failure, ok, warning
from mindsmirror.errors import StorageError
from mindsmirror.models.digest import cache_dir
from mindsmirror.runs.checks import to_fetch

CHECK = "disk"
BYTES_A_TOKEN = 4
MEASURED = 50
"""Questions whose prompts are measured; the others are taken to be as long."""
CHECKPOINT, WEIGHTS = 12, 4
"""Bytes a parameter: weights and both moments of the optimizer; the weights, and once more where they are compiled."""
CHECKPOINTS = 3
"""At once: the last, the best, and the one that is being written."""
TIGHT = 0.5
"""Share of the free space above which a warning is given."""


def check(case: Case) -> Iterator[Finding]:
    """The models that a run downloads, if any; then a line for each file system that it writes to."""
    fetched = to_fetch(case.recipe)
    if fetched:
        models = ", ".join(f"{entry.name} ({entry.bytes / 1e6:,.0f} MB)" for entry in fetched)
        size = sum(entry.bytes for entry in fetched)
        text = f"A run will download these models: {models}."
        yield ok(CHECK, text, models=[entry.name for entry in fetched], fetched=size)
    needs = (
        (case.pipeline.store.parent, store_bytes(case)),
        (case.runs, _training_bytes(case)),
        (cache_dir(), sum(entry.bytes for entry in fetched)),
    )
    together: dict[int, tuple[Path, int]] = {}
    for folder, size in needs:
        there = _existing(folder)
        if size and not os.access(there, os.W_OK):
            yield failure(
                CHECK,
                StorageError,
                f"{there} cannot be written to.",
                "Change its permissions, or choose another folder.",
            )
            continue
        device = there.stat().st_dev
        before = together.get(device, (there, 0))
        together[device] = (before[0], before[1] + size)
    for folder, size in together.values():
        yield _fits(folder, size)


def store_bytes(case: Case) -> int:
    """About how many bytes the store grows if it has none of the recipe's samples yet."""
    if not case.recipe.teacher:
        return 0
    config, splits = case.recipe.annotation, case.pipeline.annotation_step.task.splits
    count = splits.annotated_count
    some = list(islice(splits.annotated(), 0, None, max(1, count // MEASURED)))
    messages = [json.dumps(case.pipeline.prompts.rationale(example).messages) for _, example in some]
    asked = sum(len(text.encode("utf-8", "surrogatepass")) for text in messages) // max(1, len(some))
    # A self-evaluation and a dual are shown a rationale, too.
    rationale = asked + BYTES_A_TOKEN * config.max_tokens
    evaluation = rationale + BYTES_A_TOKEN * case.recipe.judge.max_tokens
    dual = rationale + BYTES_A_TOKEN * config.max_tokens
    duals = max(config.rectified, config.corrupted)
    each = rationale + config.self_evaluations * evaluation + duals * dual
    return count * len(case.writers) * config.rationales * each


def _training_bytes(case: Case) -> int:
    if case.student is None:
        return 0
    return case.student.parameters * (CHECKPOINTS * CHECKPOINT + len(case.recipe.arm) * WEIGHTS)


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())


def _fits(folder: Path, size: int) -> Finding:
    free = shutil.disk_usage(folder).free
    text = f"A run writes about {size / 1e9:.2f} GB under {folder}; {free / 1e9:.1f} GB are free."
    figures = {"needed": size, "free": free}
    if size > free:
        return failure(CHECK, StorageError, text, "Free some space, or choose another folder with --runs.", **figures)
    if size > TIGHT * free:
        return warning(CHECK, text, "That is tight: up to three checkpoints are kept at once.", **figures)
    return ok(CHECK, text, **figures)
