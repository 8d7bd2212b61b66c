"""The rows a pane shows over a store: lines, missing lines, sections, edges.

Reading a row, appending and jumping cost what the window costs. A filter is worked
out chunk by chunk in `Rows.advance`, those near the reader first; until it is
complete, lines not looked at yet are not shown.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Final

from chronotui.core.log.keys import LineKey
from chronotui.core.log.mark_rows import MarkRows, mark_row
from chronotui.core.log.marks import LOWEST
from chronotui.core.log.row_types import (
    Anchor,
    LineRow,
    Row,
    RowsChange,
)
from chronotui.core.log.selection import Selection
from chronotui.core.log.visible import Visible

if TYPE_CHECKING:
    from chronotui.core.log.filters import LineFilter
    from chronotui.core.log.store import LogStore

AT_ONCE_SECONDS: Final = 0.004
"""Time `Rows.refresh` itself spends on filtering what arrived."""


class Rows:
    """The rows of a store, all of them or those a filter lets through.

    Made complete when nothing is filtered. Afterwards call `refresh` when the store
    changed; rows stay as they were until then, apart from the lines' own fields.

    Args:
        store: The lines.
        line_filter: Which lines to show; None or an empty one: all.
        attempt: The one attempt to show; None: all.
        near: Where the filter begins to read; None: at the end.
    """

    def __init__(
        self,
        store: LogStore,
        line_filter: LineFilter | None = None,
        attempt: int | None = None,
        near: Anchor | None = None,
    ) -> None:
        self.store = store
        self.filter = (
            None if line_filter is None or line_filter.is_empty else line_filter
        )
        self.attempt = attempt
        self._near = near
        self._finder = self.filter.finder() if self.filter else None
        selection = Selection(store.spool, self._finder) if self._finder else None
        self.visible = Visible(store, selection, attempt)
        self._marks = MarkRows(store.marks, attempt)
        self._version = -1
        self.refresh()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.visible) + len(self._marks)

    @property
    def line_count(self) -> int:
        """Lines among the rows."""
        return len(self.visible)

    @property
    def complete(self) -> bool:
        """Whether the filter has seen every line."""
        selection = self.visible.selection
        return selection is None or selection.complete

    @property
    def too_slow(self) -> int:
        """Lines a pattern of the filter took too long for; they count as no match."""
        return self._finder.too_slow if self._finder else 0

    @property
    def progress(self) -> tuple[int, int]:
        """Lines the filter has seen, and all it has to see."""
        chunks, selection = self.visible.chunks, self.visible.selection
        total = sum(chunk.count for chunk in chunks)
        return (total if selection is None else selection.lines_done(chunks)), total

    # Following the store

    def refresh(self) -> RowsChange:
        """Take over what the store changed; costs what changed, not the log."""
        if self.store.version == self._version:
            return RowsChange(False, len(self), len(self))
        self._version = self.store.version
        first = self.visible.take_over()
        selection = self.visible.selection
        chunks = self.visible.chunks
        if selection is not None and first < len(chunks):
            first = first if selection.complete else 0
            selection.keep_only(chunks)
            selection.plan(chunks[first:], self._nearest() - first)
            selection.advance(perf_counter() + AT_ONCE_SECONDS)
        return self._counted(first)

    def advance(self, budget_seconds: float, near: Anchor | None = None) -> bool:
        """Filter on for a while.

        Args:
            budget_seconds: When to stop, give or take a chunk (about 2 ms).
            near: The row to begin at, shown or not; None: the end.

        Returns:
            Whether all lines have been looked at. Rows may be others than before:
            keep the place by an anchor.
        """
        selection = self.visible.selection
        if selection is None or selection.complete:
            return True
        if near != self._near:
            self._near = near
            selection.plan(self.visible.chunks, self._nearest())
        done = selection.advance(perf_counter() + budget_seconds)
        self._counted(0)
        return done

    def _nearest(self) -> int:
        """Return the chunk the reader is in or near."""
        if self._near is None:
            return len(self.visible.chunks)
        return self.store.chunks.holding(self._near.key) - self.visible.base

    def _counted(self, first: int) -> RowsChange:
        """Count rows anew from a chunk on."""
        before = len(self)
        self.visible.count_from(first)
        row = self._marks.take_over(self.visible, first)
        return RowsChange(True, min(row, before, len(self)), len(self))

    # Reading

    def row(self, number: int) -> Row:
        """Return one row.

        Raises:
            IndexError: There is none.
        """
        if not 0 <= number < len(self):
            raise IndexError(number)
        mark = self._marks.at(number)
        if mark is not None:
            return mark_row(mark)
        index, local = self.visible.place(self._marks.ordinal_from(number))
        line = self.store.line_in(self.visible.chunks[index], local)
        return LineRow(self.visible.line_number(index, local), line)

    def rows(self, start: int, stop: int) -> list[Row]:
        """Return the rows ``start`` to ``stop`` (exclusive), cut to what is there."""
        return [self.row(n) for n in range(max(start, 0), min(stop, len(self)))]

    # Places

    def anchor(self, number: int) -> Anchor:
        """Return a row's identity.

        Raises:
            IndexError: There is no such row.
        """
        mark = self._marks.at(number)
        if mark is not None:
            return Anchor(mark.key, mark.kind)
        if not 0 <= number < len(self):
            raise IndexError(number)
        index, local = self.visible.place(self._marks.ordinal_from(number))
        chunk = self.visible.chunks[index]
        block = self.store.spool.block(chunk)
        return Anchor(block.key(local, chunk.attempt, self.store.ids))

    def locate(self, anchor: Anchor) -> int:
        """Return the row of an identity.

        If it is not shown (filtered, healed), the next one shown after its place, or
        the last line. 0 when there are no rows.
        """
        if anchor.kind != "line":
            row = self._marks.row_of(anchor.key)
            if row is not None:
                return row
        ordinal = self.visible.ordinal_of(anchor.key)
        return self.row_at_ordinal(min(ordinal, max(len(self.visible) - 1, 0)))

    def place(self, number: int) -> tuple[int, int] | None:
        """Return chunk and index in it of a row's line; None if it is no line."""
        ordinal = self._marks.ordinal_from(number)
        if self._marks.at(number) is not None or not 0 <= ordinal < len(self.visible):
            return None
        return self.visible.place(ordinal)

    def place_from(self, number: int) -> tuple[int, int]:
        """Return the place of the first line at a row or below, or the end."""
        ordinal = self._marks.ordinal_from(max(number, 0))
        if ordinal < len(self.visible):
            return self.visible.place(ordinal)
        return len(self.visible.chunks), 0

    def row_at_ordinal(self, ordinal: int) -> int:
        """Return the row of a line shown, by its count among them."""
        return min(self._marks.row_of_ordinal(ordinal), max(len(self) - 1, 0))

    @property
    def unread_row(self) -> int | None:
        """The first row that stands for lines not loaded; None without one."""
        return self._marks.unread_row

    def row_of_line(self, index: int) -> int:
        """Return the row of a line by its number in the store, or the next one's."""
        if not len(self.store):
            return 0
        number, local = self.store.chunks.place(min(index, len(self.store) - 1))
        number -= self.visible.base
        ordinal = self.visible.ordinal(number, local) if number >= 0 else 0
        return self.row_at_ordinal(min(ordinal, max(len(self.visible) - 1, 0)))

    def row_at_time(self, time_ns: int) -> int:
        """Return the row of the first line shown not before a time, or the last."""
        for index, chunk in enumerate(self.visible.chunks):
            if chunk.newest_ns < time_ns:
                continue
            times = self.store.spool.block(chunk).times
            for local, line_ns in enumerate(times):
                if line_ns >= time_ns and self.visible.shows(index, local):
                    return self.row_at_ordinal(self.visible.ordinal(index, local))
        return self.row_at_ordinal(max(len(self.visible) - 1, 0))

    def attempt_row(self, attempt: int) -> int | None:
        """Return where an attempt begins, its header if it has one; None: not shown."""
        if self.attempt is not None and attempt != self.attempt:
            return None
        row = self._marks.header_row(attempt)
        if row is not None:
            return row
        key = LineKey(attempt, LOWEST, -1, "")
        first = self.visible.ordinal_of(key)
        if first == self.visible.ordinal_of(key._replace(attempt=attempt + 1)):
            return None
        return self.row_at_ordinal(first)
