"""The details laid out for a width: rows of styled pieces."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len, chop_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chronotui.ui.desk.details_text import DetailRow

LEAST_VALUE: Final = 20
"""Cells beside the labels below which a longer value gets rows of its own."""
INDENT: Final = 2


class Piece(NamedTuple):
    """A label's part and a text's part of one row, either may be empty."""

    label: str
    text: str
    kind: str


def lay_out(rows: Sequence[DetailRow], width: int) -> list[Piece]:
    """Return the rows a width has room for; nothing is left out.

    Args:
        rows: The details, harmless already.
        width: Cells, at least 1.
    """
    labels = [row.label for row in rows if row.kind == "field"]
    column = max((cell_len(label) for label in labels), default=0) + INDENT
    laid_out: list[Piece] = []
    for row in rows:
        if row.kind == "field":
            laid_out += _field(row, column, width)
        elif row.kind in {"note", "alarm"}:
            words = textwrap.wrap(row.label, width) or [""]
            parts = (part for line in words for part in _chopped(line, width))
            laid_out += [Piece("", part, row.kind) for part in parts]
        else:
            laid_out += _text(row, width)
    return laid_out


def _field(row: DetailRow, column: int, width: int) -> Iterator[Piece]:
    room = width - column
    if cell_len(row.value) <= room or room >= 2 * LEAST_VALUE:
        indent = " " * column
        label = row.label + " " * (column - cell_len(row.label))
        for part in _chopped(row.value, max(room, 1)):
            yield Piece(label, part, "field")
            label = indent
        return
    yield from (Piece(part, "", "field") for part in _chopped(row.label, width))
    indent = " " * INDENT if width > LEAST_VALUE else ""
    for part in _chopped(row.value, width - len(indent)):
        yield Piece(indent, part, "field")


def _text(row: DetailRow, width: int) -> Iterator[Piece]:
    """Wrap a line of the payload; its other rows hang under its first word."""
    indent = len(row.label) - len(row.label.lstrip(" ")) + INDENT
    hanging = " " * indent if indent < width // 2 else ""
    first, *others = _chopped(row.label, width, len(hanging))
    yield Piece("", first, row.kind)
    yield from (Piece(hanging, part, row.kind) for part in others)


def _chopped(text: str, width: int, hanging: int = 0) -> Iterable[str]:
    """Cut text into parts of at most ``width`` cells, later ones shorter.

    Plain text is sliced; a value of a megabyte is one.
    """
    if len(text) <= width and text.isascii():
        return [text]
    room = width - hanging
    if text.isascii():
        first, rest = text[:width], range(width, len(text), room)
        return [first, *(text[start : start + room] for start in rest)]
    first, *others = chop_cells(text, width) or [""]
    if not hanging or not others:
        return [first, *others]
    return [first, *chop_cells(text[len(first) :], room)]
