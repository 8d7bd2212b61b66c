"""A grid of cells and how Textual's painting changes it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from rich.cells import split_graphemes

UNKNOWN: Final = None
CONTINUED: Final = ""
BLANK: Final = " "

Cell = str | None
"""A grapheme in its first cell, ``CONTINUED`` in its further cells, or unknown."""

_MOVE: Final = re.compile(r"\x1b\[(\d+);(\d+)H")
_TOKEN: Final = re.compile(
    r"\x1b\[(?P<sgr>[\d;:]*)m"
    r"|(?P<link>\x1b\]8;[^\x07\x1b]*(?:\x1b\\|\x07))"
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

REMEMBERED: Final = 1024
"""Written pieces of rows whose cells are kept, 2 KB each: rows come again when a
view scrolls, and telling a row's cells from its writing is most of the work."""


class Piece(NamedTuple):
    """What writing from one cell on puts into a row.

    A style is the parameter string of the SGR sequence, then the OSC 8 sequence of
    a link if there is one; "" is the terminal's own. ``sgr`` and ``link`` are in
    force after it; ``simple``: every grapheme takes one cell.
    """

    cells: list[Cell]
    styles: list[str]
    simple: bool
    sgr: str
    link: str


class Row:
    """One row: a cell list and, beside it, the style each cell was written with."""

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

    def put(self, x: int, piece: Piece) -> None:
        """Write a piece from cell ``x`` on, as far as there is room."""
        end = min(x + len(piece.cells), len(self.cells))
        if not x and end == len(self.cells):
            self.simple = piece.simple
        else:
            self.simple = self.simple and piece.simple
        if not self.simple:
            self._halve(x, end)
        self.cells[x:end] = piece.cells[: end - x]
        self.styles[x:end] = piece.styles[: end - x]

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


@lru_cache(REMEMBERED)
def piece_of(written: str, sgr: str = "", link: str = "") -> Piece | None:
    """Return the piece that is written in a style; None when it is more than that."""
    cells: list[Cell] = []
    styles: list[str] = []
    simple, length = True, 0
    for token in _TOKEN.finditer(written):
        length += token.end() - token.start()
        if token.lastgroup == "text":
            text = token["text"]
            single = text.isascii() or _SINGLE.issuperset(text)
            simple = simple and single
            cells += text if single else _cells_of(text)
            styles += [sgr + link] * (len(cells) - len(styles))
        elif token.lastgroup == "sgr":
            sgr = _after(sgr, token["sgr"])
        else:
            link = "" if token["link"].startswith("\x1b]8;;\x1b") else token["link"]
    return Piece(cells, styles, simple, sgr, link) if length == len(written) else None


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
        planned: list[tuple[int, int, Piece]] = []
        x, y = self.cursor
        sgr = link = ""
        parts = _MOVE.split(painting)
        for at in range(0, len(parts), 3):
            if at:
                y, x = int(parts[at - 2]) - 1, int(parts[at - 1]) - 1
            for number, written in enumerate(parts[at].split("\n")):
                y += number > 0
                if not written:
                    continue
                piece = piece_of(written, sgr, link)
                if piece is None:
                    return None
                sgr, link = piece.sgr, piece.link
                if y < self.height and x < self.width and piece.cells:
                    planned.append((y, x, piece))
                    x = min(x + len(piece.cells), self.width)
        for row, column, piece in planned:
            self.rows[row].put(column, piece)
        self.cursor = (x, y)
        return {row for row, _, _ in planned}


def _after(current: str, parameters: str) -> str:
    """Return the style in force after one more SGR sequence."""
    if parameters in {"", "0"}:
        return ""
    if parameters.startswith("0;"):
        return parameters[2:]
    return f"{current};{parameters}" if current else parameters
