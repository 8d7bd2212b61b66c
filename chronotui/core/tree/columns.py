"""Which columns of a job's row fit into a width."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

GLYPH: Final = 2
LEAST_ID: Final = 6
LONG_AGE: Final = 10
LONG_TRY: Final = 5
WIDE: Final = 36
"""From this width on rows are indented like a tree."""

_GRANTS: Final = (
    ("age", 7),
    ("duration", 5),
    ("duration", 7),
    ("id", 0),
    ("attempts", 3),
    ("trigger", 1),
    ("trigger", 6),
    ("attempts", LONG_TRY),
    ("age", LONG_AGE),
)
"""Columns and widths in the order they are given room: what tells most comes first."""


class Columns(NamedTuple):
    """Widths in cells, each without the space before it; 0 leaves a column out."""

    indent: int
    id: int
    trigger: int
    age: int
    duration: int
    attempts: int


@lru_cache(maxsize=64)
def columns_for(width: int, id_length: int) -> Columns:
    """Share out a row's width.

    Args:
        width: Cells of the whole row.
        id_length: Cells the short ids of the list want.
    """
    indent = 1 if width < WIDE else 3
    left = max(width - indent - GLYPH - LEAST_ID, 0)
    cells = {"id": LEAST_ID, "trigger": 0, "age": 0, "duration": 0, "attempts": 0}
    for name, asked in _GRANTS:
        had = cells[name]
        wanted = asked or max(min(id_length, LEAST_ID + left), LEAST_ID)
        cost = wanted - had + (had == 0)
        if cost <= left:
            cells[name] = wanted
            left -= cost
    return Columns(indent=indent, **cells)
