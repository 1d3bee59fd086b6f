"""`mindsmirror init DATA`: a recipe for a file of one's own, or for a data set of the hub, copied into such a file."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mindsmirror.cli.options import as_json, show
from mindsmirror.errors import DataError, RecipeError

if TYPE_CHECKING:
    from mindsmirror.runs.new_recipe import Draft
    from mindsmirror.tasks.inspect import Ask

FLAGS = {"question": "--question", "answer": "--answer-column"}


@click.command("init")
@click.argument(
    "data",
    type=click.Path(path_type=Path),
    help="Your questions: .jsonl, .csv, .tsv or .parquet; or hf:owner/name, a data set of the hub.",
)
@click.option("--instruction", help="What the task is; teacher and student read it before every question.")
@click.option("--question", metavar="COLUMN", help="The column with the questions.")
@click.option("--answer-column", metavar="COLUMN", help="The column with the right answers.")
@click.option("--answer", metavar="KIND", help="Kind of answer: number, equation, choice, label, text, yes_no.")
@click.option("--teacher", metavar="MODEL", help="The teacher's model; by default the catalogue's.")
@click.option("--engine", help="What runs the teacher; by default the fastest that is installed.")
@click.option("--student", metavar="MODEL", help="The student's model; by default the catalogue's.")
@click.option("--out", type=click.Path(path_type=Path), help="The recipe to write; by default named like DATA.")
@as_json
def command(
    data: Path,
    instruction: str | None,
    question: str | None,
    answer_column: str | None,
    answer: str | None,
    teacher: str | None,
    engine: str | None,
    student: str | None,
    out: Path | None,
    json_output: bool,
) -> None:
    """Look at DATA and write a recipe that runs, with comments. Says what it guessed; replaces no file.

    What DATA does not tell is asked on a terminal; elsewhere options tell it. Nothing is trained, and
    nothing downloaded but a data set of the hub (extra hub-data), which is written beside the recipe.
    """
    from mindsmirror.runs.new_recipe import Models, already_there, default_out, draft, findings, recipe_text, write_new
    from mindsmirror.system.files import expanded, there
    from mindsmirror.tasks.hub_copy import copy_from_hub, copy_path, is_on_hub
    from mindsmirror.tasks.inspect import columns_of, roles, unused
    from mindsmirror.tasks.registry import require_own_file

    named = str(data)
    data = copy_path(named, out.parent if out else Path()) if is_on_hub(named) else expanded(data)
    require_own_file(data)
    out = out or default_out(data)
    if there(out):
        raise already_there(out)
    if is_on_hub(named):
        copy_from_hub(named, data)
    asks = sys.stdin.isatty() and not json_output
    found = columns_of(data)
    columns = roles(found, question, answer_column, _asking(data, asks))
    left = unused(found, columns)
    made = draft(data, columns, answer, instruction)
    if asks and made.instruction is None:
        told = click.prompt(
            "What is the task, in a sentence? Teacher and student read it before every question",
            default=made.guessed_instruction or "",
            err=True,
        )
        made = made.told(told)
    write_new(out, recipe_text(made, out, Models(teacher, engine, student)))
    warnings = findings(made)
    document = {
        "recipe": str(out),
        "rows": made.repeats.rows,
        "columns": dict(columns),
        "unused": left,
        "answer": made.task.answer_words,
        "instruction": made.instruction or made.guessed_instruction,
        **{split: len(examples) for split, examples in made.task.splits._asdict().items()},
        "findings": warnings,
    }
    guessed = question is None or answer_column is None
    show(document, [*_lines(made, guessed, left), *(f"note: {text}" for text in warnings), *_next(out)], json_output)


def _asking(data: Path, asks: bool) -> "Ask":
    """Asks on the terminal which column is meant, or else refuses with the option that says so."""

    def ask(field: str, names: Sequence[str]) -> str:
        if not names:
            raise DataError(f"{data}: no column could hold the {field}s. Each row needs a question and an answer.")
        if not asks:
            choice = f"{', '.join(names)}? Say so with {FLAGS[field]} COLUMN."
            raise RecipeError(f"{data}: which column holds the {field}s: {choice}")
        chosen: str = click.prompt(f"Which column holds the {field}s?", type=click.Choice(names), err=True)
        return chosen

    return ask


def _lines(made: "Draft", guessed: bool, left: Sequence[str]) -> list[str]:
    train, valid, test = made.task.splits
    how = " (guessed)" if guessed else ""
    named = ", ".join(f"{ours} is {theirs!r}" for ours, theirs in made.columns.items())
    lengths = made.questions
    lines = [
        f"columns: {f'{named}{how}' if named else 'called as they should be'}",
        f"kind of answer: {made.task.answer_words}{'' if made.answer_given else ' (guessed; --answer sets another)'}",
        f"questions: {len(train)} training, {len(valid)} validation and {len(test)} test questions of "
        f"{lengths.shortest:,} to {lengths.longest:,} characters, half of them up to {lengths.middle:,}",
    ]
    if left:
        lines.insert(1, f"not shown to anybody: {', '.join(map(repr, left))}")
    if made.sizes:
        lines.append(f"the first run takes {', '.join(f'{name} = {size}' for name, size in made.sizes.items())}")
    if made.instruction is None:
        guess = made.guessed_instruction
        lines.append(
            f"instruction: {guess} (guessed)" if guess else "instruction: none; --instruction says what the task is"
        )
    return lines


def _next(out: Path) -> list[str]:
    return [f"wrote {out}. Next: mindsmirror doctor {out}, then mindsmirror run {out}"]
