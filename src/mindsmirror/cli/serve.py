"""`mindsmirror serve RUN`: a trained student behind an address."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mindsmirror import limits
from mindsmirror.cli.completion import RunPath
from mindsmirror.cli.options import STUDENT_HELP, as_json, as_text, runs_folder, student_folder
from mindsmirror.errors import MissingExtraError
from mindsmirror.server.config import ServerConfig, token_for
from mindsmirror.system.progress import say

Verb = Callable[..., None]


def _limit(name: str, least: int, most: int, meaning: str) -> Callable[[Verb], Verb]:
    """An option for one of the server's limits, with the default that ServerConfig has."""
    default = getattr(ServerConfig, name)
    flag = f"--{name.replace('_', '-')}"
    return click.option(flag, type=click.IntRange(least, most), default=default, show_default=True, help=meaning)


@click.command("serve")
@click.argument("run", type=RunPath(), help=STUDENT_HELP)
@click.option("--arm", help="The arm that answers; by default the recipe's last.")
@click.option(
    "--host",
    default=ServerConfig.host,
    show_default=True,
    help="The address that it listens on. Any but this machine's own needs MINDSMIRROR_TOKEN.",
)
@_limit("port", 0, 65535, "The port; 0 takes any that is free.")
@_limit("max_tokens", 8, limits.TOKENS, "The most tokens that a request may ask for.")
@_limit("max_choices", 1, limits.SAMPLES, "The most choices of a request: its prompts times n.")
@_limit("max_samples", 2, limits.SAMPLES, "The most rationales of a vote.")
@_limit("body", 1024, limits.JSON_BYTES, "The most bytes of a request.")
@_limit("queue", 1, limits.TOGETHER, "The most questions that wait; more are refused with 429.")
@_limit("concurrency", 1, limits.TOGETHER, "The most requests that are open; more are refused with 503.")
@_limit("together", 1, limits.TOGETHER, "The most questions of a batch.")
@_limit("grace", 0, int(limits.SECONDS), "Seconds that open requests have when the server is told to end.")
@click.option(
    "--escalate",
    is_flag=True,
    default=ServerConfig.escalate,
    help="Ask the run's teacher what the student abstains from, unless a request says `escalate: false`. What it costs "
    "counts for the recipe's budget.",
)
@runs_folder
@as_json
def command(run: Path, arm: str | None, runs: Path, json_output: bool, **settings: Any) -> None:
    """Serve a trained student over an OpenAI-compatible API, with a web page to ask it at /.

    If the environment variable MINDSMIRROR_TOKEN holds a token, whoever asks must send it. With --json the address is
    printed as soon as it is listened to.
    """
    try:
        from mindsmirror.server.asked import model_id
        from mindsmirror.server.serve import serve
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "starlette", "serve") from error
    from mindsmirror.runs.student import load

    config = ServerConfig(**settings, token=token_for(settings["host"]))
    student = load(student_folder(run, runs), arm)
    if config.escalate:
        student.check_escalation()

    def ready(address: str) -> None:
        say(f"{student!r} answers at {address}. Ctrl-C ends.")
        if json_output:
            click.echo(as_text({"address": address, "model": model_id(student.description)}))

    serve(student, config, ready)
