"""A test may be skipped for want of benchmark data or a GPU only: any other skip fails the run (tests/conftest.py)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("reason", "code"), [("the benchmark data is not here", 0), ("needs a GPU", 0), ("no model in the cache", 1)]
)
def test_what_a_machine_may_lack(reason: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(
        f"import pytest\n\n\ndef test_one():\n    pytest.skip({reason!r})\n\n\ndef test_two():\n    pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(tmp_path), "-p", "conftest"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    ended = subprocess.run(
        [*command, str(tmp_path)], check=False, env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert ended.returncode == code, ended.stdout
    assert (f"not because [{reason!r}]" in ended.stdout) == (code != 0)
