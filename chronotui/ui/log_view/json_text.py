"""JSON as indented lines whose keys and values are told apart.

The pieces stay as the sender wrote them: numbers keep their digits, keys that
come twice come twice.
"""

from __future__ import annotations

import json
import re
from enum import Enum, auto
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

INDENT: Final = 2
DEEPEST: Final = 40
"""Levels that are still indented further."""

LONGEST: Final = 1 << 20
"""Characters beyond which a message is not read as JSON: it would take too long."""

_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\],:]|[^\s{}\[\],:"]++')
_EMPTY: Final = {"{": "}", "[": "]"}


class JsonKind(Enum):
    """What a piece of a JSON line is."""

    KEY = auto()
    TEXT = auto()
    VALUE = auto()


class JsonPart(NamedTuple):
    """A coloured piece of a line."""

    start: int
    end: int
    kind: JsonKind


class JsonLine(NamedTuple):
    """A line of indented JSON, harmless to print."""

    text: str
    parts: tuple[JsonPart, ...]


def is_json(message: str) -> bool:
    """Whether a message is one JSON object or list."""
    if len(message) > LONGEST:
        return False
    text = message.strip()
    if not text.startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def pretty_json(message: str) -> Iterator[JsonLine]:
    """Yield a JSON text, known to be one, indented by two."""
    line = _Line()
    depth = 0
    before = ""
    found = (match.group() for match in _TOKEN.finditer(message))
    for piece, after in pairwise(chain(found, [""])):
        if piece in "]}" and _EMPTY.get(before) != piece:
            depth -= 1
            yield line.take()
            line.indent(depth)
        line.add(piece, after)
        before = piece
        if piece in "[{":
            if _EMPTY[piece] == after:
                continue
            depth += 1
        if piece in "[{,":
            yield line.take()
            line.indent(depth)
    yield line.take()


class _Line:
    """A line in the making."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._parts: list[JsonPart] = []

    def indent(self, depth: int) -> None:
        self._append(" " * (INDENT * min(depth, DEEPEST)))

    def add(self, piece: str, after: str) -> None:
        start = self._length
        self._append(clean(piece))
        if piece == ":":
            self._append(" ")
        elif piece not in "{}[],":
            self._parts.append(JsonPart(start, self._length, _kind(piece, after)))

    def take(self) -> JsonLine:
        line = JsonLine("".join(self._pieces), tuple(self._parts))
        self._pieces, self._length, self._parts = [], 0, []
        return line

    def _append(self, text: str) -> None:
        self._pieces.append(text)
        self._length += len(text)


def _kind(piece: str, after: str) -> JsonKind:
    if not piece.startswith('"'):
        return JsonKind.VALUE
    return JsonKind.KEY if after == ":" else JsonKind.TEXT
