"""Rows of different heights, walked in screen rows from wherever the window is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


AnchorT = TypeVar("AnchorT")


class Sized(Protocol):
    """Rows that can be counted."""

    def __len__(self) -> int:
        """Return the number of rows."""


class RowSource(Sized, Protocol[AnchorT]):
    """The rows a reader moves over; ``core.log.Rows`` is one."""

    def anchor(self, row: int, /) -> AnchorT:
        """Return the identity of a row, which outlives its number."""

    def locate(self, anchor: AnchorT, /) -> int:
        """Return the row of an identity now, or the nearest one shown."""


class ScreenRow(NamedTuple):
    """What one screen row shows: a part of a row; ``row`` is -1 below the end."""

    row: int
    part: int


class ScreenRows:
    """Steps over rows whose heights are asked for only where a step leads.

    Args:
        rows: The rows; may change at any time.
        height_of: Height of a row in screen rows, at least 1.
    """

    def __init__(self, rows: Sized, height_of: Callable[[int], int]) -> None:
        self.rows = rows
        self.height_of = height_of

    def shown(self, top: ScreenRow, window: int) -> Iterator[ScreenRow]:
        """Yield what each screen row of a window shows, top first."""
        row, part = top
        count = len(self.rows)
        height = self.height_of(row) if row < count else 0
        for _ in range(window):
            if row >= count:
                yield ScreenRow(-1, 0)
                continue
            yield ScreenRow(row, part)
            part += 1
            if part >= height:
                row, part = row + 1, 0
                height = self.height_of(row) if row < count else 0

    def back(self, place: ScreenRow, lines: int) -> ScreenRow:
        """Return the place so many screen rows above, the very first at most."""
        row, part = place
        part -= lines
        while part < 0:
            if row == 0:
                return ScreenRow(0, 0)
            row -= 1
            part += self.height_of(row)
        return ScreenRow(row, part)

    def forward(self, place: ScreenRow, lines: int) -> ScreenRow:
        """Return the place so many screen rows below; its row may be past the end."""
        row, part = place
        part += lines
        count = len(self.rows)
        while row < count:
            height = self.height_of(row)
            if part < height:
                return ScreenRow(row, part)
            row, part = row + 1, part - height
        return ScreenRow(row, part)

    def bottom_top(self, window: int) -> ScreenRow:
        """Return the top of a window that ends with the last row."""
        last = len(self.rows) - 1
        if last < 0:
            return ScreenRow(0, 0)
        bottom = ScreenRow(last, self.height_of(last) - 1)
        return self.back(bottom, window - 1)

    def offset_of(self, row: int, top: ScreenRow, window: int) -> int:
        """Return the screen row of a row's first part.

        Negative above the window; ``window`` stands for anything below it.
        """
        if row < top.row:
            return -self.height_of(row) if row < len(self.rows) else -1
        y = -top.part
        for above in range(top.row, row):
            y += self.height_of(above)
            if y >= window:
                return window
        return y
