"""The stack of filters a reader put on a log."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.attempts import key_of
from chronotui.log.block import NO_TIME
from chronotui.log.finders import LineFilter
from chronotui.log.levels import Level
from chronotui.log.marks import Anchor, LineRow
from chronotui.log.pattern import BadPattern, compile_pattern
from chronotui.log.rows import Rows, first_number
from chronotui.log.search import Search
from chronotui.ui.log.messages import ViewportPlace
from chronotui.ui.log.render import offset_name, wall_time
from chronotui.viewport import Viewport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from chronotui.log.attempts import LineKey
    from chronotui.log.marks import Row
    from chronotui.log.pattern import Pattern
    from chronotui.log.store import LogStore
    from chronotui.model import LogLine

LEVEL: Final = "level:"
"""What a filter by level begins with: ``level:warning`` and graver."""

LEVELS: Final = {
    **{level.name.lower(): level for level in Level},
    "warn": Level.WARNING,
    "err": Level.ERROR,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What lines must match, or must not, or the least level they must have."""

    text: str
    pattern: Pattern | None = None
    excludes: bool = False
    level: Level | None = None

    def __str__(self) -> str:
        """Return it as typed: ``!text`` excludes."""
        return f"!{self.text}" if self.excludes else self.text


def parse_filter(typed: str) -> Filter:
    """Read a filter as typed; ``!`` in front excludes, ``level:warn`` is a level.

    Raises:
        BadPattern: The expression cannot be read; the sentence says why.
    """
    if typed.startswith(LEVEL):
        name = _level_name(typed)
        if name not in LEVELS:
            known = ", ".join(level.name.lower() for level in Level)
            raise BadPattern(f"No such level; there are {known}.")
        return Filter(typed, level=LEVELS[name])
    excludes = typed.startswith("!")
    text = typed[1:] if excludes else typed
    if excludes and not text:
        raise BadPattern("Nothing to hide: it goes after the !")
    return Filter(text, compile_pattern(text), excludes)


def is_begun(typed: str) -> bool:
    """Whether a text is only the beginning of a filter: ``!``, ``level:wa``."""
    if not typed.startswith(LEVEL):
        return typed == "!"
    name = _level_name(typed)
    return name not in LEVELS and any(each.startswith(name) for each in LEVELS)


def _level_name(typed: str) -> str:
    return typed.removeprefix(LEVEL).strip().lower()


@dataclass
class FilterStack:
    """Filters in the order they were put on, and one choice of stream.

    ``suspended`` shows the full log for a while without forgetting the filters;
    ``tried`` is one more filter, still being typed.
    """

    filters: list[Filter] = field(default_factory=list)
    stream: str | None = None
    suspended: bool = False
    tried: Filter | None = None

    @property
    def value(self) -> LineFilter | None:
        """What the rows are filtered by now."""
        if not self.hides:
            return None
        return LineFilter(
            include=_patterns(self.all, excludes=False),
            exclude=_patterns(self.all, excludes=True),
            stream=self.stream,
            level=max((f.level for f in self.all if f.level), default=None),
        )

    @property
    def all(self) -> list[Filter]:
        """The filters, and the one being typed."""
        return self.filters if self.tried is None else [*self.filters, self.tried]

    def __bool__(self) -> bool:
        """Whether any filter is set, suspended or not."""
        return bool(self.all) or self.stream is not None

    @property
    def hides(self) -> bool:
        """Whether lines are hidden at the moment."""
        return bool(self) and (not self.suspended or self.tried is not None)

    def pop(self) -> bool:
        """Take back the last step: the suspension, a filter, or the stream."""
        if not self:
            return False
        if self.suspended:
            self.suspended = False
        elif self.filters:
            self.filters.pop()
        else:
            self.stream = None
        return True

    def clear(self) -> None:
        """Take all patterns away; the stream stays."""
        self.filters.clear()
        self.suspended = False

    def __str__(self) -> str:
        """Return what is shown, as the reader typed it."""
        parts = [f"only {self.stream}"] if self.stream else []
        parts += [f"& {each}" for each in self.all]
        return "  ".join(parts)


