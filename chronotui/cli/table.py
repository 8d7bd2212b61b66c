"""Rows of text under headings, aligned by terminal cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.cli.cells import cell_width, cut_to_cells
from chronotui.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GAP: Final = "  "


class Column(NamedTuple):
    """A heading, and what a narrow terminal may do to its column.

    Attributes:
        heading: The words above it.
        least: How narrow it may become; 0 keeps it whole.
        drop: Which column is left out first, from 1; 0 keeps it.
        right: Whether cells stand on the right.
    """

    heading: str
    least: int = 0
    drop: int = 0
    right: bool = False


class Cell(NamedTuple):
    """Text and the SGR codes it is shown with on a terminal with colours."""

    text: str
    style: str = ""


def table_lines(
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    *,
    width: int | None = None,
    colour: bool = False,
) -> list[str]:
    """Lay out a table, its headings first; every cell is cleaned.

    Args:
        columns: The headings.
        rows: As many cells as there are columns.
        width: Cells of the terminal; None leaves every cell whole.
        colour: Whether styles are written.
    """
    head = [Cell(column.heading, "1") for column in columns]
    body = [[Cell(clean(cell.text), cell.style) for cell in row] for row in rows]
    whole = [head, *body]
    widths = [
        max(cell_width(row[i].text) for row in whole) for i in range(len(columns))
    ]
    if width is not None:
        widths = _fitted(columns, widths, width)
    return [_line(columns, row, widths, colour=colour) for row in whole]


def _fitted(columns: Sequence[Column], widths: list[int], width: int) -> list[int]:
    """Narrow columns, the widest first, then leave some out; 0 is left out."""
    droppable = sorted(
        (column.drop, i) for i, column in enumerate(columns) if column.drop
    )
    while True:
        fitted = _narrowed(columns, widths, width)
        if _row_width(fitted) <= width or not droppable:
            return fitted
        _order, left_out = droppable.pop(0)
        widths = [0 if i == left_out else size for i, size in enumerate(widths)]


def _narrowed(columns: Sequence[Column], widths: list[int], width: int) -> list[int]:
    narrowed = list(widths)
    for _ in range(_row_width(widths) - width):
        spare, at = max(
            (narrowed[i] - column.least if column.least else 0, i)
            for i, column in enumerate(columns)
        )
        if spare <= 0:
            break
        narrowed[at] -= 1
    return narrowed


def _row_width(widths: Sequence[int]) -> int:
    shown = [size for size in widths if size]
    return sum(shown) + len(GAP) * (len(shown) - 1)


def _line(
    columns: Sequence[Column],
    row: Sequence[Cell],
    widths: Sequence[int],
    *,
    colour: bool,
) -> str:
    parts = []
    for column, cell, width in zip(columns, row, widths, strict=True):
        if not width:
            continue
        text = cut_to_cells(cell.text, width)
        space = " " * (width - cell_width(text))
        shown = f"\x1b[{cell.style}m{text}\x1b[0m" if colour and cell.style else text
        parts.append(space + shown if column.right else shown + space)
    return GAP.join(parts).rstrip()
