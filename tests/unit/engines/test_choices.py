"""Engines asked how likely each of a few words is as the reply: alternatives from whoever knows them, reasons else."""

import json
from pathlib import Path
from typing import Any

import pytest
from unit.engines.loopback import KEYS, Body, Handler, Server, ask, completion, engine_at, request, well
from unit.engines.recordings import write_recording

from mindsmirror.engines.base import Alternative, Completion, Finish, Request
from mindsmirror.engines.recorded import RecordedEngine
from mindsmirror.engines.scripted import ScriptedEngine
from mindsmirror.errors import EngineError

CHOICES: dict[str, Any] = {"choices": ("yes", "no"), "temperature": 0.0}


def weighed(top: list[dict[str, Any]] | None) -> bytes:
    document = json.loads(completion(["yes"], "length", tokens=1))
    content = [] if top is None else [{"token": "yes", "logprob": -0.4, "top_logprobs": top}]
    document["choices"][0]["logprobs"] = {"content": content}
    return json.dumps(document).encode()


TOP: list[dict[str, Any]] = [
    {"token": "yes", "logprob": -0.4},
    {"token": "no", "logprob": -1.2},
    {"token": "?", "logprob": -9999.0},
]


def test_an_endpoint_is_asked_for_one_token_and_its_alternatives(server: Server) -> None:
    server.behaviour = lambda s, h, b: h.send(200, weighed([*TOP, {"token": "x", "logprob": float("-inf")}]))
    with engine_at(server) as engine:
        (found,) = ask(engine, KEYS[0], **CHOICES)
    assert found.alternatives == tuple(Alternative(each["token"], each["logprob"]) for each in TOP)
    assert (found.text, found.finish, found.tokens_in, found.tokens_out) == ("yes", Finish.LENGTH, 11, 1)
    (body,) = server.bodies
    assert (body["max_tokens"], body["logprobs"], body["top_logprobs"]) == (1, True, 20)
    server.behaviour = well
    with engine_at(server) as engine:
        assert ask(engine, KEYS[0])[0].alternatives == ()
    assert not {"logprobs", "top_logprobs"} & set(server.bodies[-1])


def test_a_server_that_gives_fewer_alternatives_is_asked_for_fewer(server: Server) -> None:
    def behave(server: Server, handler: Handler, body: Body) -> None:
        if body["top_logprobs"] > 5:
            handler.refuse(400, "top_logprobs must be between 0 and 5")
        else:
            handler.send(200, weighed(TOP))

    server.behaviour = behave
    with engine_at(server) as engine:
        assert all(ask(engine, key, **CHOICES)[0].alternatives for key in KEYS[:3])
    assert [body["top_logprobs"] for body in server.bodies] == [20, 5, 5, 5]


@pytest.mark.parametrize("how", ["refuses", "passes over", "leaves out"])
def test_an_endpoint_without_probabilities_ends_the_run_at_once(server: Server, how: str) -> None:
    def behave(server: Server, handler: Handler, body: Body) -> None:
        if "logprobs" not in body:
            well(server, handler, body)
        elif how == "refuses":
            handler.refuse(400, "logprobs is not supported by this model")
        else:
            handler.send(200, completion(["yes"]) if how == "passes over" else weighed(None))

    server.behaviour = behave
    with engine_at(server, concurrency=1) as engine:
        ask(engine, KEYS[0])
        for key in KEYS[1:7]:
            engine.submit(request(key, id=key, **CHOICES))
        with pytest.raises(EngineError, match=r"gives no probabilities of tokens.*top_logprobs"):
            while engine.poll():
                pass
    assert len(server.bodies) < 7, "what comes to nothing is not paid for again and again"


def test_a_reply_that_was_withheld_ends_nothing(server: Server) -> None:
    server.behaviour = lambda s, h, b: h.send(200, completion([""], "content_filter"))
    with engine_at(server) as engine:
        (found,) = ask(engine, KEYS[0], **CHOICES)
    assert found.finish is Finish.FILTERED and found.alternatives == ()


def test_the_scripted_teacher_draws_shares_by_the_key() -> None:
    engine = ScriptedEngine("teacher")
    found: dict[str, Completion] = {}
    for key in KEYS[:3]:
        engine.submit(request(key, **CHOICES))
        ((_, (found[key],)),) = engine.poll()
    assert len({each.alternatives for each in found.values()}) == 3
    for each in found.values():
        assert {a.text for a in each.alternatives} == {"yes", "no"} and each.text == each.alternatives[0].text
        assert each.alternatives[0].logprob >= each.alternatives[1].logprob and each.tokens_in > 0


def test_a_recording_replays_alternatives(tmp_path: Path) -> None:
    said = Completion(KEYS[0], "yes", Finish.LENGTH, 11, 1, alternatives=(Alternative("\ud83d", -0.5),))
    write_recording(tmp_path / "r.jsonl", [(KEYS[0], said), (KEYS[1], "plain")])
    engine = RecordedEngine(tmp_path / "r.jsonl")
    engine.submit(Request("r", (), request(**CHOICES).sampling, KEYS[:2]))
    ((_, found),) = engine.poll()
    assert found == (said, Completion(KEYS[1], "plain", Finish.STOP))
