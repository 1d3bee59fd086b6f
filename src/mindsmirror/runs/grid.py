"""A grid of recipes, seeds and settings: each cell is an ordinary run in a folder of its own.

A cell that is done is found complete and left alone, one that was begun goes on, and one that fails does not keep the
others from being run. Each runs in a process of its own, so that none has the memory or the peaks of another.
"""

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from mindsmirror import limits
from mindsmirror.errors import DataError, RecipeError, UnknownNameError
from mindsmirror.runs.comparison import arm_settings
from mindsmirror.runs.folder import Run
from mindsmirror.runs.recipe import Recipe, read_recipe
from mindsmirror.system.files import read_json
from mindsmirror.system.progress import say
from mindsmirror.tasks.registry import GENERATED

State = Literal["done", "begun", "new"]
QUESTIONS = 1000
"""Of a split whose size a recipe does not name, about."""
TEXT = 100
"""Tokens of a text, about."""
FLOPS_OF_TOKEN = 1e9
"""FLOPs of training a small student on a token, about."""
INTERRUPTED = 130


@dataclass(frozen=True)
class Cell:
    """One run of a grid."""

    file: Path
    recipe: Recipe
    """As it will be carried out, under the cell's own name."""
    overrides: tuple[str, ...]
    """What `run` is given beside the file for that."""
    runs: Path

    @property
    def folder(self) -> Path:
        """The folder of its run."""
        return self.runs / self.recipe.name

    @property
    def state(self) -> State:
        """Whether its report is there and is of this very recipe, or at least something of the run is."""
        try:
            begun = Run(self.folder).recipe
        except DataError:
            return "new"
        report = read_json(self.folder / "report.json")
        made = report.get("provenance", {}).get("recipe") if isinstance(report, dict) else None
        return "done" if made == begun.hash == _labelled(self.recipe, begun).hash else "begun"

    @property
    def expense(self) -> float:
        """Tokens that it trains on and writes, about; no promise, but an order."""
        recipe, budget = self.recipe, self.recipe.training.budget
        questions, tests = recipe.task.train or QUESTIONS, recipe.task.test or QUESTIONS
        written = questions * recipe.annotation.rationales * (1 + recipe.annotation.self_evaluations)
        batch = recipe.training.batch_tokens * recipe.training.accumulate
        trained = (
            budget.tokens
            or (budget.target_tokens or 0) * 4
            or (budget.steps or 0) * batch
            or (budget.flops or 0) / FLOPS_OF_TOKEN
            or (budget.epochs or 0) * written * TEXT
        )
        return float(written * TEXT + len(recipe.arm) * (trained + tests * recipe.evaluation.samples * TEXT))

    def carry_out(self, key_variables: Collection[str] = ()) -> str:
        """Run it; returns why it failed, "" if it did not. Raises KeyboardInterrupt if the user stopped it."""
        words = [sys.executable, "-m", "mindsmirror", "run", str(self.file), "--runs", str(self.runs), "--json"]
        words += [word for override in self.overrides for word in ("--set", override)]
        words += [word for name in key_variables for word in ("--key-variable", name)]
        ended = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
        if ended.returncode == INTERRUPTED:
            raise KeyboardInterrupt
        if not ended.returncode:
            return ""
        try:
            return str(json.loads(ended.stdout)["error"])
        except (ValueError, KeyError, TypeError):
            return f"its process ended with exit code {ended.returncode}."


def cells(
    files: Sequence[Path],
    runs: Path,
    seeds: Sequence[int] = (),
    settings: Sequence[str] = (),
    new_questions: bool = False,
    key_variables: Collection[str] = (),
) -> list[Cell]:
    """Every recipe with every combination of the settings (KEY=A,B) and every seed, the cheap ones first.

    Cells that cost the same stay in the order of their seeds, so that a first seed of all is there early. With
    `new_questions` each seed is that of the task's questions, too. RecipeError for a recipe or a setting that is wrong,
    or new questions of a task that is not generated.
    """
    axes = [[f"{key}={value}" for value in values] for key, values in map(_axis, settings)]
    made = []
    for seed, file, chosen in product(seeds or (None,), dict.fromkeys(files), product(*axes)):
        own = [] if seed is None else [f"seed={seed}"]
        own += [f"task.seed={seed}"] if new_questions and seed is not None else []
        recipe = read_recipe(file, [*chosen, *own], key_variables)
        if new_questions and not recipe.task.name.startswith(GENERATED):
            raise RecipeError(
                f"--new-questions: {recipe.task.name} has fixed questions; only a generated task ({GENERATED}NAME) can "
                "draw others. Leave the option out."
            )
        made.append((file, (*chosen, *own), "-".join([recipe.name, *map(_short, chosen), *map(_short, own[:1])])))
    if seeds and any(axis.startswith("seed=") for values in axes for axis in values):
        raise RecipeError("--set seed: --seeds sets it. Leave out one of them.")
    found: list[Cell] = []
    for (file, overrides, _), name in zip(made, _apart(made), strict=True):
        whole = (*overrides, f"name={name}")
        found.append(Cell(file, read_recipe(file, whole, key_variables), whole, runs))
    _all_apart(found)
    return sorted(found, key=lambda cell: cell.expense)


