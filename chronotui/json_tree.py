"""A JSON text as a tree of nodes, read once, without recursion and within bounds.

Nothing is converted: numbers keep their digits, keys that come twice come twice. The
nodes stand in lists in the order of the text, so a message of any depth costs what its
length costs.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from enum import Enum, auto
from itertools import accumulate
from typing import Final

MOST_CHARACTERS: Final = 1 << 22
"""A longer text is not read as JSON."""

MOST_NODES: Final = 50_000
"""Nodes read; the rest of the text is left out, and `JsonTree.complete` is False."""

MOST_TEXT_LINES: Final = 1000
"""Lines a text in the JSON is taken apart into."""

_TOKEN: Final = re.compile(
    r"[ \t\r\n]*(?:"
    r'("[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*")'
    r"|([{}\[\]:,])"
    r"|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.+-])"
    r"|true\b|false\b|null\b|NaN\b|-?Infinity\b))"
)
_TEXT, _SIGN, _PLAIN = 1, 2, 3
_PAIRS: Final = {"{": "}", "[": "]"}


class NodeKind(Enum):
    """What a node is; a LINE is one line of a TEXT that holds several."""

    OBJECT = auto()
    LIST = auto()
    TEXT = auto()
    VALUE = auto()
    LINE = auto()


_Next = Enum("_Next", "VALUE ITEM KEY MEMBER COLON COMMA END")
"""What may come next; ITEM and MEMBER, or the end of the list or object."""


class JsonTree:
    """The nodes of a JSON text, by their number in it.

    Attributes:
        depths: How many nodes each is in.
        parents: The node each is in; -1 for the root.
        after: The number past all that is in each node.
        counts: Members, items or lines of each node.
        spans: Where each value begins and ends in the text.
        keys: The same of each member's key; None for the others.
        places: The number of each item among its like, from 0.
        lines: The text of each LINE.
        complete: Whether all of the text was read.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.kinds: list[NodeKind] = []
        self.depths: list[int] = []
        self.parents: list[int] = []
        self.after: list[int] = []
        self.counts: list[int] = []
        self.spans: list[tuple[int, int]] = []
        self.keys: list[tuple[int, int] | None] = []
        self.places: list[int] = []
        self.lines: dict[int, str] = {}
        self.complete = False

    def __len__(self) -> int:
        return len(self.kinds)

    def key(self, node: int) -> str:
        """Return a member's key as written, without its quotes; else ""."""
        span = self.keys[node]
        return "" if span is None else self.text[span[0] + 1 : span[1] - 1]

    def source(self, node: int, most: int | None = None) -> str:
        """Return a node's value as written, or its first ``most`` characters."""
        start, end = self.spans[node]
        return self.text[start : end if most is None else min(end, start + most)]

    def value(self, node: int) -> str:
        """Return what copying a node gives: a text itself, anything else as written."""
        if self.kinds[node] is NodeKind.LINE:
            return self.lines[node]
        source = self.source(node)
        return _decoded(source) if self.kinds[node] is NodeKind.TEXT else source

    def path(self, node: int) -> str:
        """Return the way to a node as ``jq`` takes it: ``.items[3]."full name"``."""
        steps: list[str] = []
        while self.parents[node] >= 0:
            key = self.key(node)
            if self.keys[node] is None:
                steps.append(f"[{self.places[node]}]")
            else:
                steps.append(f".{key}" if key.isidentifier() else f'."{key}"')
            node = self.parents[node]
        return "".join(reversed(steps)) or "."


def read_json(text: str) -> JsonTree | None:
    """Return the tree of a JSON object or list; None if a text is none."""
    if len(text) > MOST_CHARACTERS or text.lstrip()[:1] not in {"{", "["}:
        return None
    reader = _Reader(text)
    return reader.tree if reader.read() else None


