"""A judge by likelihood over a real HTTP server: what it gave is paid for once, and calibrated at will."""

import json
import math
import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from end_to_end import material

from mindsmirror.errors import EngineError
from mindsmirror.records import Annotation, CalibrationTarget, Verdict, VerdictSource
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import Recipe, make_recipe

QUESTIONS = 40


class Handler(BaseHTTPRequestHandler):
    """Answers "3" mostly; as a judge it says "correct" of everything, but is surer where the answer is 3."""

    server: "Endpoint"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = json.dumps(body["messages"])
        # Not by the seed, which the server's address is part of: what is drawn is the same in every run.
        draw = random.Random(asked)
        with self.server.lock:
            self.server.requests.append("self-evaluation" if "logprobs" in body else "rationale")
        choices: list[dict[str, Any]] = []
        for index in range(body.get("n", 1)):
            number = 3 if draw.random() < 0.7 else draw.randint(4, 9)
            choice: dict[str, Any] = {"index": index, "finish_reason": "stop"}
            text = f"Thought {draw.random()}. The answer is {number}."
            if "logprobs" in body:
                text = "correct"
                odds = draw.gauss(5.0 if "The answer is 3." in body["messages"][-1]["content"] else 3.0, 1.0)
                pair = {"correct": -math.log1p(math.exp(-odds)), "wrong": -math.log1p(math.exp(odds))}
                top = [{"token": token, "logprob": logprob} for token, logprob in pair.items()]
                choice["logprobs"] = {"content": [{"top_logprobs": top}] if self.server.sighted else []}
            choices.append(choice | {"message": {"role": "assistant", "content": text}})
        answer = json.dumps({"choices": choices, "usage": {"prompt_tokens": 50, "completion_tokens": 9}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class Endpoint(ThreadingHTTPServer):
    """Knows what it was asked for."""

    daemon_threads = True
    sighted = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.requests: list[str] = []


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as endpoint:
        threading.Thread(target=endpoint.serve_forever, args=(0.01,), daemon=True).start()
        yield endpoint
        endpoint.shutdown()


def recipe(folder: Path, endpoint: Endpoint, **judge: Any) -> Recipe:
    data = folder / "words.jsonl"
    if not data.exists():
        splits = ["train"] * QUESTIONS + ["valid"] * 2 + ["test"]
        rows = [material.word_problem(number, split) | {"answer": 3} for number, split in enumerate(splits)]
        material.write_rows(data, rows)
    url = f"http://127.0.0.1:{endpoint.server_port}/v1"
    return make_recipe(
        {
            "name": "weighed",
            "task": {"name": str(data)},
            "teacher": [{"model": "m", "engine": "openai", "base_url": url}],
            "annotation": {"rationales": 5},
            "judge": {"strategy": "likelihood", **judge},
            "student": {"model": "smollm2-135m-instruct"},
            "arm": [{"name": "mirror", "method": "minds_mirror", "labels": "gold"}],
        }
    )


def annotated(folder: Path, asked: Recipe) -> list[Annotation]:
    pipeline = Pipeline(asked, folder / "runs")
    pipeline.annotate()
    lines = (pipeline.run.folder / "annotation" / "annotations.jsonl").read_text(encoding="utf-8").splitlines()
    return [Annotation.model_validate_json(line) for line in lines]


def test_calibrating_anew_asks_for_nothing(tmp_path: Path, endpoint: Endpoint) -> None:
    first = annotated(tmp_path, recipe(tmp_path, endpoint))
    assert endpoint.requests.count("self-evaluation") == 5 * len(first) == 5 * (QUESTIONS + 2)
    said = [e for annotation in first for e in annotation.evaluations]
    assert {(e.source, e.calibration) for e in said} == {(VerdictSource.LIKELIHOOD, CalibrationTarget.CONSENSUS)}
    assert all(e.likelihood is not None and e.likelihood > 0.5 for e in said), "the judge calls everything correct"
    right = {(a.example.id, r.sample): r.right for a in first for r in a.rationales}
    known = [(e.verdict, right[a.example.id, e.rationale]) for a in first for e in a.evaluations]
    of_wrong = [verdict for verdict, flag in known if not flag]
    assert sum(verdict is Verdict.WRONG for verdict in of_wrong) > 0.7 * len(of_wrong) > 20
    before = len(endpoint.requests)
    again = annotated(tmp_path, recipe(tmp_path, endpoint))
    by_gold = annotated(tmp_path, recipe(tmp_path, endpoint, calibration="gold"))
    assert len(endpoint.requests) == before
    assert again == first
    raw = [[e.likelihood for a in found for e in a.evaluations] for found in (first, by_gold)]
    shares = [[e.p_correct for a in found for e in a.evaluations] for found in (first, by_gold)]
    assert raw[0] == raw[1] and shares[0] != shares[1]


def test_an_endpoint_without_probabilities_keeps_the_rationales(tmp_path: Path, endpoint: Endpoint) -> None:
    endpoint.sighted = False
    with pytest.raises(EngineError, match="gives no probabilities"):
        annotated(tmp_path, recipe(tmp_path, endpoint))
    assert endpoint.requests.count("self-evaluation") < 5 * QUESTIONS / 2
    stored = material.stored(tmp_path / "runs" / "store.sqlite")
    assert {purpose for purpose, _ in stored.values()} == {"rationale"}
    endpoint.sighted = True
    assert len(annotated(tmp_path, recipe(tmp_path, endpoint))) == QUESTIONS + 2
