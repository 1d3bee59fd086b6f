"""A recipe that grows asks its teacher only for what is new, and a server that misbehaves costs no question: by its
own count, over real HTTP."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from end_to_end import material
from end_to_end.endpoint import JUDGING, reply, serving, teach, teacher_at
from unit.engines.loopback import Behaviour, Body, Handler, Server, cut_short, reset

from mindsmirror.annotation.store import Store
from mindsmirror.answers import Answer, Number, base
from mindsmirror.records import Annotation, Parse
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import make_recipe

QUESTIONS, K = 12, 3


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


class Asked:
    """A recipe over that server, and what each run of it asked."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder, self.server = folder, server

    def annotate(
        self,
        questions: int = QUESTIONS,
        k: int = K,
        m: int = 1,
        answer: str = "number",
        parameters: Mapping[str, Any] | None = None,
    ) -> tuple[list[Body], dict[str, Annotation]]:
        """The requests of one run, and its annotations by question."""
        rows = [material.word_problem(number, "train" if number else "test") for number in range(questions + 1)]
        recipe = make_recipe(
            {
                "name": "growing",
                "task": {"name": str(material.write_rows(self.folder / "words.jsonl", rows)), "answer": answer},
                "teacher": [teacher_at(self.server, parameters=dict(parameters or {}))],
                "annotation": {"rationales": k, "self_evaluations": m, "prompts": "number"},
                "judge": {"strategy": "plain"},
                "student": {"model": "smollm2-135m-instruct"},
                "arm": [{"name": "labels", "method": "standard"}],
            }
        )
        before = len(self.server.bodies)
        pipeline = Pipeline(recipe, self.folder / "runs")
        result = pipeline.annotate()
        assert result.failed == 0 and result.unasked == 0
        found = {annotation.example.id: annotation for annotation in pipeline.annotations()}
        assert len(found) == questions
        return self.server.bodies[before:], found


@pytest.fixture
def asked(tmp_path: Path, server: Server) -> Asked:
    return Asked(tmp_path, server)


def samples(bodies: list[Body]) -> Counter[str]:
    """How many samples a server was asked for, by what they are."""
    count: Counter[str] = Counter()
    for body in bodies:
        count["self-evaluation" if JUDGING in body["messages"][-1]["content"] else "rationale"] += body.get("n", 1)
    return count


def parsed(found: Mapping[str, Annotation], first: int = 0) -> int:
    """Rationales with an answer, from their number `first` on."""
    return sum(r.parse is Parse.OK and r.sample >= first for a in found.values() for r in a.rationales)


def test_from_k_3_to_5_only_the_new_rationales_are_asked_for(asked: Asked) -> None:
    first, before = asked.annotate(k=3)
    assert samples(first) == {"rationale": QUESTIONS * 3, "self-evaluation": parsed(before)}
    more, after = asked.annotate(k=5)
    assert samples(more) == {"rationale": QUESTIONS * 2, "self-evaluation": parsed(after, first=3)}
    for name, annotation in after.items():
        assert annotation.rationales[:3] == before[name].rationales
        assert len({r.text for r in annotation.rationales}) == 5, "a seed was used twice"
    seeds = [body["seed"] for body in (*first, *more)]
    assert len(seeds) == len(set(seeds))
    assert asked.annotate(k=5) == ([], after) and asked.annotate(k=3) == ([], before)


def test_from_m_1_to_2_only_the_new_self_evaluations_are_asked_for(asked: Asked) -> None:
    first, before = asked.annotate(m=1)
    more, after = asked.annotate(m=2)
    assert (
        samples(more) == {"self-evaluation": parsed(before)} == {"self-evaluation": samples(first)["self-evaluation"]}
    )
    for name, annotation in after.items():
        assert annotation.rationales == before[name].rationales
        assert [e for e in annotation.evaluations if e.sample == 0] == list(before[name].evaluations)
        critiques = [e.critique for e in annotation.evaluations]
        assert len(critiques) == len(set(critiques)), "a seed was used twice"


def test_of_ten_more_questions_only_those_are_asked(asked: Asked) -> None:
    _, before = asked.annotate()
    more, after = asked.annotate(questions=QUESTIONS + 10)
    new = {name: annotation for name, annotation in after.items() if name not in before}
    assert len(new) == 10 and {name: after[name] for name in before} == before
    assert samples(more) == {"rationale": 10 * K, "self-evaluation": parsed(new)}
    texts = [annotation.example.text for annotation in new.values()]
    assert all(any(text in body["messages"][-1]["content"] for text in texts) for body in more)


