"""A tree says what its rows say, once."""

from collections import defaultdict

import torch
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.records import Tag
from mindsmirror.students.base import TASKS, TokenisedTarget
from mindsmirror.students.tree import Tree, build_chain, build_tree, common_prefix, sharing_groups

TOKENS = st.lists(st.integers(0, 2), min_size=1, max_size=6).map(tuple)
ROWS = st.lists(
    st.builds(
        TokenisedTarget,
        family=st.just("q"),
        tag=st.sampled_from(Tag),
        source=TOKENS,
        target=TOKENS,
        weight=st.sampled_from([0.25, 1.0, 3.0]),
    ),
    min_size=1,
    max_size=8,
)


def path(tree: Tree, node: int) -> tuple[int, ...]:
    """Tokens from the root to the node."""
    tokens: list[int] = []
    while node >= 0:
        tokens.append(tree.tokens[node])
        node = tree.parent[node]
    return tuple(reversed(tokens))


def said_by_rows(rows: list[TokenisedTarget]) -> dict[tuple[tuple[int, ...], int, Tag], float]:
    """Weight of each (what was read, token to predict, task), row by row."""
    said: dict[tuple[tuple[int, ...], int, Tag], float] = defaultdict(float)
    for row in rows:
        for place, token in enumerate(row.target):
            said[((*row.source, *row.target[:place]), token, row.tag)] += row.weight
    return said


@given(ROWS)
def test_a_tree_predicts_what_its_rows_predict(rows: list[TokenisedTarget]) -> None:
    tree = build_tree(rows)
    said = {(path(tree, node), token, TASKS[task]): w for (node, token, task), w in tree.predictions.items()}
    assert said == said_by_rows(rows)


@given(ROWS)
def test_every_beginning_stands_once_and_nothing_else_does(rows: list[TokenisedTarget]) -> None:
    tree = build_tree(rows)
    read = [(*row.source, *row.target[:-1]) for row in rows]
    beginnings = {tokens[:length] for tokens in read for length in range(1, len(tokens) + 1)}
    paths = [path(tree, node) for node in range(len(tree.tokens))]
    assert sorted(paths) == sorted(beginnings)


@given(ROWS)
def test_parents_come_first_and_depth_is_position(rows: list[TokenisedTarget]) -> None:
    tree = build_tree(rows)
    for node, parent in enumerate(tree.parent):
        assert parent < node
        assert tree.depth[node] == len(path(tree, node)) - 1


@given(ROWS)
def test_a_node_sees_itself_and_its_ancestors(rows: list[TokenisedTarget]) -> None:
    tree = build_tree(rows)
    expected = torch.zeros(len(tree.tokens), len(tree.tokens), dtype=torch.bool)
    for node in range(len(tree.tokens)):
        seen = node
        while seen >= 0:
            expected[node, seen] = True
            seen = tree.parent[seen]
    assert torch.equal(tree.seen(), expected)


@given(ROWS)
def test_a_tree_of_one_row_is_the_row(rows: list[TokenisedTarget]) -> None:
    row = rows[0]
    tree = build_chain(row)
    assert tree.tokens == [*row.source, *row.target[:-1]]
    assert tree.depth == list(range(len(tree.tokens)))
    assert torch.equal(tree.seen(), torch.ones(len(tree.tokens), len(tree.tokens)).tril().bool())
    first = len(row.source) - 1
    assert tree.predictions == {
        (first + place, token, TASKS.index(row.tag)): row.weight for place, token in enumerate(row.target)
    }


def test_a_row_that_weighs_nothing_is_predicted_all_the_same() -> None:
    """A batch of nothing else is what a process computes that has no part of a step."""
    counts = TokenisedTarget("q", Tag.EXPLAIN, (1,), (5, 6), factors=(0.0, 1.0))
    assert build_tree([counts]).predictions == {(1, 6, counts.term): 1.0}
    idle = TokenisedTarget("q", Tag.EXPLAIN, (1,), (5, 6), 0.0, (0.0, 1.0))
    assert build_tree([idle]).predictions == {(0, 5, idle.term): 0.0, (1, 6, idle.term): 0.0}


def test_by_hand() -> None:
    """Two rationales that part at their second token, and a label that stands twice."""
    rows = [
        TokenisedTarget("q", Tag.EXPLAIN, (1, 2), (5, 6, 9)),
        TokenisedTarget("q", Tag.EXPLAIN, (1, 2), (5, 7, 9), 2.0),
        TokenisedTarget("q", Tag.PREDICT, (1, 3), (8, 9)),
        TokenisedTarget("q", Tag.PREDICT, (1, 3), (8, 9), 0.5),
    ]
    tree = build_tree(rows)
    assert tree.tokens == [1, 2, 5, 6, 7, 3, 8]
    assert tree.parent == [-1, 0, 1, 2, 2, 0, 5]
    assert tree.depth == [0, 1, 2, 3, 3, 1, 2]
    predict, explain = TASKS.index(Tag.PREDICT), TASKS.index(Tag.EXPLAIN)
    assert tree.predictions == {
        (1, 5, explain): 3.0,
        (2, 6, explain): 1.0,
        (3, 9, explain): 1.0,
        (2, 7, explain): 2.0,
        (4, 9, explain): 2.0,
        (5, 8, predict): 1.5,
        (6, 9, predict): 1.5,
    }


def row(*target: int) -> TokenisedTarget:
    return TokenisedTarget("q", Tag.EXPLAIN, (0,), target)


def test_targets_share_a_tree_if_they_begin_alike_for_long_enough() -> None:
    """Twenty nodes and ten more are 400 masked pairs: worth less than one token, so one that is shared is enough."""
    start = tuple(range(100, 110))
    one, other = (*start, *range(10, 20)), (*start, *range(20, 30))
    apart = tuple(range(30, 50))
    assert sharing_groups([row(*one), row(*apart), row(*other)]) == [[row(*apart)], [row(*one), row(*other)]]
    assert sharing_groups([row(*one), row(*one)]) == [[row(*one), row(*one)]]
    wide = tuple(range(1000, 1060))
    assert len(sharing_groups([row(7, *wide), row(7, *reversed(wide))])) == 2, "7,200 pairs for one token"
    assert len(sharing_groups([row(*range(9), *wide), row(*range(9), *reversed(wide))])) == 1, "8,280 for nine"


@given(st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=8), min_size=1, max_size=12))
def test_no_row_is_lost_in_groups(targets: list[list[int]]) -> None:
    rows = [row(*target) for target in targets]
    assert sorted((r for group in sharing_groups(rows) for r in group), key=repr) == sorted(rows, key=repr)


@given(st.lists(st.lists(st.integers(1, 2), max_size=6), min_size=1, max_size=5))
def test_what_all_begin_with(sequences: list[list[int]]) -> None:
    count = common_prefix(sequences)
    assert len({tuple(sequence[:count]) for sequence in sequences}) == 1
    longer = {tuple(sequence[: count + 1]) for sequence in sequences}
    assert len(longer) > 1 or min(map(len, sequences)) == count
