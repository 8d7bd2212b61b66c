"""The shortest writing that turns one row into another."""

from __future__ import annotations

import re
from operator import ne, or_
from typing import TYPE_CHECKING, Final

from chronotui.ui.painting.pieces import BLANK, CONTINUED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chronotui.ui.painting.pen import Pen, Run
    from chronotui.ui.painting.pieces import Styles
    from chronotui.ui.painting.surface import Row

Changes = dict[int, bytes]
"""By row, a byte for each cell: 1 where it differs."""

Span = tuple[int, int]

BRIDGE: Final = 4
"""Unchanged cells rewritten rather than skipped: a move costs about as much."""

ERASE_FROM: Final = 8
"""Blank cells at the end of a row from which erasing is shorter than writing."""

_SPAN: Final = re.compile(rb"\x01(?:\x00{0,%d}\x01)*" % BRIDGE)
_ONE_STYLE: Final = re.compile(r"(.)\1*", re.DOTALL)


def differing(shown: Row, wanted: Row) -> bytes:
    """Return a byte for each cell, 1 where the rows differ; empty if nowhere."""
    marks: Iterable[bool] = ()
    if shown.cells != wanted.cells:
        marks = map(ne, shown.cells, wanted.cells)
    if shown.styles != wanted.styles:
        other = map(ne, shown.styles, wanted.styles)
        marks = map(or_, marks, other) if marks else other
    found = bytes(marks)
    return found if 1 in found else b""


def changes(
    shown: Sequence[Row], wanted: Sequence[Row], rows: Iterable[int]
) -> Changes:
    """Return the cells that differ in those of some rows in which any do."""
    found = ((y, differing(shown[y], wanted[y])) for y in rows)
    return {y: places for y, places in found if places}


def write_rows(
    pen: Pen,
    styles: Styles,
    shown: Sequence[Row],
    wanted: Sequence[Row],
    changed: Changes,
) -> None:
    """Write what each wanted row has that the shown one has not.

    Rows of one-cell graphemes are written style by style, all rows together:
    changing the style costs more than going to another row.

    Args:
        pen: Writes.
        styles: What the rows' style codes stand for.
        shown: All rows as they are shown.
        wanted: All rows as they are to be.
        changed: The cells to be written.
    """
    by_style: dict[str, list[Run]] = {}
    for y, places in changed.items():
        row = wanted[y]
        spans = _spans(places, row)
        if not (shown[y].is_simple and row.is_simple):
            _write_graphemes(pen, styles, y, row, spans)
            continue
        end = _erasable_from(pen, row, styles.style(row.styles[-1]))
        _add_runs(by_style, y, row, spans, end)
    for code, runs in by_style.items():
        pen.runs(styles.style(code), runs)


def _add_runs(
    by_style: dict[str, list[Run]], y: int, row: Row, spans: Iterable[Span], end: int
) -> None:
    """Add what is to be written, by style codes; from ``end`` on the row is blank."""
    text, styles = "".join(row.cells), row.styles
    for start, stop in spans:
        for one in _ONE_STYLE.finditer(styles, start, min(stop, end)):
            x1, x2 = one.span()
            by_style.setdefault(one[1], []).append((y, x1, text[x1:x2]))
        if stop > end:
            by_style.setdefault(styles[-1], []).append((y, max(start, end), None))
            return


def _erasable_from(pen: Pen, row: Row, last: str) -> int:
    """Return where the row's blank end begins, or its width when none is worth it.

    Args:
        pen: Writes.
        row: Of one-cell graphemes.
        last: The style of its last cell.
    """
    width = len(row.cells)
    if not pen.erases_in_colour or "\x1b" in last or row.cells[-1] != BLANK:
        return width
    x = max(
        len("".join(row.cells).rstrip(BLANK)), len(row.styles.rstrip(row.styles[-1]))
    )
    return x if width - x >= ERASE_FROM and not _decorated(last) else width


def _decorated(style: str) -> bool:
    """Whether blanks in this style show more than a background."""
    words = style.split(";")
    skip = 0
    for position, word in enumerate(words):
        if skip:
            skip -= 1
        elif word in {"38", "48"}:
            skip = 4 if words[position + 1 : position + 2] == ["2"] else 2
        elif word in {"4", "7", "9", "21", "51", "52", "53"}:
            return True
    return False


def _spans(places: bytes, wanted: Row) -> list[Span]:
    """Return the ranges of cells that differ, close ones joined."""
    if UNKNOWN in wanted.cells:
        known = (2 if cell == UNKNOWN else 0 for cell in wanted.cells)
        places = bytes(map(max, places, known))
    if not wanted.is_simple:
        places = _with_overhang(places, wanted.cells)
    return [found.span() for found in _SPAN.finditer(places)]


def _with_overhang(places: bytes, cells: Sequence[str]) -> bytes:
    """Mark the cells that a terminal may cover with a grapheme it takes for wider.

    At the most it gives each character of it two cells. What it covers is then
    written over, so that nothing is left of a grapheme when it goes.
    """
    marks, over, until = bytearray(places), 0, 0
    for x, cell in enumerate(cells):
        if x < until:
            marks[x] = marks[x] or 1
        width = 2 if cells[x + 1 : x + 2] == [CONTINUED] else 1
        if cell and 1 not in marks[x : x + width]:
            over = 0
        elif len(cell) > 1:
            over += 2 * len(cell) - width
            until = max(until, x + width + over)
        elif cell and width == 1:
            over = 0
    return bytes(marks)


def _write_graphemes(
    pen: Pen, styles: Styles, y: int, wanted: Row, spans: Sequence[Span]
) -> None:
    """Write a row that has, or had, graphemes of more cells than one, as they come.

    After graphemes whose width a terminal may see otherwise the place is said
    again, so that a disagreement does not shift what follows.
    """
    for span in spans:
        doubtful = False
        for x in range(*_whole(wanted, span)):
            cell = wanted.cells[x]
            if not cell:
                continue
            plain = len(cell) == 1 and wanted.cells[x + 1 : x + 2] != [CONTINUED]
            if plain or not doubtful:
                pen.move(x, y)
            pen.style(styles.style(wanted.styles[x]))
            if len(cell) > 1 and wanted.cells[x + 1 : x + 2] == [CONTINUED]:
                # A terminal that takes it for one cell would leave the other.
                pen.move(x, y)
                pen.text(BLANK * 2)
                pen.move(x, y)
            doubtful = not plain
            if plain:
                pen.text(cell)
            else:
                pen.control(cell)


def _whole(row: Row, span: Span) -> Span:
    """Widen a range so that it cuts no wide grapheme in two."""
    start, stop = span
    while start and row.cells[start] == CONTINUED:
        start -= 1
    while stop < len(row.cells) and row.cells[stop] == CONTINUED:
        stop += 1
    return start, stop
