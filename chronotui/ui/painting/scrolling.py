"""Finding rows that only moved, so that the terminal can move them itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.ui.painting.difference import differing
from chronotui.ui.painting.pieces import BLANK, UNKNOWN
from chronotui.ui.painting.surface import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chronotui.ui.painting.difference import Changes
    from chronotui.ui.painting.pen import Pen

LEAST_ROWS: Final = 4
"""Fewer rows than this are not worth a scroll region."""

ROW_COST: Final = 8
"""What going to a row costs, in cells."""


class Shift(NamedTuple):
    """Rows from ``top`` up to ``bottom`` move up by ``lines``; negative: down."""

    top: int
    bottom: int
    lines: int


def find_shift(
    shown: Sequence[Row], wanted: Sequence[Row], changed: Changes
) -> Shift | None:
    """Return the move that saves the most cells, None when none saves any."""
    if len(changed) < LEAST_ROWS:
        return None
    top, bottom = min(changed), max(changed) + 1
    left = min(places.find(1) for places in changed.values())
    right = max(places.rfind(1) for places in changed.values()) + 1
    lines = _likely_lines(shown[top:bottom], wanted[top:bottom], slice(left, right))
    if not lines or abs(lines) >= bottom - top - 1:
        return None
    if any(UNKNOWN in row.cells for row in wanted[top:bottom]):
        return None  # what is not known would move along and never be put right
    # A marked row that stays at the edge is cheaper to change than to move on.
    edge = Shift(top + (lines < 0), bottom - (lines > 0), lines)
    before = _cost(changed.values())
    costs = {}
    for shift in (Shift(top, bottom, lines), edge):
        moved = shifted(shown, shift)
        costs[shift] = _cost(differing(moved[y], wanted[y]) for y in range(top, bottom))
    best = min(costs, key=costs.__getitem__)
    return best if costs[best] * 4 < before * 3 else None


def _likely_lines(shown: Sequence[Row], wanted: Sequence[Row], columns: slice) -> int:
    """Return by how many lines most rows moved up; 0 when that cannot be told."""
    places: dict[str | tuple[str, ...], int] = {}
    for y, row in enumerate(shown):
        key = _key(row, columns)
        places[key] = -1 if key in places else y
    places.pop(BLANK * (columns.stop - columns.start), None)
    votes: dict[int, int] = {}
    for y, row in enumerate(wanted):
        place = places.get(_key(row, columns), -1)
        if place >= 0:
            votes[place - y] = votes.get(place - y, 0) + 1
    return max(votes, key=votes.__getitem__, default=0)


def _key(row: Row, columns: slice) -> str | tuple[str, ...]:
    cells = row.cells[columns]
    return cells if isinstance(cells, str) else tuple(cells)


def _cost(rows: Iterable[bytes]) -> int:
    """Count the cells that differ, and what going to their rows costs."""
    return sum(places.count(1) + ROW_COST for places in rows if places)


def shifted(shown: Sequence[Row], shift: Shift) -> list[Row]:
    """Return the rows as they look after the move; the new ones are blank."""
    rows = list(shown)
    width = len(rows[0].cells)
    for y in range(shift.top, shift.bottom):
        source = y + shift.lines
        if shift.top <= source < shift.bottom:
            rows[y] = shown[source]
        else:
            rows[y] = Row.of(BLANK, width)
    return rows


def write_shift(pen: Pen, shift: Shift) -> None:
    """Let the terminal move the rows."""
    pen.style("")
    pen.control(f"\x1b[{shift.top + 1};{shift.bottom}r")
    if shift.lines > 0:
        pen.move(0, shift.bottom - 1)
        pen.control("\n" * shift.lines)
    else:
        pen.move(0, shift.top)
        pen.control("\x1bM" * -shift.lines)
    pen.control("\x1b[r")
