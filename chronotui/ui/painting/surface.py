"""A grid of cells and how Textual's painting changes it."""

from __future__ import annotations

import re
from typing import Final

from rich.cells import split_graphemes

UNKNOWN: Final = None
CONTINUED: Final = ""
BLANK: Final = " "

Cell = str | None
"""A grapheme in its first cell, ``CONTINUED`` in its further cells, or unknown."""

_TOKEN: Final = re.compile(
    r"\x1b\[(?P<row>\d+);(?P<column>\d+)H"
    r"|\x1b\[(?P<sgr>[\d;:]*)m"
    r"|(?P<link>\x1b\]8;[^\x07\x1b]*(?:\x1b\\|\x07))"
    r"|(?P<newline>\n)"
    r"|(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
)
_SINGLE: Final = frozenset(
    map(
        chr,
        [
            *range(0x20, 0x7F),
            *range(0xA0, 0xAD),
            *range(0xAE, 0x300),
            *range(0x2500, 0x25FD),
        ],
    )
)


class Row:
    """One row: a cell list and, beside it, the style each cell was written with.

    A style is the parameter string of the SGR sequence, then the OSC 8 sequence
    of a link if there is one; "" is the terminal's own.
    """

    __slots__ = ("cells", "simple", "styles")

    def __init__(self, width: int) -> None:
        self.cells: list[Cell] = [UNKNOWN] * width
        self.styles: list[str] = [""] * width
        self.simple = True

    def copy(self) -> Row:
        """Return a row that can change on its own."""
        twin = Row(0)
        twin.cells = self.cells.copy()
        twin.styles = self.styles.copy()
        twin.simple = self.simple
        return twin

    def same(self, other: Row) -> bool:
        """Whether both show the same, cell by cell; unknown is never the same."""
        return (
            self.cells == other.cells
            and self.styles == other.styles
            and UNKNOWN not in self.cells
        )

    def put(self, x: int, text: str, style: str) -> int:
        """Write text from cell ``x`` on; returns the cell after it."""
        if _SINGLE.issuperset(text):
            cells: list[Cell] = list(text)
        else:
            self.simple = False
            cells = _cells_of(text)
        end = min(x + len(cells), len(self.cells))
        if not self.simple:
            self._halve(x, end)
        self.cells[x:end] = cells[: end - x]
        self.styles[x:end] = [style] * (end - x)
        return end

    def _halve(self, start: int, end: int) -> None:
        """Forget the other half of a wide grapheme that is written over."""
        cells = self.cells
        if start < len(cells) and cells[start] == CONTINUED:
            left = start - 1
            while left > 0 and cells[left] == CONTINUED:
                left -= 1
            cells[left:start] = [UNKNOWN] * (start - left)
        right = end
        while right < len(cells) and cells[right] == CONTINUED:
            cells[right] = UNKNOWN
            right += 1


def _cells_of(text: str) -> list[Cell]:
    cells: list[Cell] = []
    spans, _ = split_graphemes(text)
    for start, end, width in spans:
        if width:
            cells.append(text[start:end])
            cells.extend([CONTINUED] * (width - 1))
        elif cells:
            last = len(cells) - 1
            while last and cells[last] == CONTINUED:
                last -= 1
            cells[last] = f"{cells[last] or ''}{text[start:end]}"
    return cells


class Surface:
    """What a terminal of ``width`` by ``height`` cells shows, and its cursor."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.rows = [Row(width) for _ in range(height)]
        self.cursor = (0, 0)

    def forget(self) -> None:
        """Take every cell as unknown."""
        self.rows = [Row(self.width) for _ in range(self.height)]

    def paint(self, painting: str) -> set[int] | None:
        """Apply a painting.

        Returns:
            The numbers of the rows it wrote to, or None, with nothing applied,
            when it holds anything but moves, styles, links and text.
        """
        tokens = list(_TOKEN.finditer(painting))
        if sum(token.end() - token.start() for token in tokens) != len(painting):
            return None
        touched: set[int] = set()
        x, y = self.cursor
        sgr = link = ""
        for token in tokens:
            kind = token.lastgroup
            if kind == "text":
                if y < self.height and x < self.width:
                    x = self.rows[y].put(x, token["text"], sgr + link)
                    touched.add(y)
            elif kind == "sgr":
                sgr = _after(sgr, token["sgr"])
            elif kind == "column":
                y, x = int(token["row"]) - 1, int(token["column"]) - 1
            elif kind == "newline":
                y += 1
            else:
                link = "" if token["link"].startswith("\x1b]8;;\x1b") else token["link"]
        self.cursor = (x, y)
        return touched


def _after(current: str, parameters: str) -> str:
    """Return the style in force after one more SGR sequence."""
    if parameters in {"", "0"}:
        return ""
    if parameters.startswith("0;"):
        return parameters[2:]
    return f"{current};{parameters}" if current else parameters
