"""The verb `serve`: its limits are the server's own, and it says what is not installed."""

import sys
from dataclasses import fields
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mindsmirror.cli.serve import command
from mindsmirror.errors import MissingExtraError
from mindsmirror.server.config import ServerConfig


def test_every_setting_of_a_server_is_an_option_with_its_default() -> None:
    options = {each.name: each.default for each in command.params if isinstance(each, click.Option)}
    settings = {each.name: each.default for each in fields(ServerConfig) if each.name != "token"}
    assert {name: options.get(name) for name in settings} == settings


def test_without_the_extra_the_verb_says_which_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mindsmirror.server.serve", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    ended = CliRunner().invoke(command, [str(tmp_path)])
    assert isinstance(ended.exception, MissingExtraError)
    assert str(ended.exception) == "uvicorn is not installed. Install it with: pip install 'mindsmirror[serve]'"
