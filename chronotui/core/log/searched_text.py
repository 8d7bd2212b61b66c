"""The text of messages as it is searched, alone or all of a block at once."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.core.log.block import Block

ENDING_BYTES: Final = 1 << 16
"""Bytes of a line's end looked at at a time, far more than a colour sequence has."""


@cache
def _sgr() -> re.Pattern[bytes]:
    return re.compile(rb"\x1b\[[0-9;:]*m")


@cache
def _backward_ending() -> re.Pattern[bytes]:
    """Carriage returns and colour sequences, the last one first and read backward."""
    return re.compile(rb"(?:\r++|m[0-9;:]*+\[\x1b)*+")


@cache
def _sgr_text() -> re.Pattern[str]:
    return re.compile("\x1b\\[[0-9;:]*m")


def searched_message(message: str) -> str:
    """Return what of a message is searched: colours gone, the last state of a bar.

    Other control characters are still themselves, unlike in
    `chronotui.core.text.parse_ansi`.
    """
    if "\x1b" in message:
        message = _sgr_text().sub("", message)
    if "\r" in message:
        message = message.rstrip("\r").rpartition("\r")[2]
    return message


class SearchedBytes(NamedTuple):
    """Lines as they are searched, a newline after each.

    Attributes:
        text: The lines.
        ends: Where lines end, ``shift`` more than in ``text``.
        first: The index in ``ends`` of the first line of ``text``.
        shift: How far before ``text`` the ends are counted from.
        offset: How much more than its index in ``ends`` a line's number is.
    """

    text: bytes | bytearray
    ends: Sequence[int]
    first: int
    shift: int
    offset: int

    def line_at(self, position: int) -> int:
        """Return the number of the line at a position of the text."""
        return bisect_right(self.ends, position + self.shift) + self.offset


def searched_bytes(block: Block, start: int, *, lower: bool = False) -> SearchedBytes:
    """Return the lines from ``start`` on, as `searched_message`.

    With ``lower``, ASCII letters are lower case. Not for blocks with newlines in
    messages (``broken``).
    """
    base = block.begin(start)
    text: bytes | bytearray = block.text[base:] if start else block.text
    if not (block.escapes or block.returns):
        text = text.lower() if lower else text
        return SearchedBytes(text, block.ends, start, base, 0)
    text = _without_controls(block, text)
    ends = array("I", accumulate(len(line) + 1 for line in text.split(b"\n")[:-1]))
    return SearchedBytes(text.lower() if lower else text, ends, 0, 0, start)


def searched_text(block: Block, start: int, stop: int) -> str:
    """Return the lines ``start`` to ``stop`` (exclusive), the same way, as text."""
    text = memoryview(block.text)[block.begin(start) : block.begin(stop)]
    if block.escapes or block.returns:
        changed = _without_controls(block, bytes(text))
        return changed.decode("utf-8", "surrogatepass")
    return str(text, "utf-8", "surrogatepass")


def without_colours(text: bytes | bytearray) -> bytes:
    """Return text without colour sequences."""
    return _sgr().sub(b"", text)


def without_ending(text: bytes | bytearray, start: int, end: int) -> int:
    """Return where a line ends without carriage returns, coloured or not.

    Args:
        text: Holds the line.
        start: Where the line begins.
        end: Where it ends.
    """
    while end > start:
        begin = max(start, end - ENDING_BYTES)
        backward = bytes(text[begin:end])[::-1]
        taken = _backward_ending().match(backward)
        if taken is None or not taken.end():
            break
        end -= taken.end()
    return end


def _without_controls(block: Block, text: bytes | bytearray) -> bytes | bytearray:
    if block.escapes:
        text = _sgr().sub(b"", text)
    if block.returns:
        text = text.replace(b"\r\n", b"\n")
        if b"\r" in text:
            text = _last_states(text)
    return text


def _last_states(text: bytes | bytearray) -> bytes:
    """Return lines without what their carriage returns moved over.

    A search for an expression cannot do it: it would try each place of a line that
    has none.
    """
    pieces: list[bytes | bytearray] = []
    kept = 0
    at = text.find(b"\r")
    while at >= 0:
        start = text.rfind(b"\n", kept, at) + 1 or kept
        end = text.index(b"\n", at)
        pieces += (text[kept:start], text[start:end].rstrip(b"\r").rpartition(b"\r")[2])
        kept = end
        at = text.find(b"\r", end)
    pieces.append(text[kept:])
    return b"".join(pieces)
