"""Keys and values that grow in place while a text is written.

Transformers' cache concatenates: every token copies the keys and values of all tokens before it, in every layer, which
is a quarter of the time in which sixty texts are written (docs/benchmarks.md). Here a token is written behind the
others, into room that is made for the next ROOM of them. What the model is given is a view of what is filled.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

ROOM = 64
"""Tokens for which room is made when there is none left."""


class GrowingLayer(DynamicLayer):
    """Keys and values of one layer, [B, H, T, D] each."""

    keys: Tensor
    values: Tensor
    _filled: Tensor | None = None
    """The keys as this layer left them. Whoever replaces them, by choosing rows or by cropping, takes the room away."""
    _rooms: tuple[Tensor, Tensor] | None = None

    def __copy__(self) -> "GrowingLayer":
        """The same keys and values without the room behind them: two that wrote there would overwrite each other."""
        other = type(self)()
        other.__dict__.update(self.__dict__)
        other._filled = other._rooms = None
        return other

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **named: Any) -> tuple[Tensor, Tensor]:
        """Add keys and values [B, H, t, D]; those of all tokens so far."""
        if key_states.shape[-2] != 1 or torch.is_grad_enabled():
            # What is read at once needs no room behind it, and gradients need values that nothing overwrites.
            self._filled = self._rooms = None
            both: tuple[Tensor, Tensor] = super().update(key_states, value_states, *args, **named)
            return both
        length = self.get_seq_length()
        if self._rooms is None or self._filled is not self.keys or length == self._rooms[0].shape[-2]:
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
            self._rooms = _roomy(self.keys, key_states, length), _roomy(self.values, value_states, length)
        for room, new in zip(self._rooms, (key_states, value_states), strict=True):
            room[:, :, length : length + 1] = new
        self.keys, self.values = (room[:, :, : length + 1] for room in self._rooms)
        self._filled = self.keys
        return self.keys, self.values


def growing_cache(model: Any) -> DynamicCache:
    """An empty cache for a model, as Transformers would make it; layers without a window grow in place."""
    cache = DynamicCache(config=model.config)
    cache.layers = [GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


def _roomy(old: Tensor, new: Tensor, length: int) -> Tensor:
    """Room for what there is, [B, H, length, D], and ROOM more."""
    rows, heads, _, width = new.shape
    room = new.new_empty((rows, heads, length + ROOM, width))
    if length:
        room[:, :, :length] = old
    return room
