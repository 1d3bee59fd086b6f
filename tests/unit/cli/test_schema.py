"""`mindsmirror schema` prints the schema that is shipped, where no other package adds to it."""

import json

import pytest
from click.testing import CliRunner

from mindsmirror.cli.schema import command
from mindsmirror.runs.schema import PUBLISHED


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_it_is_the_published_one(options: list[str]) -> None:
    ended = CliRunner().invoke(command, options)
    assert ended.exit_code == 0
    assert ended.stdout == PUBLISHED.read_text(encoding="utf-8")
    assert "TeacherConfig" in json.loads(ended.stdout)["$defs"]
