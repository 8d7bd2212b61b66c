"""What is wanted on the screen, what is on it, and when to write the difference."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from chronotui.ui.painting.difference import changes, write_rows
from chronotui.ui.painting.pen import Pen
from chronotui.ui.painting.pieces import Pieces
from chronotui.ui.painting.scrolling import find_shift, shifted, write_shift
from chronotui.ui.painting.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from chronotui.ui.painting.drawn import DrawnRow
    from chronotui.ui.painting.pieces import Piece

PASSES_BY: Final = re.compile(
    r"(?:\x1b\[\?(?!1049|47|1047)[\d;]+[hl]"  # modes, but for the other screen
    r"|\x1b\[\?[\d;]*\$p|\x1b\[[<>=?]?[\d;]*u|\x1b\[>[\d;]*[a-zA-Z]|\x1b\[c"
    r"|\x1b\](?:0|2|9|22|52|777);[^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1bP[^\x1b]*(?:\x1b\x1b[^\x1b]*)*\x1b\\"
    r"|\x07)+"
)
"""Writes that change no cell: modes, questions, titles, clipboard, bell."""


class Painter:
    """Takes what Textual writes and returns what the terminal has to be sent.

    ``feed`` returns what must be written at once (all that is no painting);
    ``flush`` returns the painting that is due. Between the two the wanted screen
    may change any number of times: only the last state is written.
    """

    def __init__(
        self, width: int, height: int, *, erases_in_colour: bool = False
    ) -> None:
        self._erases_in_colour = erases_in_colour
        self.resize(width, height)

    def resize(self, width: int, height: int) -> None:
        """Start over with a screen of another size, all of it unknown."""
        self._wanted = Surface(width, height)
        self._shown = Surface(width, height)
        self._forget()
        self._cursor_moved = False

    @property
    def is_due(self) -> bool:
        """Whether there is painting that has not been written."""
        return bool(self._touched) or self._cursor_moved

    def feed(self, written: str) -> str:
        """Take one write; returns what has to be passed on at once."""
        due = ""
        if self._pieces.styles.is_full:
            due = self.flush()
            self._forget()
        cursor = self._wanted.cursor
        touched = self._wanted.paint(written, self._pieces)
        if touched is not None:
            self._touched |= touched
            self._cursor_moved = self._cursor_moved or self._wanted.cursor != cursor
            return due
        if PASSES_BY.fullmatch(written):
            return due + written
        due += self.flush()
        self._forget()
        return due + written

    def put_rows(
        self, x: int, rows: Mapping[int, DrawnRow], width: int, console: Console
    ) -> bool:
        """Take rows that are wanted from a column on, by their screen row.

        Args:
            x: The first column.
            rows: The rows.
            width: Cells that each of them has to have.
            console: What Textual renders with.

        Returns:
            False, with none of them taken, when they are not all known to fit.
        """
        pieces = self._pieces
        if pieces.styles.is_full or x + width > self._wanted.width:
            return False
        placed: dict[int, Piece] = {}
        for y, row in rows.items():
            piece = row.piece(pieces, console)
            if piece is None or len(piece.cells) != width or y >= self._wanted.height:
                return False
            placed[y] = piece
        for y, piece in placed.items():
            self._wanted.put(x, y, piece)
        self._touched.update(placed)
        return True

    def _forget(self) -> None:
        """Take every cell as unknown: what is painted next is painted whole."""
        self._pieces = Pieces()
        self._wanted.forget()
        self._shown.forget()
        self._touched: set[int] = set()

    def flush(self) -> str:
        """Return the writing that makes the terminal show what is wanted."""
        if not self.is_due:
            return ""
        pen = Pen(erases_in_colour=self._erases_in_colour)
        shown, wanted = self._shown.rows, self._wanted.rows
        changed = changes(shown, wanted, sorted(self._touched))
        shift = find_shift(shown, wanted, changed)
        if shift:
            write_shift(pen, shift)
            shown = self._shown.rows = shifted(shown, shift)
            rows = changed.keys() | set(range(shift.top, shift.bottom))
            changed = changes(shown, wanted, sorted(rows))
        write_rows(pen, self._pieces.styles, shown, wanted, changed)
        for y in changed:
            shown[y] = wanted[y]
        self._touched = set()
        painted = pen.finish()
        if painted or self._cursor_moved:
            x, y = self._wanted.cursor
            painted += f"\x1b[{y + 1};{x + 1}H"
        self._cursor_moved = False
        return painted