def check_baseline(grid: Sequence[Cell], baseline: str) -> None:
    """UnknownNameError if no recipe of the grid has the arm that others are to be compared with."""
    arms = dict.fromkeys(arm.name for cell in grid for arm in cell.recipe.arm)
    if baseline.split(" (")[0] not in arms:
        raise UnknownNameError("arm", baseline, arms)


def _all_apart(found: Sequence[Cell]) -> None:
    """RecipeError if two runs would hold the same arms with the same seeds, which cannot be compared."""
    known: dict[str, str] = {}
    for cell in found:
        recipe = cell.recipe
        said = [arm_settings(recipe, arm.name) for arm in recipe.arm]
        twin = known.setdefault(json.dumps([recipe.seed, recipe.task.seed, said], sort_keys=True), recipe.name)
        if twin != recipe.name:
            raise RecipeError(
                f"the runs {twin} and {recipe.name} would hold the same arms with the same seed: they differ in "
                "nothing that changes an answer. Leave out one of the values."
            )


def carry_out_all(grid: Sequence[Cell], key_variables: Collection[str] = ()) -> dict[str, str]:
    """Run every cell that is not done, in order; returns why which failed, by name."""
    failed = {}
    for number, cell in enumerate(grid, start=1):
        name, where = cell.recipe.name, f"run {number} of {len(grid)}"
        if cell.state == "done":
            say(f"{where}: {name} is complete")
            continue
        say(f"{where}: {name}")
        why = cell.carry_out(key_variables)
        if why:
            failed[name] = why
            say(f"{name} failed, and the others go on: {why}")
    return failed


def _axis(setting: str) -> tuple[str, list[str]]:
    """Key and values of KEY=A,B; commas within brackets and quotes belong to a value."""
    key, sign, raw = setting.partition("=")
    if not sign:
        raise RecipeError(f"--set {setting}: write KEY=VALUE or KEY=VALUE,VALUE, such as training.budget.steps=100,200")
    return key, list(_split(raw))


def _split(raw: str) -> Iterator[str]:
    depth, quote, begin = 0, "", 0
    for place, letter in enumerate(raw):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "[{":
            depth += 1
        elif letter in "]}":
            depth -= 1
        elif letter == "," and depth == 0:
            yield raw[begin:place]
            begin = place + 1
    yield raw[begin:]


def _short(override: str) -> str:
    """A part of a folder's name: the key's last part and the value, without what a name cannot hold."""
    key, _, value = override.partition("=")
    return re.sub(r"[^A-Za-z0-9_.]+", "_", f"{key.rpartition('.')[2]}{value}").strip("_")


def _apart(made: Sequence[tuple[Path, tuple[str, ...], str]]) -> Iterator[str]:
    """Names for folders: those that are too long, or that two cells would share, end in a digest of what is run."""
    often = Counter(name for *_, name in made)
    for file, overrides, name in made:
        digest = hashlib.sha256(repr((str(file), overrides)).encode()).hexdigest()[:8]
        fits = often[name] == 1 and len(name) <= limits.NAME
        yield name if fits else f"{name[: limits.NAME - 9]}-{digest}"


def _labelled(recipe: Recipe, begun: Recipe) -> Recipe:
    """The recipe with the labels that its run was begun with, where it names none."""
    found = {arm.labels for arm in begun.arm if arm.labels is not None}
    unnamed = any(arm.labels is None for arm in recipe.arm)
    try:
        return recipe.labelled(found.pop(), "they are the run's") if unnamed and len(found) == 1 else recipe
    except RecipeError:
        return recipe
