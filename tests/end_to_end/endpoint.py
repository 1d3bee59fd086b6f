"""A chat completions server for whole annotations: what it says follows from what it is asked, and it counts.

It lives in the tests' own process, so it outlives every process that is killed.
"""

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from unit.engines.loopback import Body, Handler, Server

JUDGING = "Is this solution correct"


def reply(body: Body, share_unparsed: float = 0.15) -> bytes:
    """A rationale for each sample, or a self-evaluation, drawn by seed, prompt and number.

    Which rationales end without a numeral does not depend on the seed, which depends on the server's port.
    """
    texts = []
    for number in range(body.get("n", 1)):
        draw = random.Random(f"{body['seed']} {number} {body['messages'][-1]['content']}")
        thought = f"Thought {draw.randrange(10**9)}."
        if JUDGING in body["messages"][-1]["content"]:
            texts.append(f"{thought}\nEvaluation result: the given answer is {draw.choice(('correct', 'wrong'))}.")
        elif random.Random(f"{number} {body['messages'][-1]['content']}").random() < share_unparsed:
            texts.append(f"{thought} The answer is a few or more.")
        else:
            texts.append(f"{thought} The answer is {draw.randint(1, 3)}.")
    choices = [
        {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for index, text in enumerate(texts)
    ]
    words = sum(len(message["content"].split()) for message in body["messages"])
    usage = {"prompt_tokens": words, "completion_tokens": 12 * len(texts)}
    return json.dumps({"id": "x", "object": "chat.completion", "choices": choices, "usage": usage}).encode()


def teach(server: Server, handler: Handler, body: Body) -> None:
    """Answer after some milliseconds, which the seed decides."""
    time.sleep(random.Random(body["seed"]).uniform(0.001, 0.008))
    handler.send(200, reply(body))


@contextmanager
def serving() -> Iterator[Server]:
    """A server that teaches."""
    with Server() as server:
        server.behaviour, server.models = teach, ("tiny",)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def url_of(server: Server) -> str:
    """Where it is."""
    return f"http://127.0.0.1:{server.server_port}/v1"


def teacher_at(server: Server, **more: Any) -> dict[str, Any]:
    """The `[[teacher]]` of a recipe."""
    return {"model": "tiny", "engine": "openai", "base_url": url_of(server)} | more
