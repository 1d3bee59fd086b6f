"""How near the annotation loop comes to its engine, how far ahead of a server it is, and whether size slows it down.

`loop`: tokens/s of our loop (questions, store, parsing, OpenVINO engine) over those of one bare OpenVINO GenAI call:
the same prompts, settings and samples, the few-shot prefix run once before them in both. `server`: the same loop over
llama.cpp's server (package xllamacpp, 8 slots, every sample a request, 8 at once). Both at a fixed length, without an
end; every measurement in a process of its own, models loaded before the clock starts; interleaved pairs, median.
`scale`: `mindsmirror annotate` with a scripted teacher at growing numbers of questions, each in a fresh process: time,
and the most memory that the process held. Requests over HTTP are measured by endpoint.py. One JSON line a case.

    python benchmarks/annotation.py loop [--questions 16] [--samples 5] [--tokens 64] [--pairs 3]
    python benchmarks/annotation.py server [--questions 32] [--pairs 1]
    python benchmarks/annotation.py scale [--sizes 1000,3,1 10000,3,1 100000,3,1 1000000,1,0]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mindsmirror.annotation import AnnotationConfig, Annotator, JudgeConfig, Store, Teacher, prompts_for
from mindsmirror.engines import TeacherConfig, engine_identity
from mindsmirror.engines.base import Message
from mindsmirror.engines.openvino import BATCHED_TOKENS, BLOCK, CACHE_GB, IN_FLIGHT, OpenVINOEngine
from mindsmirror.models.locate import locate
from mindsmirror.system.hardware import machine
from mindsmirror.tasks import Task, TaskConfig, load_task

TEACHER = TeacherConfig(model="qwen2.5-coder-1.5b-instruct")
TEMPERATURE = 0.8
SLOTS, SLOT_TOKENS = 8, 1024
RECIPE = """
name = "scale"
[task]
name = "questions.jsonl"
valid = 0
[[teacher]]
model = "teacher"
engine = "scripted"
parameters = {{ capacity = 64, together = 64 }}
[annotation]
rationales = {k}
self_evaluations = {m}
[student]
model = "smollm2-135m-instruct"
[[arm]]
name = "standard"
method = "standard"
"""
Measured = tuple[int, float]
"""Tokens written, and seconds."""


class Endless(OpenVINOEngine):
    """The engine, writing every sample to its full length."""

    def _config(self, max_tokens: int, temperature: float, top_p: float) -> Any:
        config = super()._config(max_tokens, temperature, top_p)
        config.ignore_eos = True
        return config


def svamp(options: argparse.Namespace) -> Task:
    """The training questions that are asked."""
    return load_task(TaskConfig(name="svamp", data_dir=options.data, train=options.questions, valid=0))


def asked(options: argparse.Namespace) -> tuple[tuple[Message, ...], list[tuple[Message, ...]]]:
    """The messages that all prompts share, and each question's prompt."""
    task = svamp(options)
    prompts = [prompts_for(task.answers).rationale(example) for example in task.splits.train]
    return prompts[0].messages[: prompts[0].shared], [prompt.messages for prompt in prompts]


def ours(options: argparse.Namespace) -> Measured:
    """The loop over a new store."""
    task, identity = svamp(options), engine_identity(TEACHER)
    engine = Endless(locate(TEACHER.model), identity)
    teacher = Teacher(TEACHER.model, identity, lambda: engine)
    config = AnnotationConfig(
        rationales=options.samples, self_evaluations=0, temperature=TEMPERATURE, max_tokens=options.tokens
    )
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store.sqlite") as store:
        annotator = Annotator(task, prompts_for(task.answers), teacher, teacher, config, JudgeConfig(), store)
        began = time.perf_counter()
        found = list(annotator.run(("train", example) for example in task.splits.train))
        seconds = time.perf_counter() - began
    assert sum(len(annotation.rationales) for annotation in found) == options.questions * options.samples
    return annotator.tally.came.tokens_out, seconds


