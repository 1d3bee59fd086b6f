"""Importing the package settles how PyTorch's threads wait, before torch is loaded and unless the user has said how."""

import os
import subprocess
import sys

import pytest

from mindsmirror.system.threads import CHOSEN_BY_USER, SPINS

SCRIPT = """
import sys, mindsmirror, os
assert "torch" not in sys.modules
print(*(os.environ.get(name, "-") for name in {names}))
"""


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, f"- {SPINS}"),
        ({"OMP_WAIT_POLICY": "active"}, "active -"),
        ({"GOMP_SPINCOUNT": "infinity"}, "- infinity"),
    ],
)
def test_the_environment_of_a_fresh_process(given: dict[str, str], found: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in CHOSEN_BY_USER} | given
    script = SCRIPT.format(names=CHOSEN_BY_USER)
    ended = subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True)
    assert ended.stdout.strip() == found
