"""Texts of an encoder-decoder in the making: every source is encoded once, and its decoder writes token by token."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mindsmirror.students.base import pad


class EncodedState:
    """Texts of an encoder-decoder: each source is encoded once."""

    def __init__(self, model: Any, sources: Sequence[Sequence[int]], padding: int) -> None:
        tokens, mask = pad(sources, padding)
        self._model = model
        self._cache: Any = None
        self._mask = mask.to(model.device)
        self._states = model.get_encoder()(input_ids=tokens.to(model.device), attention_mask=self._mask)[0]

    @property
    def nbytes(self) -> int:
        """Bytes of the encoder's states."""
        return int(self._states.nbytes)

    def copy(self) -> "EncodedState":
        """The same state before anything was written; what was encoded is shared."""
        other = copy.copy(self)
        other._cache = None
        return other

    def read(self) -> Tensor:
        """Begin to write: logits of the first token, [B, V]."""
        start = self._model.config.decoder_start_token_id
        return self.step(torch.full((len(self._mask),), start, device=self._model.device))

    def step(self, tokens: Tensor) -> Tensor:
        """Logits after one more token of each row, [B] to [B, V]."""
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
        """Go on with these rows, [B'], in this order."""
        self._mask, self._states = self._mask[rows], self._states[rows]
        self._cache.reorder_cache(rows)
