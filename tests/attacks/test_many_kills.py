"""Hundreds of kills of an annotation: nothing is lost, and nothing paid twice beyond what was in flight."""

import random
from pathlib import Path

from attacks.scale import ATTACK, TIMES
from end_to_end.endpoint import serving, url_of
from end_to_end.test_kill_annotation import KILLS, QUESTIONS, check_killed, check_killed_over_http, once

pytestmark = ATTACK

LIVES = 10 * TIMES
"""Annotations by each kind of teacher, each of which is killed KILLS times."""


def test_hundreds_of_kills_lose_nothing(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = once(tmp_path / "whole", QUESTIONS["scripted"])
    for life in range(LIVES):
        folder = tmp_path / str(life)
        folder.mkdir()
        check_killed(folder, whole, random.Random(1000 + life))
    print(f"{LIVES * KILLS} kills")


def test_hundreds_of_kills_over_http_lose_nothing(tmp_path: Path) -> None:
    with serving() as server:
        (tmp_path / "whole").mkdir()
        whole = once(tmp_path / "whole", QUESTIONS["http"], url_of(server))
        undisturbed = server.bodies
        for life in range(LIVES):
            folder = tmp_path / str(life)
            folder.mkdir()
            server.bodies = []
            check_killed_over_http(folder, whole, server, undisturbed, random.Random(2000 + life))
    print(f"{LIVES * KILLS} kills")
