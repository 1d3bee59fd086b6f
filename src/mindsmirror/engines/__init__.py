"""Engines: prompts in, completions out. A teacher is prompts plus an engine.

`TeacherConfig` says which engine runs which model, `engine_identity` what determines its completions (without
loading it), `open_engine` opens it. `registry` lists the engines, one file each; an engine of your own derives from
`EngineBase` or `LocalEngine`.
"""

from mindsmirror.engines.base import (
    Alternative,
    Completion,
    Engine,
    Finish,
    Message,
    Request,
    Sampling,
    sample_key,
    seed_of,
)
from mindsmirror.engines.config import Options, Price, TeacherConfig
from mindsmirror.engines.local import LocalEngine
from mindsmirror.engines.open import engine_class, engine_identity, open_engine
from mindsmirror.engines.plugin import EngineBase
from mindsmirror.engines.registry import engine_names

__all__ = [
    "Alternative",
    "Completion",
    "Engine",
    "EngineBase",
    "Finish",
    "LocalEngine",
    "Message",
    "Options",
    "Price",
    "Request",
    "Sampling",
    "TeacherConfig",
    "engine_class",
    "engine_identity",
    "engine_names",
    "open_engine",
    "sample_key",
    "seed_of",
]
