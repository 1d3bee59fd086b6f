"""Rows of a batch in buckets of similar length, each a forward pass: padding costs tokens, and so does every pass."""

from collections.abc import Sequence

BUCKET_TOKENS = 64
"""What a pass costs besides its tokens, in tokens: it reads all weights and makes some thousand calls."""
CUTS = 64
"""Places at which a batch may be cut, evenly spread. Trying every place of a thousand rows would take a second."""

Shape = tuple[int, ...]
"""A row's lengths: of its tree in a decoder-only model, of source and target in an encoder-decoder."""


def length_buckets(shapes: Sequence[Shape]) -> list[list[int]]:
    """Indices of the rows by bucket, so that all buckets together cost the fewest tokens, padding included.

    Rows are sorted by their last length, the longest first, and the sorted list is cut; so the first row of a bucket is
    its longest. Of two ways that cost the same, the one with fewer buckets is taken.
    """
    order = sorted(range(len(shapes)), key=lambda index: shapes[index][::-1], reverse=True)
    step = -(-len(order) // CUTS)
    cuts = [*range(0, len(order), step), len(order)]
    # For the rows before each cut: the least cost, and the cut at which their last bucket begins.
    least: list[tuple[int, int]] = [(0, 0)]
    for end in range(1, len(cuts)):
        longest: Shape = (0,) * len(shapes[0])
        found = []
        for start in range(end - 1, -1, -1):
            rows = [shapes[index] for index in order[cuts[start] : cuts[start + 1]]]
            longest = tuple(max(lengths) for lengths in zip(longest, *rows, strict=True))
            cost = least[start][0] + (cuts[end] - cuts[start]) * sum(longest) + BUCKET_TOKENS
            found.append((cost, start))
        least.append(min(found))
    made: list[list[int]] = []
    end = len(cuts) - 1
    while end:
        start = least[end][1]
        made.append(order[cuts[start] : cuts[end]])
        end = start
    return made[::-1]
