"""How an optimizer step is dealt out: each of several processes learns one shard of it."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import overload

from mindsmirror.students.base import Student, TokenisedTarget
from mindsmirror.training.batches import Batches
from mindsmirror.training.families import Families


def shards_of_steps(plan: Batches, accumulate: int, count: int, rank: int, student: Student) -> tuple[Batches, int]:
    """This process's shard of every optimizer step as batches, and how many batches each of its steps has.

    All processes together learn the same targets in a step, however many there are. If a step's batches cannot be
    divided evenly, each is cut into shards of whole families. Every process must take part in every step, so one that
    would be left without a shard gets a target of weight 0, from which nothing is learnt. A shard is made when it is
    asked for.
    """
    if count == 1:
        return plan, accumulate
    shards = _Shards(plan, accumulate, count, rank, student)
    return shards, shards.turns


class _Shards(Sequence[Families]):
    """The shards of one of `count` processes."""

    def __init__(self, plan: Batches, accumulate: int, count: int, rank: int, student: Student) -> None:
        self._plan, self._accumulate = plan, accumulate
        self._count, self._rank, self._student = count, rank, student
        self._pieces = count // math.gcd(accumulate, count)
        """Shards that a batch is cut into, where it can be cut into so many."""
        self.turns = accumulate * self._pieces // count
        """Batches of a whole step, though one of its batches could not be cut into as many shards."""
        self._of_step = lru_cache(maxsize=2)(self._shards_of_step)
        whole, left = divmod(len(plan), accumulate)
        self._length = whole * self.turns + (-(-len(self._of_step(whole)) // count) if left else 0)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Families: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Families, ...]: ...
    def __getitem__(self, index: int | slice) -> Families | tuple[Families, ...]:
        found = range(len(self))[index]
        return self._at(found) if isinstance(found, int) else tuple(map(self._at, found))

    def _at(self, index: int) -> Families:
        step, turn = divmod(index, self.turns)
        # Kept for the step's other turns, and for the step after it, which may repeat it.
        shards, place = self._of_step(step), self._rank + turn * self._count
        return shards[place] if place < len(shards) else ((replace(shards[0][0][0], weight=0.0),),)

    def _shards_of_step(self, step: int) -> list[Families]:
        """Those of all processes."""
        batches = self._plan[step * self._accumulate : (step + 1) * self._accumulate]
        return [shard for batch in batches for shard in _shards(batch, self._pieces, self._student)]


def _shards(batch: Families, count: int, student: Student) -> list[Families]:
    """At most `count` shards of nearly the same size: whole families, halves only where there are too few."""
    if count == 1:
        return [batch]
    whole = list(batch)
    while len(whole) < count and any(len(family) > 1 for family in whole):
        whole.sort(key=len)
        largest = whole.pop()
        whole += [largest[: len(largest) // 2], largest[len(largest) // 2 :]]
    shards: list[list[tuple[TokenisedTarget, ...]]] = [[] for _ in range(min(count, len(whole)))]
    sizes = [0] * len(shards)
    for family in sorted(whole, key=student.size, reverse=True):
        lightest = sizes.index(min(sizes))
        shards[lightest].append(family)
        sizes[lightest] += student.size(family)
    return [tuple(shard) for shard in shards]
