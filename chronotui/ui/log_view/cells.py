"""Where text lands on a grid of cells: tabs, wide and combining characters, wraps.

Positions are character indices; columns are cells. Widths are the ones Textual
lays out with, so that what is measured is what is painted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate, islice
from typing import Final

from rich.cells import get_character_cell_size, split_graphemes

TAB: Final = 8
"""Columns between tab stops."""

PIECE: Final = 512
"""Characters measured at once: about a screen's width of any script."""

JOINER: Final = "\u200d"
SELECTOR: Final = "\ufe0f"

BREAK_SHARE: Final = 4
"""A wrapped part ends at a space if one is in its last 1/4."""


class Tabbed:
    """Text with its tabs turned into spaces, and how positions moved.

    Args:
        text: The text.
        most: Characters after which what follows another tab is left out.
    """

    __slots__ = ("_added", "_at", "text")

    def __init__(self, text: str, most: int | None = None) -> None:
        self._at: list[int] = []
        self._added: list[int] = [0]
        if "\t" not in text:
            self.text = text
            return
        pieces: list[str] = []
        column = position = 0
        *tabbed, last = text.split("\t")
        for piece in tabbed:
            column += len(piece) if piece.isascii() else Grid(piece).width
            spaces = TAB - column % TAB
            pieces += (piece, " " * spaces)
            column += spaces
            position += len(piece) + 1
            self._at.append(position)
            self._added.append(self._added[-1] + spaces - 1)
            if most is not None and position + self._added[-1] >= most:
                break
        else:
            pieces.append(last)
        self.text = "".join(pieces)

    def place(self, position: int) -> int:
        """Return where a position of the text with tabs is now."""
        return position + self._added[bisect_right(self._at, position)]


class Grid:
    """Columns of a text without tabs and control characters.

    A text that is not ASCII is measured as far as is asked for, a piece at a time.
    """

    __slots__ = ("_columns", "_starts", "_stop", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._stop = 0
        self._starts: list[int] | None = None
        self._columns: list[int] = [0]
        if not text.isascii():
            self._starts = []

    @property
    def width(self) -> int:
        """Cells the whole text takes."""
        if self._starts is None:
            return len(self.text)
        while self._measure(self._starts):
            pass
        return self._columns[-1]

    def _measure(self, starts: list[int]) -> bool:
        """Measure one more piece, which ends where a cluster does; False at the end."""
        text, start = self.text, self._stop
        end = min(start + PIECE, len(text))
        while end < len(text) and _goes_on(text, end):
            end += 1
        if start == end:
            return False
        piece, column = text[start:end], self._columns[-1]
        if piece.isascii():
            starts += range(start, end)
            self._columns += range(column + 1, column + end - start + 1)
        else:
            clusters, _width = split_graphemes(piece)
            starts += [start + at for at, _end, _cells in clusters]
            widths = (cells for _start, _end, cells in clusters)
            self._columns += islice(accumulate(widths, initial=column), 1, None)
        self._stop = end
        return True

    def column(self, position: int) -> int:
        """Return the column a character starts at (its cluster's, if it is inside)."""
        starts = self._starts
        if starts is None:
            return min(position, len(self.text))
        if position >= len(self.text):
            return self.width
        while position >= self._stop:
            self._measure(starts)
        return self._columns[bisect_right(starts, position) - 1]

    def cut(self, left: int, right: int) -> tuple[int, int, int]:
        """Return what of the text fits whole between two columns.

        Returns:
            Start and end position, and how many columns after ``left`` the start
            lies: a wide character cut by the edge leaves a blank there.
        """
        starts, columns = self._starts, self._columns
        if starts is None:
            return min(left, len(self.text)), min(right, len(self.text)), 0
        while columns[-1] <= right and self._measure(starts):
            pass
        first = bisect_left(columns, left)
        last = bisect_right(columns, right) - 1
        if first >= len(starts) or last <= first:
            end = starts[first] if first < len(starts) else len(self.text)
            return end, end, 0
        end = starts[last] if last < len(starts) else len(self.text)
        return starts[first], end, columns[first] - left

    def wrap(self, width: int, indent: int = 0) -> list[tuple[int, int]]:
        """Cut into parts of at most ``width`` cells, the later ones ``indent`` less.

        Returns:
            Start and end position of each part, at least one part.
        """
        parts: list[tuple[int, int]] = []
        start = column = 0
        room = max(width, 1)
        while self.width - column > room:
            _start, end, _lead = self.cut(column, column + room)
            end = self._break(start, max(end, self._next(start)), room)
            parts.append((start, end))
            start, column = end, self.column(end)
            room = max(width - indent, 1)
        if start < len(self.text) or not parts:
            parts.append((start, len(self.text)))
        return parts

    def _next(self, position: int) -> int:
        """Return where the next cluster starts, for one wider than the room."""
        starts = self._starts
        if starts is None:
            return position + 1
        while position + 1 >= self._stop and self._measure(starts):
            pass
        index = bisect_right(starts, position)
        return starts[index] if index < len(starts) else len(self.text)

    def _break(self, start: int, end: int, room: int) -> int:
        """Prefer the end of a word where that costs little room."""
        space = self.text.rfind(" ", max(start + 1, end - room // BREAK_SHARE), end)
        return end if space < 0 else space + 1


def _goes_on(text: str, position: int) -> bool:
    """Whether a character belongs to the cluster of the one before."""
    return (
        text[position - 1] == JOINER
        or text[position] in {JOINER, SELECTOR}
        or not get_character_cell_size(text[position])
    )


def indent_of(text: str, width: int) -> int:
    """Return the hanging indent of a wrapped text: its own and two more, if it fits."""
    own = len(text) - len(text.lstrip(" "))
    return own + 2 if own + 2 <= width // 2 else min(2, width // 4)
