"""Which rows of a batch go through a model together: padding costs tokens, and so does a pass of its own."""

from collections.abc import Sequence

PASS_TOKENS = 64
"""Tokens that a pass costs besides those in it: reading all weights for few of them, and some thousand calls."""
CUTS = 64
"""Places at which a batch may be cut, evenly spread: to look at all pairs of a thousand rows takes a second."""

Shape = tuple[int, ...]
"""A row's lengths: in a decoder-only model of its tree; else of a source and of what is decoded from it."""


def passes(shapes: Sequence[Shape]) -> list[list[int]]:
    """Rows, by their index, in the passes whose tokens, padded to the longest of each pass, cost least.

    Rows are ordered by their last length, the longest first, and the order is cut; so the first is the longest of its
    pass. Where two ways cost the same, there are fewer passes.
    """
    order = sorted(range(len(shapes)), key=lambda index: shapes[index][::-1], reverse=True)
    step = -(-len(order) // CUTS)
    cuts = [*range(0, len(order), step), len(order)]
    # For the rows before each cut: the least cost, and the cut at which their last pass begins.
    least: list[tuple[int, int]] = [(0, 0)]
    for end in range(1, len(cuts)):
        longest: Shape = (0,) * len(shapes[0])
        found = []
        for start in range(end - 1, -1, -1):
            rows = [shapes[index] for index in order[cuts[start] : cuts[start + 1]]]
            longest = tuple(max(lengths) for lengths in zip(longest, *rows, strict=True))
            cost = least[start][0] + (cuts[end] - cuts[start]) * sum(longest) + PASS_TOKENS
            found.append((cost, start))
        least.append(min(found))
    made: list[list[int]] = []
    end = len(cuts) - 1
    while end:
        start = least[end][1]
        made.append(order[cuts[start] : cuts[end]])
        end = start
    return made[::-1]
