"""One opened log: its rows, the place of reading, and what the reader put on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from msgspec import Struct, field

from chronotui.log.attempts import key_of
from chronotui.log.block import NO_TIME
from chronotui.log.finders import LineFilter
from chronotui.log.levels import Level
from chronotui.log.marks import Anchor, LineRow
from chronotui.log.pattern import BadPattern, compile_pattern
from chronotui.log.rows import Rows
from chronotui.log.search import Search
from chronotui.log.shape import LogShape
from chronotui.ui.log import ViewportPlace
from chronotui.viewport import Viewport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.log.attempts import LineKey
    from chronotui.log.kinds import KnownKinds
    from chronotui.log.marks import Row
    from chronotui.log.pattern import Pattern
    from chronotui.log.store import LogStore
    from chronotui.model import LogLine
    from chronotui.ui.log.render import LineTags

LEVEL: Final = "level:"
"""What a filter by level begins with: ``level:warning`` and graver."""

LEVELS: Final = {
    **{level.name.lower(): level for level in Level},
    "warn": Level.WARNING,
    "err": Level.ERROR,
}


class Filter(Struct, frozen=True):
    """What lines must match, or must not, or the least level they must have.

    ``unlike`` are the kinds of lines they must not be of.
    """

    text: str
    pattern: Pattern | None = None
    excludes: bool = False
    level: Level | None = None
    unlike: KnownKinds | None = None

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


class JobChoice(NamedTuple):
    """Which jobs of a merged log are shown, by their numbers in it, and in words."""

    parts: frozenset[int]
    words: str


class FilterStack(Struct):
    """Filters in the order they were put on, one choice of stream, and one of jobs.

    ``suspended`` shows the full log for a while without forgetting the filters;
    ``tried`` is one more filter, still being typed.
    """

    filters: list[Filter] = field(default_factory=list)
    stream: str | None = None
    jobs: JobChoice | None = None
    suspended: bool = False
    tried: Filter | None = None

    @property
    def value(self) -> LineFilter | None:
        if not self.hides:
            return None
        return LineFilter(
            include=_patterns(self.all, excludes=False),
            exclude=_patterns(self.all, excludes=True),
            stream=self.stream,
            level=max((f.level for f in self.all if f.level), default=None),
            parts=None if self.jobs is None else self.jobs.parts,
            unlike=next((f.unlike for f in self.all if f.unlike), None),
        )

    @property
    def all(self) -> list[Filter]:
        return self.filters if self.tried is None else [*self.filters, self.tried]

    def __bool__(self) -> bool:
        return self.hides_lines or self.jobs is not None

    @property
    def hides_lines(self) -> bool:
        """Whether lines are hidden for what they are, whichever job's they are."""
        return bool(self.filters or self.tried or self.stream)

    @property
    def hides(self) -> bool:
        return bool(self) and (not self.suspended or self.tried is not None)

    def toggle_kinds(self, new_ones: Filter) -> bool:
        """Put a filter by kinds on, or take one off; whether it is on now."""
        others = [each for each in self.filters if each.unlike is None]
        is_on = len(others) == len(self.filters)
        self.filters = [*others, new_ones] if is_on else others
        self.suspended = False
        return is_on

    def pop(self) -> bool:
        """Take back the last step: the suspension, a filter, or the stream."""
        if not self:
            return False
        if self.suspended:
            self.suspended = False
        elif self.filters:
            self.filters.pop()
        elif self.stream:
            self.stream = None
        else:
            self.jobs = None
        return True

    def __str__(self) -> str:
        parts = [self.jobs.words] if self.jobs is not None else []
        parts += [f"only {self.stream}"] if self.stream else []
        parts += [f"& {each}" for each in self.all]
        return "  ".join(parts)


def _patterns(filters: Sequence[Filter], *, excludes: bool) -> tuple[Pattern, ...]:
    return tuple(
        each.pattern
        for each in filters
        if each.pattern is not None and each.excludes is excludes
    )


MOST_KEPT: Final = 1024
"""Rows kept; a screen has 200 at most."""


