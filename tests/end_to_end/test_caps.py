"""Money, end to end: a cap over a real HTTP server, the command line when a cap is reached, and the dry run."""

import json
import random
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from end_to_end import material
from end_to_end.conftest import Finished
from end_to_end.console import mindsmirror

from mindsmirror.annotation.result import AnnotationResult
from mindsmirror.annotation.store import Store
from mindsmirror.errors import BudgetError
from mindsmirror.records import Parse
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import Recipe, make_recipe

IN, OUT = 0.15, 0.60
CAP, CONCURRENCY = 0.01, 8
SERVED = {"MINDSMIRROR_SCRIPTED_LOG": "log"}


class Handler(BaseHTTPRequestHandler):
    server: "Endpoint"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.now += 1
            self.server.widest = max(self.server.widest, self.server.now)
        draw = random.Random(body["seed"])
        time.sleep(draw.uniform(0.01, 0.03))
        texts = [f"Thought {draw.random()}. The answer is {draw.randint(1, 3)}." for _ in range(body.get("n", 1))]
        usage = {
            "prompt_tokens": sum(len(m["content"].split()) for m in body["messages"]),
            "completion_tokens": sum(draw.randint(20, body["max_tokens"]) for _ in texts),
        }
        with self.server.lock:
            self.server.now -= 1
            self.server.charged.append((usage["prompt_tokens"] * IN + usage["completion_tokens"] * OUT) / 1e6)
        choices = [
            {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            for i, text in enumerate(texts)
        ]
        answer = json.dumps({"id": "x", "object": "chat.completion", "choices": choices, "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class Endpoint(ThreadingHTTPServer):
    """A chat completions server that knows what it has charged for each request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.charged: list[float] = []
        self.now = self.widest = 0


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as endpoint:
        threading.Thread(target=endpoint.serve_forever, args=(0.01,), daemon=True).start()
        yield endpoint
        endpoint.shutdown()


def recipe(folder: Path, endpoint: Endpoint, budget: dict[str, float], concurrency: int = CONCURRENCY) -> Recipe:
    rows = [material.word_problem(number, "train" if number < 60 else "test") for number in range(62)]
    teacher = {
        "model": "tiny",
        "engine": "openai",
        "base_url": f"http://127.0.0.1:{endpoint.server_port}/v1",
        "price": {"input": IN, "output": OUT},
        "parameters": {"concurrency": concurrency},
    }
    return make_recipe(
        {
            "name": "paid",
            "task": {"name": str(material.write_rows(folder / "words.jsonl", rows))},
            "teacher": [teacher],
            "annotation": {"rationales": 3, "budget": budget},
            "student": {"model": "smollm2-135m-instruct"},
            "arm": [{"name": "labels", "method": "standard"}],
        }
    )


@pytest.mark.parametrize("concurrency", [1, 3, 32])
def test_a_cap_in_usd_is_passed_by_one_request_at_most_whatever_goes_at_once(
    concurrency: int, endpoint: Endpoint, tmp_path: Path
) -> None:
    result, _ = annotated(recipe(tmp_path, endpoint, {"usd": CAP}, concurrency), tmp_path)
    charged = sum(endpoint.charged)
    assert endpoint.widest <= concurrency and (endpoint.widest > 1) == (concurrency > 1)
    assert CAP <= charged <= CAP + max(endpoint.charged)
    assert result.paid.usd == pytest.approx(charged) and result.unasked > 0


def annotated(recipe: Recipe, runs: Path) -> tuple[AnnotationResult, Pipeline]:
    pipeline = Pipeline(recipe, runs)
    pipeline.begin(trains=False)
    return pipeline.annotate(), pipeline


def test_a_cap_in_usd_holds_over_many_connections(endpoint: Endpoint, tmp_path: Path) -> None:
    result, pipeline = annotated(recipe(tmp_path, endpoint, {"usd": CAP}), tmp_path)
    charged, dearest = sum(endpoint.charged), max(endpoint.charged)
    assert 1 < endpoint.widest <= CONCURRENCY
    assert CAP <= charged <= CAP + dearest, "at its end a single request is in flight"
    assert charged < CAP + CONCURRENCY * dearest and result.paid.usd == pytest.approx(charged)
    assert "of annotation.budget.usd = 0.01 used by all runs called 'paid'" in result.stopped
    with pytest.raises(BudgetError, match=r"Raise the cap .* or train on what there is with `mindsmirror distill`"):
        pipeline.require_whole(result)

    annotations = pipeline.annotations()
    assert 0 < result.complete < result.expected == 60 and len(annotations) == result.questions
    assert all(a.rationales and all(r.parse is Parse.OK for r in a.rationales) for a in annotations)
    whole = [a for a in annotations if len(a.rationales) == len(a.evaluations) == 3]
    assert len(whole) == result.complete

    requests = len(endpoint.charged)
    assert annotated(recipe(tmp_path, endpoint, {"usd": CAP}), tmp_path)[0].asked == 0
    assert len(endpoint.charged) == requests, "the cap counts what the run before paid"
    more, pipeline = annotated(recipe(tmp_path, endpoint, {"usd": 1.0, "tokens": 10**9, "minutes": 60}), tmp_path)
    assert (more.complete, more.unasked, more.stopped) == (60, 0, "")
    assert more.asked + result.asked == 60 * (3 + 3)
    found = {a.example.id: a for a in pipeline.annotations()}
    assert all(found[a.example.id] == a for a in whole)
    with Store(tmp_path / "store.sqlite") as store:
        assert len(list(store.keys())) == 60 * (3 + 3)


BUDGET = ("--set", "annotation.budget={ tokens = 3000 }")


def test_a_run_that_reaches_its_cap_says_so_and_goes_on_when_it_is_raised(finished: Finished, workplace: Path) -> None:
    runs = workplace / "runs"
    for _ in range(2):
        ended = mindsmirror("run", "tiny.toml", *BUDGET, cwd=workplace, environment=SERVED)
        assert ended.code == BudgetError.exit_code, ended.err
        (line,) = ended.errors
        assert "annotation.budget.tokens = 3000 used by all runs called 'tiny' over this store" in line
        assert "Raise the cap" in line and "Traceback" not in ended.err
        assert not (runs / "tiny" / "arms").exists(), "nobody asked for students of a part"
    rows = [json.loads(row) for row in (runs / "tiny/annotation/annotations.jsonl").read_text().splitlines()]
    assert 0 < len(rows) < material.TRAIN + material.VALID
    keys = material.served(workplace / "log")
    assert len(keys) == len(set(keys)) == len(material.stored(runs / "store.sqlite"))
    ended = mindsmirror("annotate", "tiny.toml", "--json", cwd=workplace, environment=SERVED)
    assert ended.code == 0, ended.err
    keys = material.served(workplace / "log")
    assert len(keys) == len(set(keys))
    place = "annotation/annotations.jsonl"
    assert (runs / "tiny" / place).read_bytes() == (finished.run / place).read_bytes()


def test_what_a_cap_left_can_be_trained_on_and_the_report_says_so(workplace: Path) -> None:
    settings = (*BUDGET, "--set", "training.budget.steps=2", "--set", "evaluation.modes=['predict']")
    price = ("--set", "teacher.0.price={ input = 3.0, output = 5.0 }")
    assert mindsmirror("annotate", "tiny.toml", *settings, *price, cwd=workplace).code == BudgetError.exit_code
    for command in (("distill", "tiny.toml", *settings, *price), ("evaluate", "tiny")):
        ended = mindsmirror(*command, cwd=workplace)
        assert ended.code == 0, ended.err
    found = material.document(workplace / "runs/tiny/report.json")
    note = found["annotation"]
    assert "annotation.budget.tokens = 3000" in note["stopped"]
    assert any(finding.startswith("Warning: the annotation stopped") for finding in found["findings"])
    assert note["usd_per_question"] == pytest.approx(note["usd"] / note["examples"])
    costs = {cost["step"]: cost for cost in note["costs"]}
    assert sum(cost["usd"] for cost in costs.values()) == pytest.approx(note["usd"])
    assert costs["rationale"]["usable"] == note["rationales"]
    assert costs["rationale"]["usd_per_usable"] == pytest.approx(costs["rationale"]["usd"] / note["rationales"])
    page = (workplace / "runs/tiny/report.html").read_text()
    assert "What it cost" in page and "the annotation stopped at its budget" in page


@pytest.mark.parametrize("verb", ["annotate", "run"])
def test_a_dry_run_estimates_and_keeps_what_it_asked(workplace: Path, verb: str) -> None:
    price = ("--set", "teacher.0.price={ input = 3.0, output = 5.0 }")
    ended = mindsmirror(verb, "tiny.toml", "--dry-run", "--json", *price, cwd=workplace, environment=SERVED)
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert (found["questions"], found["rationales"], found["self_evaluations"], found["samples"]) == (10, 3, 1, 60)
    assert found["complete"] == 4 and found["asked"] == found["stored"] == len(material.served(workplace / "log"))
    for name in ("tokens_in", "tokens_out", "usd", "minutes"):
        low, high = found[name]
        assert 0 <= low <= high and high > 0
    assert not (workplace / "runs" / "tiny").exists(), "no run is begun and nothing is trained"
    ended = mindsmirror("annotate", "tiny.toml", *price, "--json", cwd=workplace, environment=SERVED)
    keys = material.served(workplace / "log")
    assert len(keys) == len(set(keys))
    rest = json.loads(ended.out)
    assert rest["asked"] == len(keys) - found["asked"]
    assert found["usd"][0] <= rest["paid"]["usd"] - found["paid_usd"] <= found["usd"][1]
    ended = mindsmirror(verb, "tiny.toml", "--dry-run", *price, cwd=workplace)
    assert "10 x 3 rationales x 1 self-evaluations each: at most 60 samples" in ended.out
    assert "0.0000 to 0.0000" in ended.out and "10 questions complete; 0 asked for just now" in ended.out


def test_repairs_reach_the_report(workplace: Path) -> None:
    settings = ("--set", "annotation.repairs=1", "--set", "teacher.0.parameters.malformed=0.3")
    short = ("--set", "training.budget.steps=2", "--set", "evaluation.modes=['predict']")
    ended = mindsmirror("run", "tiny.toml", *settings, *short, "--json", cwd=workplace)
    assert ended.code == 0, ended.err
    step = json.loads(ended.out)["annotation"]["yields"][0]
    assert step["step"] == "rationale" and step["stored"] == step["asked"] == 30 and step["failed"] == 0
    assert step["asked_again"] >= step["repaired"] > 0
    assert step["ok"] + sum(step["reasons"].values()) == step["asked"]
