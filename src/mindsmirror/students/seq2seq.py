"""Encoder-decoder students: T5 and its kin, the students of the papers.

Every distinct source of a batch is encoded once, and its states serve all targets that are decoded from it: the k
rationales of a question, the m critiques of a rationale. Targets with the same beginning are decoded as one prefix
tree. T5 knows positions by their distance; in a tree that is the difference of depths. A probe at start-up finds out
whether a model computes trees correctly; if not, every target is decoded by itself. Rows of similar length share a
forward pass (length_buckets.py). With dropout, shared tokens share their mask; without it, loss and gradients are
those of separate rows (tests/parity).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from mindsmirror.records import Tag
from mindsmirror.students.base import Batch, TokenisedTarget, pad
from mindsmirror.students.cpu_kernels import use_cpu_kernels
from mindsmirror.students.decoding import GeneratedText, SamplingParams, generate
from mindsmirror.students.encoded_state import EncodedState
from mindsmirror.students.flops import Component, Work
from mindsmirror.students.fused_cross_entropy import batch_losses
from mindsmirror.students.length_buckets import length_buckets
from mindsmirror.students.output_head import head_in_fp32, selected_logits
from mindsmirror.students.probe import head_is_plain, trees_are_rows
from mindsmirror.students.text import tagged
from mindsmirror.students.tree import Tree, attention_masks, build_chain, build_tree, predictions, sharing_groups

Source = tuple[int, ...]
"""Tokens that the encoder reads."""


class Seq2SeqStudent:
    """An encoder-decoder model with its tokenizer."""

    adapted = 1

    trees = True
    _plain = False

    def __init__(self, model: Any, tokenizer: Any, *, max_source: int, max_target: int) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.max_source, self.max_target = max_source, max_target
        self.end = frozenset({tokenizer.eos_token_id})
        self.padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
        use_cpu_kernels(model)
        self.trees = trees_are_rows(self)
        self._plain = head_is_plain(model)

    def source(
        self, tag: Tag, question: str | None, rationale: str | None, *, in_words: bool = False
    ) -> tuple[int, ...]:
        """`tag: question` as the encoder reads it. What is too long is cut at its beginning; the tag stays."""
        ids = self.tokenizer(tagged(tag, question, rationale, in_words=in_words)).input_ids
        if len(ids) <= self.max_source:
            return tuple(ids)
        kept = [] if in_words else self.tokenizer(f"{tag.value}:", add_special_tokens=False).input_ids
        return (*kept, *ids[min(-1, len(kept) - self.max_source) :])

    def target(self, text: str) -> tuple[int, ...]:
        """The text and the end of sequence."""
        ids = self.tokenizer(text, add_special_tokens=False).input_ids
        return (*ids, self.tokenizer.eos_token_id)

    def size(self, rows: Sequence[TokenisedTarget]) -> int:
        """Tokens of the distinct sources, and nodes of what is decoded from them."""
        [decoded] = self._decoded([rows])
        return sum(map(len, decoded)) + sum(len(tree.tokens) for trees in decoded.values() for tree in trees)

    def collate(self, families: Sequence[Sequence[TokenisedTarget]], apart: int = 0) -> Batch:
        """Distinct sources [S, T], decoded trees [B, U], which `source` each has [B], and N predictions.

        `bucket` is the encoder pass of each source [S], `decoder_bucket` the decoder pass of each tree [B].
        """
        reading: list[list[Source]] = []
        writing: list[list[tuple[int, Tree]]] = []
        for decoded in self._decoded(families, apart):
            buckets = length_buckets([(len(source),) for source in decoded])
            told = list(decoded)
            read = [[told[index] for index in bucket] for bucket in buckets]
            first = sum(map(len, reading))
            place = {source: first + index for index, source in enumerate(chain.from_iterable(read))}
            pairs = [(place[source], tree) for source, trees in decoded.items() for tree in trees]
            written = length_buckets([(len(tree.tokens),) for _, tree in pairs])
            reading += read
            writing += [[pairs[index] for index in bucket] for bucket in written]
        order, trees = zip(*chain.from_iterable(writing), strict=True)
        tokens, mask = pad(list(chain.from_iterable(reading)), self.padding)
        nodes, filled = pad([tree.tokens for tree in trees], self.padding)
        batch: Batch = {"input_ids": tokens, "attention_mask": mask, "bucket": _numbers(reading)}
        batch |= {"source": torch.tensor(order), "decoder_bucket": _numbers(writing)}
        batch |= {"decoder_input_ids": nodes, "decoder_attention_mask": filled}
        if self.trees:
            batch["seen"] = attention_masks(trees, nodes.shape[1])
            batch["depth"], _ = pad([tree.depth for tree in trees], 0)
        return batch | predictions(trees, nodes.shape[1])

    def work(self, families: Sequence[Sequence[TokenisedTarget]], apart: int = 0) -> Work:
        """Sources through the encoder, nodes through the decoder, and for each tree its source crossing to it."""
        told = [pair for decoded in self._decoded(families, apart) for pair in decoded.items()]
        pairs = [(len(source), tree) for source, trees in told for tree in trees]
        sources = [len(source) for source, _ in told]
        nodes = [depth + 1 for _, tree in pairs for depth in tree.depth]
        return Work(
            {
                Component.ENCODER: sum(sources),
                Component.DECODER: len(nodes),
                Component.CROSSING: sum(length for length, _ in pairs),
                Component.HEAD: sum(len(tree.predictions) for _, tree in pairs),
                Component.ENCODER_PAIRS: sum(length**2 for length in sources),
                Component.DECODER_PAIRS: sum(nodes),
                Component.CROSSING_PAIRS: sum(length * len(tree.tokens) for length, tree in pairs),
            }
        )

    def losses(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Negative log-likelihood of each prediction, [N]."""
        with self._decoder_inputs(model, batch) as passes:
            return batch_losses(model, self._plain, passes, batch)

    def logits(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits where the batch predicts, [N, V]."""
        with self._decoder_inputs(model, batch) as passes:
            return torch.cat([selected_logits(model, nodes, **inputs)[0] for nodes, inputs in passes])

    @torch.inference_mode()
    def next_logits(self, model: Any, sources: Sequence[Sequence[int]], begun: Sequence[int] = ()) -> Tensor:
        """Logits of the decoded token that follows those already written, [B, V]."""
        tokens, mask = pad(sources, self.padding)
        start = torch.tensor([[model.config.decoder_start_token_id, *begun]] * len(sources), device=model.device)
        with head_in_fp32(model):
            out = model(
                input_ids=tokens.to(model.device),
                attention_mask=mask.to(model.device),
                decoder_input_ids=start,
                use_cache=False,
            )
        logits: Tensor = out.logits[:, -1]
        return logits

    @torch.no_grad()
    def read(self, model: Any, sources: Sequence[Sequence[int]]) -> EncodedState:
        """The sources as the encoder leaves them: an adapter works on the decoder alone."""
        return EncodedState(model, sources, self.padding)

    def reading_work(self, sources: Sequence[Sequence[int]]) -> Work:
        """What encoding the sources computes."""
        lengths = [len(source) for source in sources]
        return Work({Component.ENCODER: sum(lengths), Component.ENCODER_PAIRS: sum(length**2 for length in lengths)})

    def after(self, model: Any, read: EncodedState, begun: Sequence[int], words: Sequence[int]) -> Tensor:
        """Logits of some tokens after each source and the tokens already written, [B, W]."""
        with head_in_fp32(model, words):
            state = read.copy()
            logits = state.read()
            for token in begun:
                logits = state.step(torch.full((len(logits),), token, device=logits.device))
        return logits

    def generate(
        self, model: Any, sources: Sequence[Sequence[int]], sampling: SamplingParams
    ) -> list[list[GeneratedText]]:
        """Decoded texts of each source."""
        return generate(EncodedState(model, sources, self.padding), self.tokenizer, sampling, self.end)

    def _decoded(
        self, families: Sequence[Sequence[TokenisedTarget]], apart: int = 0
    ) -> Iterator[dict[Source, list[Tree]]]:
        """Trees of the targets of each distinct source; each target by itself if the model cannot take trees.

        The first `apart` families and the others make one dictionary each.
        """
        start = (self.model.config.decoder_start_token_id,)
        for part in filter(None, (families[:apart], families[apart:])):
            told: dict[Source, list[TokenisedTarget]] = {}
            for row in chain.from_iterable(part):
                told.setdefault(row.source, []).append(replace(row, source=start))
            if self.trees:
                yield {source: [build_tree(group) for group in sharing_groups(rows)] for source, rows in told.items()}
            else:
                yield {source: [build_chain(row) for row in rows] for source, rows in told.items()}

    @contextmanager
    def _decoder_inputs(
        self, model: Any, batch: Mapping[str, Tensor]
    ) -> Iterator[Iterator[tuple[Tensor, dict[str, Any]]]]:
        """The decoder passes of a batch: of each, the places that predict and the model's inputs."""
        core = model.get_base_model() if hasattr(model, "get_base_model") else model
        with _positions(core) as positions:
            yield _decoder_passes(core, batch, positions)


def _numbers(buckets: Sequence[Sequence[object]]) -> Tensor:
    """The number of each row's bucket."""
    return torch.tensor([number for number, bucket in enumerate(buckets) for _ in bucket])


def _cuts(bucket: Tensor, mask: Tensor) -> Iterator[tuple[slice, int]]:
    """Rows of each bucket and the length of the longest. Rows are in the order of their buckets, the longest first."""
    first = 0
    for count in torch.bincount(bucket).tolist():
        yield slice(first, first + count), int(mask[first].sum())
        first += count


def _encoded(core: Any, batch: Mapping[str, Tensor]) -> Tensor:
    """States of every source, [S, T, D]."""
    encoder, mask = core.get_encoder(), batch["attention_mask"]
    embedded = encoder.get_input_embeddings()(batch["input_ids"])
    states = []
    for rows, length in _cuts(batch["bucket"], mask):
        out = encoder(inputs_embeds=embedded[rows, :length], attention_mask=mask[rows, :length])
        states.append(functional.pad(out.last_hidden_state, (0, 0, 0, mask.shape[1] - length)))
    return torch.cat(states)


def _decoder_passes(
    core: Any, batch: Mapping[str, Tensor], positions: "_Depths"
) -> Iterator[tuple[Tensor, dict[str, Any]]]:
    """Of each pass, the places that predict and the model's inputs: trees, and the states of their sources."""
    from transformers.modeling_outputs import BaseModelOutput

    states, node, width = _encoded(core, batch), batch["node"], batch["decoder_input_ids"].shape[1]
    # Looked up at once: each look-up has a gradient of the size of the vocabulary.
    embedded = core.get_decoder().get_input_embeddings()(batch["decoder_input_ids"])
    for rows, length in _cuts(batch["decoder_bucket"], batch["decoder_attention_mask"]):
        source = batch["source"][rows]
        mask = batch["attention_mask"][source]
        read = int(mask.sum(1).max())
        inputs: dict[str, Any] = {
            "encoder_outputs": BaseModelOutput(last_hidden_state=states[source, :read]),
            "attention_mask": mask[:, :read],
            "decoder_inputs_embeds": embedded[rows, :length],
            "use_cache": False,
        }
        if "seen" in batch:
            inputs["decoder_attention_mask"] = batch["seen"][rows, None, :length, :length]
            positions.depth = batch["depth"][rows, :length]
        here = node[(node >= rows.start * width) & (node < rows.stop * width)] - rows.start * width
        yield here // width * length + here % width, inputs


class _Depths:
    """Depth of each node in the present pass, [B, U]; None if a token's place is its position."""

    depth: Tensor | None = None


@contextmanager
def _positions(core: Any) -> Iterator[_Depths]:
    """Inside, a T5's decoder computes its position bias from the depths that are set."""
    depths = _Depths()
    biased = [part for part in core.get_decoder().modules() if getattr(part, "has_relative_attention_bias", False)]
    for attention in biased:
        attention.compute_bias = partial(_bias, attention, depths, attention.compute_bias)
    try:
        yield depths
    finally:
        for attention in biased:
            del attention.compute_bias


def _bias(attention: Any, depths: _Depths, plain: Any, *arguments: Any, **named: Any) -> Tensor:
    """Position bias between nodes, from the difference of their depths, [B, heads, U, U]."""
    if depths.depth is None:
        bias: Tensor = plain(*arguments, **named)
        return bias
    buckets = attention._relative_position_bucket(
        depths.depth[:, None, :] - depths.depth[:, :, None],
        bidirectional=False,
        num_buckets=attention.relative_attention_num_buckets,
        max_distance=attention.relative_attention_max_distance,
    )
    distances: Tensor = attention.relative_attention_bias(buckets)
    return distances.permute(0, 3, 1, 2)
