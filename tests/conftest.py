"""What tests of several rooms share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

# A busy machine is no failure: how long an example takes is not what is tested. The gate draws the same examples each
# time, or a change would fail for what another one broke; HYPOTHESIS_PROFILE=explore draws new ones.
hypothesis_settings.register_profile("explore", deadline=None)
hypothesis_settings.register_profile("ours", deadline=None, derandomize=True)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ours"))

MAY_LACK = ("data", "GPU")
"""What a machine may lack without failing the suite: whatever else a test needs is installed, or made by the test."""


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in which a test was skipped for any other reason: such a test would prove nothing anywhere."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(session.config, "workerinput"):
        return
    reasons = {report.longrepr[2].removeprefix("Skipped: ") for report in reporter.stats.get("skipped", [])}
    strange = sorted(reason for reason in reasons if not any(lack in reason for lack in MAY_LACK))
    if strange:
        reporter.write_line(
            f"ERROR: tests may be skipped for want of {' or '.join(MAY_LACK)}, and not because {strange}"
        )
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A folder with a tiny model of the family that is named (tests/tiny.py), made once; not to be written to."""
    made: dict[tuple[object, ...], Path] = {}

    def folder(kind: str, **settings: Any) -> Path:
        import tiny

        key = (kind, *sorted(settings.items()))
        if key not in made:
            made[key] = tiny.save(kind, tmp_path_factory.mktemp("tiny") / kind, **settings)
        return made[key]

    return folder
