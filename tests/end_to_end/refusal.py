"""What every refusal of the command line has in common."""

from end_to_end.console import Ended

from mindsmirror.errors import MindsMirrorError

LOG = {"MINDSMIRROR_SCRIPTED_LOG": "log"}
"""Has the scripted teacher write down, in the current folder, what it is asked for."""


def check(ended: Ended, kind: type[MindsMirrorError], *named: str) -> None:
    """It ended with the kind's exit code and one line that names these."""
    assert ended.code == kind.exit_code, ended.err
    assert len(ended.errors) == 1, ended.err
    assert "Traceback" not in ended.err and ended.out == ""
    last = ended.err.splitlines()[-1]
    assert last == ended.errors[0], ended.err
    for name in named:
        assert name in last, last
