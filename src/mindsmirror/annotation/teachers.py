"""A recipe's teachers: engines with a name and a price, opened when the first sample is asked for."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from mindsmirror.engines import TeacherConfig, engine_identity, open_engine
from mindsmirror.engines.base import Engine
from mindsmirror.engines.config import Price


@dataclass(frozen=True)
class Teacher:
    """An engine that is opened when it is needed."""

    name: str
    identity: Mapping[str, Any]
    open: Callable[[], Engine]
    price: Price | None = None

    @cached_property
    def key(self) -> str:
        """Equal for teachers of one identity: they share an engine."""
        return json.dumps(dict(self.identity), sort_keys=True)


def teachers_of(configs: Sequence[TeacherConfig]) -> list[Teacher]:
    """A recipe's teachers, none of them opened, named by model, and by number too where two have the same model."""
    models = [config.model for config in configs]
    return [
        Teacher(
            config.model if models.count(config.model) == 1 else f"{config.model} #{number}",
            engine_identity(config),
            partial(open_engine, config),
            config.price,
        )
        for number, config in enumerate(configs)
    ]
