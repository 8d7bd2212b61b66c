"""Which stretch of the retained log has been read, and the ways back into it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.attempts import Way
from chronotui.paging import PageOrder, interleaves, order_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from chronotui.log.ledger import Gap
    from chronotui.model import LogLine

MARKS_KEPT: Final = 4096
"""Remembered cursors; with more, every second one is dropped: one more page to read."""

_PLACE: Final[Callable[[LogLine], tuple[int, int]]] = itemgetter(0, 1)
"""A line's (attempt, number), in C: pages are measured by it."""

_NUMBER_FIRST: Final[Callable[[LogLine], tuple[int, int]]] = itemgetter(1, 0)
"""The same where the list goes by number across attempts."""

CUT_OFF: Final = "this page is too large for the server"
"""Why a part of the log cannot be read for now."""


class LinePosition(NamedTuple):
    """Where a line stands; ``time_ns`` finds its attempt again if attempts change."""

    attempt: int
    number: int
    time_ns: int | None = None

    @property
    def key(self) -> tuple[int, int]:
        return self[:2]


START: Final = LinePosition(0, 0)
"""Before every line."""

END: Final = LinePosition(1 << 62, 1 << 62)
"""After every line."""


class Stretch(NamedTuple):
    """A part of the retained log that was just read without a break."""

    low: LinePosition
    high: LinePosition


class PageSpan(NamedTuple):
    """A page that was read: its lowest and highest line, and how to come to it."""

    low: LinePosition
    high: LinePosition
    cursor: str | None
    next_cursor: str | None

    @property
    def is_empty(self) -> bool:
        return self.low.attempt == 0


class _Mark(NamedTuple):
    place: LinePosition
    cursor: str


def span_of(
    lines: Sequence[LogLine], *, interleaved: bool = False
) -> tuple[LinePosition, LinePosition] | None:
    key = _NUMBER_FIRST if interleaved else _PLACE
    if any(line.attempt < 1 for line in lines):
        lines = [line for line in lines if line.attempt > 0]
    if not lines:
        return None
    low, high = (
        LinePosition(line.attempt, line.sequence_num, line.time_ns)
        for line in (min(lines, key=key), max(lines, key=key))
    )
    return low, high


