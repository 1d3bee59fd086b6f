"""The highest rate of questions that the server holds, and how long a reply takes at half of it.

Peer: llama.cpp's server (xllamacpp) with the same student as GGUF, as many slots as our server decodes together, and
the same questions as the student reads them. Each server is a process of its own; one client asks them, one after the
other, over HTTP. Questions come at random moments, as many in the mean as the rate says, whether or not the ones before
are answered, and a reply's time counts from the moment at which its question was due. A rate is held if for so many
seconds no request fails and no reply takes longer than --patience. It is doubled until it is not held, or halved until
it is, and then the span is halved. Both write at most --max-tokens greedily in mode think; ours also judges what it
wrote, if the student judges. Prints one JSON line.

    python benchmarks/serving.py RUN [--arm NAME] [--seconds 60] [--patience 10] [--weights q8_0] [--together 16]
"""

import argparse
import asyncio
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from ratio import print_line

from mindsmirror.delivery.formats import STUDENT_FORMATS
from mindsmirror.inference.question import Question
from mindsmirror.runs.description import described, named_arm
from mindsmirror.runs.export import open_student
from mindsmirror.runs.folder import Run

FIRST = 0.5
"""Questions a second that are tried first."""
LEAST = 1 / 16
"""The lowest rate that is tried."""
STEPS = 3
"""How often the span between a rate that is held and one that is not is halved."""


@dataclass(frozen=True)
class Server:
    """Where a server is asked, and what with."""

    url: str
    bodies: Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Load:
    """What came of a load."""

    seconds: Sequence[float]
    """From the moment at which each question was due to its reply."""
    failed: Sequence[str]
    tokens: int

    def held(self, patience: float) -> bool:
        """Whether all was answered, and in time."""
        return not self.failed and max(self.seconds, default=0.0) <= patience


async def load(server: Server, rate: float, seconds: float, patience: float) -> Load:
    """Ask at a rate for so many seconds."""
    draw, due, moments = random.Random(0), 0.0, []
    while (due := due + draw.expovariate(rate)) < seconds:
        moments.append(due)
    took: list[float] = []
    failed: list[str] = []
    tokens = 0
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
    async with httpx2.AsyncClient(limits=limits, timeout=3 * patience) as client:
        began = time.perf_counter()

        async def ask(number: int, moment: float) -> None:
            nonlocal tokens
            await asyncio.sleep(max(0.0, began + moment - time.perf_counter()))
            try:
                reply = await client.post(server.url, json=server.bodies[number % len(server.bodies)])
                reply.raise_for_status()
                tokens += reply.json()["usage"]["completion_tokens"]
                took.append(time.perf_counter() - began - moment)
            except httpx2.HTTPError as error:
                failed.append(repr(error))

        await asyncio.gather(*(ask(*each) for each in enumerate(moments)))
    return Load(took, failed, tokens)


def highest(server: Server, options: argparse.Namespace) -> float:
    """The highest rate that is held, in questions a second; 0 if not even LEAST is."""

    def holds(rate: float) -> bool:
        found = asyncio.run(load(server, rate, options.seconds, options.patience))
        slowest = max(found.seconds, default=0.0)
        print(f"{server.url}: {rate:.2f}/s, slowest {slowest:.1f} s, failed {len(found.failed)}", file=sys.stderr)
        return found.held(options.patience)

    low, high = 0.0, FIRST
    while holds(high):
        low, high = high, 2 * high
    while not low:
        if high / 2 < LEAST:
            return 0.0
        low, high = (high / 2, high) if holds(high / 2) else (0.0, high / 2)
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


@contextmanager
def started(command: list[str]) -> Iterator[str]:
    """A server in a process of its own; the first line that it prints."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline()
        finally:
            process.terminate()


def serve_peer(path: Path, slots: int, context: int) -> None:
    """Be llama.cpp's server until the process is ended."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_parallel, params.n_ctx = slots, slots * context
    params.hostnames, params.ui, params.verbosity = ["127.0.0.1"], False, -1
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    while True:
        time.sleep(3600)


def measure(server: Server, options: argparse.Namespace) -> dict[str, float]:
    """The highest rate, and at half of it the median and the 95th percentile of a reply's seconds."""
    asyncio.run(load(server, 2.0, 2.0, options.patience))
    rate = highest(server, options)
    found = asyncio.run(load(server, rate / 2 or FIRST / 2, options.seconds, options.patience))
    taken = sorted(found.seconds)
    middle = statistics.median(taken) if taken else float("nan")
    late = taken[min(len(taken) - 1, int(0.95 * len(taken)))] if taken else float("nan")
    figures = {"rate": rate, "median_seconds": middle, "p95_seconds": late}
    return {name: round(value, 3) for name, value in figures.items()} | {
        "tokens_a_reply": round(found.tokens / max(1, len(taken)), 1)
    }


def main() -> None:
    """Measure both and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--arm")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--patience", type=float, default=10.0)
    parser.add_argument("--max-tokens", type=int, default=96)
    parser.add_argument("--weights", default="q8_0", choices=sorted(STUDENT_FORMATS["gguf"].weights))
    parser.add_argument("--together", type=int, default=16)
    parser.add_argument("--peer", nargs=2, metavar=("SLOTS", "CONTEXT"), type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        serve_peer(options.run, *options.peer)
        return
    run = Run(options.run)
    arm = named_arm(run.recipe, options.arm)
    task = run.task(run.recipe)
    student = described(run, run.recipe, task, arm)
    questions = [Question(question=each.text) for each in task.splits.test]
    common = {"max_tokens": options.max_tokens, "temperature": 0}
    asked = [common | {"messages": [{"role": "user", "content": each.question}]} for each in questions]
    read = [f"{each.example(student.as_task()).text}\n\nexplain" for each in questions]
    together = str(options.together)
    name = ["serve", str(options.run), "--arm", arm.name, "--port", "0", "--json", "--together", together]
    with started([sys.executable, "-m", "mindsmirror", *name, "--queue", "10000", "--concurrency", "10000"]) as line:
        url = f"{json.loads(line)['address']}/v1/chat/completions"
        ours = measure(Server(url, [body | {"mindsmirror": {"mode": "think"}} for body in asked]), options)
    with tempfile.TemporaryDirectory() as folder:
        opened = open_student(options.run, run.recipe, arm, 1)
        path = STUDENT_FORMATS["gguf"].write(opened.source, Path(folder), options.weights)
        peer = ["--peer", together, str(opened.source.context)]
        with started([sys.executable, __file__, str(path), *peer]) as line:
            bodies = [common | {"messages": [{"role": "user", "content": text}]} for text in read]
            theirs = measure(Server(f"{line.strip()}/v1/chat/completions", bodies), options)
    print_line(
        "serving",
        f"llama.cpp's server, {options.weights}",
        [ours["rate"] / theirs["rate"] if theirs["rate"] else float("nan")],
        seconds=options.seconds,
        patience=options.patience,
        **ours,
        **{f"peer_{key}": value for key, value in theirs.items()},
    )


if __name__ == "__main__":
    main()
