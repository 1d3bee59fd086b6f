"""Encoder-decoder students: T5 and its kin, the students of the papers.

Every distinct source of a batch is encoded once and its states are given to all that is decoded from it: the k
rationales of a question, the m critiques of a rationale. Targets that begin alike are decoded as one prefix tree. T5
tells positions by their distance, so in a tree the distance is that of depths. Which models compute that rightly is
found out by a probe at start-up; for the others every target is decoded by itself. Rows of unlike lengths go through
the model in passes of their own (passes.py). With dropout, what is shared shares its mask; without it, loss and
gradients are those of separate rows (tests/parity).
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
from mindsmirror.students.base import Batch, Row, pad
from mindsmirror.students.cpu_kernels import use_cpu_kernels
from mindsmirror.students.decoding import Generated, SamplingParams, generate
from mindsmirror.students.flops import Part, Work
from mindsmirror.students.fused_cross_entropy import losses_of_passes
from mindsmirror.students.length_buckets import passes
from mindsmirror.students.output_head import head_in_fp32, selected_logits
from mindsmirror.students.probe import head_is_plain, trees_are_rows
from mindsmirror.students.text import tagged
from mindsmirror.students.tree import Tree, alike, build_chain, build_tree, predictions, seen_by

Source = tuple[int, ...]
"""Tokens that the encoder reads."""


class Seq2SeqStudent:
    """An encoder-decoder model with its tokenizer."""

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
        """`tag: question` as the encoder reads it; one too long loses the beginning of its question, not the tag."""
        ids = self.tokenizer(tagged(tag, question, rationale, in_words=in_words)).input_ids
        if len(ids) <= self.max_source:
            return tuple(ids)
        kept = [] if in_words else self.tokenizer(f"{tag.value}:", add_special_tokens=False).input_ids
        return (*kept, *ids[min(-1, len(kept) - self.max_source) :])

    def target(self, text: str) -> tuple[int, ...]:
        """The text and the end of sequence."""
        ids = self.tokenizer(text, add_special_tokens=False).input_ids
        return (*ids, self.tokenizer.eos_token_id)

    def size(self, rows: Sequence[Row]) -> int:
        """Tokens of the distinct sources, and nodes of what is decoded from them."""
        [decoded] = self._decoded([rows])
        return sum(map(len, decoded)) + sum(len(tree.tokens) for trees in decoded.values() for tree in trees)

    def collate(self, families: Sequence[Sequence[Row]], apart: int = 0) -> Batch:
        """Distinct sources [S, T], decoded trees [B, U], which `source` each has [B], and N predictions.

        `pass` says in which pass each source goes through the encoder [S], `decoder_pass` the same of the trees [B].
        """
        reading: list[list[Source]] = []
        writing: list[list[tuple[int, Tree]]] = []
        for decoded in self._decoded(families, apart):
            read = passes([(len(source),) for source in decoded])
            told = list(decoded)
            turns = [[told[index] for index in turn] for turn in read]
            first = sum(map(len, reading))
            place = {source: first + index for index, source in enumerate(chain.from_iterable(turns))}
            pairs = [(place[source], tree) for source, trees in decoded.items() for tree in trees]
            written = passes([(len(tree.tokens),) for _, tree in pairs])
            reading += turns
            writing += [[pairs[index] for index in turn] for turn in written]
        order, trees = zip(*chain.from_iterable(writing), strict=True)
        tokens, mask = pad(list(chain.from_iterable(reading)), self.padding)
        nodes, filled = pad([tree.tokens for tree in trees], self.padding)
        batch: Batch = {"input_ids": tokens, "attention_mask": mask, "pass": _numbers(reading)}
        batch |= {"source": torch.tensor(order), "decoder_pass": _numbers(writing)}
        batch |= {"decoder_input_ids": nodes, "decoder_attention_mask": filled}
        if self.trees:
            batch["seen"] = seen_by(trees, nodes.shape[1])
            batch["depth"], _ = pad([tree.depth for tree in trees], 0)
        return batch | predictions(trees, nodes.shape[1])

    def work(self, families: Sequence[Sequence[Row]], apart: int = 0) -> Work:
        """Sources through the encoder, nodes through the decoder, and for each tree its source crossing to it."""
        told = [pair for decoded in self._decoded(families, apart) for pair in decoded.items()]
        pairs = [(len(source), tree) for source, trees in told for tree in trees]
        sources = [len(source) for source, _ in told]
        nodes = [depth + 1 for _, tree in pairs for depth in tree.depth]
        return Work(
            {
                Part.ENCODER: sum(sources),
                Part.DECODER: len(nodes),
                Part.CROSSING: sum(length for length, _ in pairs),
                Part.HEAD: sum(len(tree.predictions) for _, tree in pairs),
                Part.ENCODER_PAIRS: sum(length**2 for length in sources),
                Part.DECODER_PAIRS: sum(nodes),
                Part.CROSSING_PAIRS: sum(length * len(tree.tokens) for length, tree in pairs),
            }
        )

    def losses(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Negative log-likelihood of each prediction, [N]."""
        with self._turns(model, batch) as turns:
            return losses_of_passes(model, self._plain, turns, batch)

    def logits(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits where the batch predicts, [N, V]."""
        with self._turns(model, batch) as turns:
            return torch.cat([selected_logits(model, nodes, **inputs)[0] for nodes, inputs in turns])

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

    def generate(self, model: Any, sources: Sequence[Sequence[int]], drawing: SamplingParams) -> list[list[Generated]]:
        """Decoded texts of each source."""
        return generate(_Decoder(model, sources, self.padding), self.tokenizer, drawing, self.end)

    def _decoded(self, families: Sequence[Sequence[Row]], apart: int = 0) -> Iterator[dict[Source, list[Tree]]]:
        """What is decoded from each distinct source: trees of its targets; without trees, each target by itself.

        Of the first `apart` families, where there are any, and of the others.
        """
        start = (self.model.config.decoder_start_token_id,)
        for part in filter(None, (families[:apart], families[apart:])):
            told: dict[Source, list[Row]] = {}
            for row in chain.from_iterable(part):
                told.setdefault(row.source, []).append(replace(row, source=start))
            if self.trees:
                yield {source: [build_tree(group) for group in alike(rows)] for source, rows in told.items()}
            else:
                yield {source: [build_chain(row) for row in rows] for source, rows in told.items()}

    @contextmanager
    def _turns(self, model: Any, batch: Mapping[str, Tensor]) -> Iterator[Iterator[tuple[Tensor, dict[str, Any]]]]:
        """The batch's passes through the decoder, each with its places and inputs."""
        core = model.get_base_model() if hasattr(model, "get_base_model") else model
        with _positions(core) as positions:
            yield _decoder_passes(core, batch, positions)


class _Decoder:
    """Texts of an encoder-decoder: each source is encoded once."""

    def __init__(self, model: Any, sources: Sequence[Sequence[int]], padding: int) -> None:
        tokens, mask = pad(sources, padding)
        self._model = model
        self._cache: Any = None
        self._mask = mask.to(model.device)
        self._states = model.get_encoder()(input_ids=tokens.to(model.device), attention_mask=self._mask)[0]

    def read(self) -> Tensor:
        start = self._model.config.decoder_start_token_id
        return self.step(torch.full((len(self._mask),), start, device=self._model.device))

    def step(self, tokens: Tensor) -> Tensor:
        from transformers.modeling_outputs import BaseModelOutput

        out = self._model(
            encoder_outputs=BaseModelOutput(last_hidden_state=self._states),
            attention_mask=self._mask,
            decoder_input_ids=tokens[:, None],
            past_key_values=self._cache,
            use_cache=True,
        )
        self._cache = out.past_key_values
        logits: Tensor = out.logits[:, -1].float()
        return logits

    def keep(self, rows: Tensor) -> None:
        self._mask, self._states = self._mask[rows], self._states[rows]
        self._cache.reorder_cache(rows)


def _numbers(turns: Sequence[Sequence[object]]) -> Tensor:
    """The number of each row's pass."""
    return torch.tensor([number for number, turn in enumerate(turns) for _ in turn])


def _cuts(turn: Tensor, mask: Tensor) -> Iterator[tuple[slice, int]]:
    """Rows of each pass and the longest of them; rows stand in the order of their passes, the longest first."""
    first = 0
    for count in torch.bincount(turn).tolist():
        yield slice(first, first + count), int(mask[first].sum())
        first += count


def _encoded(core: Any, batch: Mapping[str, Tensor]) -> Tensor:
    """States of every source, [S, T, D]."""
    encoder, mask = core.get_encoder(), batch["attention_mask"]
    embedded = encoder.get_input_embeddings()(batch["input_ids"])
    states = []
    for rows, length in _cuts(batch["pass"], mask):
        out = encoder(inputs_embeds=embedded[rows, :length], attention_mask=mask[rows, :length])
        states.append(functional.pad(out.last_hidden_state, (0, 0, 0, mask.shape[1] - length)))
    return torch.cat(states)


def _decoder_passes(
    core: Any, batch: Mapping[str, Tensor], positions: "_Depths"
) -> Iterator[tuple[Tensor, dict[str, Any]]]:
    """Of each pass the places that predict, and the model's inputs: its trees, and the states of their sources."""
    from transformers.modeling_outputs import BaseModelOutput

    states, node, width = _encoded(core, batch), batch["node"], batch["decoder_input_ids"].shape[1]
    # Looked up at once: each look-up has a gradient of the size of the vocabulary.
    embedded = core.get_decoder().get_input_embeddings()(batch["decoder_input_ids"])
    for rows, length in _cuts(batch["decoder_pass"], batch["decoder_attention_mask"]):
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
    """At which depth each node of the pass at hand stands, [B, U]; None where places are positions."""

    depth: Tensor | None = None


@contextmanager
def _positions(core: Any) -> Iterator[_Depths]:
    """Meanwhile a T5's decoder tells positions by the depths that are given."""
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
    """The bias of each node for each other by how much deeper it stands, [B, heads, U, U]."""
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