class Coverage:
    """The part of a retained log read without a break, from ``bottom`` to ``top``.

    The list's own order decides what lies between two places: attempt after attempt,
    or by number across attempts, so that ``bottom`` is where each was read back to.

    Attributes:
        order: Which end the list begins with; None until the data tell.
        at_start: Whether everything from the log's first retained line to ``bottom``
            has been read.
        head: How far a download read from the log's beginning that has not come to
            ``bottom``, in ``head_lines`` lines.
        at_end: Whether the newest retained line had been, when last looked at.
        older: Newest-first: the cursor of the page below ``bottom``.
        tail: Oldest-first: the cursor of the last page read.
        newest: The keys of the newest page, to see whether it stands still.
        newest_ns: The latest time of a retained line.
        newest_attempt: The last attempt a retained line was seen of.
        known_attempt: The last attempt that is known of in any way.
        confirmed: Whether the whole log came in another way than by pages, too.
        looped: Whether the list was found to lead in circles.
    """

    def __init__(self) -> None:
        self.order: PageOrder | None = None
        self.bottom: LinePosition | None = None
        self.top: LinePosition | None = None
        self.head: LinePosition | None = None
        self.head_lines = 0
        self.at_start = False
        self.at_end = False
        self.older: str | None = None
        self.tail: str | None = None
        self.newest: tuple[tuple[int, int, str], ...] = ()
        self.newest_ns = 0
        self.newest_attempt = 0
        self.known_attempt = 0
        self.confirmed = False
        self.looped = False
        self._interleaves: bool | None = None
        self._marks: list[_Mark] = []
        self._too_large: dict[str | None, LinePosition | None] = {}

    @property
    def rising(self) -> bool:
        return self.order is PageOrder.OLDEST_FIRST

    @property
    def interleaved(self) -> bool:
        """Whether the list goes by number across attempts.

        Until a page tells, a list that begins with the newest line is taken to: that
        is a current server's.
        """
        if self._interleaves is None:
            return self.order is PageOrder.NEWEST_FIRST
        return self._interleaves

    def key(self, place: tuple[int, int] | LinePosition) -> tuple[int, int]:
        """Return what places, which begin (attempt, number), are compared by."""
        return (place[1], place[0]) if self.interleaved else (place[0], place[1])

    @property
    def cut_off(self) -> str:
        """Why a part of the log cannot be read for now, in words; "" if all can."""
        return CUT_OFF if self._too_large else ""

    @property
    def end_cut_off(self) -> bool:
        """Whether the newest lines are in the part that cannot be read."""
        return bool(self._too_large) and (self.rising or None in self._too_large)

    @property
    def counts_from_start(self) -> bool:
        """Whether numbers count from the base on.

        They do once the log was read back to its start, and where the rest of the
        way cannot be read: what lies there is missing until it comes another way.
        """
        return self.at_start or bool(self._too_large)

    @property
    def needs_confirmation(self) -> bool:
        """Whether pages alone cannot vouch for this log.

        A current server keeps older pages for half an hour in a cache of its own, so
        they may lack what a later attempt wrote there since (WIRE.md "Logs"). The
        stream or the raw download has it.
        """
        retried = self.interleaved and max(self.newest_attempt, self.known_attempt) > 1
        return retried and bool(self._marks) and not self.confirmed

    @property
    def is_split(self) -> bool:
        known = self.head is not None and self.bottom is not None
        return known and not self.at_start and not self.meets_head()

    @property
    def way(self) -> Way:
        return Way.FALLING if self.order is PageOrder.NEWEST_FIRST else Way.RISING

    def learn_order(self, lines: Sequence[LogLine]) -> None:
        if self.order is None:
            self.order = order_of(lines)
        if self.order is not None:
            self.learn_attempts(lines, self.order)

    def learn_attempts(self, lines: Sequence[LogLine], order: PageOrder) -> None:
        """Find out how attempts follow one another, from lines as they came."""
        if self._interleaves is None:
            before = self.interleaved
            self._interleaves = interleaves(lines, order)
            if self.interleaved is not before:
                self._marks.sort(key=self._mark_key)

    def note(self, lines: Sequence[LogLine]) -> None:
        for line in lines:
            if line.time_ns is not None and line.time_ns > self.newest_ns:
                self.newest_ns = line.time_ns
            self.newest_attempt = max(self.newest_attempt, line.attempt)

    def remember(self, page: PageSpan) -> None:
        """Remember where a page's cursor leads: below it, or above it."""
        if page.next_cursor is None or page.is_empty:
            return
        mark = _Mark(page.high if self.rising else page.low, page.next_cursor)
        place = self._mark_key(mark)
        at = bisect_left(self._marks, place, key=self._mark_key)
        if at < len(self._marks) and self._mark_key(self._marks[at]) == place:
            self._marks[at] = mark
        else:
            self._marks.insert(at, mark)
        if len(self._marks) > MARKS_KEPT:
            del self._marks[::2]

    def way_to(self, first: tuple[int, int], last: tuple[int, int]) -> str | None:
        """Return the cursor of the page to begin with, to read some places again.

        None when nothing nearer than the list's beginning is known.
        """
        if self.rising:
            at = bisect_left(self._marks, self.key(first), key=self._mark_key) - 1
        else:
            at = bisect_right(self._marks, self.key(last), key=self._mark_key)
        return self._marks[at].cursor if 0 <= at < len(self._marks) else None

    def edge_of(self, cursor: str | None) -> LinePosition | None:
        """Return the place a remembered cursor leads on from; None if not known."""
        places = (mark.place for mark in self._marks if mark.cursor == cursor)
        return next(places, None)

    def around(self, gap: Gap) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the (attempt, number)s below and above which a gap was read past.

        Where attempts interleave, a page may end among the lines of one number.
        """
        if self.interleaved:
            return (0, gap.first), (END.attempt, gap.last)
        return (gap.attempt, gap.first), (gap.attempt, gap.last)

    def reach(self, low: LinePosition, high: LinePosition) -> None:
        if self.bottom is None or self.key(low) < self.key(self.bottom):
            self.bottom = low
        if self.top is None or self.key(high) > self.key(self.top):
            self.top = high

    def reaches(self, place: tuple[int, int]) -> bool:
        """Tell whether what was read goes past a place, from either end."""
        if self.at_start:
            return True
        from_start = self.head is not None and self.key(self.head) > self.key(place)
        from_end = self.bottom is not None and self.key(self.bottom) < self.key(place)
        return from_start or from_end

    @property
    def read(self) -> Stretch | None:
        if self.bottom is None or self.top is None:
            return None
        low = START if self.at_start else self.bottom
        return Stretch(low, END if self.at_end else self.top)

    def ranges_of(
        self, stretch: Stretch, attempts: Iterable[int]
    ) -> Iterator[tuple[int, int, int]]:
        """Yield (attempt, first, last) of the numbers a stretch tells of.

        Where attempts interleave, the numbers at its ends may have lines beyond it.
        """
        low, high = stretch
        for attempt in attempts:
            if self.interleaved:
                yield attempt, low.number + (low != START), high.number - 1
            elif low.attempt <= attempt <= high.attempt:
                first = low.number if attempt == low.attempt else 0
                last = high.number if attempt == high.attempt else END.number
                yield attempt, first, last

    def cut(self, cursor: str | None, edge: LinePosition | None) -> None:
        """Take note that a page is too large for the server.

        It begins at ``edge``; None is the list's beginning.
        """
        self._too_large[cursor] = edge

    def uncut(self, cursor: str | None, stretch: Stretch | None) -> None:
        """Take note that a page can be read, and what lies in a stretch."""
        self._too_large.pop(cursor, None)
        if stretch is None:
            return
        low, high = map(self.key, stretch)
        for other, edge in list(self._too_large.items()):
            if edge is None:
                continue
            at = self.key(edge)
            if low <= at < high if self.rising else low < at <= high:
                del self._too_large[other]

    def way_beyond(self, edge: LinePosition | None) -> _Mark | None:
        """Return the nearest remembered way behind a page that cannot be read."""
        marks = self._marks if self.rising else self._marks[::-1]
        for mark in marks:
            if mark.cursor in self._too_large:
                continue
            low, high = (edge, mark.place) if self.rising else (mark.place, edge)
            if low is None or high is None or self.key(low) < self.key(high):
                return mark
        return None

    def grow_head(self, last: LinePosition, lines: int) -> None:
        self.head = last
        self.head_lines += lines

    def meets_head(self) -> bool:
        """Tell whether the pages read back have come to what a download read.

        Another line of the number either ended with may be left out.
        """
        if self.head is None or self.bottom is None:
            return False
        low, high = self.key(self.bottom), self.key(self.head)
        return low[0] < high[0] if self.interleaved else low < high

    def reached_start(self) -> None:
        self.at_start = True
        self.head, self.head_lines = None, 0

    def forget_cursors(self) -> None:
        self._marks.clear()
        self._too_large = {None: None} if None in self._too_large else {}
        self.older = self.tail = None

    def loaded(self) -> None:
        self.confirmed = True
        self._too_large.clear()

    def renumber(self, attempt_at: Callable[[int], int]) -> None:
        """Find the attempts of all places again, from their times."""

        def again(place: LinePosition) -> LinePosition:
            if place.time_ns is None:
                return place
            return place._replace(attempt=attempt_at(place.time_ns))

        self.bottom = self.bottom and again(self.bottom)
        self.top = self.top and again(self.top)
        self.head = self.head and again(self.head)
        self._marks = [mark._replace(place=again(mark.place)) for mark in self._marks]
        self._marks.sort(key=self._mark_key)

    def _mark_key(self, mark: _Mark) -> tuple[int, int]:
        return self.key(mark.place)
