"""Encoder-decoder students: T5 and its kin, the students of the papers.

Every distinct source of a batch is encoded once and its states are given to all the decoders that start from it
(the k rationales of a question, the m critiques of a rationale). With dropout the sharers share the encoder's
mask; without it, loss and gradients are those of separate rows (tests/parity).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from mindsmirror.records import Tag
from mindsmirror.students.base import Batch, Row, pad, row_totals
from mindsmirror.students.decoding import Drawing, Generated, generate
from mindsmirror.students.text import tagged
from mindsmirror.students.work import Part, Work

IGNORE = -100


class Seq2SeqStudent:
    """An encoder-decoder model with its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any, *, max_source: int, max_target: int) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.max_source, self.max_target = max_source, max_target
        self.end = frozenset({tokenizer.eos_token_id})
        self.padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id

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
        """Tokens of the distinct sources and of all targets."""
        return sum(len(s) for s in {row.source for row in rows}) + sum(len(row.target) for row in rows)

    def collate(self, families: Sequence[Sequence[Row]], apart: int = 0) -> Batch:
        """Distinct sources [S, T], targets [B, U], which source each target has [B], and N predictions."""
        rows = [row for family in families for row in family]
        sources = list(dict.fromkeys(row.source for row in rows))
        place = {source: index for index, source in enumerate(sources)}
        tokens, mask = pad(sources, self.padding)
        labels, filled = pad([row.target for row in rows], 0)
        counted = filled.bool()
        return {
            "input_ids": tokens,
            "attention_mask": mask,
            "labels": labels.masked_fill(~counted, IGNORE),
            "source": torch.tensor([place[row.source] for row in rows]),
            "target": labels[counted],
            "weight": torch.tensor([weight for row in rows for weight in row.weights], dtype=torch.float32),
            "term": torch.tensor([row.term for row in rows]).repeat_interleave(filled.sum(1)),
            "total": row_totals(rows),
        }

    def work(self, families: Sequence[Sequence[Row]], apart: int = 0) -> Work:
        """Distinct sources through the encoder; every row's own through its decoder's cross attention."""
        rows = [row for family in families for row in family]
        sources = [len(source) for source in {row.source for row in rows}]
        targets = sum(len(row.target) for row in rows)
        return Work(
            {
                Part.ENCODER: sum(sources),
                Part.DECODER: targets,
                Part.CROSSING: sum(len(row.source) for row in rows),
                Part.HEAD: targets,
                Part.ENCODER_PAIRS: sum(length**2 for length in sources),
                Part.DECODER_PAIRS: sum(len(row.target) * (len(row.target) + 1) // 2 for row in rows),
                Part.CROSSING_PAIRS: sum(len(row.source) * len(row.target) for row in rows),
            }
        )

    def losses(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Negative log-likelihood of each prediction, [N]."""
        return functional.cross_entropy(self.logits(model, batch).float(), batch["target"], reduction="none")

    def logits(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits where the batch predicts, [N, V]."""
        from transformers.modeling_outputs import BaseModelOutput

        core = model.get_base_model() if hasattr(model, "get_base_model") else model
        encoded = core.get_encoder()(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        states = encoded.last_hidden_state[batch["source"]]
        labels = batch["labels"]
        out = model(
            encoder_outputs=BaseModelOutput(last_hidden_state=states),
            attention_mask=batch["attention_mask"][batch["source"]],
            decoder_input_ids=core._shift_right(labels),
            use_cache=False,
        )
        logits: Tensor = out.logits[labels != IGNORE]
        return logits

    @torch.inference_mode()
    def next_logits(self, model: Any, sources: Sequence[Sequence[int]], begun: Sequence[int] = ()) -> Tensor:
        """Logits of the decoded token that follows those already written, [B, V]."""
        tokens, mask = pad(sources, self.padding)
        start = torch.tensor([[model.config.decoder_start_token_id, *begun]] * len(sources), device=model.device)
        out = model(
            input_ids=tokens.to(model.device),
            attention_mask=mask.to(model.device),
            decoder_input_ids=start,
            use_cache=False,
        )
        logits: Tensor = out.logits[:, -1].float()
        return logits

    def generate(self, model: Any, sources: Sequence[Sequence[int]], drawing: Drawing) -> list[list[Generated]]:
        """Decoded texts of each source."""
        return generate(_Decoder(model, sources, self.padding), self.tokenizer, drawing, self.end)


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
