"""What busy neighbours cost: rows learnt, texts drawn and tokens annotated a second, beside 0, 1 and 4 busy processes.

Ours: a process that has imported `mindsmirror`, which chooses how threads wait (`mindsmirror.system.threads`). Peer:
the same work in a process that has the settings of PyTorch and OpenVINO as they come. A neighbour is a Python loop that
never rests. Each figure is the work of a fresh process in `--seconds` after its first unit; ours and peer take turns.
Models have SmolLM2-135M's shape and random weights; annotation runs the catalogue's teacher and is left out where its
file is not in the cache. Prints one JSON line an activity: the rate beside each number of neighbours, and how many
times slower than on the quiet machine.

    python benchmarks/contention.py [training asking annotation] [--neighbours 0 1 4] [--seconds 20] [--pairs 2]
        [--setting GOMP_SPINCOUNT=1000]
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

ACTIVITIES = ("training", "asking", "annotation")
BUSY = "while True: pass"
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
TEACHER = "qwen2.5-coder-1.5b-instruct"
LIMIT = 32
"""Tokens of a drawn text."""


def training() -> Callable[[], float]:
    """One optimizer step of four families; its rows."""
    import torch
    from lessons import families, student

    learner = student("smollm2")
    lesson = families("smollm2", 4, 3, "drawn")
    optimizer = torch.optim.AdamW(learner.model.parameters(), 1e-5)

    def work() -> float:
        for family in lesson:
            torch.autograd.backward(learner.losses(learner.model, learner.collate([family])).mean())
        optimizer.step()
        optimizer.zero_grad()
        return float(sum(len(family) - 1 for family in lesson))

    return work


def asking() -> Callable[[], float]:
    """Texts of twelve questions with three samples each, all of LIMIT tokens."""
    import torch
    from lessons import families, student

    from mindsmirror.inference.predictor import inference_model
    from mindsmirror.students.decoding import SamplingParams

    learner = student("smollm2")
    learner.tokenizer.decode = lambda tokens, **_: ""
    model = inference_model(learner.model, "auto")
    sources = [family[0].source for family in families("smollm2", 12, 1, "drawn")]

    def work() -> float:
        torch.manual_seed(0)
        drawn = learner.generate(model, sources, SamplingParams(LIMIT, 0.7, 3, range(len(sources))))
        return float(sum(len(texts) for texts in drawn))

    return work


def annotation() -> Callable[[], float]:
    """Tokens of eight questions with three samples each by the embedded teacher."""
    from mindsmirror.engines import Message, Request, Sampling, TeacherConfig, open_engine, sample_key

    engine = open_engine(TeacherConfig(model=TEACHER, engine="openvino"))
    sampling, asked = Sampling(temperature=0.8, max_tokens=LIMIT), 0

    def work() -> float:
        nonlocal asked
        for _ in range(8):
            asked += 1
            messages = (Message("user", f"Write a long story about {asked} animals and how many legs they have."),)
            keys = tuple(sample_key(engine.identity, messages, sampling, index) for index in range(3))
            engine.submit(Request(str(asked), messages, sampling, keys, 0))
        tokens = 0
        while replies := engine.poll():
            tokens += sum(completion.tokens_out for _, completions in replies for completion in completions)
        return float(tokens)

    return work


def rate(activity: str, seconds: float, *, plain: bool) -> float:
    """What this process does a second, after a first unit of work."""
    if plain:
        # Loaded before our package, PyTorch has read its settings when that makes them.
        import torch  # noqa: F401
    from mindsmirror.engines import openvino

    if plain:
        vars(openvino)["openvino_settings"] = dict
    work = {"training": training, "asking": asking, "annotation": annotation}[activity]()
    work()
    done, began = 0.0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        done += work()
    return done / (time.perf_counter() - began)


@contextlib.contextmanager
def neighbours(count: int) -> Iterator[None]:
    """So many processes that never rest."""
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for each in busy:
            each.kill()
            each.wait()


def measured(activity: str, seconds: float, settings: Sequence[str], *, plain: bool) -> float:
    """The rate of a fresh process, which inherits nothing of how our threads wait."""
    environment = {name: value for name, value in os.environ.items() if name not in WAITING}
    if not plain:
        environment |= dict(setting.split("=", 1) for setting in settings)
    command = [sys.executable, __file__, activity, "--seconds", str(seconds), "--worker", "plain" if plain else "ours"]
    return float(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout)


def race(activity: str, counts: Sequence[int], seconds: float, pairs: int, settings: Sequence[str]) -> None:
    """Measure both sides beside each number of neighbours, and print a line."""
    # Not before: what is imported from the package must not come before torch in the process that is measured.
    from ratio import print_line

    figures: dict[str, Any] = {}
    ratios: list[float] = []
    for count in counts:
        with neighbours(count):
            taken = [
                (measured(activity, seconds, settings, plain=False), measured(activity, seconds, (), plain=True))
                for _ in range(pairs)
            ]
        figures[f"rate_{count}"] = round(statistics.median(ours for ours, _ in taken), 3)
        figures[f"peer_rate_{count}"] = round(statistics.median(plain for _, plain in taken), 3)
        ratios = [ours / plain for ours, plain in taken]
        figures[f"ratio_{count}"] = round(statistics.median(ratios), 2)
    if figures.get("rate_0"):
        for side in ("", "peer_"):
            quiet = figures[f"{side}rate_0"]
            figures[f"{side}slower"] = {str(n): round(quiet / figures[f"{side}rate_{n}"], 2) for n in counts if n}
    print_line(f"contention {activity}", "threads as they come", ratios, pairs=pairs, seconds=seconds, **figures)


def main() -> None:
    """Measure and print, or be the process that is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("activities", nargs="*", default=ACTIVITIES)
    parser.add_argument("--neighbours", type=int, nargs="+", default=[0, 1, 4])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE", help="of ours, to try another")
    parser.add_argument("--worker", choices=["ours", "plain"])
    options = parser.parse_args()
    for activity in options.activities:
        if options.worker:
            print(json.dumps(rate(activity, options.seconds, plain=options.worker == "plain")))
        else:
            race(activity, options.neighbours, options.seconds, options.pairs, options.setting)


if __name__ == "__main__":
    main()
