"""How wide text is in a terminal, by the tables of Python's own Unicode."""

from __future__ import annotations

from unicodedata import category, east_asian_width

_NO_CELL = frozenset({"Mn", "Me", "Cf"})


def cell_width(text: str) -> int:
    """Return the cells a cleaned text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def cut_to_cells(text: str, width: int) -> str:
    """Return the text if it fits into ``width`` cells, else its start and ``…``."""
    if cell_width(text) <= width:
        return text
    taken = 0
    for index, mark in enumerate(text):
        taken += _cells(mark)
        if taken > width - 1:
            return f"{text[:index]}…"
    return text


def _cells(mark: str) -> int:
    if category(mark) in _NO_CELL:
        return 0
    return 2 if east_asian_width(mark) in "WF" else 1
