"""What every benchmark here does with its pairs: the ratio of ours to the peer's, and one JSON line.

Both sides run in one process, in turns, so that whatever else the machine does hits both; of the pairs' ratios the
median counts, and the extremes say how far to trust it.
"""

import json
import statistics
from collections.abc import Sequence
from typing import Any

from mindsmirror.system.hardware import machine


def median(values: Sequence[float], digits: int = 2) -> float:
    """The median, rounded as it is printed."""
    return round(statistics.median(values), digits)


def print_line(benchmark: str, peer: str, ratios: Sequence[float], **figures: Any) -> None:
    """One JSON line; `ratios` are those of the pairs, above 1 where ours is better."""
    spread = {
        "ratio": median(ratios),
        "ratio_min": round(min(ratios), 2),
        "ratio_max": round(max(ratios), 2),
        "n": len(ratios),
    }
    print(json.dumps({"benchmark": benchmark, "peer": peer, **figures, **spread, "machine": machine()}), flush=True)
