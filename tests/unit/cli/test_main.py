"""The console script's frame: exit codes, one line for a failure, one document for --json."""

import json
from typing import Any

import click
import pytest

from mindsmirror import errors
from mindsmirror.cli import main as main_module
from mindsmirror.cli.main import VERBS, cli, main


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["mindsmirror", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    code = ended.value.code
    assert isinstance(code, int)
    return code


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make the verb `list` raise what it is given."""

    def make(error: BaseException) -> None:
        @click.command("list")
        @click.option("--json", "json_output", is_flag=True)
        def command(json_output: bool) -> None:
            raise error

        monkeypatch.setattr(main_module.Verbs, "get_command", lambda *_: command)

    return make


def kinds(base: type[errors.MindsMirrorError] = errors.MindsMirrorError) -> list[type[errors.MindsMirrorError]]:
    return [found for kind in base.__subclasses__() for found in (kind, *kinds(kind))]


def test_every_kind_of_failure_has_an_exit_code_of_its_own() -> None:
    codes = [kind.exit_code for kind in kinds()]
    assert len(codes) >= 10 and len(set(codes)) == len(codes)
    # 0 is success, 1 a bug, 2 a wrong command line, from 126 on the shell's and the signals'.
    assert all(3 <= code < 126 for code in codes)
    assert main_module.INTERRUPTED == 130


@pytest.mark.parametrize(
    "error",
    [
        errors.RecipeError("r.toml: no"),
        errors.UnknownNameError("task", "svmp", ["svamp"]),
        errors.MissingExtraError("peft", "lora"),
    ],
)
def test_a_failure_is_one_line_and_its_code(
    error: errors.MindsMirrorError, failing: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(error)
    assert run_main(monkeypatch, "list") == error.exit_code
    said = capsys.readouterr()
    assert said.err == f"error: {error}\n" and said.out == ""


def test_a_failure_is_a_document_too(
    failing: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(errors.DataError('a "row" is brøken'))
    assert run_main(monkeypatch, "list", "--json") == 11
    said = capsys.readouterr()
    assert json.loads(said.out) == {"error": 'a "row" is brøken', "kind": "DataError", "exit_code": 11}
    assert said.err == 'error: a "row" is brøken\n'


def test_what_a_server_said_does_not_steer_the_terminal(
    failing: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(errors.EngineError("it says \x1b[2J\x1b]0;x\x07 no\u202e"))
    assert run_main(monkeypatch, "list", "--json") == 14
    said = capsys.readouterr()
    assert said.err == "error: it says [2J]0;x no\n" and json.loads(said.out)["error"] == "it says [2J]0;x no"


@pytest.mark.parametrize("arguments", [["nonsense"], ["evaluate"], ["list", "tsks"], ["run"], ["--nonsense"]])
def test_a_wrong_command_line_is_2_and_a_document_too(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(monkeypatch, *arguments) == 2
    assert "Usage:" in capsys.readouterr().err
    assert run_main(monkeypatch, *arguments, "--json") == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["exit_code"] == 2
    assert "Error:" in said.err


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [(["anotate", "x.toml"], "annotate"), (["distil"], "distill"), (["evaluate", "mine", "--limt", "3"], "--limit")],
)
def test_the_nearest_verb_and_option_is_suggested(
    arguments: list[str], nearest: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(monkeypatch, *arguments, "--json") == 2
    said = capsys.readouterr()
    for text in (said.err, json.loads(said.out)["error"]):
        assert nearest in text.partition("Did you mean")[2]


def test_a_verb_like_none_is_suggested_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(monkeypatch, "zzz") == 2
    assert capsys.readouterr().err.endswith("No such command 'zzz'.\n")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption_says_how_to_go_on(
    error: BaseException, failing: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(error)
    assert run_main(monkeypatch, "list") == 130
    assert capsys.readouterr().err.strip() == "interrupted; run the same command again to resume"


def test_a_bug_shows_its_traceback(failing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(ZeroDivisionError())
    monkeypatch.setattr("sys.argv", ["mindsmirror", "list"])
    with pytest.raises(ZeroDivisionError):
        main()


def test_every_verb_is_a_module_with_help_and_json() -> None:
    context = click.Context(cli)
    assert cli.list_commands(context) == list(VERBS)
    for name in VERBS:
        command = cli.get_command(context, name)
        assert command is not None and command.name == name
        for each in command.commands.values() if isinstance(command, click.Group) else [command]:
            options = {option for parameter in each.params for option in parameter.opts}
            assert "--json" in options
            assert each.help
        assert command.help
    assert cli.get_command(context, "nonsense") is None


def test_the_version_is_that_of_the_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from importlib.metadata import version

    assert run_main(monkeypatch, "--version") == 0
    assert version("mindsmirror") in capsys.readouterr().out
