"""How much faster families train as prefix trees than as plain rows.

Peer: the same student, rows and loss with every row by itself, padded to the longest of its batch, as a stock
collator does it. The student has SmolLM2-135M's shape and random weights, so nothing is downloaded. Questions of
45, rationales of 115 and labels of 15 tokens with k rationales each (the means of SVAMP with gpt-3.5-turbo in the
published code); forward and backward of one batch of families, interleaved, median of the pairs. Prints one JSON line.

    python benchmarks/tree.py [--k 5] [--families 4] [--pairs 3] [--precision bf16|fp32]
"""

import argparse
import random
import time
from types import SimpleNamespace
from typing import Any

import torch
from ratio import median, print_line
from transformers import LlamaConfig, LlamaForCausalLM

from mindsmirror.records import Tag
from mindsmirror.students.base import TokenisedTarget
from mindsmirror.students.causal import CausalStudent

QUESTION, RATIONALE, LABEL, TAIL = 45, 115, 15, 8
VOCABULARY = 49_152


def smollm2_shape() -> Any:
    """A Llama of SmolLM2-135M's shape with random weights."""
    config = LlamaConfig(
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        head_dim=64,
        vocab_size=VOCABULARY,
        tie_word_embeddings=True,
        attn_implementation="sdpa",
    )
    torch.manual_seed(0)
    return LlamaForCausalLM(config)


def family(draw: random.Random, k: int, name: str) -> tuple[TokenisedTarget, ...]:
    """A question's label, repeated k times, and its k rationales."""

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(draw.randrange(10, VOCABULARY) for _ in range(count))

    question, label = tokens(QUESTION), tokens(LABEL)
    predict, explain = (*question, *tokens(TAIL)), (*question, *tokens(TAIL))
    rows = [TokenisedTarget(name, Tag.PREDICT, predict, label) for _ in range(k)]
    return (*rows, *(TokenisedTarget(name, Tag.EXPLAIN, explain, tokens(RATIONALE)) for _ in range(k)))


def step(
    student: CausalStudent, families: list[tuple[TokenisedTarget, ...]], trees: bool, bf16: bool
) -> tuple[float, float]:
    """Seconds of forward and backward over the families, and the weighted loss."""
    student.trees = trees
    student.model.zero_grad()
    began = time.perf_counter()
    batch = student.collate(families)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        losses = student.losses(student.model, batch)
        loss = (losses * batch["weight"]).sum() / batch["weight"].sum()
    torch.autograd.backward(loss)
    return time.perf_counter() - began, float(loss)


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--families", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    options = parser.parse_args()
    draw = random.Random(0)
    families = [family(draw, options.k, str(index)) for index in range(options.families)]
    tokenizer = SimpleNamespace(eos_token_id=2)
    student = CausalStudent(smollm2_shape(), tokenizer, max_source=1024, max_target=256)
    assert student.trees, "the probe refused trees for a Llama: the comparison would be of rows with rows"
    bf16 = options.precision == "bf16"
    step(student, families, True, bf16)
    pairs = [(step(student, families, True, bf16), step(student, families, False, bf16)) for _ in range(options.pairs)]
    ratios = [plain[0] / tree[0] for tree, plain in pairs]
    rows = sum(len(one) for one in families)
    print_line(
        "tree",
        "plain rows, padded",
        ratios,
        k=options.k,
        rows=rows,
        precision=options.precision,
        rows_per_second=median([rows / tree[0] for tree, _ in pairs]),
        peer_rows_per_second=median([rows / plain[0] for _, plain in pairs]),
        loss_difference=abs(pairs[0][0][1] - pairs[0][1][1]),
    )


if __name__ == "__main__":
    main()
