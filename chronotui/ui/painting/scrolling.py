"""Finding rows that only moved, so that the terminal can move them itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from chronotui.ui.painting.surface import BLANK, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.ui.painting.difference import Pen

LEAST_ROWS: Final = 4
"""Fewer rows than this are not worth a scroll region."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Rows from ``top`` up to ``bottom`` move up by ``lines``; negative: down."""

    top: int
    bottom: int
    lines: int


def find_shift(
    shown: Sequence[Row], wanted: Sequence[Row], touched: set[int]
) -> Shift | None:
    """Return the move that saves the most cells, None when none saves any."""
    changed = [y for y in sorted(touched) if not shown[y].same(wanted[y])]
    if len(changed) < LEAST_ROWS:
        return None
    top, bottom = changed[0], changed[-1] + 1
    x1, x2 = _columns(shown, wanted, changed)
    lines = _likely_lines(shown, wanted, range(top, bottom), (x1, x2))
    if not lines or abs(lines) >= bottom - top:
        return None
    shift = Shift(top, bottom, lines)
    before = _cost(shown, wanted, range(top, bottom))
    after = _cost(shifted(shown, shift), wanted, range(top, bottom))
    return shift if after * 4 < before * 3 else None


def _columns(
    shown: Sequence[Row], wanted: Sequence[Row], changed: Sequence[int]
) -> tuple[int, int]:
    """Return the range of columns in which anything differs."""
    width = len(wanted[0].cells)
    left, right = width, 0
    for y in changed:
        old, new = shown[y], wanted[y]
        for x in range(left):
            if old.cells[x] != new.cells[x] or old.styles[x] != new.styles[x]:
                left = x
                break
        for x in range(width - 1, right - 1, -1):
            if old.cells[x] != new.cells[x] or old.styles[x] != new.styles[x]:
                right = x + 1
                break
    return left, right


def _likely_lines(
    shown: Sequence[Row],
    wanted: Sequence[Row],
    rows: range,
    columns: tuple[int, int],
) -> int:
    """Return by how many lines most rows moved up; 0 when that cannot be told."""
    x1, x2 = columns
    places: dict[tuple[object, ...], int] = {}
    for y in rows:
        key = tuple(shown[y].cells[x1:x2])
        if any(cell != BLANK for cell in key):
            places[key] = -1 if key in places else y
    votes: dict[int, int] = {}
    for y in rows:
        place = places.get(tuple(wanted[y].cells[x1:x2]), -1)
        if place >= 0:
            votes[place - y] = votes.get(place - y, 0) + 1
    if not votes:
        return 0
    return max(votes, key=lambda lines: votes[lines])


def _cost(shown: Sequence[Row], wanted: Sequence[Row], rows: range) -> int:
    """Count the cells that differ."""
    total = 0
    for y in rows:
        old, new = shown[y], wanted[y]
        if old.cells == new.cells and old.styles == new.styles:
            continue
        pairs = zip(old.cells, new.cells, strict=True)
        styles = zip(old.styles, new.styles, strict=True)
        total += 8 + sum(
            a != b or c != d for (a, b), (c, d) in zip(pairs, styles, strict=True)
        )
    return total


def shifted(shown: Sequence[Row], shift: Shift) -> list[Row]:
    """Return the rows as they look after the move; the new ones are blank."""
    rows = list(shown)
    width = len(rows[0].cells)
    for y in range(shift.top, shift.bottom):
        source = y + shift.lines
        if shift.top <= source < shift.bottom:
            rows[y] = shown[source]
        else:
            blank = Row(width)
            blank.cells = [BLANK] * width
            rows[y] = blank
    return rows


def write_shift(pen: Pen, shift: Shift) -> None:
    """Let the terminal move the rows."""
    pen.style("")
    pen.text(f"\x1b[{shift.top + 1};{shift.bottom}r")
    if shift.lines > 0:
        pen.move(0, shift.bottom - 1)
        pen.text("\n" * shift.lines)
    else:
        pen.move(0, shift.top)
        pen.text("\x1bM" * -shift.lines)
    pen.text("\x1b[r")
