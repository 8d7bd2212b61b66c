"""What is missing of a log, in the light of how far it has been read."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from chronotui.core.coverage import Place, Stretch
from chronotui.core.sealing import LagMeter
from chronotui.engine.watch.boundaries import Boundaries
from chronotui.engine.watch.pages import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chronotui.core.coverage import Coverage
    from chronotui.core.ledger import AttemptLedger, Hole
    from chronotui.engine.watch.intake import Intake
    from chronotui.engine.watch.timing import Clock, WatchTiming

POSSIBLE_AT_ONCE: Final = 200
"""Oldest gaps without a missing line that are looked after at a time ..."""

GAPS_LOOKED_AT: Final = 4000
"""... of so many gaps: what is missing comes first in any case."""

SIGHTS_KEPT: Final = 4 * GAPS_LOOKED_AT
"""Gaps whose first sight is remembered, before those that closed are forgotten."""

LONGEST_LAG: Final = 5
"""So many times the usual time to settle is the longest one: a server's page cache
may keep a line from being read for much longer than it takes to be retained."""

AWAITED_KEPT: Final = 500
"""Gaps that were read and still there, by which the lag is measured."""


class _Sight:
    """When a gap was first seen, and when it was last read and still there."""

    def __init__(self, now: float) -> None:
        self.seen_at = self.read_at = now


class Account:
    """The ledger, the ends of attempts, and the stretch that has been read.

    Attributes:
        boundaries: Which ends of attempts are certain.
        lag: How far the retained log trails.
        caught_up: Whether what was wanted on opening has been read.
    """

    def __init__(
        self, intake: Intake, coverage: Coverage, timing: WatchTiming, clock: Clock
    ) -> None:
        self._intake = intake
        self._coverage = coverage
        self._timing = timing
        self._clock = clock
        self._sights: dict[tuple[int, int], _Sight] = {}
        self._awaited: dict[tuple[int, int], _Sight] = {}
        self._healed_after = 0.0
        self._is_long_past = False
        self._old_to: dict[int, tuple[int, int, int]] = {}
        self.lag = LagMeter(grain=timing.still / 60)
        self.boundaries = Boundaries(intake.ledger, self.lag, timing.still)
        self.caught_up = False
        coverage.on_read = self._stretch_read

    def holes(self) -> Iterator[Hole]:
        """Yield what is to be read again.

        First where lines are missing, then where numbers were perhaps only skipped,
        and ends of attempts unread.
        """
        now = self._clock.monotonic()
        ledger, coverage = self._intake.ledger, self._coverage
        unread_from = self.unread_from()
        self._forget_sights()
        for hole in ledger.short_holes():
            if unread_from is None or hole[:2] < unread_from:
                self._sight(hole.attempt, hole.last, now)
                yield hole
        gaps = islice(ledger.holes(), GAPS_LOOKED_AT)
        skipped = (gap for gap in gaps if not gap.missing)
        for hole in islice(skipped, POSSIBLE_AT_ONCE):
            if unread_from is None or hole[:2] < unread_from:
                self._sight(hole.attempt, hole.last, now)
                yield hole
        if self.caught_up and unread_from is None:
            yield from ledger.open_ends()
        if self.caught_up:
            ledger.interleaved = coverage.interleaved
            yield from self.boundaries.holes(now)

    def unread(self) -> Iterator[Hole]:
        """Yield what is missing where an oldest-first reading has not come yet."""
        unread_from = self.unread_from()
        if unread_from is not None:
            for hole in self._intake.ledger.short_holes():
                if hole[:2] >= unread_from:
                    yield hole

    @property
    def missing(self) -> int:
        """Lines known to exist, asked for, and not held.

        While an oldest-first log is read in, what lies ahead is not missing yet.
        """
        ledger, unread_from = self._intake.ledger, self.unread_from()
        if unread_from is None:
            return ledger.missing
        holes = ledger.short_holes()
        return sum(hole.missing for hole in holes if hole[:2] < unread_from)

    @property
    def possible(self) -> int:
        """Lines asked for that may be missing, for their places were not read yet."""
        return self._intake.ledger.possible

    def unread_from(self) -> tuple[int, int] | None:
        """Return the place an oldest-first reading has come to; None at its end."""
        coverage = self._coverage
        if coverage.at_end or not coverage.rising or coverage.cut_off:
            return None
        if coverage.top is None:
            return (0, 0)
        if coverage.interleaved:
            return (min(self._intake.ledger.attempts(), default=0), coverage.top.number)
        return coverage.top.key

    def set_floor(self) -> None:
        """Let counting begin where the log has been read back to."""
        ledger, coverage = self._intake.ledger, self._coverage
        ledger.whole = coverage.counts_from_start
        ledger.interleaved = coverage.interleaved
        if coverage.bottom is not None:
            ledger.reached = coverage.bottom.key

    def read(self, low: tuple[int, int], high: tuple[int, int]) -> None:
        """Note that the retained log was read from ``low`` to ``high``.

        Args:
            low: (attempt, number).
            high: Where attempts interleave, of the same attempt.
        """
        self._stretch_read(Stretch(Place(*low), Place(*high)))

    def _stretch_read(self, stretch: Stretch) -> None:
        now = self._clock.monotonic()
        ledger, coverage = self._intake.ledger, self._coverage
        ledger.interleaved = coverage.interleaved
        self._measure()
        ranges = coverage.ranges_of(stretch, ledger.attempts())
        for attempt, first, last in ranges:
            account = ledger.attempt(attempt)
            if account is not None:
                self._settle(attempt, account, (first, last), now)
        newest = (coverage.newest_attempt, 0)
        self.boundaries.read(stretch.low.key, stretch.high.key, now, newest)

    def _settle(
        self,
        attempt: int,
        account: AttemptLedger,
        numbers: tuple[int, int],
        now: float,
    ) -> None:
        """Settle what must be retained by now, if it ever is, of numbers just read."""
        first, last = numbers
        old_to = self._old_in(attempt)
        # A download that reached the newest line is of after the job's end.
        is_over = self._is_long_past or self._coverage.confirmed
        if is_over or old_to >= account.highest:
            old_to = last
        old_to = min(last, old_to)
        if first <= old_to:
            account.settle(first, old_to)
        grace = self._grace()
        for gap in list(account.gaps(max(first, old_to + 1), last)):
            sight = self._sight(attempt, gap[1], now)
            if now - sight.seen_at >= grace:
                account.settle(gap[0], gap[1])
            if account.held(gap[1]):
                self._awaited.pop((attempt, gap[1]), None)
            elif len(self._awaited) < AWAITED_KEPT:
                sight.read_at = now
                self._awaited[attempt, gap[1]] = sight
        sight = self._sight(attempt, account.highest + 1, now)
        if last > account.highest and now - sight.seen_at >= grace:
            account.settle(account.highest, last)

    def _grace(self) -> float:
        """Return how long after it was written a line must be retained."""
        shortest = self._timing.settle_after
        lag = max(2 * self.lag.largest, self._healed_after)
        return min(max(shortest, lag), LONGEST_LAG * shortest)

    def _old_in(self, attempt: int) -> int:
        """Return the last number written so long before the newest retained line."""
        newest_ns, store = self._coverage.newest_ns, self._intake.store
        places = store.attempt_range(attempt)
        known = self._old_to.get(attempt)
        if known is not None and known[:2] == (newest_ns, len(places)):
            return known[2]
        before_ns = newest_ns - int(self._grace() * 1e9)
        low, high = places.start, places.stop
        while low < high:
            middle = (low + high) // 2
            time_ns = store.line(middle).time_ns
            if time_ns is None or time_ns > before_ns:
                high = middle
            else:
                low = middle + 1
        found = store.line(low - 1).sequence_num if low > places.start else -1
        self._old_to[attempt] = (newest_ns, len(places), found)
        return found

    def _sight(self, attempt: int, last: int, now: float) -> _Sight:
        return self._sights.setdefault((attempt, last), _Sight(now))

    def _measure(self) -> None:
        """Measure the lag by lines that came after their place had been read."""
        held = self._intake.ledger.held
        for place in [place for place in self._awaited if held(*place)]:
            sight = self._awaited.pop(place)
            self._healed_after = max(self._healed_after, sight.read_at - sight.seen_at)

    def _forget_sights(self) -> None:
        """Forget gaps that closed."""
        if len(self._sights) >= SIGHTS_KEPT:
            held = self._intake.ledger.held
            sights = self._sights.items()
            self._sights = {key: sight for key, sight in sights if not held(*key)}

    def newest_read(self) -> None:
        """Note that the newest page was read."""
        coverage = self._coverage
        newest = None if coverage.top is None else coverage.top.key
        if newest is not None and coverage.newest_attempt > newest[0]:
            newest = None
        self.lag.retained(self._clock.monotonic(), newest)

    def opened(self, *, settled: bool) -> None:
        """Note that what was wanted on opening has been read.

        Args:
            settled: Whether the job ended so long ago that nothing can follow.
        """
        if settled:
            self._is_long_past = True
            self._settle_read()
            self.boundaries.close_all()
        long_ago = int((self._clock.wall() - self._timing.settled_age) * 1e9)
        self.boundaries.long_past(self._first_time, long_ago)
        self.caught_up = True

    def _settle_read(self) -> None:
        """Settle all that was read."""
        ledger, coverage = self._intake.ledger, self._coverage
        if coverage.read is not None:
            settle(ledger, coverage, coverage.read)

    def _first_time(self, attempt: int) -> int | None:
        store = self._intake.store
        places = store.attempt_range(attempt)
        return store.line(places.start).time_ns if places else None

    def renumbered(self, attempt_at: Callable[[int], int]) -> None:
        """Find every place again after lines turned out to be of other attempts."""
        self._coverage.renumber(attempt_at)
        self._sights.clear()
        self._awaited.clear()
        self._old_to.clear()
        self._settle_read()
        self.boundaries.renumbered()
        self.set_floor()
