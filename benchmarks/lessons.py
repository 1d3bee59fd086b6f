"""What `training.py` trains: the two students' shapes with random weights, and families of questions.

Nothing is downloaded. The texts are real where benchmark data is at hand (`../shared/data` or MINDSMIRROR_DATA), and
SmolLM2's tokenizer counts their tokens; which tokens they are changes no time. Three lessons:

sample  the sample that the authors of Mind's Mirror published: four questions of SVAMP with five rationales each by
        gpt-3.5-turbo, over and over with other tokens, so that no two families share anything
palm    SVAMP's questions with PaLM-540B's rationales; the public data have one of each, so a question gets those of
        its neighbours, too, and its rationales begin alike no more than those of different questions do
drawn   drawn tokens of the same lengths, which share nothing; what there is without the data
"""

import gzip
import json
import os
import random
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

from mindsmirror.models.digest import cache_dir
from mindsmirror.records import Tag
from mindsmirror.students.base import Student, TokenisedTarget
from mindsmirror.students.causal import CausalStudent
from mindsmirror.students.seq2seq import Seq2SeqStudent

DATA = Path(os.environ.get("MINDSMIRROR_DATA", Path(__file__).parents[2] / "shared" / "data"))
QUESTION, RATIONALE, LABEL, TAIL = 42, 60, 15, 6
"""Mean tokens of the texts below, and those of a tag with what stands around it."""
SPREAD = 0.3
"""Standard deviation of drawn lengths, as a share of the mean; that of the texts."""
FIRST, MARKS, WORDS = 10, 20, 32_000
"""Tags begin at the first, texts at the second, of so many tokens; T5's vocabulary is the smaller one."""

Family = tuple[TokenisedTarget, ...]
Texts = tuple[list[int], list[int], list[list[int]]]
"""A question, its label and its rationales as tokens."""
LESSONS = ("sample", "palm", "drawn")


def student(shape: str) -> Student:
    """A student of that shape; its tokenizer only pads."""
    kind = Seq2SeqStudent if shape == "t5" else CausalStudent
    tokenizer = SimpleNamespace(eos_token_id=1, pad_token_id=0)
    return kind(model(shape), tokenizer, max_source=1024, max_target=256)


def model(shape: str) -> Any:
    """A model of that shape with random weights, always the same, as Transformers makes it."""
    torch.manual_seed(0)
    settings: dict[str, Any] = {"pad_token_id": 0, "eos_token_id": 1}
    if shape == "t5":
        # google/t5-v1_1-small.
        config = T5Config(
            vocab_size=32128,
            d_model=512,
            d_kv=64,
            d_ff=1024,
            num_layers=8,
            num_heads=6,
            feed_forward_proj="gated-gelu",
            tie_word_embeddings=False,
            decoder_start_token_id=0,
            dropout_rate=0.1,
            **settings,
        )
        return T5ForConditionalGeneration(config)
    # HuggingFaceTB/SmolLM2-135M-Instruct.
    shared = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        head_dim=64,
        max_position_embeddings=8192,
        rope_theta=100_000,
        tie_word_embeddings=True,
        bos_token_id=1,
        **settings,
    )
    return LlamaForCausalLM(shared)


def families(shape: str, questions: int, k: int, lesson: str, length: int = RATIONALE) -> list[Family]:
    """Families of one label, which counts k times, and k rationales; drawn ones where the texts are missing.

    `length` is how many tokens a drawn rationale has on average.
    """
    made = _sample(questions, k) if lesson == "sample" else _palm(questions, k) if lesson == "palm" else None
    if made is None:
        draw = random.Random(0)
        made = [
            (_near(draw, QUESTION), _near(draw, LABEL), [_near(draw, length) for _ in range(k)])
            for _ in range(questions)
        ]
    return [_family(shape, number, *texts) for number, texts in enumerate(made)]


def fixed_families(shape: str, rows: int, k: int, length: int) -> list[Family]:
    """As many rationales as `rows`, each `length` tokens with its question."""
    question, label = length - RATIONALE * 2 - TAIL, LABEL
    draw = random.Random(0)
    made = []
    for number, start in enumerate(range(0, rows, k)):
        thoughts = [_tokens(draw, RATIONALE * 2) for _ in range(min(k, rows - start))]
        made.append(_family(shape, number, _tokens(draw, question), _tokens(draw, label), thoughts))
    return made


