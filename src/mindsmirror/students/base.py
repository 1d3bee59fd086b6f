"""What a student is: tokenised targets in, losses out; sources in, texts out. Two architectures keep this protocol.

The targets of one question are a family. What they have in common is computed once (`tree.py` for decoder-only
students, shared encoder passes for encoder-decoders).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from mindsmirror.records import Tag
from mindsmirror.students.decoding import GeneratedText, SamplingParams
from mindsmirror.students.flops import Work

Batch = dict[str, Tensor]
"""Tensors of one batch. Every architecture provides, beside its own inputs, N predicted tokens as `target` [N],
their `weight` [N] (of the token in its target; the sum where targets share it), and their `term` [N].
Training may add `expected` [N], the derivative of the total by each token's loss: it saves computing logits twice."""

TASKS: tuple[Tag, ...] = tuple(Tag)


@dataclass(frozen=True, slots=True)
class TokenisedTarget:
    """A target as tokens: what the student reads (`source`) and what it learns to write (`target`)."""

    family: str
    tag: Tag
    source: tuple[int, ...]
    target: tuple[int, ...]
    weight: float = 1.0
    factors: tuple[float, ...] = ()
    """Of the weight of each token of the target; none: 1 for all."""
    kind: int = 0
    """Which of its objective's kinds of loss its tokens have (training/objectives/base.py); 0: their likelihood."""
    rationale: int = 0
    """Which of its family's rationales it writes or judges, from 1; 0: none, as a label (training/families.py)."""

    @property
    def term(self) -> int:
        """Number of the term of the loss that its tokens add to: kinds of loss times tasks, tasks innermost."""
        return self.kind * len(TASKS) + TASKS.index(self.tag)

    @property
    def weights(self) -> tuple[float, ...]:
        """The weight of each token of the target."""
        if not self.factors:
            return (self.weight,) * len(self.target)
        return tuple(self.weight * factor for factor in self.factors)


class ReadSources(Protocol):
    """What is left of reading sources: keys and values, or an encoder's states."""

    @property
    def nbytes(self) -> int:
        """Bytes that it holds."""
        ...


class Student(Protocol):
    """A small model with its tokenizer."""

    model: Any
    tokenizer: Any
    adapted: int
    """Tokens at the end of what a judge reads on which its adapter works."""

    def source(
        self, tag: Tag, question: str | None, rationale: str | None, *, in_words: bool = False
    ) -> tuple[int, ...]:
        """Tokens that the student reads."""
        ...

    def target(self, text: str) -> tuple[int, ...]:
        """Tokens that the student writes, with the end of sequence."""
        ...

    def size(self, rows: Sequence[TokenisedTarget]) -> int:
        """Tokens that are computed for one family."""
        ...

    def collate(self, families: Sequence[Sequence[TokenisedTarget]], apart: int = 0) -> Batch:
        """One batch of whole families; predictions of the first `apart` come first, as in a batch of their own."""
        ...

    def work(self, families: Sequence[Sequence[TokenisedTarget]], apart: int = 0) -> Work:
        """What a batch of whole families computes, as `collate` lays it out."""
        ...

    def logits(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits from which each token is predicted, [N, V], in the precision in which they were computed."""
        ...

    def losses(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Negative log-likelihood of each predicted token, [N], in nats, fp32."""
        ...

    def next_logits(self, model: Any, sources: Sequence[Sequence[int]], begun: Sequence[int] = ()) -> Tensor:
        """Logits of the token that follows each source and the tokens already written, [B, V], fp32."""
        ...

    def read(self, model: Any, sources: Sequence[Sequence[int]]) -> "ReadSources":
        """All but the last `adapted` tokens of the sources, read without gradients; for `after`."""
        ...

    def reading_work(self, sources: Sequence[Sequence[int]]) -> Work:
        """What `read` computes of these sources together."""
        ...

    def after(self, model: Any, read: Any, begun: Sequence[int], words: Sequence[int]) -> Tensor:
        """Logits of the tokens `words` as of `next_logits`, [B, W], from what was read, which stays as it is.

        Gradients reach the weights through the tokens that were not yet read alone.
        """
        ...

    def generate(
        self, model: Any, sources: Sequence[Sequence[int]], sampling: SamplingParams
    ) -> list[list[GeneratedText]]:
        """Continuations of each source."""
        ...


def pad(rows: Sequence[Sequence[int]], value: int, *, left: bool = False) -> tuple[Tensor, Tensor]:
    """Rows of unequal length as tokens and mask, both [B, T] int64."""
    length = max(len(row) for row in rows)
    tokens = torch.full((len(rows), length), value, dtype=torch.long)
    mask = torch.zeros((len(rows), length), dtype=torch.long)
    for index, row in enumerate(rows):
        span = slice(length - len(row), length) if left else slice(0, len(row))
        tokens[index, span] = torch.tensor(row, dtype=torch.long)
        mask[index, span] = 1
    return tokens, mask
