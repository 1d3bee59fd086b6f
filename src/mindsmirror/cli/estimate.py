"""What `--dry-run` of `run` and `annotate` prints."""

from pathlib import Path
from typing import TYPE_CHECKING

from mindsmirror.cli.options import show, table
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import Recipe

if TYPE_CHECKING:
    from mindsmirror.annotation.estimate import Estimate


def rehearse(recipe: Recipe, runs: Path, samples: int, json_output: bool) -> None:
    """Estimate the annotation of a recipe and show it; nothing is trained, and no run is begun."""
    found = Pipeline(recipe, runs).estimate(samples)
    show(found.model_dump(mode="json"), _lines(found), json_output)


def _lines(found: "Estimate") -> list[str]:
    rows = [
        (
            "questions",
            f"{found.questions} x {found.rationales} rationales{_each(found.writers, ' of {} teachers')} x "
            f"{found.self_evaluations} self-evaluations{_each(found.duals, ' and {} duals', 0)} each: "
            f"at most {found.samples} samples",
        ),
        ("stored", f"{found.stored} samples, {found.complete} questions complete; {found.asked} asked for just now"),
        ("tokens read", _range(found.tokens_in, "{:.0f}")),
        ("tokens written", _range(found.tokens_out, "{:.0f}")),
        ("USD", _range(found.usd, "{:.4f}", "unknown: give every [[teacher]] that is asked a price")),
        ("minutes", _range(found.minutes, "{:.1f}")),
    ]
    if found.paid_usd is not None:
        rows.append(("paid so far", f"${found.paid_usd:.4f}"))
    if found.stopped:
        rows.append(("stopped", found.stopped))
    return ["still to be paid, low to high (95 %):", *table(rows)]


def _each(number: int, words: str, usual: int = 1) -> str:
    return "" if number == usual else words.format(number)


def _range(bounds: tuple[float, float] | None, form: str, unknown: str = "unknown: no question is complete") -> str:
    return unknown if bounds is None else f"{form.format(bounds[0])} to {form.format(bounds[1])}"