def pairs(lesson: Sequence[Family]) -> list[tuple[TokenisedTarget, TokenisedTarget]]:
    """The same families as rows of label and rationale, in an order that keeps no family together."""
    found = [(family[0], thought) for family in lesson for thought in family[1:]]
    random.Random(0).shuffle(found)
    return found


def _family(
    shape: str, number: int, question: Sequence[int], label: Sequence[int], thoughts: Sequence[Sequence[int]]
) -> Family:
    name = str(number)

    def row(tag: Tag, target: Sequence[int], weight: float = 1.0) -> TokenisedTarget:
        mark = [FIRST + list(Tag).index(tag)] * (2 if shape == "t5" else TAIL)
        source = (*mark, *question, 1) if shape == "t5" else (*question, *mark)
        return TokenisedTarget(name, tag, source, (*target, 1), weight)

    return (row(Tag.PREDICT, label, len(thoughts)), *(row(Tag.EXPLAIN, thought) for thought in thoughts))


def _sample(questions: int, k: int) -> list[Texts] | None:
    """The published sample; None if it or the tokenizer is missing."""
    folder = DATA / "minds_mirror_official" / "datasets" / "svamp_tree1" / "llm"
    tokens = _reader()
    if tokens is None or not folder.exists():
        return None
    said = [
        step
        for path in sorted(folder.glob("*.json"))
        for record in json.loads(path.read_text(encoding="utf-8"))
        for step in record["steps"]
    ]
    made = []
    for number in range(questions):
        step, other = said[number % len(said)], number // len(said)
        thoughts = [tokens(text, other + index // len(step["new_ys"])) for index, text in _cycled(step["new_ys"], k)]
        label = step["new_ys"][0].rpartition("The answer is")[2].strip(" .")
        made.append((tokens(step["x"], other), tokens(label, other), thoughts))
    return made


def _palm(questions: int, k: int) -> list[Texts] | None:
    """SVAMP's training questions with PaLM's rationales; None if they or the tokenizer are missing."""
    asked, replies = DATA / "svamp" / "train.jsonl", DATA / "dss_palm540b" / "svamp_train.jsonl.gz"
    tokens = _reader()
    if tokens is None or not asked.exists() or not replies.exists():
        return None
    with asked.open(encoding="utf-8") as lines, gzip.open(replies, "rt", encoding="utf-8") as said:
        rows = {row["id"]: row for row in map(json.loads, lines)}
        both = [(rows[row["id"]], row["raw"].split("\nQ:")[0].strip()) for row in map(json.loads, islice(said, 400))]
    return [
        (
            tokens(f"{row['body']}\n{row['question']}", number),
            tokens(row["equation"], number),
            [tokens(both[(number + step) % len(both)][1], number) for step in range(k)],
        )
        for number, (row, _) in islice(enumerate(cycle(both)), questions)
    ]


def _reader() -> Callable[[str, int], list[int]] | None:
    """From a text to tokens, others for every number; None if the catalogue's student was never fetched."""
    from transformers import AutoTokenizer

    folder = next(cache_dir().glob("students/smollm2-135m-instruct-*"), None)
    if folder is None:
        return None
    tokenizer = AutoTokenizer.from_pretrained(str(folder))

    def tokens(text: str, number: int) -> list[int]:
        return [MARKS + (token + 31 * number) % WORDS for token in tokenizer(text).input_ids]

    return tokens


def _cycled(texts: Sequence[str], count: int) -> list[tuple[int, str]]:
    return list(islice(enumerate(cycle(texts)), count))


def _near(draw: random.Random, mean: int) -> list[int]:
    return _tokens(draw, max(4, round(draw.gauss(mean, SPREAD * mean))))


def _tokens(draw: random.Random, count: int) -> list[int]:
    return [draw.randrange(MARKS, MARKS + WORDS) for _ in range(count)]
