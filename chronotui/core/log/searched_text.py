"""The text of messages as it is searched, alone or all of a block at once."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chronotui.core.log.block import Block


@cache
def _sgr() -> re.Pattern[bytes]:
    return re.compile(rb"\x1b\[[0-9;:]*m")


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


def searched_text(block: Block, start: int) -> bytes:
    """Return the lines from ``start`` on, as `searched_message`, a newline after each.

    Not for blocks with newlines in messages (``broken``).
    """
    text = bytes(memoryview(block.text)[block.begin(start) :])
    if block.escapes:
        text = _sgr().sub(b"", text)
    if block.returns:
        text = _trailing().sub(b"", text)
        if b"\r" in text:
            text = _earlier_states().sub(b"", text)
    return text
