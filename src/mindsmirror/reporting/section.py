"""What all records of a report have in common: shares, intervals, and no number that JSON does not have."""

from typing import Annotated

from pydantic import ConfigDict, Field

from mindsmirror.records import Record

Share = Annotated[float, Field(ge=0, le=1)]
Interval = tuple[float, float]


class Section(Record):
    """Base of everything here: NaN and infinity are refused, since JSON has neither."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
