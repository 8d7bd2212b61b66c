"""The rows a pane shows over a store: lines, gaps, sections, edges.

Reading a row, appending and jumping cost what the window costs. A filter is worked out
chunk by chunk in `Rows.advance`, those near the reader first; until it is complete,
lines not looked at yet are not shown.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from operator import attrgetter
from time import perf_counter
from typing import TYPE_CHECKING, Final

from chronotui.log.attempts import LineKey
from chronotui.log.finders import LineMatches
from chronotui.log.marks import (
    LOWEST,
    Anchor,
    GapState,
    LineRow,
    Mark,
    MarkKind,
    Marks,
    Row,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from chronotui.log.chunks import Chunk
    from chronotui.log.finders import LineFilter
    from chronotui.log.store import LogStore


_KEY: Final[Callable[[Mark], LineKey]] = attrgetter("key")


class MarkRows:
    """The marks shown, each with its row.

    A mark's ordinal is the number of lines shown before it; its row is that plus
    the marks before it.
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
        return len(self._marks)

    def take_over(self, visible: Visible, first: int, unchanged: int) -> int:
        """Find the rows anew, lines having changed from a line of a chunk on.

        Returns the first row that may have changed.
        """
        row = kept = 0
        if self._version != self._all.version:
            self._version = self._all.version
            self._marks = self._all.shown(self._attempt)
            unread = (
                index
                for index, mark in enumerate(self._marks)
                if mark.gap is not None and mark.gap.state is GapState.UNREAD
            )
            self._unread = next(unread, None)
        else:
            kept = len(self._marks)
            if first < len(visible.chunks):
                border = visible.chunks[first].first
                kept = bisect_left(self._marks, border, key=_KEY)
            row = visible.starts[min(first, len(visible.starts) - 1)] + unchanged
            row += bisect_left(self._ordinals, row)
        del self._ordinals[kept:]
        self._ordinals += [visible.ordinal_of(mark.key) for mark in self._marks[kept:]]
        self._rows = [at + index for index, at in enumerate(self._ordinals)]
        return row

    def at(self, row: int) -> Mark | None:
        index = bisect_left(self._rows, row)
        if index < len(self._rows) and self._rows[index] == row:
            return self._marks[index]
        return None

    def ordinal_from(self, row: int) -> int:
        return row - bisect_left(self._rows, row)

    def row_of_ordinal(self, ordinal: int) -> int:
        return ordinal + bisect_right(self._ordinals, ordinal)

    def row_of(self, key: LineKey) -> int | None:
        index = bisect_left(self._marks, key, key=_KEY)
        if index < len(self._marks) and self._marks[index].key == key:
            return self._rows[index]
        return None

    @property
    def unread_row(self) -> int | None:
        return None if self._unread is None else self._rows[self._unread]

    def header_row(self, attempt: int) -> int | None:
        for mark, row in zip(self._marks, self._rows, strict=True):
            if mark.kind == MarkKind.HEADER and mark.key.attempt == attempt:
                return row
        return None


class Visible:
    """Lines of a store that pass a selection and belong to an attempt.

    ``place`` means a chunk's index in ``chunks`` and a line's index in it; ``ordinal``
    counts the lines shown. Nothing is kept for a line that is shown because all are.
    Until `take_over` and `count_from` are called again all numbers stay valid,
    whatever the store does.

    Attributes:
        chunks: The chunks that may show lines; ``base`` of the store's stand before.
        version: The version of the store's chunks that is shown.
        starts: Lines shown before each chunk, and all of them at the end.
        hits: With a selection, the indexes of the lines shown of each chunk.
    """

    def __init__(
        self, store: LogStore, selection: LineMatches | None, attempt: int | None
    ) -> None:
        self._store = store
        self._attempt = attempt
        self.selection = selection
        self.chunks: list[Chunk] = []
        self.base = 0
        self.starts = [0]
        self.hits: list[Sequence[int]] = []
        self.version = -1
        self._last: tuple[Chunk, int, int] | None = None

    def __len__(self) -> int:
        return self.starts[-1]

    def take_over(self) -> tuple[int, int]:
        """Follow the store; return the first chunk that may differ, and how far not.

        The number of its first lines that are what they were is known of a last chunk
        that grew; else it is 0.
        """
        held = self._store.chunks
        first = 0 if self.version < 0 else held.changed_since(self.version)
        self.version = held.version
        base, stop = 0, len(held.chunks)
        if self._attempt is not None:
            lowest = LineKey(self._attempt, LOWEST, -1, "")
            base = held.holding(lowest) + 1
            stop = held.holding(lowest._replace(attempt=self._attempt + 1)) + 1
        first = first - base if base == self.base else 0
        first = min(max(first, 0), len(self.chunks), max(stop - base, 0))
        self.chunks[first:] = held.chunks[base + first : stop]
        self.base = base
        before, self._last, unchanged = self._last, None, 0
        if first < len(self.chunks) and self.selection is None:
            here, last = self.chunks[first], self.chunks[-1]
            if before == (here, here.stamp, here.edits):
                unchanged = self.starts[-1] - self.starts[first]
            self._last = (last, last.stamp, last.edits)
        return first, unchanged

    def count_from(self, first: int) -> None:
        first = min(first, len(self.starts) - 1)
        chunks = self.chunks[first:]
        counts: Iterable[int] = (chunk.count for chunk in chunks)
        if self.selection is not None:
            self.hits[first:] = [self.selection.of(chunk).hits for chunk in chunks]
            counts = map(len, self.hits[first:])
        self.starts[first:] = accumulate(counts, initial=self.starts[first])

    def place(self, ordinal: int) -> tuple[int, int]:
        index = bisect_right(self.starts, ordinal) - 1
        local = ordinal - self.starts[index]
        if self.selection is not None:
            local = self.hits[index][local]
        return index, local

    def ordinal(self, index: int, local: int) -> int:
        if index >= len(self.chunks):
            return len(self)
        if self.selection is not None:
            local = bisect_left(self.hits[index], local)
        return self.starts[index] + local

    def ordinal_of(self, key: LineKey) -> int:
        index, local = self._store.bisect_in_chunks(key)
        if index < self.base:
            return 0
        return self.ordinal(index - self.base, local)

    def shows(self, index: int, local: int) -> bool:
        if self.selection is None:
            return True
        hits = self.hits[index]
        at = bisect_left(hits, local)
        return at < len(hits) and hits[at] == local


