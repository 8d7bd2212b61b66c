"""Which stretch of the retained log has been read, and the ways back into it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.core.attempt_rules import Way
from chronotui.core.paging import PageOrder, order_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chronotui.model import LogLine

MARKS_KEPT: Final = 4096
"""Remembered cursors; with more, every second one is dropped: one more page to read."""


_PLACE: Final[Callable[[LogLine], tuple[int, int]]] = itemgetter(0, 1)
"""A line's (attempt, number), in C: pages are measured by it."""


class Place(NamedTuple):
    """Where a line stands; ``time_ns`` finds its attempt again if attempts change."""

    attempt: int
    number: int
    time_ns: int | None = None

    @property
    def key(self) -> tuple[int, int]:
        """What places are compared by."""
        return self[:2]


class PageSpan(NamedTuple):
    """A page that was read: its lowest and highest line, and how to come to it."""

    low: Place
    high: Place
    cursor: str | None
    next_cursor: str | None

    @property
    def is_empty(self) -> bool:
        """Whether the page held no line."""
        return self.low.attempt == 0


class _Mark(NamedTuple):
    place: Place
    cursor: str


def span_of(lines: Sequence[LogLine]) -> tuple[Place, Place] | None:
    """Return the lowest and the highest place of lines with known attempts."""
    places = list(map(_PLACE, lines))
    if places and min(places)[0] < 1:
        lines = [line for line in lines if line.attempt > 0]
        places = list(map(_PLACE, lines))
    if not places:
        return None
    low, high = places.index(min(places)), places.index(max(places))
    return _place(lines[low]), _place(lines[high])


def _place(line: LogLine) -> Place:
    return Place(line.attempt, line.sequence_num, line.time_ns)


class Coverage:
    """The part of a retained log read without a break, from ``bottom`` to ``top``.

    Attributes:
        order: Which end the list begins with; None until the data tell.
        at_start: Whether everything from the log's first retained line to ``bottom``
            has been read.
        head: How far a download read from the log's beginning that has not come to
            ``bottom``; None without one.
        head_lines: How many lines that were.
        at_end: Whether the newest retained line had been, when last looked at.
        older: Newest-first: the cursor of the page below ``bottom``.
        tail: Oldest-first: the cursor of the last page read.
        newest: The keys of the newest page, to see whether it stands still.
        looped: Whether the list was found to lead in circles.
    """

    def __init__(self) -> None:
        self.order: PageOrder | None = None
        self.bottom: Place | None = None
        self.top: Place | None = None
        self.head: Place | None = None
        self.head_lines = 0
        self.at_start = False
        self.at_end = False
        self.older: str | None = None
        self.tail: str | None = None
        self.newest: tuple[tuple[int, int, str], ...] = ()
        self.looped = False
        self._marks: list[_Mark] = []

    @property
    def rising(self) -> bool:
        """Whether the list is known to begin with the oldest line."""
        return self.order is PageOrder.OLDEST_FIRST

    @property
    def is_split(self) -> bool:
        """Whether lines between the log's beginning and ``bottom`` were not read."""
        if self.at_start or self.head is None or self.bottom is None:
            return False
        return not self.meets_head()

    @property
    def way(self) -> Way:
        """The order lines of a page come in."""
        falling = self.order is PageOrder.NEWEST_FIRST
        return Way.FALLING if falling else Way.RISING

    def learn_order(self, lines: Sequence[LogLine]) -> None:
        """Find the order out from a page as the server sent it."""
        if self.order is None:
            self.order = order_of(lines)

    def remember(self, page: PageSpan) -> None:
        """Remember where a page's cursor leads: below it, or above it.

        An empty page is nowhere, so where its cursor leads is not known.
        """
        if page.next_cursor is None or page.is_empty:
            return
        mark = _Mark(page.high if self.rising else page.low, page.next_cursor)
        at = bisect_left(self._marks, mark.place.key, key=_mark_key)
        if at < len(self._marks) and _mark_key(self._marks[at]) == mark.place.key:
            self._marks[at] = mark
        else:
            self._marks.insert(at, mark)
        if len(self._marks) > MARKS_KEPT:
            del self._marks[::2]

    def way_to(self, first: tuple[int, int], last: tuple[int, int]) -> str | None:
        """Return the cursor of the page to begin with, to read some places again.

        Args:
            first: (attempt, number) of the first place wanted.
            last: Of the last one.

        Returns:
            None when nothing nearer than the list's beginning is known.
        """
        if self.rising:
            at = bisect_left(self._marks, first, key=_mark_key) - 1
        else:
            at = bisect_right(self._marks, last, key=_mark_key)
        return self._marks[at].cursor if 0 <= at < len(self._marks) else None

    def reach(self, low: Place, high: Place) -> None:
        """Take the stretch from ``low`` to ``high`` as read, joined to what was."""
        if self.bottom is None or low.key < self.bottom.key:
            self.bottom = low
        if self.top is None or high.key > self.top.key:
            self.top = high

    def grow_head(self, last: Place, lines: int) -> None:
        """Take note that a download goes on from the beginning, up to ``last``."""
        self.head = last
        self.head_lines += lines

    def meets_head(self) -> bool:
        """Tell whether the pages read back have come to what a download read.

        Where both ended with one number, another line of it may be left out.
        """
        if self.head is None or self.bottom is None:
            return False
        bottom, head = self.bottom.key, self.head
        if bottom[1] > head.number + 1:
            # A download may mix the attempts of a job: by number it is not there yet.
            return False
        return bottom < head.key or bottom == (head.attempt, head.number + 1)

    def reached_start(self) -> None:
        """Take note that all is read from the log's first line on."""
        self.at_start = True
        self.head, self.head_lines = None, 0

    def forget_cursors(self) -> None:
        """Drop every cursor: the server does not take one of them any more."""
        self._marks.clear()
        self.older = self.tail = None

    def renumber(self, attempt_at: Callable[[int], int]) -> None:
        """Find the attempts of all places again, from their times."""

        def again(place: Place) -> Place:
            if place.time_ns is None:
                return place
            return place._replace(attempt=attempt_at(place.time_ns))

        self.bottom = None if self.bottom is None else again(self.bottom)
        self.top = None if self.top is None else again(self.top)
        self.head = None if self.head is None else again(self.head)
        self._marks = sorted(
            (mark._replace(place=again(mark.place)) for mark in self._marks),
            key=_mark_key,
        )


def _mark_key(mark: _Mark) -> tuple[int, int]:
    return mark.place.key
