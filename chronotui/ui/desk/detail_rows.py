"""Rows of details: titled, labelled, wrapped to a width; nothing is left out."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from rich.cells import cell_len, chop_cells

from chronotui.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Kind = Literal["title", "field", "text", "note", "alarm", "error"]


@dataclass(frozen=True, slots=True)
class DetailRow:
    """One row: a title, a labelled value, a line of text or of an error, a note.

    An ``alarm`` is about the desk's own connection, an ``error`` about what is shown.
    """

    kind: Kind
    label: str
    value: str = ""


def value_text(value: object) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return clean(value if isinstance(value, str) else json.dumps(value))


@lru_cache(maxsize=8)
def pretty_lines(payload: str) -> tuple[str, ...]:
    """Return the payload indented when it is JSON, else its own lines; all clean.

    The last ones are kept: a workflow's payload is shown with each of its jobs.
    """
    try:
        text = json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = payload
    return tuple(clean(line) for line in text.splitlines())


LEAST_VALUE: Final = 20
"""Cells beside the labels below which a longer value gets rows of its own."""
INDENT: Final = 2


class DetailPiece(NamedTuple):
    """A label's part and a text's part of one row, either may be empty."""

    label: str
    text: str
    kind: str


def lay_out(rows: Sequence[DetailRow], width: int) -> list[DetailPiece]:
    """Return the rows in pieces of at most ``width`` cells; nothing is left out."""
    labels = [row.label for row in rows if row.kind == "field"]
    column = max((cell_len(label) for label in labels), default=0) + INDENT
    laid_out: list[DetailPiece] = []
    for row in rows:
        if row.kind == "field":
            laid_out += _field(row, column, width)
        elif row.kind in {"note", "alarm", "error"}:
            words = textwrap.wrap(row.label, width) or [""]
            parts = (part for line in words for part in _chopped(line, width))
            laid_out += [DetailPiece("", part, row.kind) for part in parts]
        else:
            laid_out += _text(row, width)
    return laid_out


def _field(row: DetailRow, column: int, width: int) -> Iterator[DetailPiece]:
    room = width - column
    if cell_len(row.value) <= room or room >= 2 * LEAST_VALUE:
        indent = " " * column
        label = row.label + " " * (column - cell_len(row.label))
        for part in _chopped(row.value, max(room, 1)):
            yield DetailPiece(label, part, "field")
            label = indent
        return
    yield from (DetailPiece(part, "", "field") for part in _chopped(row.label, width))
    indent = " " * INDENT if width > LEAST_VALUE else ""
    for part in _chopped(row.value, width - len(indent)):
        yield DetailPiece(indent, part, "field")


def _text(row: DetailRow, width: int) -> Iterator[DetailPiece]:
    """Wrap a line of the payload; later rows hang under its first word."""
    indent = len(row.label) - len(row.label.lstrip(" ")) + INDENT
    hanging = " " * indent if indent < width // 2 else ""
    first, *others = _chopped(row.label, width, len(hanging))
    yield DetailPiece("", first, row.kind)
    yield from (DetailPiece(hanging, part, row.kind) for part in others)


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
