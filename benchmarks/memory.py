"""How much memory `distill` takes up to its first optimizer step, and `report`, by the number of annotated questions.

Each size is N,K,M: questions, rationales of each, self-evaluations of each rationale. The annotations are made up: a
question of 40 tokens, rationales of 60, critiques of 15, in a vocabulary of 30,000 words. The student has two layers of
width 16, so that what is measured is not its weights. One arm (`minds_mirror`; without self-evaluations `multi_cot`,
or `step_by_step` for a single rationale) has a budget of one epoch; 20 test questions are asked. Both verbs run in
processes of their own, and the figure is the most that the process ever held, libraries included. One JSON line ends
the program.

    python benchmarks/memory.py 1000,3,1 100000,3,1 1000000,1,0
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from mindsmirror.records import (
    Annotation,
    Example,
    Parse,
    Prediction,
    Provenance,
    Rationale,
    SelfEvaluation,
    Verdict,
    VerdictSource,
)
from mindsmirror.runs.folder import Run
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import Recipe, make_recipe
from mindsmirror.system.files import write_json, write_records
from mindsmirror.system.hardware import machine, peak_memory
from mindsmirror.training.callbacks import ProgressCallback

WORDS = 30_000
QUESTION, RATIONALE, CRITIQUE = 40, 60, 15
"""Words, which are tokens."""
TESTS = 20
SPECIAL = ("<pad>", "</s>", "<s>", "<u>", "<r>", "<unk>")
TEMPLATE = "<s>{% for m in messages %}<u> {{ m.content }} </s>{% endfor %}{% if add_generation_prompt %}<r>{% endif %}"


def words(chance: random.Random, count: int) -> str:
    """Drawn words."""
    return " ".join(f"w{chance.randrange(WORDS)}" for _ in range(count))


def annotations(count: int, k: int, m: int) -> Iterator[Annotation]:
    """Made-up annotations of training questions, two thirds of their rationales right."""
    for number in range(count):
        chance = random.Random(number)
        gold = str(number % 1000)
        answers = [gold if chance.random() < 2 / 3 else str(number % 1000 + 1) for _ in range(k)]
        texts = [words(chance, RATIONALE) for _ in range(k)]
        yield Annotation(
            example=Example(id=f"q{number}", text=words(chance, QUESTION), gold=gold),
            split="train",
            rationales=tuple(
                Rationale(
                    teacher="t",
                    sample=sample,
                    text=f"{text}. The answer is {answer}.",
                    reasoning=text,
                    answer=answer,
                    parse=Parse.OK,
                    right=answer == gold,
                )
                for sample, (text, answer) in enumerate(zip(texts, answers, strict=True))
            ),
            evaluations=tuple(
                SelfEvaluation(
                    teacher="t",
                    rationale=sample,
                    sample=again,
                    verdict=Verdict.CORRECT if answers[sample] == gold else Verdict.WRONG,
                    source=VerdictSource.INFORMED,
                    critique=words(chance, CRITIQUE),
                )
                for sample in range(k)
                for again in range(m)
            ),
            provenance=Provenance(teacher="t", judge="t", prompt="", temperature=0.8, tokens_in=400, tokens_out=90),
        )


def student(folder: Path) -> None:
    """A small Llama with random weights and a tokenizer of whole words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary = {token: place for place, token in enumerate((*SPECIAL, *(f"w{n}" for n in range(WORDS))))}
    rules = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    rules.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=rules,
        pad_token="<pad>",
        eos_token="</s>",
        bos_token="<s>",
        unk_token="<unk>",
        additional_special_tokens=["<u>", "<r>"],
        chat_template=TEMPLATE,
    ).save_pretrained(folder)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(vocabulary), **shape)).save_pretrained(folder)


def recipe(folder: Path, k: int, m: int) -> Recipe:
    """One arm that learns for one epoch."""
    method = "minds_mirror" if m else "multi_cot" if k > 1 else "step_by_step"
    return make_recipe(
        {
            "name": "large",
            "task": {"name": str(folder / "questions.jsonl"), "answer": "number"},
            "teacher": [{"model": "t", "engine": "scripted"}],
            "annotation": {"rationales": k, "self_evaluations": m},
            "student": {"model": str(folder / "student")},
            "training": {"budget": {"epochs": 1}, "precision": "fp32"},
            "evaluation": {"modes": ["predict"], "untrained": False},
            "arm": [{"name": "arm", "method": method, "labels": "gold"}],
        }
    )


def fill(folder: Path, count: int, k: int, m: int) -> None:
    """The folder of a run that is annotated, as if it had been trained and asked."""
    place = folder / "runs" / "large"
    with (folder / "questions.jsonl").open("w") as file:
        for number, annotation in enumerate(annotations(count, k, 0)):
            row = {"id": f"q{number}", "question": annotation.example.text, "answer": number % 1000, "split": "train"}
            file.write(json.dumps(row) + "\n")
        for number in range(TESTS):
            row = {"id": f"t{number}", "question": f"test {number}", "answer": number, "split": "test"}
            file.write(json.dumps(row) + "\n")
    (place / "annotation").mkdir(parents=True)
    Run(place).begin(recipe(folder, k, m))
    write_records(place / "annotation" / "annotations.jsonl", annotations(count, k, m))
    answers = [
        Prediction(example=f"t{n}", mode="predict", answer=str(n), right=n % 2 == 0, tokens=2) for n in range(TESTS)
    ]
    (place / "predictions" / "arm").mkdir(parents=True)
    write_records(place / "predictions" / "arm" / "predict.jsonl", answers)
    done = {"result": {"modes": ["predict"], "judge": None}, "seconds": 1.0}
    write_json(place / "predictions" / "arm" / "done.json", done)


def measure(verb: str, folder: Path, k: int, m: int) -> None:
    """In a process of its own: do what the verb does and print its peak in bytes."""
    pipeline = Pipeline(recipe(folder, k, m), folder / "runs")
    if verb == "report":
        pipeline.report()
    else:

        def stop(*_: Any, **__: Any) -> None:
            print(peak_memory(), flush=True)
            os._exit(0)

        with patch.object(ProgressCallback, "on_step_end", stop):
            pipeline.distill()
    print(peak_memory(), flush=True)


def measured(verb: str, folder: Path, size: str) -> tuple[int, float]:
    """MB and seconds of a verb."""
    began = time.perf_counter()
    command = [sys.executable, __file__, size, "--verb", verb, "--folder", str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(ended.stderr)
    return round(int(ended.stdout.split()[-1]) / 2**20), round(time.perf_counter() - began, 1)


def main() -> None:
    """Measure each size and print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="+", help="questions, k and m, as 1000,3,1")
    parser.add_argument("--verb", choices=["distill", "report"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.verb:
        _, k, m = map(int, options.sizes[0].split(","))
        measure(options.verb, options.folder, k, m)
        return
    found = []
    for size in options.sizes:
        count, k, m = map(int, size.split(","))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            student(folder / "student")
            fill(folder, count, k, m)
            row: dict[str, Any] = {"questions": count, "k": k, "m": m}
            for verb in ("distill", "report"):
                row[f"{verb}_mb"], row[f"{verb}_seconds"] = measured(verb, folder, size)
        print(row, file=sys.stderr, flush=True)
        found.append(row)
    print(json.dumps({"benchmark": "memory", "sizes": found, "machine": machine()}))


if __name__ == "__main__":
    main()
