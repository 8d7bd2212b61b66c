"""Colours a program wrote into its messages, as spans over the text shown.

Only SGR (``ESC [ … m``) styles; concealing and blinking are ignored, since a log
must not hide or flash. Every other sequence is left in the text, made visible.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from chronotui.core.harmless import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator

Colour: TypeAlias = int | tuple[int, int, int]
"""An index into the 256 colours, 0 to 15 the theme's own, or red, green, blue."""


class StyleSpec(NamedTuple):
    """What a program asked for; the default says nothing."""

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
def _sgr() -> re.Pattern[str]:
    return re.compile("\x1b\\[([0-9;:]*)m")


def split_styles(message: str) -> tuple[str, tuple[Span, ...]]:
    """Return the text shown and its spans; see `chronotui.core.text.parse_ansi`."""
    before, message = _last_state(message)
    if "\x1b[" not in message and not before:
        return harmless(message), ()
    style = PLAIN
    for match in _sgr().finditer(before):
        style = restyled(style, match[1])
    drawn = _Drawn(style)
    end = 0
    for match in _sgr().finditer(message):
        drawn.add(message[end : match.start()])
        drawn.style = restyled(drawn.style, match[1])
        end = match.end()
    drawn.add(message[end:])
    return "".join(drawn.pieces), tuple(drawn.spans)


class _Drawn:
    """Text and spans as they grow, stretch by stretch."""

    def __init__(self, style: StyleSpec) -> None:
        self.style = style
        self.pieces: list[str] = []
        self.spans: list[Span] = []
        self._length = 0

    def add(self, stretch: str) -> None:
        """Append a stretch in the style of now."""
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
        if state and _sgr().sub("", state):
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
