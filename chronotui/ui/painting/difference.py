"""The shortest writing that turns one row into another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.ui.painting.surface import BLANK, CONTINUED, UNKNOWN

if TYPE_CHECKING:
    from chronotui.ui.painting.surface import Row

BRIDGE: Final = 7
"""Unchanged cells rewritten rather than skipped: a move costs about as much."""

ERASE_FROM: Final = 8
"""Blank cells at the end of a row from which erasing is shorter than writing."""


class Pen:
    """Writes cells and remembers the style in force, so it is said once."""

    def __init__(self, *, erases_in_colour: bool) -> None:
        self.erases_in_colour = erases_in_colour
        self.out: list[str] = []
        self._style = ""

    def move(self, x: int, y: int) -> None:
        """Go to a cell, counted from 0."""
        self.out.append(f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H")

    def style(self, style: str) -> None:
        """Change to a style, if it is not in force."""
        if style == self._style:
            return
        sgr, _, link = style.partition("\x1b")
        _, _, old_link = self._style.partition("\x1b")
        if old_link and old_link != link:
            self.out.append("\x1b]8;;\x1b\\")
        self.out.append(f"\x1b[0;{sgr}m" if sgr and self._style else f"\x1b[{sgr}m")
        if link and link != old_link:
            self.out.append("\x1b" + link)
        self._style = style

    def text(self, text: str) -> None:
        """Write text in the style in force."""
        self.out.append(text)

    def finish(self) -> str:
        """Return all that was written, with the terminal's own style restored."""
        self.style("")
        return "".join(self.out)


def write_row(pen: Pen, y: int, shown: Row, wanted: Row) -> None:
    """Write what ``wanted`` has that ``shown`` has not."""
    styles = wanted.styles
    end = _erasable_from(pen, wanted)
    for start, stop in _spans(shown, wanted):
        if stop > end:
            _write_cells(pen, y, start, end, wanted)
            if start >= end:
                pen.move(start, y)
            pen.style(styles[-1])
            pen.text("\x1b[K")
            return
        _write_cells(pen, y, start, stop, wanted)


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


def _spans(shown: Row, wanted: Row) -> list[tuple[int, int]]:
    """Return the ranges of cells that differ, close ones joined."""
    old, new = shown.cells, wanted.cells
    old_styles, new_styles = shown.styles, wanted.styles
    spans: list[tuple[int, int]] = []
    for x in range(len(new)):
        cell = new[x]
        if (cell == old[x] and new_styles[x] == old_styles[x]) or cell is UNKNOWN:
            continue
        if (
            spans
            and x - spans[-1][1] <= BRIDGE
            and UNKNOWN not in new[spans[-1][1] : x]
        ):
            spans[-1] = (spans[-1][0], x + 1)
        else:
            spans.append((x, x + 1))
    if wanted.simple and shown.simple:
        return spans
    return [_whole(wanted, span) for span in spans]


def _whole(row: Row, span: tuple[int, int]) -> tuple[int, int]:
    """Widen a range so that it cuts no wide grapheme in two."""
    start, stop = span
    while start and row.cells[start] == CONTINUED:
        start -= 1
    while stop < len(row.cells) and row.cells[stop] == CONTINUED:
        stop += 1
    return start, stop


def _write_cells(pen: Pen, y: int, start: int, stop: int, row: Row) -> None:
    if start >= stop:
        return
    pen.move(start, y)
    styles = row.styles
    x = start
    while x < stop:
        style = styles[x]
        end = x + 1
        while end < stop and styles[end] == style:
            end += 1
        pen.style(style)
        _write_run(pen, y, x, end, row)
        x = end


def _write_run(pen: Pen, y: int, start: int, end: int, row: Row) -> None:
    """Write cells of one style.

    After graphemes whose width a terminal may see otherwise the place is said
    again, so that a disagreement does not shift what follows.
    """
    cells = row.cells
    if row.simple:
        pen.text("".join(cell or "" for cell in cells[start:end]))
        return
    doubtful = False
    for x in range(start, end):
        cell = cells[x] or ""
        plain = len(cell) == 1 and (x + 1 >= len(cells) or cells[x + 1] != CONTINUED)
        if cell and plain and doubtful:
            pen.move(x, y)
            doubtful = False
        pen.text(cell)
        doubtful = doubtful or bool(cell and not plain)
    if doubtful and end < len(cells):
        pen.move(end, y)
