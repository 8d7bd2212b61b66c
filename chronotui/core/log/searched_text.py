"""The text of messages as it is searched, alone or all of a block at once."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.core.log.block import Block


@cache
def _sgr() -> re.Pattern[bytes]:
    return re.compile(rb"\x1b\[[0-9;:]*m")


@cache
def _final_sgr() -> re.Pattern[bytes]:
    return re.compile(rb"\x1b\[[0-9;:]*m\Z")


@cache
def _earlier_states() -> re.Pattern[bytes]:
    """What a line's last carriage return moved over, once trailing ones are gone."""
    return re.compile(rb"[^\r\n]*\r+(?=[^\r\n])")


@cache
def _trailing() -> re.Pattern[bytes]:
    return re.compile(rb"\r+(?=\n)")


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


def searched_text(block: Block, start: int) -> str:
    """Return the same lines as text."""
    text = memoryview(block.text)[block.begin(start) :]
    if block.escapes or block.returns:
        changed = _without_controls(block, bytes(text))
        return changed.decode("utf-8", "surrogatepass")
    return str(text, "utf-8", "surrogatepass")


def without_colours(text: bytes | bytearray) -> bytes:
    """Return text without colour sequences."""
    return _sgr().sub(b"", text)


def final_colour(text: bytes | bytearray) -> int:
    """Return the bytes of the colour sequence a text ends with; 0 without one."""
    found = _final_sgr().search(text) if text.endswith(b"m") else None
    return len(found[0]) if found else 0


def _without_controls(block: Block, text: bytes | bytearray) -> bytes | bytearray:
    if block.escapes:
        text = _sgr().sub(b"", text)
    if block.returns:
        text = _trailing().sub(b"", text)
        if b"\r" in text:
            text = _earlier_states().sub(b"", text)
    return text
