"""Engines: prompts in, completions out. A teacher is prompts plus an engine.

`TeacherConfig` says which engine runs which model, `engine_identity` what determines its completions (without
loading it), `open_engine` opens it.
"""

from mindsmirror.engines.base import (
    Alternative,
    Completion,
    Engine,
    EngineBase,
    Finish,
    Message,
    Request,
    Sampling,
    sample_key,
    seed_of,
)
from mindsmirror.engines.config import ENGINES, Price, TeacherConfig
from mindsmirror.engines.registry import engine_identity, open_engine

__all__ = [
    "ENGINES",
    "Alternative",
    "Completion",
    "Engine",
    "EngineBase",
    "Finish",
    "Message",
    "Price",
    "Request",
    "Sampling",
    "TeacherConfig",
    "engine_identity",
    "open_engine",
    "sample_key",
    "seed_of",
]
