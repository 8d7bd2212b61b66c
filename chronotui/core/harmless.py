"""Which characters must not reach a terminal, and what stands for them."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

MOST_MARKS: Final = 8
"""Combining marks kept on one character; real scripts need fewer."""

_DROPPED: Final = frozenset("\ufe0e\ufe0f")

_INVISIBLE: Final = (
    "\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f"  # fillers
    "\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f"  # zero width, breaks, bidi
    "\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb"
    "\\ufdd0-\\ufdef\\ufffe\\uffff"  # no characters
    "\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff"
)

_MARKS: Final = (
    "\\u0300-\\u036f\\u0483-\\u0489\\u1ab0-\\u1aff\\u1dc0-\\u1dff"
    "\\u20d0-\\u20f0\\ufe20-\\ufe2f"
)
"""The combining marks that stack on any character of any script."""


@cache
def _hostile() -> re.Pattern[str]:
    return re.compile(f"[\\x00-\\x08\\x0a-\\x1f\\x7f-\\x9f\\ud800-\\udfff{_INVISIBLE}]")


@cache
def _mark_floods() -> re.Pattern[str]:
    """Marks nothing carries, and all beyond the first few on one character."""
    return re.compile(f"^[{_MARKS}]+|(?<=[{_MARKS}]{{{MOST_MARKS}}})[{_MARKS}]+")


def harmless(text: str) -> str:
    """Return text without control characters but tabs, nothing hidden in it."""
    text = _hostile().sub(_picture, text)
    return text if text.isascii() else _mark_floods().sub(_numbers, text)


def _picture(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0xD800 <= code < 0xE000:
        return "\ufffd"
    return "" if character in _DROPPED else _number(character)


def _numbers(match: re.Match[str]) -> str:
    return "".join(map(_number, match[0]))


def _number(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩"
