"""Servers that report anything under `usage` and send any number of choices: no cap is passed by more than one
request."""

import random
import threading
from pathlib import Path
from typing import Any

import pytest
from attacks.scale import ATTACK, TIMES
from end_to_end.test_money_attacked import CAP, Meter, Usage, pipeline
from unit.engines.loopback import Server

from mindsmirror.errors import EngineError

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
        fails = draw.choice((0, 0, 0, 3))
        meter = Meter(
            any_usage(draw),
            letters_a_token=draw.choice((0.7, 1.0, 2.5, 4.0, 6.0)),
            # Of a reply that is billed and lost before any came, nobody can know that it held far more than was asked.
            surplus=draw.choice((-1, 0, 0, 1) if fails else (-1, 0, 0, 1, 9)),
            fails=fails,
        )
        with Server() as server:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            server.behaviour = meter
            check(folder, server, meter)
            server.shutdown()


def check(folder: Path, server: Server, meter: Meter) -> None:
    """Annotate under the cap; a server that claims to have written what there was no room for ends the run itself."""
    attacked = pipeline(folder, server, budget={"usd": CAP})
    try:
        result = attacked.annotate()
    except EngineError as error:
        assert "ignores `max_tokens`" in str(error)
    else:
        assert "annotation.budget.usd = 0.05" in result.stopped
        assert (result.paid.usd or 0.0) >= CAP
    assert sum(meter.billed) <= CAP + max(meter.billed)
