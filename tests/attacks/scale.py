"""How large the attacks are: each is bounded and drawn from seeds, and MINDSMIRROR_ATTACKS multiplies their numbers."""

import os

import pytest

TIMES = int(os.environ.get("MINDSMIRROR_ATTACKS", "1"))
SECONDS = 600
"""In which an attack ends at TIMES = 1, on a busy machine."""

ATTACK = [pytest.mark.attack, pytest.mark.timeout(SECONDS * TIMES)]
"""The marks of every attack's module."""
