"""Any OpenAI-compatible chat completions server: OpenAI, vLLM, SGLang, llama.cpp, Ollama and others.

The samples of a prompt are one HTTP request (`n`) where the server allows it; where it refuses or returns
fewer, single ones are sent from then on. How many requests are in flight follows the server. What may pass
(429, 5xx, a lost connection, half a reply) is tried again with growing pauses, or after the time that the
server asks for. A sample that finally fails is a failed completion; the other samples of its request are not
affected. An endpoint that is down, or refuses the key or the model, before anything has worked is an EngineError,
and so is one that answers nothing any more.

`engine` is the engine, `options` its parameters; `transport` sends and receives, `endpoint` knows the server, `reply`
and `headers` read what it says, `failures` names what may go wrong, `probe` finds out before a run what it can do,
`scheduler` sends and retries, `concurrency` decides how much is in flight, and `prefix_queue` in which order it goes.
"""

from mindsmirror.engines.openai.engine import OpenAIEngine

__all__ = ["OpenAIEngine"]