def bare(options: argparse.Namespace) -> Measured:
    """One call of the pipeline for all prompts, and one before it for what they share."""
    import openvino
    import openvino_genai

    shared, prompts = asked(options)
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size = CACHE_GB
    scheduler.enable_prefix_caching = True
    scheduler.max_num_seqs = IN_FLIGHT
    scheduler.max_num_batched_tokens = BATCHED_TOKENS
    path = str(locate(TEACHER.model))
    pipeline = openvino_genai.ContinuousBatchingPipeline(path, scheduler, "CPU")
    tokenizer = pipeline.get_tokenizer()

    def tokens(messages: tuple[Message, ...], *, answer: bool) -> Any:
        history = [{"role": message.role, "content": message.content} for message in messages]
        text = tokenizer.apply_chat_template(history, add_generation_prompt=answer)
        return tokenizer.encode(text, add_special_tokens=False).input_ids

    def config(length: int, samples: int) -> Any:
        made = openvino_genai.GenerationConfig()
        made.max_new_tokens, made.num_return_sequences, made.ignore_eos = length, samples, True
        made.do_sample, made.temperature, made.rng_seed = samples > 1, TEMPERATURE, 0
        return made

    began = time.perf_counter()
    prefix = tokens(shared, answer=False).data
    pipeline.generate([openvino.Tensor(prefix[:, : prefix.shape[1] // BLOCK * BLOCK].copy())], [config(1, 1)])
    ids = [tokens(prompt, answer=True) for prompt in prompts]
    results = pipeline.generate(ids, [config(options.tokens, options.samples)] * len(ids))
    texts = [[tokenizer.decode(sample) for sample in result.m_generation_ids] for result in results]
    seconds = time.perf_counter() - began
    assert sum(map(len, texts)) == options.questions * options.samples
    return sum(len(sample) for result in results for sample in result.m_generation_ids), seconds


def server(options: argparse.Namespace) -> Measured:
    """llama.cpp's server in this process, asked over HTTP; its slots keep the prefix that prompts share."""
    import httpx2
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(locate(TEACHER.model))
    parameters.n_parallel, parameters.n_ctx = SLOTS, SLOTS * SLOT_TOKENS
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = os.cpu_count() or 1
    parameters.verbosity = -1
    served = xllamacpp.Server(parameters)
    _, prompts = asked(options)

    def write(sample: int) -> int:
        turns = [{"role": m.role, "content": m.content} for m in prompts[sample // options.samples]]
        body = {"messages": turns, "max_tokens": options.tokens, "temperature": TEMPERATURE, "seed": sample}
        response = client.post("/v1/chat/completions", json={**body, "ignore_eos": True})
        return int(response.raise_for_status().json()["usage"]["completion_tokens"])

    with (
        httpx2.Client(base_url=served.listening_address, timeout=None) as client,
        ThreadPoolExecutor(SLOTS) as threads,
    ):
        began = time.perf_counter()
        written = list(threads.map(write, range(options.questions * options.samples)))
        return sum(written), time.perf_counter() - began


ARMS: dict[str, Callable[[argparse.Namespace], Measured]] = {"ours": ours, "bare": bare, "server": server}
PEERS = {"loop": ("bare", "one OpenVINO GenAI call"), "server": ("server", f"llama.cpp's server, {SLOTS} slots")}


def measured(arm: str, options: argparse.Namespace) -> float:
    """Tokens/s of an arm in a process of its own."""
    sizes = {"questions": options.questions, "samples": options.samples, "tokens": options.tokens, "data": options.data}
    command = [sys.executable, __file__, options.case, "--arm", arm]
    command += [word for key, value in sizes.items() for word in (f"--{key}", str(value))]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    tokens, seconds = json.loads(ended.stdout.splitlines()[-1])
    assert tokens == options.questions * options.samples * options.tokens, f"{arm} wrote {tokens} tokens"
    return float(tokens / seconds)


def compare(options: argparse.Namespace) -> None:
    """Measure pairs of ours and a peer, and print their line."""
    arm, peer = PEERS[options.case]
    pairs = [(measured("ours", options), measured(arm, options)) for _ in range(options.pairs)]
    ratios = [mine / other for mine, other in pairs]
    line = {
        "benchmark": f"annotation {options.case}",
        "peer": peer,
        "questions": options.questions,
        "samples": options.samples,
        "tokens_a_sample": options.tokens,
        "tokens_per_second": round(statistics.median(mine for mine, _ in pairs), 1),
        "peer_tokens_per_second": round(statistics.median(other for _, other in pairs), 1),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_min": round(min(ratios), 2),
        "ratio_max": round(max(ratios), 2),
        "n": options.pairs,
        "machine": machine(),
    }
    print(json.dumps(line))


def scale(count: int, k: int, m: int) -> None:
    """Annotate so many questions by the command and print the line."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "questions.jsonl").open("w") as file:
            for number in range(count + 1):
                text = f"A farmer has {number} hens and {number % 97 + 1} cows. How many animals are there?"
                row = {"id": f"q{number}", "question": text, "answer": number + number % 97 + 1}
                file.write(json.dumps({**row, "split": "train" if number else "test"}) + "\n")
        (folder / "recipe.toml").write_text(RECIPE.format(k=k, m=m))
        command = [sys.executable, "-m", "mindsmirror", "annotate", "recipe.toml", "--json"]
        began = time.perf_counter()
        child = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert child.stdout is not None
        result = json.load(child.stdout)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0 and result["complete"] == count
        line = {
            "benchmark": "annotation scale",
            "questions": count,
            "k": k,
            "m": m,
            "samples": result["asked"],
            "seconds": round(seconds, 1),
            "samples_per_second": round(result["asked"] / seconds),
            "peak_mb": round(usage.ru_maxrss / 1024),
            "store_mb": round((folder / "runs" / "store.sqlite").stat().st_size / 2**20),
            "annotations_mb": round(Path(folder, result["annotations"]).stat().st_size / 2**20),
            "machine": machine(),
        }
    print(json.dumps(line), flush=True)


def size(text: str) -> tuple[int, int, int]:
    """Questions, k and m, as `1000,3,1`."""
    count, k, m = map(int, text.split(","))
    return count, k, m


def main() -> None:
    """Measure a case and print its JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=["loop", "server", "scale"])
    parser.add_argument("--questions", type=int)
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MINDSMIRROR_DATA", "../shared/data")))
    sizes = [(1000, 3, 1), (10_000, 3, 1), (100_000, 3, 1), (1_000_000, 1, 0)]
    parser.add_argument("--sizes", type=size, nargs="+", default=sizes, metavar="QUESTIONS,K,M")
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.questions = options.questions or (32 if options.case == "server" else 16)
    options.pairs = options.pairs or (1 if options.case == "server" else 3)
    if options.arm:
        print(json.dumps(ARMS[options.arm](options)))
    elif options.case == "scale":
        for count, k, m in options.sizes:
            scale(count, k, m)
    else:
        compare(options)


if __name__ == "__main__":
    main()
