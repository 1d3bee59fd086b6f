"""What an endpoint does, found out by a few tiny requests before a run relies on it."""

import asyncio
import json
import time
from collections.abc import Mapping
from statistics import median
from typing import Any

from mindsmirror.engines.base import Message, Request, Sampling
from mindsmirror.engines.openai.endpoint import Endpoint
from mindsmirror.engines.openai.failures import CROWDED, FAILURES, LostError, RefusedError, SlowError
from mindsmirror.engines.openai.options import OpenAIOptions
from mindsmirror.engines.openai.reply import ChatCompletion, read_completion, read_refusal
from mindsmirror.engines.openai.transport import Transport
from mindsmirror.engines.plugin import Probe

LONGEST = 60.0
"""Seconds for one of these requests, where the recipe allows for longer."""
LONGEST_LIST = 10.0
"""Seconds for the list of models, which some servers do not have."""
LONGEST_NAME = 200
"""Characters of a model's name."""
MOST_NAMED = 10
"""Models of a server that are named in an error."""
KEYS = ("00000001", "00000002")
TINY = Request(
    "probe", (Message("user", "Write the number 1."),), Sampling(temperature=0.8, max_tokens=16), KEYS, shared=0
)
ALTERNATIVES: Mapping[str, Any] = {"logprobs": True, "top_logprobs": 2}


def probe(model: str, base_url: str, key_variable: str, options: OpenAIOptions) -> Probe:
    """Ask the server three times for a few tokens; EngineError, with what to do, if it cannot be used as it is."""
    return asyncio.run(_probe(model, base_url, key_variable, options))


async def _probe(model: str, base_url: str, key_variable: str, options: OpenAIOptions) -> Probe:
    endpoint = Endpoint(model, base_url, key_variable, options)
    transport = Transport(base_url, endpoint.secret, connections=1, timeout=min(LONGEST, options.timeout))
    try:
        served = await _served(transport, endpoint)
        times: list[float] = []
        try:
            await _asked(endpoint, transport, times, KEYS[:1])
        except FAILURES as error:
            return _refused(endpoint, model, error, served)
        endpoint.worked = True
        several, _ = await _tried(endpoint, transport, times, KEYS, {})
        one, document = await _tried(endpoint, transport, times, KEYS[:1], ALTERNATIVES)
        return Probe(
            served,
            None if several is None else len(several.choices) == len(KEYS),
            None if one is None else _has_alternatives(document),
            median(times),
            1 + 2 + 1,
        )
    finally:
        await transport.close()


async def _asked(
    endpoint: Endpoint,
    transport: Transport,
    times: list[float],
    keys: tuple[str, ...],
    more: Mapping[str, Any] | None = None,
) -> tuple[ChatCompletion, Any]:
    """The reply, and the document in which it came; the time that it took is added to `times`."""
    while True:
        dialect, began = endpoint.dialect, time.monotonic()
        try:
            response = await transport.post(endpoint.body(TINY, keys, dialect, more))
            if not 200 <= response.status < 300:
                raise read_refusal(response.status, response.content, response.headers)
            reply = read_completion(response.content)
        except FAILURES as error:
            if not endpoint.adapts(error, dialect):
                raise
        else:
            times.append(time.monotonic() - began)
            return reply, json.loads(response.content)


async def _tried(
    endpoint: Endpoint, transport: Transport, times: list[float], keys: tuple[str, ...], more: Mapping[str, Any]
) -> tuple[ChatCompletion | None, Any]:
    """What came of a request that the server may refuse; an empty reply if it does so, None if that says nothing."""
    try:
        return await _asked(endpoint, transport, times, keys, more)
    except FAILURES as error:
        refused = isinstance(error, RefusedError) and error.status in (400, 404, 422, 501)
        return (ChatCompletion((), 0, 0) if refused else None), {}


async def _served(transport: Transport, endpoint: Endpoint) -> tuple[str, ...] | None:
    try:
        async with asyncio.timeout(LONGEST_LIST):
            response = await transport.models()
        document = json.loads(response.content.decode("utf-8")) if response.status == 200 else None
    except (LostError, SlowError, TimeoutError, ValueError, RecursionError):
        return None
    rows = document.get("data") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        return None
    named = [str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row]
    return tuple(endpoint.redactor.line(name, LONGEST_NAME) for name in named)


def _has_alternatives(document: Any) -> bool:
    try:
        return bool(document["choices"][0]["logprobs"]["content"][0]["top_logprobs"])
    except (LookupError, TypeError):
        return False


def _refused(endpoint: Endpoint, model: str, error: Exception, served: tuple[str, ...] | None) -> Probe:
    """The probe of a server without room just now; EngineError for any other reason not to answer."""
    known = isinstance(error, RefusedError)
    if isinstance(error, RefusedError) and error.status == 404 and served and model not in served:
        more = f" and {len(served) - MOST_NAMED} more" if len(served) > MOST_NAMED else ""
        named = ", ".join(served[:MOST_NAMED])
        raise endpoint.end(f"does not know the model {model!r}", error, f"It serves {named}{more}.") from None
    useless = endpoint.useless(error, attempt=1)
    if useless is not None:
        raise useless from None
    if isinstance(error, RefusedError) and error.status in CROWDED:
        return Probe(served, None, None, 0.0, 0, busy=endpoint.reason(error))
    what = "refuses a plain request" if known else "does not answer as a chat completions server"
    raise endpoint.end(what, error, "Check `base_url`, `model` and `parameters.extra`.") from None
