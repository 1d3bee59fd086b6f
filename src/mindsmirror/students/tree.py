"""A family of rows as one sequence in which every shared beginning stands once.

The rows of a question begin alike: the question, then the tag, then for some the first words of the rationale.
Laid out as a prefix tree, each node is one token that is computed once, sees itself and its ancestors (the block
attention mask) and stands at its depth (the restarted positions). A token that several rows predict from the
same node, for the same term of the loss, is one prediction with the sum of their weights, so repeated labels merge by
themselves; one that counts for nothing is read but not predicted. Loss and gradients are those of the rows one by one
(tests/parity).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from mindsmirror.students.base import Batch, TokenisedTarget
from mindsmirror.students.flops import Component, Work

TREE_TOKENS = 512
"""Tokens of rows that may share a tree, shared ones counted for each row: attention grows with their square."""

PAIRS_A_TOKEN = 1000
"""Pairs of nodes whose attention costs as much as one token costs elsewhere; an estimate for T5 v1.1 small."""


@dataclass
class Tree:
    """Nodes in an order in which parents come first."""

    tokens: list[int] = field(default_factory=list)
    parent: list[int] = field(default_factory=list)
    """Index of the parent node; -1 at the root."""
    depth: list[int] = field(default_factory=list)
    predictions: dict[tuple[int, int, int], float] = field(default_factory=dict)
    """(node that predicts, token, term) to weight."""

    def seen(self) -> Tensor:
        """Which node sees which, [T, T] bool: itself and its ancestors."""
        size = len(self.tokens)
        seen = torch.zeros((size, size), dtype=torch.bool)
        for node, parent in enumerate(self.parent):
            if parent >= 0:
                seen[node] = seen[parent]
            seen[node, node] = True
        return seen


def build_tree(rows: Sequence[TokenisedTarget]) -> Tree:
    """The rows of one family as a prefix tree.

    The last token of a target is predicted but never read, so it is no node. Tokens without weight are not predicted,
    but where a whole row has none: a batch of nothing else still goes through the student.
    """
    tree = Tree()
    children: dict[tuple[int, int], int] = {}
    for row in rows:
        node = -1
        path = (*row.source, *row.target)
        term, weights = row.term, row.weights
        weightless = not any(weights)
        for position, token in enumerate(path):
            if position >= len(row.source):
                weight = weights[position - len(row.source)]
                if weight or weightless:
                    key = (node, token, term)
                    tree.predictions[key] = tree.predictions.get(key, 0.0) + weight
                if position == len(path) - 1:
                    break
            child = children.get((node, token))
            if child is None:
                child = len(tree.tokens)
                children[(node, token)] = child
                tree.tokens.append(token)
                tree.parent.append(node)
                tree.depth.append(position)
            node = child
    return tree


def merged_families(families: Sequence[Sequence[TokenisedTarget]]) -> list[list[TokenisedTarget]]:
    """Neighbouring families joined as long as they fit into one tree of TREE_TOKENS.

    Questions of one task often begin with the same instruction, and small trees cost padding. With three questions a
    batch, joining spares more than half of the tokens of the leg task's labels.
    """
    trees: list[list[TokenisedTarget]] = []
    size = TREE_TOKENS
    for rows in families:
        tokens = sum(len(row.source) + len(row.target) for row in rows)
        if size + tokens > TREE_TOKENS:
            trees.append([])
            size = 0
        trees[-1].extend(rows)
        size += tokens
    return trees


def sharing_groups(rows: Sequence[TokenisedTarget]) -> list[list[TokenisedTarget]]:
    """Rows of one source in groups that are worth a tree each: their targets share a long enough beginning.

    A tree compares every node with all others and masks most of that; the shared tokens must save more than it costs.
    """
    groups: list[list[TokenisedTarget]] = []
    nodes = 0
    before: tuple[int, ...] = ()
    for row in sorted(rows, key=lambda row: row.target):
        same = common_prefix([before, row.target])
        own = len(row.target) - same
        if groups and same * PAIRS_A_TOKEN >= 2 * nodes * own:
            groups[-1].append(row)
            nodes += own
        else:
            groups.append([row])
            nodes = len(row.target)
        before = row.target
    return groups


def common_prefix(sequences: Sequence[Sequence[int]]) -> int:
    """Length of the beginning that all sequences share."""
    # The first and the last in sorted order share only what all between them share.
    first, last = min(sequences, key=tuple), max(sequences, key=tuple)
    longest = min(map(len, sequences))
    return next((place for place in range(longest) if first[place] != last[place]), longest)


def build_chain(row: TokenisedTarget) -> Tree:
    """One row by itself: the plain layout, for models that cannot take a block mask."""
    return build_tree([row])


def attention_masks(trees: Sequence[Tree], length: int) -> Tensor:
    """Attention masks of padded trees, [B, T, T] bool; padding sees itself, or its softmax would be over nothing."""
    seen = torch.eye(length, dtype=torch.bool).repeat(len(trees), 1, 1)
    for index, tree in enumerate(trees):
        seen[index, : len(tree.tokens), : len(tree.tokens)] = tree.seen()
    return seen


def predictions(trees: Sequence[Tree], length: int) -> Batch:
    """What trees padded to `length` predict: N flat places of [B, T] as `node`, and `target`, `weight`, `term`, [N]."""
    flat = [
        (index * length + node, token, weight, term)
        for index, tree in enumerate(trees)
        for (node, token, term), weight in tree.predictions.items()
    ]
    nodes, targets, weights, terms = zip(*flat, strict=True)
    return {
        "node": torch.tensor(nodes),
        "target": torch.tensor(targets),
        "weight": torch.tensor(weights, dtype=torch.float32),
        "term": torch.tensor(terms),
    }


def tree_work(trees: Sequence[Tree], config: Any) -> Work:
    """What trees compute: a node sees itself and its ancestors, in a sliding window the nearest of them."""
    seen = [depth + 1 for tree in trees for depth in tree.depth]
    window = getattr(config, "sliding_window", None) or max(seen)
    return Work(
        {
            Component.DECODER: len(seen),
            Component.HEAD: sum(len(tree.predictions) for tree in trees),
            Component.DECODER_PAIRS: sum(seen),
            Component.NEAR_PAIRS: sum(min(count, window) for count in seen),
        }
    )
