"""`mindsmirror ask RUN`: one answer, or as many as there are questions."""

import sys
from pathlib import Path

import click

from mindsmirror.cli.completion import RunPath
from mindsmirror.cli.conversation import answer_lines, converse, reply_lines
from mindsmirror.cli.options import MODES, STUDENT_HELP, as_json, runs_folder, show, student_folder
from mindsmirror.errors import RecipeError


@click.command("ask")
@click.argument("run", type=RunPath(), help=STUDENT_HELP)
@click.argument("question", required=False, help="The question, in quotes; without it, questions are read.")
@click.option(
    "--file",
    "source",
    type=click.Path(path_type=Path),
    help="Questions to answer with JSON Lines: a line each, as text or as a JSON object with question.",
)
@click.option(
    "--choice",
    "choices",
    multiple=True,
    metavar="LETTER=TEXT",
    help="A choice of a multiple-choice question, such as a=bank.",
)
@click.option("--arm", help="The arm that answers; by default the recipe's last.")
@click.option("--mode", type=click.Choice(MODES), help="How it answers; by default as validation questions prefer.")
@click.option(
    "--escalate",
    is_flag=True,
    help="Ask the run's teacher, too, where the student abstains; this takes evaluation.risk in the recipe.",
)
@runs_folder
@as_json
def command(
    run: Path,
    question: str | None,
    source: Path | None,
    choices: tuple[str, ...],
    arm: str | None,
    mode: str | None,
    escalate: bool,
    runs: Path,
    json_output: bool,
) -> None:
    """Ask a trained student; it gives an answer, a rationale, a verdict and a confidence.

    Without QUESTION, a terminal becomes a prompt that keeps the student loaded. With --file, or with questions on
    standard input, every line is answered by a line of JSON, many at a time. With --escalate, the run's first teacher
    answers what the student is too unsure of, and the reply says so; a teacher that fails leaves the student's reply.
    """
    from mindsmirror.runs.student import load

    if question is not None and source is not None:
        raise RecipeError("give either a question or --file, not both")
    if question is None and choices:
        raise RecipeError("--choice belongs to a QUESTION; in a file, a line has choices of its own")
    student = load(student_folder(run, runs), arm)
    if escalate:
        # Before anything is answered, also where questions name modes of their own.
        student.check_escalation(mode)
    if question is not None:
        reply = student.ask(question, _named(choices), mode, escalate=escalate)
        show(reply.model_dump(mode="json"), reply_lines(reply), json_output)
    elif source is None and sys.stdin.isatty():
        converse(student, mode, escalate=escalate)
    else:
        answer_lines(student, mode, None if source == Path("-") else source, escalate=escalate)


def _named(choices: tuple[str, ...]) -> dict[str, str]:
    named = {}
    for choice in choices:
        letter, sign, text = choice.partition("=")
        if not sign or not text:
            raise RecipeError(f"--choice {choice}: write LETTER=TEXT, such as a=bank")
        named[letter] = text
    return named
