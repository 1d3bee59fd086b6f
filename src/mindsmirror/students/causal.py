"""Decoder-only students: Llama, Qwen, Gemma, SmolLM and whatever else Transformers loads as a causal model.

Families go through the model as prefix trees under a block attention mask. Which models compute that rightly is
not known from their names, so a probe at start-up compares a small tree with its rows one by one; a model that
fails it is trained on plain rows. The vocabulary's logits are computed only where a token is predicted.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mindsmirror.records import Tag
from mindsmirror.students.base import Batch, TokenisedTarget, pad
from mindsmirror.students.causal_state import CausalState, reading_work
from mindsmirror.students.compiled import CompiledModel, CompiledState
from mindsmirror.students.cpu_kernels import use_cpu_kernels
from mindsmirror.students.decoding import GeneratedText, SamplingParams, generate
from mindsmirror.students.flops import Work
from mindsmirror.students.fused_cross_entropy import batch_losses
from mindsmirror.students.grouped_attention import grouped_attention
from mindsmirror.students.output_head import head_in_fp32, selected_logits
from mindsmirror.students.probe import head_is_plain, trees_are_rows
from mindsmirror.students.text import after_reply, opening, user_turn
from mindsmirror.students.tree import (
    Tree,
    attention_masks,
    build_chain,
    build_tree,
    merged_families,
    predictions,
    tree_work,
)

ADAPTED = 4
"""Tokens at the end of what a judge reads on which its adapter works: the opening of the reply. All before them is read
as the thinker reads it, so it is read once for all passes over it."""
PROBE_WINDOW = 4
"""Sliding windows shrink to this while the probe runs, or its few tokens would never leave one."""


class CausalStudent:
    """A decoder-only model with its tokenizer."""

    trees = True
    adapted = ADAPTED
    _plain = False

    def __init__(self, model: Any, tokenizer: Any, *, max_source: int, max_target: int) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.max_source, self.max_target = max_source, max_target
        self.end = end_tokens(model, tokenizer)
        self._turns: dict[Tag, list[int]] = {}
        use_cpu_kernels(model)
        with _narrow_window(model.config.get_text_config()):
            self.trees = trees_are_rows(self)
        self._plain = head_is_plain(model)

    def source(
        self, tag: Tag, question: str | None, rationale: str | None, *, in_words: bool = False
    ) -> tuple[int, ...]:
        """The model's chat template around question, rationale and tag, ready for the reply.

        A judge that sees the question reads on where the thinker stopped: question, rationale as a reply, then the
        tag as a turn of its own. So a rationale is computed once for the one who learns it and those who judge it.
        """
        judges = question is not None and rationale is not None
        turn = user_turn(Tag.EXPLAIN, question, None) if judges else user_turn(tag, question, rationale, in_words)
        ids = [*self._opening(turn), *(self._next_turn(rationale or "", tag) if judges else ())]
        return tuple(ids[-self.max_source :])

    def target(self, text: str) -> tuple[int, ...]:
        """The reply and the end of sequence."""
        return (*self._tokens(text), self.tokenizer.eos_token_id)

    def size(self, rows: Sequence[TokenisedTarget]) -> int:
        """Nodes of the family's own tree, or tokens of its rows."""
        return sum(len(tree.tokens) for tree in self._trees([rows]))

    def collate(self, families: Sequence[Sequence[TokenisedTarget]], apart: int = 0) -> Batch:
        """Trees padded to the longest: tokens and positions [B, T], mask [B, T, T], and N predictions."""
        trees = self._trees(families, apart)
        tokens, mask = pad([tree.tokens for tree in trees], self.tokenizer.eos_token_id)
        positions, _ = pad([tree.depth for tree in trees], 0)
        batch: Batch = {"input_ids": tokens, "position_ids": positions}
        batch["mask"] = attention_masks(trees, tokens.shape[1]) if self.trees else mask
        return batch | predictions(trees, tokens.shape[1])

    def work(self, families: Sequence[Sequence[TokenisedTarget]], apart: int = 0) -> Work:
        """Nodes of the trees and what they see."""
        return tree_work(self._trees(families, apart), self.model.config.get_text_config())

    def losses(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Negative log-likelihood of each prediction, [N]."""
        return batch_losses(model, self._plain, [(batch["node"], _inputs(model, batch))], batch)

    def logits(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits where the batch predicts, [N, V]."""
        return selected_logits(model, batch["node"], **_inputs(model, batch))[0]

    @torch.inference_mode()
    def next_logits(self, model: Any, sources: Sequence[Sequence[int]], begun: Sequence[int] = ()) -> Tensor:
        """Logits after each source and the tokens already written, [B, V]; what sources share is read once."""
        whole = [(*source, *begun) for source in sources]
        distinct = sorted(set(whole))
        place = {source: index for index, source in enumerate(distinct)}
        # Each asks for the token after it, so it is a row whose target is any one token.
        rows = [(TokenisedTarget("", Tag.VERDICT, source, (0,)),) for source in distinct]
        batch = {name: part.to(model.device) for name, part in self.collate(rows).items()}
        with head_in_fp32(model):
            return self.logits(model, batch)[[place[source] for source in whole]]

    @torch.no_grad()
    def read(self, model: Any, sources: Sequence[Sequence[int]]) -> "_Read":
        """The sources without their last ADAPTED tokens, which are kept beside."""
        begun = [source[:-ADAPTED] for source in sources]
        state = CausalState(model, begun, self.tokenizer.eos_token_id, share=self._shares(model))
        state.read()
        return _Read(state, [tuple(source[-ADAPTED:]) for source in sources])

    def reading_work(self, sources: Sequence[Sequence[int]]) -> Work:
        """Tokens that `read` computes, and what they see."""
        return reading_work([source[:-ADAPTED] for source in sources], share=self._shares(self.model))

    def after(self, model: Any, read: "_Read", begun: Sequence[int], words: Sequence[int]) -> Tensor:
        """Logits of some tokens after the last ones of each source and those already written, [B, W]."""
        tokens = torch.tensor([(*last, *begun) for last in read.last])
        with head_in_fp32(model, words), grouped_attention(model):
            return read.state.copy().go_on(tokens, torch.ones(tokens.shape, dtype=torch.long))

    def generate(
        self, model: Any, sources: Sequence[Sequence[int]], sampling: SamplingParams
    ) -> list[list[GeneratedText]]:
        """Continuations of each source, by a model or by what OpenVINO compiled of it."""
        kind, weights = (CompiledState, self.model) if isinstance(model, CompiledModel) else (CausalState, model)
        state = kind(model, sources, self.tokenizer.eos_token_id, share=self._shares(weights))
        return generate(state, self.tokenizer, sampling, self.end)

    def _shares(self, model: Any) -> bool:
        """Whether what sources share can be read once."""
        # A sliding window counts places, padding among them, so there all padding has to come before all tokens.
        return self.trees and "sliding_attention" not in _layer_kinds(model)

    def _opening(self, turn: str) -> list[int]:
        """A conversation's first turn, ready for the reply."""
        text = opening(self.tokenizer, turn)
        return self._tokens(text) if self.tokenizer.chat_template else list(self.tokenizer(text).input_ids)

    def _next_turn(self, reply: str, tag: Tag) -> list[int]:
        """A reply and the turn after it, ready for the next reply."""
        if tag not in self._turns:
            self._turns[tag] = self._tokens(after_reply(self.tokenizer, tag))
        return [*self._tokens(reply), *self._turns[tag]]

    def _tokens(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def _trees(self, families: Sequence[Sequence[TokenisedTarget]], apart: int = 0) -> list[Tree]:
        if self.trees:
            return [
                build_tree(rows) for rows in (*merged_families(families[:apart]), *merged_families(families[apart:]))
            ]
        return [build_chain(row) for rows in families for row in rows]


class _Read(NamedTuple):
    """Sources that a model has read but for their last tokens."""

    state: CausalState
    last: list[tuple[int, ...]]

    @property
    def nbytes(self) -> int:
        """Bytes of the keys and values."""
        return self.state.nbytes


@contextmanager
def _narrow_window(config: Any) -> Iterator[None]:
    window = getattr(config, "sliding_window", None)
    if window is None:
        yield
        return
    config.sliding_window = PROBE_WINDOW
    try:
        yield
    finally:
        config.sliding_window = window


def end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends a reply: the tokenizer's, and those the model's generation config names."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    found = {tokenizer.eos_token_id}
    if isinstance(configured, int):
        found.add(configured)
    elif configured is not None:
        found.update(configured)
    return frozenset(found)


def block_mask(model: Any, seen: Tensor, positions: Tensor) -> Any:
    """The mask as the model's attention wants it, from who sees whom, [B, T, T], and positions [B, T].

    A model with sliding windows takes one mask for each kind of layer; a window counts positions, not places.
    """
    full = seen[:, None]
    kinds = _layer_kinds(model)
    if kinds - {"full_attention", "sliding_attention"}:
        raise ValueError(f"no block mask is known for layers of the kinds {sorted(kinds)}")
    if "sliding_attention" not in kinds:
        return full
    near = (positions[:, :, None] - positions[:, None, :]) < model.config.get_text_config().sliding_window
    masks = dict.fromkeys(kinds, full)
    masks["sliding_attention"] = full & near[:, None]
    return masks


def _inputs(model: Any, batch: Mapping[str, Tensor]) -> dict[str, Any]:
    """What the model is given of a batch."""
    mask = batch["mask"]
    if mask.dim() == 3:
        mask = block_mask(model, mask, batch["position_ids"])
    given = {"input_ids": batch["input_ids"], "position_ids": batch["position_ids"], "attention_mask": mask}
    return {**given, "use_cache": False}


def _layer_kinds(model: Any) -> set[str]:
    return set(getattr(model.config.get_text_config(), "layer_types", None) or ())
