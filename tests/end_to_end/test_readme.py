"""The README's Python runs as it is pasted, on a run that is finished."""

import os
import subprocess
import sys

from end_to_end.conftest import Finished
from end_to_end.console import ENVIRONMENT

from docs import ROOT, blocks


def test_the_readmes_python_runs(copied: Finished) -> None:
    (block,) = blocks("python", ROOT / "README.md")
    assert '"quickstart"' in block.text and '"runs/quickstart"' in block.text
    runs = copied.folder / "runs"
    # A file of that name goes before the shipped recipe.
    (copied.folder / "tiny.toml").rename(copied.folder / "quickstart")
    (runs / "quickstart").symlink_to(runs / "tiny")
    ended = subprocess.run(
        [sys.executable, "-c", block.text],
        cwd=copied.folder,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    *arms, reply = ended.stdout.splitlines()
    assert {line.split()[0] for line in arms} >= {"untrained", "labels", "mirror"} and reply
    assert "annotating" not in ended.stderr, "a finished run is only read"
