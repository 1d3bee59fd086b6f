"""Servers that bill what they do not report: no cap is passed by more than one request, and who got nothing is told."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from end_to_end import material
from end_to_end.endpoint import teacher_at
from unit.engines.loopback import Body, Handler, Server, cut_short

from mindsmirror.annotation.result import AnnotationResult
from mindsmirror.annotation.store import Store
from mindsmirror.errors import EngineError, UnansweredError
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import make_recipe

IN, OUT = 1.0, 10.0
CAP = 0.05
ROOM = 64
Usage = Callable[[int, int], Any]
"""What a server says of the tokens that it has read and written; ... stands for nothing at all."""
USAGES: dict[str, Usage] = {
    "honest": lambda read, written: {"prompt_tokens": read, "completion_tokens": written},
    "missing": lambda read, written: ...,
    "null": lambda read, written: None,
    "null counts": lambda read, written: {"prompt_tokens": None, "completion_tokens": None},
    "negative": lambda read, written: {"prompt_tokens": -read, "completion_tokens": -written},
    "floats": lambda read, written: {"prompt_tokens": read + 0.5, "completion_tokens": float(written)},
    "strings": lambda read, written: {"prompt_tokens": str(read), "completion_tokens": str(written)},
    "booleans": lambda read, written: {"prompt_tokens": True, "completion_tokens": True},
    "nothing": lambda read, written: {"prompt_tokens": 0, "completion_tokens": 0},
}


class Meter:
    """A server that bills by the letter, `letters_a_token` of them, and says `usage`; every nth request fails after."""

    def __init__(
        self, usage: Usage = USAGES["honest"], letters_a_token: float = 4.0, surplus: int = 0, fails: int = 0
    ) -> None:
        self.usage, self.letters_a_token, self.surplus, self.fails = usage, letters_a_token, surplus, fails
        self.lock = threading.Lock()
        self.billed: list[float] = []

    def __call__(self, server: Server, handler: Handler, body: Body) -> None:
        draw = random.Random(body["seed"])
        count = body.get("n", 1) + self.surplus
        texts = [f"Thought {draw.random()}. The answer is {draw.randint(1, 3)}." for _ in range(count)]
        read = round(sum(len(m["content"]) for m in body["messages"]) / self.letters_a_token)
        written = sum(draw.randint(20, body["max_tokens"]) for _ in texts)
        with self.lock:
            self.billed.append((read * IN + written * OUT) / 1e6)
            number = len(self.billed)
        if self.fails and number % self.fails:
            if number % 2:
                cut_short(server, handler, body)
            else:
                handler.refuse(500, "lost")
            return
        choices = [{"index": i, "message": {"content": t}, "finish_reason": "stop"} for i, t in enumerate(texts)]
        document: dict[str, Any] = {"choices": choices}
        usage = self.usage(read, written)
        if usage is not ...:
            document["usage"] = usage
        handler.send(200, json.dumps(document).encode())


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def pipeline(folder: Path, server: Server, questions: int = 60, **annotation: Any) -> Pipeline:
    rows = [material.word_problem(number, "train" if number else "test") for number in range(questions + 1)]
    teacher = teacher_at(server, price={"input": IN, "output": OUT}, parameters={"retries": 3, "timeout": 5.0})
    recipe = make_recipe(
        {
            "name": "attacked",
            "task": {"name": str(material.write_rows(folder / "words.jsonl", rows))},
            "teacher": [teacher],
            "annotation": {"rationales": 3, "max_tokens": ROOM, "self_evaluations": 0, **annotation},
            "student": {"model": "smollm2-135m-instruct"},
            "arm": [{"name": "labels", "method": "standard"}],
        }
    )
    return Pipeline(recipe, folder / "runs")


def check_cap(folder: Path, server: Server, meter: Meter) -> AnnotationResult:
    """Annotate under the cap: at most one request beyond it was billed, whatever the server says."""
    server.behaviour = meter
    attacked = pipeline(folder, server, budget={"usd": CAP})
    result = attacked.annotate()
    assert "annotation.budget.usd = 0.05" in result.stopped
    assert sum(meter.billed) <= CAP + max(meter.billed)
    assert result.paid.usd is not None and result.paid.usd >= min(CAP, sum(meter.billed)) - 1e-9
    with Store(attacked.store) as store:
        (payment,) = store.paid("attacked").values()
    assert payment.usd == pytest.approx(result.paid.usd)
    return result


@pytest.mark.parametrize("usage", USAGES)
def test_a_cap_holds_whatever_the_server_reports(
    usage: str, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = check_cap(tmp_path, server, Meter(USAGES[usage]))
    said = capsys.readouterr().err
    assert said.count("is an estimate") == (usage != "honest"), "it is said once"
    assert (result.paid.estimated > 0) == (usage != "honest")


@pytest.mark.parametrize("letters_a_token", [0.7, 1.0, 6.0])
def test_a_cap_holds_whatever_a_token_is(letters_a_token: float, server: Server, tmp_path: Path) -> None:
    result = check_cap(tmp_path, server, Meter(letters_a_token=letters_a_token))
    assert result.paid.estimated == 0


def test_a_cap_holds_where_more_comes_than_was_asked_for(server: Server, tmp_path: Path) -> None:
    result = check_cap(tmp_path, server, Meter(surplus=9))
    assert result.paid.wasted > 0


@pytest.mark.timeout(120)
def test_a_cap_holds_where_replies_are_billed_and_then_fail(server: Server, tmp_path: Path) -> None:
    result = check_cap(tmp_path, server, Meter(fails=3))
    assert result.paid.wasted > 0


def test_a_server_that_ignores_its_room_ends_the_run_and_what_was_bought_is_kept(
    server: Server, tmp_path: Path
) -> None:
    def endless(server: Server, handler: Handler, body: Body) -> None:
        choice = {"message": {"content": "and so on " * 2000 + "The answer is 2."}, "finish_reason": "stop"}
        handler.send(200, json.dumps({"choices": [choice] * body.get("n", 1)}).encode())

    server.behaviour = endless
    attacked = pipeline(tmp_path, server)
    with pytest.raises(EngineError, match="ignores `max_tokens`"):
        attacked.annotate()
    assert len(server.bodies) == 1
    with Store(attacked.store) as store:
        assert len(list(store.keys())) == 3
        (payment,) = store.paid("attacked").values()
    assert payment.tokens_out >= 3 * 20_000 // 16


def test_a_run_in_which_every_request_fails_says_what_the_server_answered(server: Server, tmp_path: Path) -> None:
    server.behaviour = lambda s, h, b: h.refuse(400, "the moon is full \x1b[31m")
    attacked = pipeline(tmp_path, server, questions=4)
    result = attacked.annotate()
    assert (result.failed, result.usable) == (12, 0)
    with pytest.raises(UnansweredError, match=r"12 of 12 samples failed.*0\.5 allows.*12 times: status 400: the moon"):
        attacked.require_whole(result)
    assert UnansweredError.exit_code == 21


@pytest.mark.parametrize(("share", "ends"), [(0.2, True), (0.9, False)])
def test_a_share_of_failures_is_borne(share: float, ends: bool, server: Server, tmp_path: Path) -> None:
    meter = Meter()

    def some(server: Server, handler: Handler, body: Body) -> None:
        if sum(body["messages"][-1]["content"].encode()) % 2 and len(meter.billed) > 3:
            handler.refuse(400, "not this one")
        else:
            meter(server, handler, body)

    server.behaviour = some
    attacked = pipeline(tmp_path, server, questions=30, max_failed=share)
    result = attacked.annotate()
    assert 0.2 < result.failed / 90 < 0.9
    if ends:
        with pytest.raises(UnansweredError, match=r"annotation\.max_failed = 0\.2.*not this one"):
            attacked.require_whole(result)
    else:
        attacked.require_whole(result)


def test_a_run_of_which_no_reply_can_be_used_is_an_error(server: Server, tmp_path: Path) -> None:
    def chatter(server: Server, handler: Handler, body: Body) -> None:
        choice = {"message": {"content": "I would rather not."}, "finish_reason": "stop"}
        handler.send(200, json.dumps({"choices": [choice] * body.get("n", 1)}).encode())

    server.behaviour = chatter
    attacked = pipeline(tmp_path, server, questions=3)
    with pytest.raises(UnansweredError, match="not one of 9 replies can be used"):
        attacked.require_whole(attacked.annotate())
