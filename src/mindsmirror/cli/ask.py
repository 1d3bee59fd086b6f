"""`mindsmirror ask RUN "question"`: one answer."""

from pathlib import Path

import click

from mindsmirror.cli.options import MODES, STUDENT_HELP, as_json, runs_folder, show, student_folder
from mindsmirror.errors import RecipeError


@click.command("ask")
@click.argument("run", type=click.Path(path_type=Path), help=STUDENT_HELP)
@click.argument("question", help="The question, in quotes.")
@click.option(
    "--choice",
    "choices",
    multiple=True,
    metavar="LETTER=TEXT",
    help="A choice of a multiple-choice question, such as a=bank.",
)
@click.option("--arm", help="The arm that answers; by default the recipe's last.")
@click.option("--mode", type=click.Choice(MODES), help="How it answers; by default as validation questions prefer.")
@runs_folder
@as_json
def command(
    run: Path,
    question: str,
    choices: tuple[str, ...],
    arm: str | None,
    mode: str | None,
    runs: Path,
    json_output: bool,
) -> None:
    """Ask a trained student one question; it gives an answer, a rationale, a verdict and a confidence."""
    from mindsmirror.runs.use import ask

    named = {}
    for choice in choices:
        letter, sign, text = choice.partition("=")
        if not sign or not text:
            raise RecipeError(f"--choice {choice}: write LETTER=TEXT, such as a=bank")
        named[letter] = text
    reply = ask(student_folder(run, runs), question, named, arm, mode)
    if reply.answer is None:
        lines = [f"answer: none that can be read. The student wrote: {reply.text or 'nothing'}"]
    else:
        lines = [f"answer: {reply.answer}"]
    if reply.rationale and reply.answer is not None:
        lines.append(f"rationale: {reply.rationale}")
    if reply.p_correct is not None:
        lines.append(f"its own verdict: {reply.verdict} (probability of being correct {reply.p_correct:.2f})")
    if reply.confidence is not None:
        meaning = "probability that the answer is right" if reply.calibrated else "share of the votes"
        lines.append(f"{meaning}: {reply.confidence:.2f}")
    if reply.abstained:
        lines.append("it abstains: an answer as unsure as this one would not keep the risk that the recipe promises")
    show(reply.model_dump(mode="json"), lines, json_output)
