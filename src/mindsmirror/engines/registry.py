"""Which engines there are: their names, and the class of each, which is imported when a recipe names it.

An engine is one file with a class that derives from `EngineBase` (plugin.py), or from `LocalEngine` (local.py) if its
models are files on this machine. A built-in engine is such a file in this room and a line in `BUILT_IN`. Another
package adds one by an entry point of the group `mindsmirror.engines`; it cannot take a built-in engine's name, because
stored samples are found by it.

Nothing is imported here until a class is asked for, and the files of engines import their libraries in functions: so
a recipe is read, and an identity computed, in milliseconds.
"""

from typing import Any

from mindsmirror.system.plugins import Registry

BUILT_IN = {
    "openvino": "mindsmirror.engines.openvino:OpenVINOEngine",
    "openai": "mindsmirror.engines.openai:OpenAIEngine",
    "llama_cpp": "mindsmirror.engines.llama_cpp:LlamaCppEngine",
    "transformers": "mindsmirror.engines.transformers:TransformersEngine",
    "vllm": "mindsmirror.engines.vllm:VLLMEngine",
    "recorded": "mindsmirror.engines.recorded:RecordedEngine",
    "scripted": "mindsmirror.engines.scripted:ScriptedEngine",
}
# The base is written as a string: its module imports the table of a teacher, which looks engines up here.
ENGINES: Registry[Any] = Registry("engine", "mindsmirror.engines", "mindsmirror.engines.plugin:EngineBase", BUILT_IN)


def engine_names() -> tuple[str, ...]:
    """Every engine that is installed, the built-in ones first."""
    return ENGINES.names()


def registered(name: str) -> type[Any]:
    """The class of the engine of that name (`open.engine_class` is the same with its type).

    Raises UnknownNameError with the nearest name and all that there are, RecipeError if another package's class cannot
    be used.
    """
    return ENGINES.named(name)