class _Reader:
    """Takes a text's pieces one by one."""

    def __init__(self, text: str) -> None:
        self.tree = JsonTree(text)
        self._open: list[int] = []
        self._next = _Next.VALUE
        self._key: tuple[int, int] | None = None

    def read(self) -> bool:
        """Read all there is, or as much as is allowed; return whether it is JSON."""
        tree, text, at = self.tree, self.tree.text, 0
        while self._next is not _Next.END and len(tree) < MOST_NODES:
            match = _TOKEN.match(text, at)
            if match is None:
                return False
            kind = match.lastindex or 0
            at = match.end()
            if not self._take(kind, *match.span(kind)):
                return False
        tree.complete = self._next is _Next.END
        for node in self._open:
            tree.after[node] = len(tree)
            tree.spans[node] = (tree.spans[node][0], len(text))
        return not tree.complete or not text[at:].strip()

    def _take(self, kind: int, start: int, end: int) -> bool:
        sign = self.tree.text[start] if kind == _SIGN else ""
        if sign in {":", ","}:
            return self._pass(sign)
        if sign in {"}", "]"}:
            return self._close(sign, end)
        if self._next in {_Next.KEY, _Next.MEMBER}:
            self._key, self._next = (start, end), _Next.COLON
            return kind == _TEXT
        if self._next not in {_Next.VALUE, _Next.ITEM}:
            return False
        self._add(kind, start, end)
        return True

    def _pass(self, sign: str) -> bool:
        wanted = _Next.COLON if sign == ":" else _Next.COMMA
        if self._next is not wanted:
            return False
        in_object = self.tree.kinds[self._open[-1]] is NodeKind.OBJECT
        self._next = _Next.KEY if sign == "," and in_object else _Next.VALUE
        return True

    def _close(self, sign: str, end: int) -> bool:
        if self._next not in {_Next.ITEM, _Next.MEMBER, _Next.COMMA}:
            return False
        tree, node = self.tree, self._open.pop()
        start = tree.spans[node][0]
        tree.spans[node] = (start, end)
        tree.after[node] = len(tree)
        self._next = _Next.COMMA if self._open else _Next.END
        return _PAIRS[tree.text[start]] == sign

    def _add(self, kind: int, start: int, end: int) -> None:
        tree = self.tree
        if kind == _SIGN:
            is_object = tree.text[start] == "{"
            node = self._node(NodeKind.OBJECT if is_object else NodeKind.LIST)
            self._open.append(node)
            self._next = _Next.MEMBER if is_object else _Next.ITEM
        else:
            node = self._node(NodeKind.TEXT if kind == _TEXT else NodeKind.VALUE)
            self._next = _Next.COMMA
        tree.spans[node] = (start, end)
        tree.keys[node], self._key = self._key, None
        if kind == _TEXT and tree.text.find("\\n", start, end) >= 0:
            self._add_lines(node)

    def _add_lines(self, text: int) -> None:
        """Take a text of several lines apart, so that a traceback can be read."""
        tree = self.tree
        lines = _decoded(tree.source(text)).split("\n")
        self._open.append(text)
        for line in lines[:MOST_TEXT_LINES]:
            node = self._node(NodeKind.LINE)
            tree.spans[node] = tree.spans[text]
            tree.lines[node] = line
        self._open.pop()
        tree.after[text] = len(tree)

    def _node(self, kind: NodeKind) -> int:
        tree, depth = self.tree, len(self._open)
        node = len(tree)
        parent = self._open[-1] if depth else -1
        tree.kinds.append(kind)
        tree.depths.append(depth)
        tree.parents.append(parent)
        tree.after.append(node + 1)
        tree.counts.append(0)
        tree.spans.append((0, 0))
        tree.keys.append(None)
        tree.places.append(tree.counts[parent] if depth else 0)
        if depth:
            tree.counts[parent] += 1
        return node


def _decoded(source: str) -> str:
    return str(json.loads(source, strict=False))


MOST_AT_FIRST: Final = 200
"""Nodes shown at first, where whole levels of the tree fit into that."""


class JsonFolds:
    """The rows of a tree, some folded, for a `Viewport`; an anchor is a node.

    Folding and unfolding costs what is hidden or shown by it.
    """

    def __init__(self, tree: JsonTree) -> None:
        self.tree = tree
        sizes = [0] * (max(tree.depths) + 1)
        for depth in tree.depths:
            sizes[depth] += 1
        # As many levels as fit on some screens; at least what the root holds.
        fitting = sum(shown <= MOST_AT_FIRST for shown in accumulate(sizes))
        self._open = bytearray(depth < max(fitting - 1, 1) for depth in tree.depths)
        self._rows = self._shown(0, len(tree))

    def __len__(self) -> int:
        return len(self._rows)

    def anchor(self, row: int, /) -> int:
        return self._rows[row]

    def locate(self, anchor: int, /) -> int:
        """Return the row of a node, or of what it is folded into."""
        return bisect_right(self._rows, anchor) - 1

    def is_foldable(self, node: int) -> bool:
        return self.tree.after[node] > node + 1

    def is_open(self, node: int) -> bool:
        """Whether what a node holds is shown."""
        return self.is_foldable(node) and bool(self._open[node])

    def unfold(self, row: int) -> None:
        node = self._rows[row]
        if self.is_foldable(node) and not self._open[node]:
            self._open[node] = True
            self._rows[row + 1 : row + 1] = self._shown(node + 1, self.tree.after[node])

    def fold(self, row: int) -> None:
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
