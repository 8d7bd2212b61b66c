"""The body of a json download: its entries, told by brackets and nothing else.

A message that is JSON is there once more as a value (WIRE.md "Raw download"). So a job
may print what looks like an entry, like a list of entries, or like the end of one: no
key and no ending tells a line of its log, only how deep it is nested.
"""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chronotui.errors import UnreadableAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK_BYTES: Final = 64 << 10
"""Bytes counted at a time: they stay in a processor's cache."""

MOST_BYTES: Final = 32 << 20
"""More than any entry has, and any head."""

_MOST_BEHIND: Final = 64 << 10
"""More than is behind entries that end as they should."""

HEAD: Final = b'{"logs":['
_BETWEEN: Final = b'},{"timestamp":'
"""Stands between entries as servers write them, and may stand in a message, too."""

_TOKEN: Final = re.compile(
    rb'"message_raw"\s*+:|"(?:[^"\\]++|\\.|\\\Z)*+(?:"|\Z)|[\[\]{}]', re.DOTALL
)
"""The key of a message, a text or a bracket. A text that does not end goes to the end:
it is looked at once."""


class EntryBounds(NamedTuple):
    """Where a whole entry stands, and whether it has a message: a trailer has none."""

    begin: int
    end: int
    has_message: bool


class Entries(NamedTuple):
    """The whole entries of a text; ``end`` is where their list ends, -1 before that."""

    entries: list[EntryBounds]
    end: int


def entries_of(text: bytes, begin: int = 0) -> Entries:
    """Return the entries of a text from the begin of one on, or from between them."""
    entries: list[EntryBounds] = []
    depth = start = 0
    has_message = False
    for token in _TOKEN.finditer(text, begin):
        mark = token[0]
        if mark in {b"{", b"["}:
            if not depth:
                start, has_message = token.start(), False
            depth += 1
        elif mark in {b"}", b"]"}:
            if not depth:
                return Entries(entries, token.start())
            depth -= 1
            if not depth:
                entries.append(EntryBounds(start, token.end(), has_message))
        elif depth == 1 and mark.endswith(b":"):
            has_message = True
    return Entries(entries, -1)


def entries_of_body(body: bytes) -> Entries:
    """Return the entries of a body with its head."""
    begin = _behind_head(body)
    return entries_of(body, begin) if begin else Entries([], -1)


def _behind_head(body: bytes) -> int:
    """Return where the entries of a body begin; 0 if that has not come yet."""
    head = re.search(rb'"logs"\s*+:\s*+\[', body)
    return 0 if head is None else head.end()


class JsonBody:
    """Counts the lines of a body whose pieces come, and keeps its end.

    As many entries as are whole are decoded at once, up to what mostly stands between
    two. Where that stood in a message, they are not whole and cannot be decoded: then
    brackets are looked at one by one.
    """

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0
        self._enough = BLOCK_BYTES
        self._has_begun = self._has_ended = False
        self._last = (b"", b"")

    def feed(self, piece: bytes) -> int:
        """Return how many more lines are whole by now.

        Raises:
            UnreadableAnswerError: It is no list of entries.
        """
        if self._has_ended and self._size > _MOST_BEHIND:
            return 0
        self._held.append(piece)
        self._size += len(piece)
        if self._has_ended or self._size < self._enough:
            return 0
        held = self._entries_held()
        end = held.rfind(_BETWEEN) + 1 if self._has_begun else 0
        if end and (lines := _lines_of(held[:end])):
            self._take(held, end)
        else:
            lines = self._take_by_brackets(held)
        if self._size > MOST_BYTES:
            raise UnreadableAnswerError(
                "The server's json download holds no list of entries."
            )
        return lines

    def finish(self) -> int:
        """Return how many lines are in what is left; one that is cut is none."""
        return 0 if self._has_ended else self._take_by_brackets(self._entries_held())

    def tail(self) -> bytes:
        """Return the last entries and what is behind them, as a body of its own."""
        head = HEAD if self._has_begun else b""
        last = b",".join(filter(None, self._last))
        comma = b"," if last and not self._has_ended else b""
        return b"".join([head, last, comma, *self._held])

    def _entries_held(self) -> bytes:
        """Return what is held from the begin of an entry on, if there is one."""
        held = b"".join(self._held)
        if not self._has_begun and (begin := _behind_head(held)):
            self._has_begun = True
            held = held[begin:].lstrip()
        return held

    def _take_by_brackets(self, held: bytes) -> int:
        entries, end = entries_of(held) if self._has_begun else Entries([], -1)
        self._has_ended = end >= 0
        self._take(held, entries[-1].end if entries else 0)
        return sum(each.has_message for each in entries)

    def _take(self, held: bytes, end: int) -> None:
        """Let go of entries up to the end of one."""
        if end:
            self._last = (self._last[1], held[:end])
        rest = held[end:].lstrip(b", \t\r\n") if self._has_begun else held
        self._held, self._size = [rest], len(rest)
        self._enough = max(BLOCK_BYTES, 2 * len(rest))


def _lines_of(entries: bytes) -> int:
    """Count entries with commas between them; 0 where not all are whole, or lines."""
    try:
        return len(_decoder()(b"[%b]" % entries))
    except (ValueError, RecursionError):
        return 0


@functools.cache
def _decoder() -> Callable[[bytes], list[Any]]:
    import msgspec  # noqa: PLC0415 - core must be cheap to import

    line = msgspec.defstruct("Line", [("message_raw", msgspec.Raw)], gc=False)
    return msgspec.json.Decoder(list[line]).decode  # type: ignore[valid-type]


def loads_entry(text: bytes) -> Any:
    """Decode the JSON of one entry.

    A message nested deeper than JSON can be decoded is no reason to lose its line: then
    all that is nested in the entry comes as None.

    Raises:
        ValueError: It is no JSON.
    """
    try:
        return json.loads(text)
    except RecursionError:
        pass
    try:
        return json.loads(_without_nested(text))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _without_nested(text: bytes) -> bytes:
    """Put null for what is nested in an object, however deep it goes."""
    kept: list[bytes] = []
    depth = begin = 0
    for token in _TOKEN.finditer(text):
        if token[0] in {b"{", b"["}:
            depth += 1
            if depth == 2:
                kept.append(text[begin : token.start()])
                begin = token.start()
        elif token[0] in {b"}", b"]"}:
            depth -= 1
            if depth == 1:
                kept.append(b"null")
                begin = token.end()
    return b"".join([*kept, text[begin:]])
