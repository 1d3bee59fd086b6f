"""Which engines there are: their names, and the class of each, which is imported when a recipe names it.

An engine is one file with a class that derives from `EngineBase` (plugin.py), or from `LocalEngine` (local.py) if its
models are files on this machine. A built-in engine is such a file in this room and a line in `BUILT_IN`. Another
package adds one by an entry point of the group `mindsmirror.engines`; it cannot take a built-in engine's name, because
stored samples are found by it.

Nothing is imported here until a class is asked for, and the files of engines import their libraries in functions: so
a recipe is read, and an identity computed, in milliseconds.
"""

from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from mindsmirror.errors import EngineError, UnknownNameError

GROUP = "mindsmirror.engines"
BUILT_IN = {
    "openvino": "mindsmirror.engines.openvino:OpenVINOEngine",
    "openai": "mindsmirror.engines.openai:OpenAIEngine",
    "llama_cpp": "mindsmirror.engines.llama_cpp:LlamaCppEngine",
    "transformers": "mindsmirror.engines.transformers:TransformersEngine",
    "vllm": "mindsmirror.engines.vllm:VLLMEngine",
    "recorded": "mindsmirror.engines.recorded:RecordedEngine",
    "scripted": "mindsmirror.engines.scripted:ScriptedEngine",
}


def engine_names() -> tuple[str, ...]:
    """Every engine that is installed, the built-in ones first."""
    return tuple(dict.fromkeys([*BUILT_IN, *(point.name for point in _added())]))


def registered(name: str) -> Any:
    """The class of the engine of that name (`open.engine_class` is the same with its type).

    Raises UnknownNameError with the nearest name and all that there are, EngineError if the package that adds the
    engine cannot be imported.
    """
    if name in BUILT_IN:
        return _built_in(name)
    for point in _added():
        if point.name == name:
            try:
                return point.load()
            # Whatever the package raises when it is imported.
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                raise EngineError(f"the engine {name!r} cannot be imported from {point.value} ({reason})") from error
    raise UnknownNameError("engine", name, engine_names())


@cache
def _built_in(name: str) -> Any:
    return EntryPoint(name, BUILT_IN[name], GROUP).load()


def _added() -> Iterable[EntryPoint]:
    return entry_points(group=GROUP)
