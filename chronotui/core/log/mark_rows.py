"""Where rows that are no lines stand between those that are."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from chronotui.core.log.marks import GapState, MarkKind
from chronotui.core.log.row_types import EdgeRow, GapRow, Row, SectionRow

if TYPE_CHECKING:
    from chronotui.core.log.keys import LineKey
    from chronotui.core.log.marks import Mark, Marks
    from chronotui.core.log.visible import Visible


class MarkRows:
    """The marks shown, each with its row.

    A mark's ordinal is the number of lines shown before it; its row is that plus
    the marks before it.

    Args:
        marks: All marks of the log.
        attempt: The one attempt shown; None: all.
    """

    def __init__(self, marks: Marks, attempt: int | None) -> None:
        self._all = marks
        self._attempt = attempt
        self._version = -1
        self._marks: list[Mark] = []
        self._ordinals: list[int] = []
        self._rows: list[int] = []
        self._unread: int | None = None

    def __len__(self) -> int:
        """Return the number of marks shown."""
        return len(self._marks)

    def take_over(self, visible: Visible, first: int) -> int:
        """Find the rows anew, lines having changed from a chunk on.

        Returns:
            The first row that may have changed.
        """
        row = kept = 0
        if not self._reread():
            kept = self._kept(visible, first)
            row = visible.starts[min(first, len(visible.starts) - 1)]
            row += bisect_left(self._ordinals, row)
        del self._ordinals[kept:]
        self._ordinals += [visible.ordinal_of(mark.key) for mark in self._marks[kept:]]
        self._rows = [at + index for index, at in enumerate(self._ordinals)]
        return row

    def _reread(self) -> bool:
        """Take the marks if they changed; return whether they did."""
        if self._version == self._all.version:
            return False
        self._version = self._all.version
        attempt, marks = self._attempt, self._all
        self._marks = marks.all() if attempt is None else marks.of_attempt(attempt)
        self._unread = next(
            (
                index
                for index, mark in enumerate(self._marks)
                if mark.gap is not None and mark.gap.state is GapState.UNREAD
            ),
            None,
        )
        return True

    def _kept(self, visible: Visible, first: int) -> int:
        """Return how many marks stand where they stood."""
        if first >= len(visible.chunks):
            return len(self._marks)
        border = visible.chunks[first].first
        return bisect_left(self._marks, border, key=lambda mark: mark.key)

    def at(self, row: int) -> Mark | None:
        """Return the mark at a row; None: it is a line."""
        index = bisect_left(self._rows, row)
        if index < len(self._rows) and self._rows[index] == row:
            return self._marks[index]
        return None

    def ordinal_from(self, row: int) -> int:
        """Return the ordinal of the first line at a row or below it."""
        return row - bisect_left(self._rows, row)

    def row_of_ordinal(self, ordinal: int) -> int:
        """Return the row of a line."""
        return ordinal + bisect_right(self._ordinals, ordinal)

    def row_of(self, key: LineKey) -> int | None:
        """Return the row of the mark with a key; None: it is not shown."""
        index = bisect_left(self._marks, key, key=lambda mark: mark.key)
        if index < len(self._marks) and self._marks[index].key == key:
            return self._rows[index]
        return None

    @property
    def unread_row(self) -> int | None:
        """The row of the first mark of lines not loaded; None: there is none."""
        return None if self._unread is None else self._rows[self._unread]

    def header_row(self, attempt: int) -> int | None:
        """Return the row of an attempt's header; None: it has none."""
        for mark, row in zip(self._marks, self._rows, strict=True):
            if mark.kind == MarkKind.HEADER and mark.key.attempt == attempt:
                return row
        return None


def mark_row(mark: Mark) -> Row:
    """Return what is shown for a mark."""
    if mark.gap is not None:
        return GapRow(mark.gap)
    if mark.kind in {MarkKind.TOP, MarkKind.BOTTOM}:
        return EdgeRow(mark.text, mark.kind == MarkKind.TOP)
    return SectionRow(mark.key.attempt, mark.text, mark.kind == MarkKind.TRAILER)
