"""Which nodes of a JSON tree are shown, some of them folded."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from chronotui.core.json_tree import JsonTree

MOST_AT_FIRST: Final = 200
"""Nodes shown at first, where whole levels of the tree fit into that."""


class JsonFolds:
    """The rows of a tree, for `chronotui.core.reading.Reading`; an anchor is a node.

    Folding and unfolding costs what is hidden or shown by it.

    Args:
        tree: The tree, with at least one node.
    """

    def __init__(self, tree: JsonTree) -> None:
        self.tree = tree
        self._open = bytearray(len(tree))
        deepest = _levels_at_first(tree)
        for node, depth in enumerate(tree.depths):
            self._open[node] = depth < deepest
        self._rows = self._shown(0, len(tree))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def anchor(self, row: int, /) -> int:
        """Return the node of a row."""
        return self._rows[row]

    def locate(self, anchor: int, /) -> int:
        """Return the row of a node, or of what it is folded into."""
        return bisect_right(self._rows, anchor) - 1

    def is_foldable(self, node: int) -> bool:
        """Whether a node holds others."""
        return self.tree.after[node] > node + 1

    def is_open(self, node: int) -> bool:
        """Whether what a node holds is shown."""
        return self.is_foldable(node) and bool(self._open[node])

    def unfold(self, row: int) -> None:
        """Show what the node of a row holds."""
        node = self._rows[row]
        if self.is_foldable(node) and not self._open[node]:
            self._open[node] = True
            self._rows[row + 1 : row + 1] = self._shown(node + 1, self.tree.after[node])

    def fold(self, row: int) -> None:
        """Hide what the node of a row holds."""
        node = self._rows[row]
        if self.is_open(node):
            stop = self.locate(self.tree.after[node] - 1) + 1
            self._open[node] = False
            del self._rows[row + 1 : stop]

    def _shown(self, node: int, stop: int) -> list[int]:
        rows: list[int] = []
        while node < stop:
            rows.append(node)
            node = node + 1 if self._open[node] else self.tree.after[node]
        return rows


def _levels_at_first(tree: JsonTree) -> int:
    """Return how many levels fit on some screens; at least what the root holds."""
    sizes = [0] * (max(tree.depths) + 1)
    for depth in tree.depths:
        sizes[depth] += 1
    fitting = sum(shown <= MOST_AT_FIRST for shown in accumulate(sizes))
    return max(fitting - 1, 1)
