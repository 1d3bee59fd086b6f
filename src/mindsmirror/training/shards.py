"""How an optimizer step is dealt out: each of several processes learns one shard of it."""

import math
from collections.abc import Sequence
from dataclasses import replace

from mindsmirror.students.base import Student, TokenisedTarget
from mindsmirror.training.plan import Families


def shards_of_steps(
    plan: Sequence[Families], accumulate: int, count: int, rank: int, student: Student
) -> tuple[list[Families], int]:
    """This process's shard of every optimizer step as batches, and how many batches each of its steps has.

    All processes together learn the same targets in a step, however many there are. If a step's batches cannot be
    divided evenly, each is cut into shards of whole families. Every process must take part in every step, so one that
    would be left without a shard gets a target of weight 0, from which nothing is learnt.
    """
    pieces = count // math.gcd(accumulate, count)
    full = accumulate * pieces // count
    mine: list[Families] = []
    for start in range(0, len(plan), accumulate):
        step = [shard for batch in plan[start : start + accumulate] for shard in _shards(batch, pieces, student)]
        # Every whole step has as many batches, though one could not be cut into as many shards.
        turns = full if start + accumulate <= len(plan) else -(-len(step) // count)
        idle = ((replace(step[0][0][0], weight=0.0),),)
        mine += [step[place] if place < len(step) else idle for place in range(rank, turns * count, count)]
    return mine, full


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
