"""Runs in the order of their time: where a new one goes, and the days they fill.

A list is newest first. An item without a time stands where the server has it and is
taken for as old as the one before it. Nothing here walks a list: places and borders
are found by bisection.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import date, tzinfo


def local_time(moment: datetime, zone: tzinfo | None) -> datetime:
    """Return a time in a zone, None being the machine's own; in UTC if it cannot be."""
    try:
        return moment.astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return moment.astimezone(UTC)


def day_label(day: date, today: date) -> str:
    """Return how a day is called: ``today``, ``yesterday``, ``Thu 26 Nov``."""
    if day == today:
        return "today"
    if day == today - timedelta(days=1):
        return "yesterday"
    return f"{day:%a} {day.day} {day:%b}" + (
        "" if day.year == today.year else f" {day.year}"
    )


class TimedIds(NamedTuple):
    """Ids in the order of their times, newest first, and how a time is looked up."""

    ids: Sequence[str]
    time_of: Callable[[str], datetime | None]

    def time_at(self, at: int, first: int = 0) -> datetime | None:
        """Return an item's time, or that of the nearest before it from ``first`` on."""
        for place in range(at, first - 1, -1):
            time = self.time_of(self.ids[place])
            if time is not None:
                return time
        return None

    def first_before(self, moment: datetime, first: int = 0) -> int:
        """Return the first item's number from ``first`` on older than a moment.

        Looked for in growing steps: a near one costs little in a long list.
        """
        ids, time_of, count = self.ids, self.time_of, len(self.ids)

        def is_older(at: int) -> bool:
            time = time_of(ids[at]) or self.time_at(at, first)
            return time is not None and time < moment

        low, step = first, 8
        while low + step < count and not is_older(low + step):
            low, step = low + step, 2 * step
        high = min(low + step, count)
        return bisect_left(range(high), True, lo=low, key=is_older)

    def place_for(self, moment: datetime | None) -> int:
        """Return where an item of a time goes: on top of those of the same second."""
        if moment is None:
            return 0
        return self.first_before(moment + timedelta(microseconds=1))

    def days(self, zone: tzinfo | None) -> list[Day]:
        """Return the days the items fill, newest first; none without a time.

        Args:
            zone: The zone days are told in; None is the machine's own.
        """
        count, days = len(self.ids), list[Day]()
        times = (at for at in range(count) if self.time_of(self.ids[at]) is not None)
        first, timed = 0, next(times, count)
        while timed < count:
            moment = self.time_at(timed)
            assert moment is not None  # noqa: S101 - `timed` is one that has a time
            day = local_time(moment, zone).date()
            end = max(self.first_before(_midnight(day, zone), timed), timed + 1)
            days.append(Day(day, first, end - first))
            first = timed = end
        return days


def by_time(ids: list[str], time_of: Callable[[str], datetime | None]) -> list[str]:
    """Return ids newest first; those of one time keep their order, see above."""
    times: list[float] = []
    for item in ids:
        time = time_of(item)
        last = times[-1] if times else -inf
        times.append(last if time is None else -time.timestamp())
    return [
        item for _time, item in sorted(zip(times, ids, strict=True), key=itemgetter(0))
    ]


class Day(NamedTuple):
    """The items of a list that fall on a day: the first one's number, and how many."""

    date: date
    first: int
    size: int


@lru_cache(maxsize=4096)
def _midnight(day: date, zone: tzinfo | None) -> datetime:
    """Return the moment a day begins, in UTC."""
    begin = datetime(day.year, day.month, day.day, tzinfo=zone)
    return local_time(begin, UTC)


class DayRows:
    """The rows of a list under the rows of its days.

    Args:
        days: The days, newest first.
        folded: Those whose items are not shown.
    """

    def __init__(self, days: Sequence[Day], folded: Collection[date]) -> None:
        self._days = days
        self._folded = folded
        self._ends = list(
            accumulate(1 + (0 if d.date in folded else d.size) for d in days)
        )
        self._firsts = [day.first for day in days]

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @property
    def ends_folded(self) -> bool:
        """Whether what is read on would not be seen."""
        return self._days[-1].date in self._folded

    def is_open(self, day: Day) -> bool:
        return day.date not in self._folded

    def named(self, iso_date: str) -> Day | None:
        """Return the day of a date as `NodeKey.day` has it."""
        days = (day for day in self._days if day.date.isoformat() == iso_date)
        return next(days, None)

    def of_item(self, at: int) -> Day:
        """Return the day an item stands in, by its number in the list."""
        return self._days[bisect_right(self._firsts, at) - 1]

    def at(self, row: int) -> tuple[Day, int | None]:
        """Return the day of a row, and the item's number; None for the day's own."""
        place = bisect_right(self._ends, row)
        day = self._days[place]
        offset = row - (self._ends[place - 1] if place else 0)
        return day, (day.first + offset - 1 if offset else None)

    def row_of_day(self, day: Day) -> int:
        place = bisect_left(self._firsts, day.first)
        return self._ends[place - 1] if place else 0

    def row_of_item(self, at: int) -> int | None:
        """Return an item's row, None where its day is folded."""
        day = self.of_item(at)
        if not self.is_open(day):
            return None
        return self.row_of_day(day) + 1 + at - day.first
