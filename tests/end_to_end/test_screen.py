"""A whole run by the console script in a real terminal: every phase is seen, and no line is wider than the terminal."""

import os
import re
import subprocess
from pathlib import Path

from end_to_end.console import ENVIRONMENT, SCRIPT
from screens import Screen

PHASES = (
    "annotating: 10/10 questions, ",
    "labels 1/1 ",
    "mirror 1/2 ",
    "mirror 2/2 ",
    "asking untrained: 12/12 texts, ",
    "asking labels: 6/6 texts, ",
    "asking mirror: 18/18 texts, ",
)
"""How the last lines of the phases begin."""


def carried_out(screen: Screen, folder: Path, *arguments: str) -> list[str]:
    """The lines that stood on the screen while a command ran to its end; what it prints on stdout does not count."""
    process = subprocess.Popen(
        [str(SCRIPT), *arguments],
        cwd=folder,
        env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.DEVNULL,
        stderr=screen.stream,
    )
    try:
        screen.until(lambda _: process.poll() is not None, 240)
    finally:
        process.kill()
    assert process.wait() == 0, screen.seen()
    return screen.seen()


def test_every_phase_fits_the_terminal(workplace: Path) -> None:
    screen, again = Screen(60), Screen(80)
    # Slow enough to be seen on its way.
    lines = carried_out(screen, workplace, "run", "tiny.toml", "--set", "teacher.0.parameters.delay=0.1")
    assert screen.wraps == 0 and max(map(len, lines)) < screen.columns
    for phase in PHASES:
        assert any(line.startswith(phase) for line in lines), phase
    assert any(line.startswith("annotating: ") and " left" in line for line in lines)
    lines = carried_out(again, workplace, "annotate", "tiny.toml")
    assert again.wraps == 0 and max(map(len, lines)) < again.columns
    told = re.compile(r"annotated before: 10 questions, \d+ samples found in the store, none asked for")
    assert [line for line in lines if told.fullmatch(line)] and not any(line.startswith("annotating") for line in lines)
