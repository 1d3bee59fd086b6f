"""Which part of every optimizer step each of several processes learns."""

import math
from collections.abc import Sequence
from dataclasses import replace

from mindsmirror.students.base import Row, Student
from mindsmirror.training.plan import Families


def parts_of_steps(
    plan: Sequence[Families], accumulate: int, count: int, rank: int, student: Student
) -> tuple[list[Families], int]:
    """This process's part of every optimizer step as batches, and how many of them a step has.

    A step's rows do not depend on the number of processes, so neither does what is learnt. Batches that do not divide
    by the processes are cut into parts of whole families; a process that is left without one learns nothing from rows
    that weigh nothing, because all must take part.
    """
    pieces = count // math.gcd(accumulate, count)
    full = accumulate * pieces // count
    mine: list[Families] = []
    for start in range(0, len(plan), accumulate):
        step = [part for batch in plan[start : start + accumulate] for part in _parts(batch, pieces, student)]
        # Every whole step has as many batches, though one could not be cut into as many parts.
        turns = full if start + accumulate <= len(plan) else -(-len(step) // count)
        idle = ((replace(step[0][0][0], weight=0.0),),)
        mine += [step[place] if place < len(step) else idle for place in range(rank, turns * count, count)]
    return mine, full


def _parts(batch: Families, count: int, student: Student) -> list[Families]:
    """At most `count` parts of nearly the same size: whole families, halves only where there are too few."""
    if count == 1:
        return [batch]
    whole = list(batch)
    while len(whole) < count and any(len(family) > 1 for family in whole):
        whole.sort(key=len)
        largest = whole.pop()
        whole += [largest[: len(largest) // 2], largest[len(largest) // 2 :]]
    parts: list[list[tuple[Row, ...]]] = [[] for _ in range(min(count, len(whole)))]
    sizes = [0] * len(parts)
    for family in sorted(whole, key=student.size, reverse=True):
        lightest = sizes.index(min(sizes))
        parts[lightest].append(family)
        sizes[lightest] += student.size(family)
    return [tuple(part) for part in parts]
