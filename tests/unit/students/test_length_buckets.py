"""Which rows go through together: all of them once, and for less than one by one or all at once."""

from collections.abc import Sequence
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.students.length_buckets import BUCKET_TOKENS, length_buckets

SHAPES = st.lists(st.tuples(st.integers(1, 90), st.integers(1, 300)), min_size=1, max_size=90)


def cost(shapes: Sequence[tuple[int, ...]], made: Sequence[Sequence[int]]) -> int:
    """Padded tokens and what passes cost."""
    return sum(
        len(turn) * sum(max(shapes[row][axis] for row in turn) for axis in range(len(shapes[0]))) + BUCKET_TOKENS
        for turn in made
    )


@given(SHAPES)
def test_every_row_is_in_one_pass_and_the_longest_comes_first(shapes: list[tuple[int, int]]) -> None:
    made = length_buckets(shapes)
    assert sorted(row for turn in made for row in turn) == list(range(len(shapes)))
    for turn in made:
        assert [shapes[row][-1] for row in turn] == sorted((shapes[row][-1] for row in turn), reverse=True)
    assert cost(shapes, made) <= cost(shapes, [range(len(shapes))])


@given(st.lists(st.tuples(st.integers(1, 200)), min_size=1, max_size=5))
def test_of_one_length_no_way_is_cheaper(shapes: list[tuple[int]]) -> None:
    """All orders and all cuts are tried."""
    ways = []
    for order in permutations(range(len(shapes))):
        for cuts in range(2 ** (len(shapes) - 1)):
            made = [[order[0]]]
            for place, row in enumerate(order[1:]):
                if cuts >> place & 1:
                    made.append([])
                made[-1].append(row)
            ways.append(cost(shapes, made))
    assert cost(shapes, length_buckets(shapes)) == min(ways)


def test_by_hand() -> None:
    """Ten rows of 10 padded to 100 would cost 900 tokens, a pass of their own costs 64; two of 90 are padded."""
    shapes = [(10,)] * 10 + [(100,), (90,), (90,)]
    assert length_buckets(shapes) == [[10, 11, 12], list(range(10))]
    assert length_buckets([(5,)] * 3) == [[0, 1, 2]]
