"""Text from strangers, made visible and harmless; and colours they wrote into it.

Every string a server sends passes one of these on its way to a terminal; what is
stored and saved stays exact:

- `clean` for names, ids, errors and titles: one line of printable text;
- `printable_line` for a log message as plain text;
- `parse_ansi` for a log message with its colours as spans. Only SGR (``ESC [ … m``)
  styles; concealing and blinking are ignored, since a log must not hide or flash.

A control character shows as its picture (ESC as ``␛``), an invisible one that moves,
hides or reorders text as its number (``⟨U+202E⟩``), a lone surrogate as U+FFFD. The
selectors U+FE0E and U+FE0F are dropped: terminals disagree on the width they give the
character before.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

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


Colour: TypeAlias = int | tuple[int, int, int]
"""An index into the 256 colours, 0 to 15 the theme's own, or red, green, blue."""


class StyleSpec(NamedTuple):
    fg: Colour | None = None
    bg: Colour | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False
    strike: bool = False


class Span(NamedTuple):
    """A style over the characters ``start`` to ``end`` (exclusive)."""

    start: int
    end: int
    style: StyleSpec


PLAIN: Final = StyleSpec()

_MOST_PARAMETERS: Final = 64
"""Numbers read from one sequence; more is not a style but an attack."""

_SWITCHES: Final[dict[int, dict[str, Any]]] = {
    1: {"bold": True},
    2: {"dim": True},
    3: {"italic": True},
    4: {"underline": True},
    7: {"reverse": True},
    9: {"strike": True},
    21: {"underline": True},
    23: {"italic": False},
    24: {"underline": False},
    22: {"bold": False, "dim": False},
    27: {"reverse": False},
    29: {"strike": False},
    39: {"fg": None},
    49: {"bg": None},
}


@cache
def sgr() -> re.Pattern[str]:
    """Return what a colour sequence is, its numbers as a group."""
    return re.compile("\x1b\\[([0-9;:]*)m")


class _Drawn:
    def __init__(self, style: StyleSpec) -> None:
        self.style = style
        self.pieces: list[str] = []
        self.spans: list[Span] = []
        self._length = 0

    def add(self, stretch: str) -> None:
        shown = harmless(stretch)
        if not shown:
            return
        start = self._length
        self._length += len(shown)
        self.pieces.append(shown)
        if self.style == PLAIN:
            return
        if self.spans and self.spans[-1][1:] == (start, self.style):
            start = self.spans.pop().start
        self.spans.append(Span(start, self._length, self.style))


def _last_state(message: str) -> tuple[str, str]:
    """Split at the carriage return before the last state that shows anything."""
    if "\r" not in message:
        return "", message.rstrip("\n")
    message = message.rstrip("\r\n")
    end = len(message)
    while end:
        start = message.rfind("\r", 0, end) + 1
        state = message[start:end]
        if state and sgr().sub("", state):
            return message[:start], state
        end = max(start - 1, 0)
    return "", ""


def restyled(style: StyleSpec, parameters: str) -> StyleSpec:
    """Return a style after one SGR sequence, ``parameters`` being its numbers.

    Both ``38;5;n`` and ``38:5:n`` are read, and ``38;2;r;g;b`` with or without the
    colour space that the colon form may carry. What cannot be read changes nothing.
    """
    if parameters in {"", "0"}:
        return PLAIN
    codes = _codes(parameters)
    for code in codes:
        if code == 0:
            style = PLAIN
        elif code in _SWITCHES:
            style = style._replace(**_SWITCHES[code])
        elif code in {38, 48}:
            colour = _long_colour(codes)
            if colour is not None:
                style = _coloured(style, code == 48, colour)
        else:
            style = _short_colour(style, code)
    return style


def _codes(parameters: str) -> Iterator[int]:
    fields = parameters.split(";", _MOST_PARAMETERS)[:_MOST_PARAMETERS]
    for field in fields:
        parts = field.split(":", _MOST_PARAMETERS)
        if len(parts) == 6 and parts[1] == "2":
            del parts[2]
        elif parts[0] == "4" and len(parts) == 2:
            parts = ["24" if parts[1] == "0" else "4"]
        for part in parts:
            yield int(part) if part and len(part) < 4 else 0 if not part else 999


def _long_colour(codes: Iterator[int]) -> Colour | None:
    kind = next(codes, None)
    if kind == 5:
        index = next(codes, 256)
        return index if index < 256 else None
    if kind != 2:
        return None
    red, green, blue = (next(codes, 256) for _ in range(3))
    return (red, green, blue) if max(red, green, blue) < 256 else None


def _short_colour(style: StyleSpec, code: int) -> StyleSpec:
    base, rest = divmod(code, 10)
    if rest > 7 or base not in {3, 4, 9, 10}:
        return style
    return _coloured(style, base in {4, 10}, rest + (8 if base > 4 else 0))


def _coloured(style: StyleSpec, background: bool, colour: Colour) -> StyleSpec:
    return style._replace(bg=colour) if background else style._replace(fg=colour)


TAB_COLUMNS: Final = 8


def clean(text: str) -> str:
    """Return one line of printable text, tabs as spaces.

    Cleaning twice gives what cleaning once gave.
    """
    if text.isascii() and text.isprintable():
        return text
    return harmless(text).expandtabs(TAB_COLUMNS)


def printable_line(message: str) -> str:
    """Return a message for a terminal, without colours: the text of `parse_ansi`."""
    if message.isascii() and message.isprintable():
        return message
    return parse_ansi(message)[0].expandtabs(TAB_COLUMNS)


def parse_ansi(message: str) -> tuple[str, tuple[Span, ...]]:
    """Return a message as shown, and the styles its program gave it, in order.

    Of a progress bar redrawn by carriage returns the last state that is not empty
    is shown, in the colours the states before it left on; line ends at the end of
    the message are not shown. Sequences other than colours become visible text.
    Tabs stay, for the one who knows the columns.
    """
    if message.isascii() and message.isprintable():
        return message, ()
    before, message = _last_state(message)
    if "\x1b[" not in message and not before:
        return harmless(message), ()
    style = PLAIN
    for match in sgr().finditer(before):
        style = restyled(style, match[1])
    drawn = _Drawn(style)
    end = 0
    for match in sgr().finditer(message):
        drawn.add(message[end : match.start()])
        drawn.style = restyled(drawn.style, match[1])
        end = match.end()
    drawn.add(message[end:])
    return "".join(drawn.pieces), tuple(drawn.spans)


def plural(count: int, word: str) -> str:
    """Return ``1 line``, ``2 lines``."""
    return f"{count:,} {word}" + ("" if count == 1 else "s")
