"""Where two texts part: the tokens of one that an edit into the other would have to touch.

Of two rationales that begin alike and end apart, most tokens are the same. Aligned by the fewest insertions, deletions
and replacements of single tokens (Levenshtein's distance), those that are deleted or replaced are the key ones
(EDIT, arXiv 2405.19737). A common beginning is set aside first, as in the paper.
"""

from collections.abc import Sequence

import numpy as np


def key_tokens(text: Sequence[int], other: Sequence[int]) -> list[bool]:
    """For each token of `text`, whether a shortest edit of it into `other` deletes or replaces it.

    If several edits are shortest, the one counts that keeps or replaces tokens as late as it can.
    """
    shared = next(
        (place for place, (one, two) in enumerate(zip(text, other, strict=False)) if one != two),
        min(len(text), len(other)),
    )
    rest, target = list(text[shared:]), list(other[shared:])
    edits = _distances(rest, target)
    key = [False] * len(text)
    row, column = len(rest), len(target)
    while row > 0:
        differs = column == 0 or rest[row - 1] != target[column - 1]
        if column > 0 and edits[row, column] == edits[row - 1, column - 1] + differs:
            row, column = row - 1, column - 1
            key[shared + row] = differs
        elif edits[row, column] == edits[row - 1, column] + 1:
            row -= 1
            key[shared + row] = True
        else:
            column -= 1
    return key


def _distances(text: Sequence[int], other: Sequence[int]) -> "np.ndarray[tuple[int, int], np.dtype[np.int32]]":
    """Edit distance of every beginning of `text` to every beginning of `other`, [len(text) + 1, len(other) + 1]."""
    places = np.arange(len(other) + 1, dtype=np.int32)
    tokens = np.asarray(other, dtype=np.int64)
    edits = np.empty((len(text) + 1, len(other) + 1), dtype=np.int32)
    edits[0] = places
    for row, token in enumerate(text, start=1):
        best = edits[row - 1] + 1
        best[1:] = np.minimum(best[1:], edits[row - 1, :-1] + (tokens != token))
        # An insertion costs 1 more than the place before it: a running minimum once that slope is taken off.
        edits[row] = np.minimum.accumulate(best - places) + places
    return edits
