"""`mindsmirror ask RUN "question"`: one answer."""

from pathlib import Path

import click

from mindsmirror.cli.options import as_json, run_folder, runs_folder, show
from mindsmirror.errors import RecipeError


@click.command("ask")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("question")
@click.option("--choice", "choices", multiple=True, metavar="LETTER=TEXT", help="For multiple choice; repeat it.")
@click.option("--arm", help="Which arm answers; by default the last one of the recipe.")
@click.option("--mode", type=click.Choice(["predict", "think", "vote", "mirror"]), help="By default the best it has.")
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
    """Ask a trained student one question: answer, rationale, verdict and confidence."""
    from mindsmirror.runs.use import ask

    named = {}
    for choice in choices:
        letter, sign, text = choice.partition("=")
        if not sign or not text:
            raise RecipeError(f"--choice {choice}: write LETTER=TEXT, such as a=bank")
        named[letter] = text
    reply = ask(run_folder(run, runs), question, named, arm, mode)
    if reply["answer"] is None:
        lines = [f"answer: none that could be read; it wrote: {reply['written'] or 'nothing'}"]
    else:
        lines = [f"answer: {reply['answer']}"]
    if reply["rationale"] and reply["answer"] is not None:
        lines.append(f"rationale: {reply['rationale']}")
    if reply["p_correct"] is not None:
        lines.append(f"its own verdict: {reply['verdict']} (probability of being correct {reply['p_correct']:.2f})")
    if reply["confidence"] is not None:
        lines.append(f"share of the votes: {reply['confidence']:.2f}")
    show(reply, lines, json_output)
