"""Graphemes that terminals count differently, and what of a row they may shift.

A letter behind such a grapheme is written right after it, wherever that is: a terminal
told to go to the place it should have would write over the end of a grapheme it counts
for more cells. Only blanks that can take up the difference end what is shifted so, and
lines that part the screen. Before any of it is written anew all of it is blanked: in a
terminal that counts fewer cells something would stay between.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.ui.term.buffer import BLANK, CONTINUED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chronotui.ui.term.buffer import Cells

_SURELY_WIDE: Final = (
    *((0x2E80, 0x303E), (0x3041, 0xA4CF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF)),
    *((0xFE30, 0xFE6F), (0xFF01, 0xFF60), (0xFFE0, 0xFFE6), (0x20000, 0x3FFFD)),
)
"""CJK, kana, Hangul and full-width forms: two cells everywhere."""

_FLAG_LETTERS: Final = range(0x1F1E6, 0x1F200)
_SELECTORS: Final = ("\ufe0e", "\ufe0f")
_JOINER: Final = "\u200d"
_LINES: Final = frozenset(map(chr, range(0x2500, 0x25A0)))
"""Box drawing and blocks: they part what stands beside each other on the screen."""

AT_PLACE, FIRST, BEHIND, LEFT_BLANK = range(4)
"""How a cell is written: at its place, at its place as the first of a zone, behind the
one before it, or not at all."""


class Zone(NamedTuple):
    """Cells from ``start`` to ``stop`` that a terminal may show shifted.

    ``text_stop`` is where their text ends; ``beyond`` how many cells more may be
    covered, where a line ends the zone and not blanks.
    """

    start: int
    text_stop: int
    stop: int
    beyond: int


@lru_cache(4096)
def excess(grapheme: str, width: int) -> int:
    """Return by how many cells a terminal may count more, or -1 where all agree.

    Args:
        grapheme: What stands in one cell, or two.
        width: How many it is taken for here.
    """
    first, rest = grapheme[0], grapheme[1:]
    if not rest:
        if ord(first) in _FLAG_LETTERS:
            return 2 - width
        return -1 if width == 1 or _is_surely_wide(first) else 0
    categories = {unicodedata.category(mark) for mark in rest}
    is_marked = categories <= {"Mn", "Me"} and not set(rest) & set(_SELECTORS)
    if is_marked and excess(first, width) < 0:
        return -1
    return max(sum(map(_most_cells, grapheme)) - width, 0)


def _is_surely_wide(character: str) -> bool:
    return any(low <= ord(character) <= high for low, high in _SURELY_WIDE)


def _most_cells(character: str) -> int:
    category = unicodedata.category(character)
    if category in {"Mn", "Me"} or character == _JOINER:
        # A selector may make two cells of the one before it.
        return int(character in _SELECTORS)
    return 1 if category == "Mc" else 2


def zones(cells: Cells) -> list[Zone]:
    """Return what of a row may be shifted, from left to right."""
    if isinstance(cells, str):
        return []
    found: list[Zone] = []
    x = 0
    while x < len(cells):
        if cells[x].isascii() or _excess_at(cells, x) < 0:
            x += 1
            continue
        found.append(_zone_from(cells, x))
        x = found[-1].stop
    return found


def _zone_from(cells: list[str], start: int) -> Zone:
    more, x, text_stop = 0, start, start
    while x < len(cells) and cells[x] != UNKNOWN and cells[x] not in _LINES:
        if cells[x] != BLANK:
            more += max(_excess_at(cells, x), 0)
            x += _width_at(cells, x)
            text_stop = x
            continue
        x += 1
        if x - text_stop > more:  # a blank is left between the two in any case
            return Zone(start, text_stop, x, 0)
    return Zone(start, text_stop, x, max(more - (x - text_stop), 0))


def _excess_at(cells: list[str], x: int) -> int:
    cell = cells[x]
    return excess(cell, _width_at(cells, x)) if cell else -1


def _width_at(cells: list[str], x: int) -> int:
    return 2 if cells[x + 1 : x + 2] == [CONTINUED] else 1


def spoilt(
    found: Iterable[Zone], wanted: Cells, places: bytes
) -> tuple[list[tuple[int, int]], bytes]:
    """Return what has to be blanked, and all the cells that have to be written.

    A zone is written whole or not at all: of one that changes every cell is marked
    with 1, of one that stays every cell with 2.

    Args:
        found: The zones of the row as it is, and as it is to be.
        wanted: As it is to be.
        places: A byte for each cell, 1 where it has to be written.
    """
    marks, blanked = bytearray(places), []
    for start, stop, beyond in _merged(sorted(found), wanted):
        if 1 not in marks[start:stop]:
            marks[start:stop] = b"\2" * (stop - start)
            continue
        blanked.append((start, stop))
        end = min(stop + beyond, len(marks))
        marks[start:end] = b"\1" * (end - start)
    return blanked, bytes(marks)


def _merged(found: list[Zone], cells: Cells) -> list[tuple[int, int, int]]:
    """Join zones that overlap; none ends in the middle of a grapheme."""
    merged: list[tuple[int, int, int]] = []
    for zone in found:
        stop = zone.stop
        while cells[stop : stop + 1] == [CONTINUED]:
            stop += 1
        if merged and zone.start < merged[-1][1]:
            start, before, beyond = merged.pop()
            reach = max(before + beyond, stop + zone.beyond)
            stop = max(before, stop)
            merged.append((start, stop, reach - stop))
        else:
            merged.append((zone.start, stop, zone.beyond))
    return merged


def ways(wanted: Iterable[Zone], width: int) -> bytes:
    """Return for each cell of a row with these zones how it is written.

    See `AT_PLACE`.
    """
    found = bytearray(width)
    for start, text_stop, stop, _beyond in wanted:
        found[start:text_stop] = bytes([BEHIND] * (text_stop - start))
        found[start] = FIRST
        found[text_stop:stop] = bytes([LEFT_BLANK] * (stop - text_stop))
    return bytes(found)
