"""`mindsmirror doctor RECIPE`: what would go wrong, before it costs money or a night."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mindsmirror.cli.options import recipe_verb, show
from mindsmirror.doctor import CHECKS
from mindsmirror.system.terminal import plain

if TYPE_CHECKING:
    from mindsmirror.doctor.finding import Finding

names = click.Choice(list(CHECKS))


@click.command("doctor", epilog="\n\n".join(f"{name}: {what}." for name, what in CHECKS.items()))
@recipe_verb
@click.option("--only", type=names, multiple=True, help="Make only this check. May be given several times.")
@click.option("--skip", type=names, multiple=True, help="Leave out this check. May be given several times.")
@click.option(
    "--samples",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Questions to ask for real, to measure price and judge. They are paid for, and the replies are kept.",
)
@click.pass_context
def command(
    context: click.Context,
    recipe: Path,
    settings: tuple[str, ...],
    key_variables: tuple[str, ...],
    runs: Path,
    json_output: bool,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    samples: int,
) -> None:
    """Check the task, student, machine, endpoint, prices, judge and engine of RECIPE. Nothing is trained.

    Each finding is one line that says what to do. The exit code is 0 if no check failed, else that of the first
    failure.
    """
    from mindsmirror.doctor.examine import examine, exit_code
    from mindsmirror.runs.recipe import read_recipe

    findings: list[Finding] = []
    for finding in examine(read_recipe(recipe, settings, key_variables), runs, only, skip, samples):
        findings.append(finding)
        if not json_output:
            click.echo(plain(_line(finding)))
    code = exit_code(findings)
    document = {"findings": [finding.model_dump(mode="json") for finding in findings], "exit_code": code}
    show(document, [], json_output)
    context.exit(code)


def _line(finding: "Finding") -> str:
    return f"{finding.status.value:<8} {finding.check:<9} {finding.line}"
