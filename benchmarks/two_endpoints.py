"""Whether two endpoints in one recipe are asked side by side.

Every question gets a rationale of each of two teachers behind servers of their own: one is slow and takes many requests
at once, the other is fast and takes few. Peer: the longer of the two times in which each teacher alone answers the same
questions; 1 is the most that can be had. Each measurement has a new store. Prints one JSON line.

    python benchmarks/two_endpoints.py [--questions 160] [--latency 0.5 0.02] [--concurrency 16 2] [--pairs 3]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from ratio import median, print_line

from mindsmirror.annotation.annotate import Annotator
from mindsmirror.annotation.config import AnnotationConfig
from mindsmirror.annotation.judges import JudgeConfig
from mindsmirror.annotation.prompts import load_prompts
from mindsmirror.annotation.store import Store
from mindsmirror.annotation.teachers import Teacher
from mindsmirror.answers import Number
from mindsmirror.engines.openai import OpenAIEngine
from mindsmirror.engines.openai.options import OpenAIOptions
from mindsmirror.records import Example
from mindsmirror.tasks.base import Splits, Task


def behind(url: str, concurrency: int, name: str) -> Teacher:
    """A teacher behind a server that takes so many requests at once."""
    identity, options = {"engine": "openai", "model": name}, OpenAIOptions(concurrency=concurrency)
    return Teacher(
        name, identity, lambda: OpenAIEngine(name, identity, base_url=url, api_key_env="NO_SUCH_KEY", options=options)
    )


def seconds(questions: Sequence[Example], teachers: Sequence[Teacher]) -> float:
    """How long the teachers take to write one rationale each of all questions."""
    task, first = Task("sums", 1, "none", Number(), Splits((), (), ())), teachers[0]
    config = AnnotationConfig(rationales=1, self_evaluations=0)
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store.sqlite") as store:
        prompts, judging, others = load_prompts("number"), JudgeConfig(), teachers[1:]
        annotator = Annotator(task, prompts, first, first, config, judging, store, others=others)
        began = time.perf_counter()
        assert len(list(annotator.run(("train", question) for question in questions))) == len(questions)
        return time.perf_counter() - began


def main() -> None:
    """Start two servers, measure pairs, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=160)
    parser.add_argument("--latency", type=float, nargs=2, default=[0.5, 0.02])
    parser.add_argument("--concurrency", type=int, nargs=2, default=[16, 2])
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    questions = [Example(id=str(n), text=f"What is {n} + 3?", gold=str(n + 3)) for n in range(options.questions)]
    program = str(Path(__file__).with_name("endpoint.py"))
    with ExitStack() as servers:
        teachers = []
        for latency, concurrency in zip(options.latency, options.concurrency, strict=True):
            command = [sys.executable, program, "--serve", "--latency", str(latency)]
            server = servers.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            servers.callback(server.kill)
            assert server.stdout is not None
            url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
            teachers.append(behind(url, concurrency, f"after {latency} s"))
        alone = [[seconds(questions, [teacher]) for teacher in teachers] for _ in range(options.pairs)]
        together = [seconds(questions, teachers) for _ in range(options.pairs)]
    ratios = [max(each) / both for each, both in zip(alone, together, strict=True)]
    first, second = ([each[place] for each in alone] for place in (0, 1))
    print_line(
        "two_endpoints",
        "the slower of the two alone",
        ratios,
        questions=options.questions,
        seconds=median(together, 2),
        seconds_alone=[median(first, 2), median(second, 2)],
    )


if __name__ == "__main__":
    main()
