"""The shortest writing that turns one row into another."""

from __future__ import annotations

from itertools import compress
from operator import ne, or_
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.ui.painting.surface import BLANK, CONTINUED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chronotui.ui.painting.pen import Pen
    from chronotui.ui.painting.surface import Row

Changes = dict[int, list[int]]
"""The columns that differ, by row."""

Span = tuple[int, int]

BRIDGE: Final = 4
"""Unchanged cells rewritten rather than skipped: a move costs about as much."""

ERASE_FROM: Final = 8
"""Blank cells at the end of a row from which erasing is shorter than writing."""


class Run(NamedTuple):
    """Cells of one style to be written; ``erases``: from there to the row's end."""

    style: str
    y: int
    x: int
    text: str
    erases: bool = False


def differing(shown: Row, wanted: Row) -> list[int]:
    """Return the columns in which the rows differ."""
    if shown.cells == wanted.cells and shown.styles == wanted.styles:
        return []
    marks: Iterable[bool] = map(ne, shown.cells, wanted.cells)
    if shown.styles != wanted.styles:
        marks = map(or_, marks, map(ne, shown.styles, wanted.styles))
    return list(compress(range(len(wanted.cells)), marks))


def changes(
    shown: Sequence[Row], wanted: Sequence[Row], rows: Iterable[int]
) -> Changes:
    """Return the columns that differ in those of some rows in which any do."""
    found = ((y, differing(shown[y], wanted[y])) for y in rows)
    return {y: places for y, places in found if places}


def write_rows(
    pen: Pen, shown: Sequence[Row], wanted: Sequence[Row], changed: Changes
) -> None:
    """Write what each wanted row has that the shown one has not.

    Rows of one-cell graphemes are written style by style, all rows together:
    changing the style costs more than going to another row.

    Args:
        pen: Writes.
        shown: All rows as they are shown.
        wanted: All rows as they are to be.
        changed: The columns to be written.
    """
    styles: dict[str, list[Run]] = {}
    for y, places in changed.items():
        spans = _spans(places, wanted[y])
        if not (shown[y].simple and wanted[y].simple):
            _write_graphemes(pen, y, wanted[y], spans)
            continue
        for run in _runs(pen, y, wanted[y], spans):
            styles.setdefault(run.style, []).append(run)
    for style, runs in styles.items():
        for run in runs:
            pen.move(run.x, run.y)
            pen.style(style)
            if run.erases:
                pen.control("\x1b[K")
            else:
                pen.text(run.text)


def _runs(pen: Pen, y: int, wanted: Row, spans: Sequence[Span]) -> Iterator[Run]:
    cells, styles = wanted.cells, wanted.styles
    end = _erasable_from(pen, wanted) if spans else 0
    for start, stop in spans:
        for x1, x2 in _one_style(styles, start, min(stop, end)):
            yield Run(styles[x1], y, x1, "".join(map(str, cells[x1:x2])))
        if stop > end:
            yield Run(styles[-1], y, max(start, end), "", erases=True)
            return


def _erasable_from(pen: Pen, row: Row) -> int:
    """Return where the row's blank end begins, or its width when none is worth it."""
    width = len(row.cells)
    if not pen.erases_in_colour or not width:
        return width
    last = row.styles[-1]
    if "\x1b" in last or _decorated(last):
        return width
    x = width
    while x and row.cells[x - 1] == BLANK and row.styles[x - 1] == last:
        x -= 1
    return x if width - x >= ERASE_FROM else width


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


def _spans(places: Sequence[int], wanted: Row) -> list[Span]:
    """Return the ranges of cells that differ, close ones joined."""
    new = wanted.cells
    spans: list[Span] = []
    for x in places:
        if new[x] is UNKNOWN:
            continue
        if (
            spans
            and x - spans[-1][1] <= BRIDGE
            and UNKNOWN not in new[spans[-1][1] : x]
        ):
            spans[-1] = (spans[-1][0], x + 1)
        else:
            spans.append((x, x + 1))
    return spans


def _one_style(styles: list[str], start: int, stop: int) -> Iterator[Span]:
    """Divide a range of cells where the style changes."""
    x = start
    while x < stop:
        end = x + 1
        while end < stop and styles[end] == styles[x]:
            end += 1
        yield x, end
        x = end


def _write_graphemes(pen: Pen, y: int, wanted: Row, spans: Sequence[Span]) -> None:
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
            pen.style(wanted.styles[x])
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