def test_for_another_parser_only_what_it_reads_anew_is_judged(asked: Asked) -> None:
    """As text, "a few or more" is an answer: such rationales are judged now, and nothing else is asked."""
    _, before = asked.annotate(answer="number")
    more, after = asked.annotate(answer="text")
    assert parsed(after) == QUESTIONS * K > parsed(before)
    assert samples(more) == {"self-evaluation": QUESTIONS * K - parsed(before)}
    assert all("a few or more" in body["messages"][-1]["content"] for body in more)
    assert [r.text for a in after.values() for r in a.rationales] == [
        r.text for a in before.values() for r in a.rationales
    ]
    assert asked.annotate(answer="number") == ([], before)


def test_for_another_version_of_the_parser_the_store_is_read_anew(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, before = asked.annotate()
    read = Number.read
    monkeypatch.setattr(Number, "read", lambda self, *given: read(self, *given) or Answer("4", "4"))
    assert asked.annotate() == ([], before), "the step is done, and nobody has said that reading has changed"
    monkeypatch.setattr(base, "READING", base.READING + 1)
    more, after = asked.annotate()
    assert parsed(after) == QUESTIONS * K
    assert samples(more) == {"self-evaluation": QUESTIONS * K - parsed(before)}


def drip(server: Server, handler: Handler, body: Body) -> None:
    """Hang until whoever asks has gone."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.01)


def changed(change: Callable[[bytes], bytes]) -> Behaviour:
    return lambda server, handler, body: handler.send(200, change(reply(body)))


TROUBLE: dict[str, Behaviour] = {
    "hangs": drip,
    "resets": reset,
    "ends too early": cut_short,
    "sends half a JSON": changed(lambda whole: whole[: len(whole) // 2]),
    "sends invalid UTF-8": changed(lambda whole: whole.replace(b"Thought", b"Thought \xff\xfe")),
    "sends a page": lambda s, h, b: h.send(200, b"<html>Have a nice day</html>", Content_Type="text/html"),
    "sends nothing": lambda s, h, b: h.send(200, b""),
    "sends no choices": lambda s, h, b: h.send(200, b'{"choices": []}'),
    "is overloaded": lambda s, h, b: h.refuse(503, "overloaded", Retry_After="0.05"),
    "is broken": lambda s, h, b: h.refuse(500, "oops"),
}


def test_a_server_that_misbehaves_at_every_turn_costs_no_sample(asked: Asked, server: Server, tmp_path: Path) -> None:
    """Every request is answered wrongly once, in turn by each kind of trouble, and right when it comes again."""
    whole, expected = asked.annotate()
    assert len(whole) > 4 * len(TROUBLE)
    lock, seen, met = threading.Lock(), set[int](), Counter[str]()
    kinds = list(TROUBLE.items())

    def behave(server: Server, handler: Handler, body: Body) -> None:
        with lock:
            again = body["seed"] in seen
            seen.add(body["seed"])
            name, trouble = kinds[len(seen) % len(kinds)]
            met[name] += not again
        # The very first request has to show that the server works at all.
        (teach if again or len(seen) == 1 else trouble)(server, handler, body)

    server.behaviour = behave
    asked.folder = tmp_path / "again"
    asked.folder.mkdir()
    bodies, found = asked.annotate(parameters={"timeout": 0.5, "retries": 6})
    assert set(met) == set(TROUBLE) and min(met.values()) >= 3
    assert found == expected
    assert len(seen) == len(whole) and len(bodies) >= 2 * len(whole) - 1


ODD = {
    "100 kB": "Long. " + "x" * 100_000,
    "unicode": "Ça va \N{SNOWMAN} \N{RIGHT-TO-LEFT OVERRIDE}\N{FAMILY} 数 e\N{COMBINING ACUTE ACCENT}\x00\x1b[31m",
    "half an emoji": "An emoji \ud83d and its other half \udca9 apart",
}


def test_odd_replies_of_a_server_are_kept_as_they_are(asked: Asked, server: Server, tmp_path: Path) -> None:
    texts = [f"{odd}\nThe answer is 4." for odd in ODD.values()]

    def behave(server: Server, handler: Handler, body: Body) -> None:
        document = json.loads(reply(body))
        if JUDGING not in body["messages"][-1]["content"]:
            for choice, text in zip(document["choices"], texts, strict=True):
                choice["message"]["content"] = text
        handler.send(200, json.dumps(document).encode())

    server.behaviour = behave
    room = {"extra": {"max_tokens": 10_000}}
    _, found = asked.annotate(questions=3, parameters=room)
    for annotation in found.values():
        assert [r.answer for r in annotation.rationales] == ["4"] * 3
        assert len(annotation.rationales[0].text) > 100_000 and "\N{SNOWMAN}" in annotation.rationales[1].text
        assert len(annotation.evaluations) == 3
    with Store(tmp_path / "runs" / "store.sqlite") as store:
        raw = Counter(stored.text for stored in store.get(list(store.keys())).values())
    assert all(raw[text] == 3 for text in texts)
    assert asked.annotate(questions=3, parameters=room) == ([], found)
