"""Servers that report anything under `usage` and send any number of choices: no cap is passed by more than one
request."""

import random
import threading
from pathlib import Path
from typing import Any

import pytest
from attacks.scale import ATTACK, TIMES
from end_to_end.test_money_attacked import Meter, Usage, check_cap
from unit.engines.loopback import Server

pytestmark = ATTACK

SERVERS = 60 * TIMES
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    -(2**63),
    2**53,
    2**63,
    10**400,
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "12",
    "many",
    "\x1b[31m",
    [],
    [7],
    {},
    {"prompt_tokens": 7},
)


def any_usage(draw: random.Random) -> Usage:
    """Drawn anew for each reply: each count is true, left out, or what none can be; or the whole is no object."""
    share = draw.choice((0.0, 0.3, 0.7, 1.0))

    def count(true: int) -> Any:
        return draw.choice((..., *ODD)) if draw.random() < share else true

    def usage(read: int, written: int) -> Any:
        if draw.random() < share / 4:
            return draw.choice((..., *ODD))
        found = {
            "prompt_tokens": count(read),
            "completion_tokens": count(written),
            "total_tokens": count(read + written),
        }
        return {name: value for name, value in found.items() if value is not ...}

    return usage


@pytest.mark.parametrize("part", range(6))
def test_no_report_and_no_number_of_choices_lets_a_cap_be_passed(part: int, tmp_path: Path) -> None:
    for number in range(part, SERVERS, 6):
        draw = random.Random(number)
        folder = tmp_path / str(number)
        folder.mkdir()
        meter = Meter(
            any_usage(draw),
            letters_a_token=draw.choice((0.7, 1.0, 2.5, 4.0, 6.0)),
            surplus=draw.choice((-1, 0, 0, 1, 9)),
            fails=draw.choice((0, 0, 0, 3)),
        )
        with Server() as server:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            check_cap(folder, server, meter)
            server.shutdown()
