"""Reliability: of the answers with about the same confidence, how many are right?"""

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from mindsmirror.records import Record

BINS = 10


class ReliabilityBin(Record):
    """The answers of which the confidence lies in one tenth of [0, 1]."""

    n: int
    right: int
    confidence: float = Field(ge=0, le=1, description="mean")


def reliability(confidence: Sequence[float], right: Sequence[bool]) -> tuple[ReliabilityBin, ...]:
    """Ten bins of equal width over [0, 1], closed above, the empty ones left out: those of the calibration error.

    ValueError for a confidence outside [0, 1] or lengths that differ. Source: DeGroot and Fienberg (1983), The
    Statistician 32, 12–22.
    """
    sure, hit = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=bool)
    if sure.shape != hit.shape or not ((sure >= 0) & (sure <= 1)).all():
        raise ValueError(f"{len(sure)} confidences for {len(hit)} answers: one in [0, 1] for each")
    which = np.digitize(sure, np.linspace(0, 1, BINS + 1)[1:-1], right=True)
    found = []
    for place in np.unique(which):
        own = which == place
        mean = float(sure[own].mean())
        found.append(ReliabilityBin(n=int(own.sum()), right=int(hit[own].sum()), confidence=mean))
    return tuple(found)
