"""One opened log: its rows, the place of reading, and what the reader put on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.core.log import LineRow, Rows, Search, key_of
from chronotui.core.log.block import NO_TIME
from chronotui.core.log.numbering import first_number
from chronotui.core.reading import Reading
from chronotui.ui.log_view.filters import FilterStack
from chronotui.ui.log_view.near_rows import NearRows

if TYPE_CHECKING:
    from chronotui.core.log import Anchor, LineKey, LogStore, Pattern, Row
    from chronotui.model import LogLine

NOTICES_AT_END: Final = 4
"""Rows that may stand below the newest line."""


class Shown(NamedTuple):
    """Rows, the search among them, and the errors found among them."""

    rows: Rows
    search: Search | None
    errors: Search | None


class OpenLog:
    """What stays of a log while the reader looks at another one.

    Args:
        store: The lines; grows and changes under it.
        start_ns: Start of the job, for elapsed times; the first line's when None.
    """

    def __init__(self, store: LogStore, *, start_ns: int | None = None) -> None:
        self.store = store
        self.start_ns = start_ns
        self.filters = FilterStack()
        self.rows = Rows(store)
        self.near = NearRows(self.rows)
        self.reading: Reading[Anchor] = Reading(self.near, newest=self._newest)
        self.as_json: set[LineKey] = set()
        self.bookmarks: dict[LineKey, Anchor] = {}
        self.range_from: Anchor | None = None
        self.search: Search | None = None
        self._errors: Search | None = None
        self.left = 0

    @property
    def current_row(self) -> Row | None:
        """The row under the eye, None when there is none."""
        if not len(self.rows):
            return None
        return self.near.row(min(self.reading.current, len(self.rows) - 1))

    @property
    def current_line(self) -> LogLine | None:
        """The line under the eye, None on a row that is no line."""
        row = self.current_row
        return row.line if isinstance(row, LineRow) else None

    @property
    def has_lines_shown(self) -> bool:
        """Whether there are rows, and more than notices where a filter hides all."""
        return self.rows.line_count > 0 or (
            len(self.rows) > 0 and not (self.filters.hides and len(self.store))
        )

    @property
    def first_number(self) -> int:
        """The sequence number that goes by line 1."""
        return first_number(self.store)

    def number_of(self, line: LogLine) -> int:
        """Return a line's place in the log of its try, from 1."""
        return line.sequence_num + 1 - self.first_number

    @property
    def attempt(self) -> int:
        """The try of the line under the eye, or of the nearest one."""
        row = self.rows.place_from(self.reading.current)[0]
        chunks = self.rows.visible.chunks or self.store.chunks.chunks
        return chunks[min(row, len(chunks) - 1)].attempt if chunks else 1

    @property
    def has_tries(self) -> bool:
        """Whether lines must be told apart by their try."""
        return max(self.store.attempts(), default=0) > 1

    @property
    def newest_ns(self) -> int | None:
        """The latest time of a line, None when no line has one."""
        chunks = self.store.chunks.chunks
        newest = max((chunk.newest_ns for chunk in chunks), default=NO_TIME)
        return None if newest == NO_TIME else newest

    def attempt_starts(self) -> list[int]:
        """Return the first row of each attempt that is shown."""
        found = map(self.rows.attempt_row, self.store.attempts())
        return sorted(row for row in found if row is not None)

    def refilter(self) -> None:
        """Show what the filters say; the place of reading stays."""
        rows = Rows(self.store, self.filters.value, near=self._eye)
        search, errors = (
            None if search is None else search.over(rows)
            for search in (self.search, self._errors)
        )
        self.show(Shown(rows, search, errors))

    @property
    def shown(self) -> Shown:
        """The rows shown and what was found among them."""
        return Shown(self.rows, self.search, self._errors)

    def show(self, shown: Shown) -> None:
        """Show rows, new ones or those of before; the place of reading stays."""
        self.rows, self.search, self._errors = shown
        self.near = self.reading.rows = NearRows(self.rows)
        self.refresh()

    @property
    def _eye(self) -> Anchor | None:
        """The row the reader looks at, shown or hidden; None at the newest one."""
        spot = self.reading.spot
        return None if spot.following else spot.anchor

    def refresh(self) -> None:
        """Take over what the store changed."""
        self.near.forget_from(self.rows.refresh().first)
        for search in (self.search, self._errors):
            if search is not None:
                search.refresh()

    # Finding

    @property
    def errors(self) -> Search:
        """The errors among the rows shown; found from the first time it is asked."""
        if self._errors is None:
            self._errors = Search(self.rows)
        return self._errors

    def search_for(self, pattern: Pattern | None) -> Search | None:
        """Search the rows shown; None ends the search."""
        self.search = None if pattern is None else Search(self.rows, pattern)
        return self.search

    def searches_with(self, search: Search) -> bool:
        """Whether a search is one of those of now."""
        return search is self.search or search is self._errors

    @property
    def is_indexed(self) -> bool:
        """Whether nothing is left to read through for filter, search and errors."""
        return self.rows.complete and all(
            search is None or search.complete for search in (self.search, self._errors)
        )

    def index(self, budget_seconds: float) -> bool:
        """Read on through the lines for a while, those near the reader first.

        Returns:
            Whether rows may be others than before.
        """
        if not self.rows.complete:
            self.rows.advance(budget_seconds, self._eye)
            self.near.forget_from(0)
            self.reading.reconsider()
            self.reading.resettle()
            return True
        for search in (self.search, self._errors):
            if search is not None and not search.complete:
                search.advance(budget_seconds)
                break
        return False

    @property
    def search_text(self) -> str:
        """What is searched for, as typed; empty when nothing is."""
        pattern = self.search.pattern if self.search is not None else None
        return pattern.text if pattern is not None else ""

    def toggle_bookmark(self) -> bool | None:
        """Set or clear the current line's bookmark; None where no line is."""
        line = self.current_line
        if line is None:
            return None
        key = key_of(line)
        if self.bookmarks.pop(key, None) is not None:
            return False
        self.bookmarks[key] = self.rows.anchor(self.reading.current)
        return True

    def is_bookmarked(self, number: int) -> bool:
        """Whether a row is a line with a bookmark."""
        row = self.near.row(number)
        return isinstance(row, LineRow) and key_of(row.line) in self.bookmarks

    def next_bookmark(self) -> tuple[int, bool] | None:
        """Return the row of the next bookmark, and whether it wrapped round."""
        if not self.bookmarks:
            return None
        ordered = sorted(
            (self.rows.locate(anchor), key) for key, anchor in self.bookmarks.items()
        )
        for row, _key in ordered:
            if row > self.reading.current:
                return row, False
        return ordered[0][0], True

    def picked_rows(self) -> range:
        """Return the rows of the range; empty when none is started."""
        if self.range_from is None or not len(self.rows):
            return range(0)
        start = self.rows.locate(self.range_from)
        low, high = sorted((start, self.reading.current))
        return range(low, high + 1)

    def picked_lines(self) -> list[LogLine]:
        """Return the lines of the range, or the current one."""
        picked = self.picked_rows()
        if not picked:
            line = self.current_line
            return [] if line is None else [line]
        rows = self.rows.rows(picked.start, picked.stop)
        return [row.line for row in rows if isinstance(row, LineRow)]

    def _newest(self) -> int:
        last = len(self.rows) - 1
        for row in range(last, max(last - NOTICES_AT_END, -1), -1):
            if isinstance(self.near.row(row), LineRow):
                return row
        return last