class NearRows:
    """Rows by number, fetched once as long as they stay what they are.

    A line may be a hundred megabytes, so none is decoded twice for one picture.
    """

    def __init__(self, rows: Rows) -> None:
        self.source = rows
        self._known: dict[int, Row] = {}

    def __len__(self) -> int:
        return len(self.source)

    def row(self, number: int) -> Row:
        row = self._known.get(number)
        if row is None:
            row = self.source.row(number)
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            self._known[number] = row
        return row

    def anchor(self, number: int, /) -> Anchor:
        row = self.row(number)
        if isinstance(row, LineRow):
            return Anchor(key_of(row.line))
        return self.source.anchor(number)

    def locate(self, anchor: Anchor, /) -> int:
        return self.source.locate(anchor)

    def forget_from(self, first: int) -> None:
        """Fetch rows from a number on anew: they may be others now."""
        if self._known:
            self._known = {n: row for n, row in self._known.items() if n < first}


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
        start_ns: Start of the job, for elapsed times; None when nobody knows.
        tags: What stands before lines of several jobs; None in a log of one.
    """

    def __init__(
        self,
        store: LogStore,
        *,
        start_ns: int | None = None,
        tags: LineTags | None = None,
    ) -> None:
        self.store = store
        self.start_ns = start_ns
        self.tags = tags
        self.filters = FilterStack()
        self.rows = Rows(store)
        self.near = NearRows(self.rows)
        self.viewport: Viewport[Anchor] = Viewport(self.near, newest=self._newest)
        self.as_json: set[LineKey] = set()
        self.bookmarks: dict[LineKey, Anchor] = {}
        self.range_from: Anchor | None = None
        self.search: Search | None = None
        self._errors: Search | None = None
        self._shape: LogShape | None = None
        self.left = 0

    @property
    def current_line(self) -> LogLine | None:
        """The line under the eye, None on a row that is no line."""
        count = len(self.rows)
        row = self.near.row(min(self.viewport.current, count - 1)) if count else None
        return row.line if isinstance(row, LineRow) else None

    @property
    def has_lines_shown(self) -> bool:
        """Whether there are rows, and more than notices where a filter hides all."""
        return self.rows.line_count > 0 or (
            len(self.rows) > 0 and not (self.filters.hides and len(self.store))
        )

    def why_hidden(self) -> tuple[str, str]:
        """Return a title and a sentence for where a filter hides all lines."""
        if not self.rows.complete:
            return "Nothing yet.", "The filter is still reading the lines."
        return "Nothing to show.", f"Hidden by {self.filters}; esc takes it away."

    def number_of(self, line: LogLine) -> int:
        """Return a line's number as the server gives it.

        Where numbers only order lines, it is the line's place, from 1.
        """
        if self.store.is_sparse:
            return self.store.bisect(key_of(line)) + 1
        return line.sequence_num

    @property
    def wraps_errors(self) -> bool:
        """Whether standard error is wrapped always: in a run it is what is read."""
        return self.store.is_sparse and self.tags is None

    @property
    def attempt(self) -> int:
        """The attempt of the line under the eye, or of the nearest one."""
        row = self.rows.place_from(self.viewport.current)[0]
        chunks = self.rows.visible.chunks or self.store.chunks.chunks
        return chunks[min(row, len(chunks) - 1)].attempt if chunks else 1

    @property
    def has_attempts(self) -> bool:
        """Whether lines must be told apart by their attempt."""
        chunks = self.store.chunks.chunks
        return bool(chunks) and chunks[-1].attempt > 1

    @property
    def newest_ns(self) -> int | None:
        """The latest time of a line, None when no line has one."""
        chunks = self.store.chunks.chunks
        newest = max((chunk.newest_ns for chunk in chunks), default=NO_TIME)
        return None if newest == NO_TIME else newest

    def attempt_start(self, direction: int) -> int | None:
        """Return the nearest row an attempt shown begins at, below or above."""
        rows = map(self.rows.attempt_row, self.store.attempts())
        starts = [row for row in rows if row is not None]
        current = self.viewport.current
        if direction > 0:
            return min((row for row in starts if row > current), default=None)
        return max((row for row in starts if row < current), default=None)

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
        return Shown(self.rows, self.search, self._errors)

    def show(self, shown: Shown) -> None:
        """Show rows, new ones or those of before; the place of reading stays."""
        self.rows, self.search, self._errors = shown
        if self._shape is not None:
            self._shape = self._shape.over(self.rows, self.errors)
        self.near = NearRows(self.rows)
        self.viewport.show_rows(self.near)
        self.refresh()

    @property
    def _eye(self) -> Anchor | None:
        """The row the reader looks at, shown or hidden; None at the newest one."""
        spot = self.viewport.spot
        return None if spot.following else spot.anchor

    def refresh(self) -> int:
        """Take over what the store changed; return the first row that may differ."""
        first = self.rows.refresh()
        self.near.forget_from(first)
        for search in (self.search, self._errors):
            if search is not None:
                search.refresh()
        if self._shape is not None:
            self._shape.refresh()
        return first

    def stop_following(self) -> None:
        """Have the reader stay at what is the newest line by now, seen yet or not."""
        self.refresh()
        self.viewport.resettle()
        self.viewport.stop_following()

    def place(self) -> ViewportPlace:
        """Return where the reader is; the zone is not known here."""
        line, rows, viewport = self.current_line, self.rows, self.viewport
        filters = str(self.filters) if self.filters else ""
        if filters and self.filters.suspended:
            filters += "  (in context)"
        new = 0
        if not viewport.following:
            unseen = rows.place_from(viewport.unseen_from())
            new = rows.line_count - rows.visible.ordinal(*unseen)
        return ViewportPlace(
            following=viewport.following,
            number=self.number_of(line) if line else None,
            attempt=line.attempt if line and self.has_attempts else 0,
            shown=len(rows),
            new=new,
            filters=filters,
            search=self.search_text,
            left=self.left,
            line=line,
        )

    # Finding

    @property
    def errors(self) -> Search:
        """The errors among the rows shown; found from the first time it is asked."""
        if self._errors is None:
            self._errors = Search(self.rows)
        return self._errors

    @property
    def shape(self) -> LogShape:
        """The shape of the rows shown; read from the first time it is asked."""
        if self._shape is None:
            self._shape = LogShape(self.rows, self.errors)
        return self._shape

    def forget_shape(self) -> None:
        """Read no more for a shape that nobody looks at."""
        self._shape = None

    def search_for(self, pattern: Pattern | None) -> Search | None:
        """Search the rows shown; None ends the search."""
        self.search = None if pattern is None else Search(self.rows, pattern)
        return self.search

    def searches_with(self, search: Search) -> bool:
        return search is self.search or search is self._errors

    @property
    def is_indexed(self) -> bool:
        """Whether nothing is left to read through for filter, search and errors."""
        readers = (self.search, self._errors, self._shape)
        return self.rows.complete and all(
            reader is None or reader.complete for reader in readers
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
        for reader in (self.search, self._errors, self._shape):
            if reader is not None and not reader.complete:
                reader.advance(budget_seconds)
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


# Asking for lines before the reader gets to where they end.

WINDOWS_AHEAD: Final = 2
"""Windows of rows left before an edge when more is asked for."""

Edge: TypeAlias = Literal["top", "bottom", "whole"]
"""Where lines are wanted; the whole log where no page is near what is not loaded."""


class EdgeWatch:
    """Says once for each state of an edge that the reader comes near it.

    Attributes:
        more_above: Whether older lines may exist that are not loaded.
        more_below: Whether newer ones may.
    """

    def __init__(self) -> None:
        self.more_above = self.more_below = True
        self._asked: dict[Edge, Anchor | None] = {}

    def forget(self) -> None:
        """Ask again when next near an edge: the log, or what is loaded, changed."""
        self._asked.clear()
        self.more_below = True

    def ask_again(self, edge: Edge) -> None:
        """Ask once more although nothing came: the reader pushes at the edge."""
        self._asked.pop(edge, None)

    def unread_above(self, opened: OpenLog) -> int | None:
        """Return the row above the reader that lines are not loaded at; None: nowhere.

        -1 stands for above the first row.
        """
        if not self.more_above:
            return None
        gap = opened.rows.unread_row
        if gap is None:
            return -1
        return gap if gap < opened.viewport.current else None

    def wanted(self, opened: OpenLog) -> list[Edge]:
        """Return what must be loaded next to lines for the window not to run dry.

        Pages reach into a gap from below; from above only the whole log does.
        """
        rows, viewport = opened.rows, opened.viewport
        ahead = viewport.window * WINDOWS_AHEAD
        count, last = len(rows), viewport.last_shown
        if not count and not len(opened.store):
            return []
        gap = rows.unread_row if self.more_above else None
        wanted: list[Edge] = []
        if gap is not None:
            if viewport.top.row - ahead <= gap <= last + ahead:
                wanted += self._into(opened, gap)
        elif self.more_above and viewport.top.row < ahead:
            wanted += self._once("top", rows.anchor(0) if count else None)
        if last >= count - ahead:
            newest = opened.near.anchor(count - 1) if count else None
            below = self._once("bottom", newest)
            wanted += below if self.more_below else []
        return wanted

    def _into(self, opened: OpenLog, gap: int) -> list[Edge]:
        rows = opened.rows
        if opened.viewport.current > gap:
            return self._once("top", rows.anchor(min(gap + 1, len(rows) - 1)))
        return self._once("whole", rows.anchor(max(gap - 1, 0)))

    def _once(self, edge: Edge, anchor: Anchor | None) -> list[Edge]:
        if edge in self._asked and self._asked[edge] == anchor:
            return []
        self._asked[edge] = anchor
        return [edge]