AT_ONCE_SECONDS: Final = 0.004
"""Time `Rows.refresh` itself spends on filtering what arrived."""


class Rows:
    """The rows of a store, all of them or those a filter lets through.

    Made complete when nothing is filtered. Afterwards call `refresh` when the store
    changed; rows stay as they were until then, apart from the lines' own fields.
    The filter begins to read ``near`` a row, or at the end.
    """

    def __init__(
        self,
        store: LogStore,
        line_filter: LineFilter | None = None,
        attempt: int | None = None,
        near: Anchor | None = None,
    ) -> None:
        self.store = store
        empty = line_filter is None or line_filter.is_empty
        self.filter = None if empty else line_filter
        self.attempt = attempt
        self._near = near
        self._finder = self.filter.finder() if self.filter else None
        selection = LineMatches(store.spool, self._finder) if self._finder else None
        self.visible = Visible(store, selection, attempt)
        self._marks = MarkRows(store.marks, attempt)
        self._version = -1
        self._count = 0
        self.refresh()

    def __len__(self) -> int:
        return self._count

    @property
    def line_count(self) -> int:
        return len(self.visible)

    @property
    def complete(self) -> bool:
        selection = self.visible.selection
        return selection is None or selection.complete

    @property
    def too_slow(self) -> int:
        """Lines a pattern of the filter took too long for; they count as no match."""
        return self._finder.too_slow if self._finder else 0

    @property
    def progress(self) -> tuple[int, int]:
        chunks, selection = self.visible.chunks, self.visible.selection
        total = sum(chunk.count for chunk in chunks)
        return (total if selection is None else selection.lines_done(chunks)), total

    def refresh(self) -> int:
        """Take over what the store changed; costs what changed, not the log.

        Returns the row before which all are what they were.
        """
        if self.store.version == self._version:
            return len(self)
        self._version = self.store.version
        first, unchanged = self.visible.take_over()
        selection = self.visible.selection
        chunks = self.visible.chunks
        if selection is not None and first < len(chunks):
            first = first if selection.complete else 0
            selection.keep_only(chunks)
            selection.plan(chunks[first:], self._nearest() - first)
            selection.advance(perf_counter() + AT_ONCE_SECONDS)
        return self._counted(first, unchanged)

    def advance(self, budget_seconds: float, near: Anchor | None = None) -> bool:
        """Filter on for a while, give or take a chunk; whether all is done.

        Begins ``near`` a row, shown or not, or at the end. Rows may be others than
        before: keep the place by an anchor.
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
        if self._near is None:
            return len(self.visible.chunks)
        return self.store.chunks.holding(self._near.key) - self.visible.base

    def _counted(self, first: int, unchanged: int = 0) -> int:
        before = self._count
        self.visible.count_from(first)
        row = self._marks.take_over(self.visible, first, unchanged)
        self._count = len(self.visible) + len(self._marks)
        return min(row, before, self._count)

    def row(self, number: int) -> Row:
        if not 0 <= number < len(self):
            raise IndexError(number)
        mark = self._marks.at(number)
        if mark is not None:
            return mark
        visible = self.visible
        index, local = visible.place(self._marks.ordinal_from(number))
        line = self.store.line_in(visible.chunks[index], local)
        starts = self.store.chunks.starts
        return LineRow(starts[min(index + visible.base, len(starts) - 1)] + local, line)

    def rows(self, start: int, stop: int) -> list[Row]:
        return [self.row(n) for n in range(max(start, 0), min(stop, len(self)))]

    def anchor(self, number: int) -> Anchor:
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
        return self.row_at_ordinal(self.visible.ordinal_of(anchor.key))

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
        """Return the row of a line shown, by its count among them, or the last's."""
        row = self._marks.row_of_ordinal(min(ordinal, max(len(self.visible) - 1, 0)))
        return min(row, max(len(self) - 1, 0))

    @property
    def unread_row(self) -> int | None:
        """The first row that stands for lines not loaded; None without one."""
        return self._marks.unread_row

    def row_at_time(self, time_ns: int) -> int:
        """Return the row of the first line shown not before a time, or the last."""
        for index, chunk in enumerate(self.visible.chunks):
            if chunk.newest_ns < time_ns:
                continue
            times = self.store.spool.block(chunk).times
            for local, line_ns in enumerate(times):
                if line_ns >= time_ns and self.visible.shows(index, local):
                    return self.row_at_ordinal(self.visible.ordinal(index, local))
        return self.row_at_ordinal(len(self.visible))

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
