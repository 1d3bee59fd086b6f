"""Several processes that train together, as `accelerate launch` or `torchrun` start them.

All of them learn; everything else (asking, validating, writing) is the main process's. Who joins waits until all have:
the main process joins when the annotation is there. One process by itself notices nothing of this.
"""

import os
from datetime import timedelta
from typing import Any

from mindsmirror.system.hardware import device

PATIENCE = timedelta(days=30)
"""How long processes wait for one another: an annotation or a validation may take long, and whoever started the
processes ends all of them when one fails."""


def processes() -> int:
    """How many there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """The number of this process, from 0."""
    return int(os.environ.get("RANK", "0"))


def leads() -> bool:
    """Whether this is the main process."""
    return rank() == 0


def join() -> None:
    """Wait until all processes have called this; the first call connects them."""
    if processes() == 1:
        return
    from accelerate import PartialState

    PartialState(cpu=device() == "cpu", timeout=PATIENCE).wait_for_everyone()


def agreed(value: Any) -> Any:
    """The main process's value, in all processes; joins them."""
    if processes() == 1:
        return value
    from accelerate.utils import broadcast_object_list

    return broadcast_object_list([value])[0]
