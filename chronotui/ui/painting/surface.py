"""A grid of cells and how Textual's painting changes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.ui.painting.pieces import (
    BLANK,
    CONTINUED,
    PLAIN,
    UNKNOWN,
    Cells,
    Piece,
    Pieces,
    is_single,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOVE: Final = re.compile(r"\x1b\[(\d+);(\d+)H")


class Row(NamedTuple):
    """One row: its cells and the code of the style each was written with.

    Never changed in place, so two screens may share one.
    """

    cells: Cells
    styles: str

    @classmethod
    def of(cls, cell: str, width: int) -> Row:
        """Return a row of one cell over and over, in the terminal's own style."""
        return cls(cell * width, PLAIN * width)

    @property
    def is_simple(self) -> bool:
        """Whether every grapheme is one character that takes one cell."""
        return isinstance(self.cells, str)

    def with_piece(self, x: int, piece: Piece) -> Row:
        """Return the row with a piece from cell ``x`` on, as far as there is room."""
        old, new = self.cells, piece.cells
        end = min(x + len(new), len(old))
        styles = piece.styles[: end - x]
        if end - x < len(old):
            styles = self.styles[:x] + styles + self.styles[end:]
        if isinstance(new, str) and (end - x == len(old) or isinstance(old, str)):
            new = new[: end - x]
            if end - x < len(old):
                new = f"{old[:x]}{new}{old[end:]}"
            return Row(new, styles)
        return Row(_with_cells(old, x, new[: end - x]), styles)


def _with_cells(old: Cells, x: int, new: Sequence[str]) -> Cells:
    """Write over cells of which some take more than one character, or two cells."""
    cells = list(old)
    _halve(cells, x, x + len(new))
    cells[x : x + len(new)] = new
    text = "".join(cells)
    if len(text) == len(cells) and CONTINUED not in cells:
        return text if is_single(text.replace(UNKNOWN, BLANK)) else cells
    return cells


def _halve(cells: list[str], start: int, end: int) -> None:
    """Forget the other half of a wide grapheme that is written over."""
    if start < len(cells) and cells[start] == CONTINUED:
        left = start - 1
        while left > 0 and cells[left] == CONTINUED:
            left -= 1
        cells[left:start] = [UNKNOWN] * (start - left)
    right = end
    while right < len(cells) and cells[right] == CONTINUED:
        cells[right] = UNKNOWN
        right += 1


class Surface:
    """What a terminal of ``width`` by ``height`` cells shows, and its cursor."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.cursor = (0, 0)
        self.forget()

    def forget(self) -> None:
        """Take every cell as unknown."""
        self.rows = [Row.of(UNKNOWN, self.width)] * self.height

    def put(self, x: int, y: int, piece: Piece) -> None:
        """Write a piece from a cell on, as far as there is room."""
        self.rows[y] = self.rows[y].with_piece(x, piece)

    def paint(self, painting: str, pieces: Pieces) -> set[int] | None:
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
                piece = pieces.piece_of(written, sgr, link)
                if piece is None:
                    return None
                sgr, link = piece.sgr, piece.link
                if y < self.height and x < self.width and piece.cells:
                    planned.append((x, y, piece))
                    x = min(x + len(piece.cells), self.width)
        for column, row, piece in planned:
            self.put(column, row, piece)
        self.cursor = (x, y)
        return {row for _, row, _ in planned}
