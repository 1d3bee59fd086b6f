"""The command line: one thin file a verb, loaded only when its verb is used.

`mindsmirror --help` imports none of them, so it answers at once. Every verb takes `--json`: then one JSON document
goes to stdout, also for a failure, and everything else to stderr. A failure that the user can act on is one line
and an exit code of its own (errors.py); anything else is a bug and shows its traceback.
"""

import importlib
import json
import keyword
import sys
from typing import NoReturn

import click

from mindsmirror.errors import MindsMirrorError, failures
from mindsmirror.system.progress import heed_interrupts, say
from mindsmirror.system.terminal import plain

VERBS = {
    "demo": "Run the quickstart on this machine, and ask its student a question.",
    "init": "Look at your own questions and write a recipe for them that runs.",
    "run": "Carry out a whole recipe: annotate, train, evaluate, report. Resumes where it stopped.",
    "annotate": "Ask the teacher for rationales and self-evaluations. Resumes sample by sample.",
    "import": "Convert annotations made elsewhere: official Mind's Mirror files, Distilling step-by-step, JSONL.",
    "distill": "Train the recipe's arms on the run's annotations.",
    "evaluate": "Score a run's students on its test questions or on another task.",
    "ask": "Ask a trained student: answer, rationale, verdict and confidence.",
    "serve": "Serve a trained student over an OpenAI-compatible API, with a web page to ask it.",
    "report": "Write report.html and report.json again from the run's files.",
    "compare": "Run recipes with several seeds and settings, and compare all arms in one report.",
    "browse": "Write a run's annotations or predictions as one HTML page with search and filters.",
    "export": "Write a run's annotations as a data set, or a trained student for llama.cpp, Ollama, OpenVINO, …",
    "push": "Send what a run exported, with its card, to the hub or to another folder.",
    "store": "Check a store of replies, copy it, or merge others into it.",
    "doctor": "Find what would go wrong with a recipe before it costs money or a night.",
    "list": "List tasks, methods, engines, models, shipped recipes and runs.",
    "schema": "Print the JSON Schema of a recipe, for editors.",
}

GROUPS = {
    "Begin": ("demo", "init", "doctor"),
    "Carry out a recipe": ("run", "annotate", "import", "distill", "evaluate", "report", "compare"),
    "Use a student": ("ask", "serve", "export", "push"),
    "Look": ("browse", "list", "store", "schema"),
}
"""The verbs as `--help` shows them."""

INTERRUPTED = 130


def exit_codes() -> dict[int, tuple[str, str]]:
    """What each exit code means, and the kind of the failure (empty for 0)."""
    kinds = {kind.exit_code: ((kind.__doc__ or "").partition("\n")[0], kind.__name__) for kind in failures()}
    return {
        0: ("Done.", ""),
        click.UsageError.exit_code: ("The command line is wrong.", "UsageError"),
        **kinds,
        INTERRUPTED: ("Interrupted; the same command resumes the run.", "Interrupted"),
    }


class Verbs(click.Group):
    """A group whose commands are modules of this package."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order in which they are used."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command, imported now."""
        if cmd_name not in VERBS:
            return None
        # A module called `import` could not be named in an import statement.
        module = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command: click.Command = importlib.import_module(f"mindsmirror.cli.{module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb's command; click's error suggests the nearest verb, of which click itself knows none."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=VERBS, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs and what they do, without importing them."""
        for title, verbs in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(verb, VERBS[verb]) for verb in verbs])


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mindsmirror")
def cli() -> None:
    """Distil the reasoning and the self-evaluation of a large language model into a small one.

    Start with: mindsmirror demo
    """


def main() -> NoReturn:
    """The console script."""
    heed_interrupts()
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        _end(error.format_message(), "UsageError", error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        message = "interrupted; run the same command again to resume"
        print(message, file=sys.stderr)
        _end(message, "Interrupted", INTERRUPTED)
    except MindsMirrorError as error:
        say(f"error: {error}")
        _end(str(error), type(error).__name__, error.exit_code)


def _end(message: str, kind: str, exit_code: int) -> NoReturn:
    if "--json" in sys.argv:
        print(json.dumps({"error": plain(message), "kind": kind, "exit_code": exit_code}))
    sys.exit(exit_code)
