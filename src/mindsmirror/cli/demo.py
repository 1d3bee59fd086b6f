"""`mindsmirror demo`: the quickstart from the first download to an answered question."""

from pathlib import Path

import click

from mindsmirror.cli.conversation import reply_lines
from mindsmirror.cli.options import as_json, overrides, runs_folder, show
from mindsmirror.system.progress import say

RECIPE = "quickstart"
QUESTION = "Now, how many legs are there in total if you have 5 bees, 2 horses?"


@click.command("demo")
@overrides
@runs_folder
@as_json
def command(settings: tuple[str, ...], runs: Path, json_output: bool) -> None:
    """Run the shipped recipe `quickstart`, then ask its student a question. Resumes where it stopped.

    A teacher of 1.5 billion parameters explains and judges, and a student of 135 million learns to. Both run on this
    machine; 1.2 GB are fetched once. It takes some 15 minutes on 2 cores.
    """
    from mindsmirror.runs.pipeline import run
    from mindsmirror.runs.recipe import read_recipe
    from mindsmirror.runs.student import load

    say("a 1.5B teacher explains and judges, a 135M student learns to; on 2 cores the teacher takes some 4 minutes,")
    say("training 5, and questions to the student 3. Models of 1.2 GB are fetched first, once")
    recipe = read_recipe(RECIPE, settings)
    report = run(recipe, runs)
    folder = runs / recipe.name
    reply = load(folder).ask(QUESTION)
    lines = [*report.findings, f"report: {folder / 'report.html'}", f"question: {QUESTION}", *reply_lines(reply)]
    document = {"run": str(folder), "findings": report.findings, "reply": reply.model_dump(mode="json")}
    show(document, lines, json_output)
