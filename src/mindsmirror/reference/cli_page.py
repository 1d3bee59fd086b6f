"""`docs/reference/cli.md`: every verb with its arguments and options, from click; the exit codes, from `errors`."""

from collections.abc import Iterator

import click

from mindsmirror.cli.main import VERBS, cli, exit_codes
from mindsmirror.errors import failures
from mindsmirror.reference.markdown import code, page, sentence, table

CODES = """
A failure is one line on stderr and an exit code of its own. With `--json` it is also one document on stdout, with the
keys `error`, `kind` and `exit_code`. A failure that is none of these is a bug: it shows its traceback and ends with 1.
""".strip()


def cli_page() -> str:
    """The document."""
    root = click.Context(cli, info_name="mindsmirror")
    parts = [*_paragraphs(cli.help), table(("verb", "what it does"), _verbs())]
    for verb in VERBS:
        command = cli.get_command(root, verb)
        assert command is not None
        parts += _command(command, click.Context(command, root, info_name=verb))
    parts += ["## Exit codes", CODES, table(("code", "meaning", "kind", "raised in"), _codes())]
    return page("Command line", *parts)


def _verbs() -> Iterator[tuple[str, str]]:
    for verb, about in VERBS.items():
        yield f"[{code(verb)}](#{verb})", about


def _codes() -> Iterator[tuple[str, str, str, str]]:
    rooms = {kind.exit_code: ", ".join(map(code, kind.raised_in)) for kind in failures()}
    for number, (meaning, kind) in exit_codes().items():
        yield str(number), meaning, code(kind) if kind else "", rooms.get(number, "")


def _command(command: click.Command, context: click.Context, level: int = 2) -> list[str]:
    """Title, usage, help, arguments and options; then the same of the verbs inside."""
    name = context.command_path.removeprefix("mindsmirror ")
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"{'#' * level} {name}", f"```\n{usage}\n```", *_paragraphs(command.help), *_paragraphs(command.epilog)]
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    options = [each for each in command.params if isinstance(each, click.Option)]
    parts.append(
        table(
            ("argument", "what it is"),
            [_argument(each, context) for each in arguments],
        )
    )
    parts.append(table(("option", "value", "default", "what it does"), [_option(each, context) for each in options]))
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            parts += _command(inner, click.Context(inner, context, info_name=inner.name), level + 1)
    return parts


def _argument(argument: click.Argument, context: click.Context) -> tuple[str, str]:
    about = sentence(argument.help or "")
    if isinstance(argument.type, click.Choice):
        about += f" One of {', '.join(map(code, argument.type.choices))}."
    return code(argument.make_metavar(context)), about


def _option(option: click.Option, context: click.Context) -> tuple[str, str, str, str]:
    value = "" if option.is_flag else code(option.metavar or _words(option.type) or option.make_metavar(context))
    default = code(str(option.default)) if option.show_default else ""
    about = sentence(option.help or "")
    if option.required:
        about += " Required."
    if option.multiple and "several times" not in about:
        about += " May be given several times."
    return code(", ".join(option.opts)), value, default, about


def _words(kind: object) -> str:
    """The kind of an option's value, where click's own word for it says little."""
    if isinstance(kind, click.IntRange):
        return f"NUMBER >= {kind.min}"
    return "|".join(kind.choices) if isinstance(kind, click.Choice) else ""


def _paragraphs(text: str | None) -> list[str]:
    return [" ".join(paragraph.split()) for paragraph in (text or "").split("\n\n") if paragraph.strip()]
