"""Texts of a decoder-only model in the making, and what is read of their sources once for several of them.

Sources begin alike in two ways. All of a batch share the task's words, and those about one question share the question,
as the rationales that a judge reads do. So reading goes in up to three passes: what all share, once; then the question
of each group, once; then the rest of each source. Each pass goes on from the keys and values of the one before it.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mindsmirror.students.base import pad
from mindsmirror.students.flops import Component, Work
from mindsmirror.students.growing_cache import growing_cache
from mindsmirror.students.output_head import selected_logits
from mindsmirror.students.tree import common_prefix

WORTH_SHARING = 64
"""Tokens that must be spared before a common beginning is read by itself: a pass of its own costs about as many."""
ALIKE = 8
"""Tokens beyond what all share that make sources a group: fewer are the first words of different questions."""


class SharedPrefixes(NamedTuple):
    """What of some sources is read once: their first `common` tokens, and then what each group begins with."""

    common: int
    group: tuple[int, ...] = ()
    """Of each source, the number of its group; none: there are no groups."""
    heads: tuple[tuple[int, ...], ...] = ()
    """Of each group, the tokens after the common ones; every source goes on with one of its own at least."""

    def begun(self, source: int) -> int:
        """How many tokens of this source are read with others."""
        return self.common + (len(self.heads[self.group[source]]) if self.group else 0)


def shared_prefixes(sources: Sequence[Sequence[int]]) -> SharedPrefixes:
    """What is worth reading once of these sources."""
    common = min(common_prefix(sources), min(map(len, sources)) - 1)
    groups = _groups(sources, common)
    heads = [max(0, length - common) for _, length in groups]
    spared = sum((len(members) - 1) * head for (members, _), head in zip(groups, heads, strict=True))
    # A group without tokens of its own would be a row of padding.
    if spared < WORTH_SHARING or not all(heads):
        return SharedPrefixes(common if common * (len(sources) - 1) >= WORTH_SHARING else 0)
    if common * (len(groups) - 1) < WORTH_SHARING:
        common, heads = 0, [length for _, length in groups]
    group = {member: number for number, (members, _) in enumerate(groups) for member in members}
    return SharedPrefixes(
        common,
        tuple(group[place] for place in range(len(sources))),
        tuple(
            tuple(sources[members[0]][common : common + head]) for (members, _), head in zip(groups, heads, strict=True)
        ),
    )


def _groups(sources: Sequence[Sequence[int]], common: int) -> list[tuple[list[int], int]]:
    """Sources that begin alike, and how many tokens they share; each keeps one of its own to be read."""
    order = sorted(range(len(sources)), key=lambda place: tuple(sources[place]))
    groups: list[tuple[list[int], int]] = []
    for place in order:
        source = sources[place]
        if groups:
            members, length = groups[-1]
            # In sorted order the first member shares least with a newcomer.
            alike = min(length, common_prefix([sources[members[0]], source]), len(source) - 1)
            if alike >= common + ALIKE:
                groups[-1] = ([*members, place], alike)
                continue
        groups.append(([place], len(source) - 1))
    return groups


def reading_work(sources: Sequence[Sequence[int]], *, share: bool) -> Work:
    """Tokens that reading these sources computes, and the pairs that they attend to."""
    shared = shared_prefixes(sources) if share else SharedPrefixes(0)
    spans = [(0, shared.common), *((shared.common, shared.common + len(head)) for head in shared.heads)]
    spans += [(shared.begun(place), len(source)) for place, source in enumerate(sources)]
    return Work(
        {
            Component.DECODER: sum(end - begin for begin, end in spans),
            Component.DECODER_PAIRS: sum(end * (end + 1) - begin * (begin + 1) for begin, end in spans) // 2,
        }
    )


class SharingState(ABC):
    """A batch of texts: what their sources share is read once, the rest of each is padded on its left.

    What computes is left to those that derive from it; they see tokens, the mask over all that was read, and rows.
    """

    def __init__(self, sources: Sequence[Sequence[int]], padding: int, *, share: bool, device: Any = "cpu") -> None:
        self._sources, self._padding = sources, padding
        self._shared = shared_prefixes(sources) if share else SharedPrefixes(0)
        self._mask = torch.ones((1, 0), dtype=torch.long, device=device)

    @abstractmethod
    def compute(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Logits after these tokens, [B, T] to [B, V], which are the last columns of the mask."""

    @abstractmethod
    def reorder(self, rows: Tensor) -> None:
        """Go on with the keys and values of these rows, [B']."""

    def read(self) -> Tensor:
        """Read the sources; logits of the first token of each, [B, V]."""
        shared = self._shared
        if shared.common:
            self.go_on(torch.tensor([self._sources[0][: shared.common]]), torch.ones((1, shared.common)))
        if shared.group:
            self._spread(torch.zeros(len(shared.heads), dtype=torch.long))
            self.go_on(*pad(shared.heads, self._padding, left=True))
            self._spread(torch.tensor(shared.group))
        else:
            self._spread(torch.zeros(len(self._sources), dtype=torch.long))
        rest = [source[shared.begun(place) :] for place, source in enumerate(self._sources)]
        return self.go_on(*pad(rest, self._padding, left=True))

    def step(self, tokens: Tensor) -> Tensor:
        """Logits after one more token of each row, [B] to [B, V]."""
        return self.go_on(tokens[:, None], self._mask.new_ones((len(tokens), 1)))

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows, [B'], in this order; a row may be named several times."""
        self._mask = self._mask[rows]
        self.reorder(rows)

    def go_on(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Logits after these tokens [B, T], the padding that their mask leaves out among them: [B, V]."""
        self._mask = torch.cat([self._mask, mask.to(self._mask)], dim=1)
        positions = (self._mask.cumsum(1) - 1).clamp(min=0)
        return self.compute(tokens.to(self._mask.device), positions[:, -tokens.shape[1] :])

    def _spread(self, rows: Tensor) -> None:
        """Make a row for each of these, also before anything was read."""
        if not self._mask.shape[1]:
            self._mask = self._mask.expand(len(rows), 0)
        else:
            self.keep(rows.to(self._mask.device))


class CausalState(SharingState):
    """Texts that PyTorch writes."""

    def __init__(self, model: Any, sources: Sequence[Sequence[int]], padding: int, *, share: bool) -> None:
        super().__init__(sources, padding, share=share, device=model.device)
        self._model = model
        self._cache = growing_cache(model)

    @property
    def nbytes(self) -> int:
        """Bytes of the keys and values."""
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in self._cache.layers)

    def copy(self) -> "CausalState":
        """The same state, from which one can go on without changing this one: what was read is shared."""
        other = copy.copy(self)
        other._cache = copy.copy(self._cache)
        other._cache.layers = [copy.copy(layer) for layer in self._cache.layers]
        return other

    def reorder(self, rows: Tensor) -> None:
        """Choose rows of the cache."""
        self._cache.reorder_cache(rows)

    def compute(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Logits of the last token of each row, by the model's forward pass."""
        rows, length = tokens.shape
        logits, self._cache = selected_logits(
            self._model,
            torch.arange(length - 1, rows * length, length, device=self._mask.device),
            input_ids=tokens,
            attention_mask=self._mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
        )
        return logits.float()