def _patterns(filters: Sequence[Filter], *, excludes: bool) -> tuple[Pattern, ...]:
    return tuple(
        each.pattern
        for each in filters
        if each.pattern is not None and each.excludes is excludes
    )


# Rows near the window, fetched once as long as they stay what they are.

MOST_KEPT: Final = 1024
"""Rows kept; a screen has 200 at most."""


class NearRows:
    """Rows by number, for drawing and for the place of reading.

    A line may be a hundred megabytes, so none is decoded twice for one picture.

    Args:
        rows: Where they come from. Call `forget_from` whenever it changed.
    """

    def __init__(self, rows: Rows) -> None:
        self.source = rows
        self._known: dict[int, Row] = {}

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.source)

    def row(self, number: int) -> Row:
        """Return one row.

        Raises:
            IndexError: There is none.
        """
        row = self._known.get(number)
        if row is None:
            row = self.source.row(number)
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            self._known[number] = row
        return row

    def anchor(self, number: int, /) -> Anchor:
        """Return a row's identity.

        Raises:
            IndexError: There is no such row.
        """
        row = self.row(number)
        if isinstance(row, LineRow):
            return Anchor(key_of(row.line))
        return self.source.anchor(number)

    def locate(self, anchor: Anchor, /) -> int:
        """Return the row of an identity, or the nearest one shown."""
        return self.source.locate(anchor)

    def forget_from(self, first: int) -> None:
        """Fetch rows from a number on anew: they may be others now."""
        if self._known:
            self._known = {n: row for n, row in self._known.items() if n < first}


# Where the reader is, in the words of the status line.


def place_of(opened: OpenLog, zone: tzinfo | None) -> ViewportPlace:
    """Return where the reader of a log is."""
    row = opened.current_row
    line = row.line if isinstance(row, LineRow) else None
    viewport = opened.viewport
    filters = str(opened.filters)
    if filters and opened.filters.suspended:
        filters += "  (in context)"
    return ViewportPlace(
        following=viewport.following,
        number=max(opened.number_of(line), 0) if line else 0,
        attempt=line.attempt if line and opened.has_attempts else 0,
        shown=len(opened.rows),
        new=new_lines(opened),
        zone=zone_name(zone, line.time_ns if line else None),
        filters=filters,
        search=opened.search_text,
        line=line,
    )


def new_lines(opened: OpenLog) -> int:
    """Return how many lines below were not on the screen yet; notices do not count."""
    rows, viewport = opened.rows, opened.viewport
    if viewport.following:
        return 0
    seen = rows.visible.ordinal(*rows.place_from(viewport.unseen_from()))
    return rows.line_count - seen


def zone_name(zone: tzinfo | None, time_ns: int | None) -> str:
    """Return ``UTC+2`` for the zone at a time; without one, at the epoch's winter."""
    if zone is UTC:
        return "UTC"
    try:
        return offset_name(wall_time(time_ns or 0, zone))
    except ValueError:
        return offset_name(datetime.fromtimestamp(0, tz=UTC).astimezone(zone))


# One opened log: its rows, the place of reading, and what the reader put on it.

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
        self.viewport: Viewport[Anchor] = Viewport(self.near, newest=self._newest)
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
        return self.near.row(min(self.viewport.current, len(self.rows) - 1))

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
        row = self.rows.place_from(self.viewport.current)[0]
        chunks = self.rows.visible.chunks or self.store.chunks.chunks
        return chunks[min(row, len(chunks) - 1)].attempt if chunks else 1

    @property
    def has_attempts(self) -> bool:
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
        self.near = self.viewport.rows = NearRows(self.rows)
        self.refresh()

    @property
    def _eye(self) -> Anchor | None:
        """The row the reader looks at, shown or hidden; None at the newest one."""
        spot = self.viewport.spot
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
            self.viewport.reconsider()
            self.viewport.resettle()
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
        self.bookmarks[key] = self.rows.anchor(self.viewport.current)
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
            if row > self.viewport.current:
                return row, False
        return ordered[0][0], True

    def picked_rows(self) -> range:
        """Return the rows of the range; empty when none is started."""
        if self.range_from is None or not len(self.rows):
            return range(0)
        start = self.rows.locate(self.range_from)
        low, high = sorted((start, self.viewport.current))
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
