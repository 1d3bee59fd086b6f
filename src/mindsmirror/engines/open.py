"""From a recipe's teacher to an engine, and to its identity without opening it.

The identity is part of every sample's key. It is computed from the recipe and from hashes of files alone,
so a run whose samples are all stored already never loads the model.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from mindsmirror.engines.base import Engine
from mindsmirror.engines.config import TeacherConfig
from mindsmirror.engines.plugin import EngineBase
from mindsmirror.engines.registry import registered
from mindsmirror.system.progress import Working


def engine_class(name: str) -> type[EngineBase]:
    """The class of the engine of that name; raises as `registered` does."""
    return cast("type[EngineBase]", registered(name))


def engine_identity(config: TeacherConfig) -> Mapping[str, Any]:
    """All that determines the teacher's completions besides the request: engine, model, hash, parameters.

    Loads no model and fetches nothing; a local file is hashed once (and not again while it is untouched).
    """
    return engine_class(config.engine).identity_of(config)


def open_engine(config: TeacherConfig) -> Engine:
    """The engine that the recipe asks for, ready for requests; raises as `EngineBase.open` does."""
    with Working(f"loading {Path(config.model).name}"):
        return engine_class(config.engine).open(config)
