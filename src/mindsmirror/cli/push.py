"""`mindsmirror push RUN TARGET`: what a run exported, to the hub or to another folder."""

from pathlib import Path

import click

from mindsmirror.cli.completion import RunPath
from mindsmirror.cli.options import RUN_HELP, as_json, run_folder, runs_folder, show


@click.command("push")
@click.argument("run", type=RunPath(), help=RUN_HELP)
@click.argument("target", help="A repository of the hub (you/name), or a folder that does not exist yet (./name).")
@click.option("--export", "name", help="Which of the folders in RUN/exports; needed where there are several.")
@click.option("--public", is_flag=True, help="Make a new repository public; it is private otherwise.")
@runs_folder
@as_json
def command(run: Path, target: str, name: str | None, public: bool, runs: Path, json_output: bool) -> None:
    """Send an export of RUN, with its card, to the hub: a student as a model, annotations as a data set.

    Needs a token that may write there: `hf auth login`, or HF_TOKEN. HF_ENDPOINT names another hub.
    """
    from mindsmirror.runs.export import push_export

    folder, place = push_export(run_folder(run, runs), target, name, public=public)
    show({"export": str(folder), "target": place}, [f"sent {folder} to {place}"], json_output)
