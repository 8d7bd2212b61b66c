"""What is missing of a log: which gaps there are, and how they are read again."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final

from chronotui.engine.connection import BufferingDetector, TailPoll
from chronotui.engine.pages import Account
from chronotui.engine.timing import GapSchedule, RateLimiter, set_within
from chronotui.log.ledger import Gap

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from chronotui.engine.connection import Connectivity
    from chronotui.engine.intake import Intake
    from chronotui.engine.pages import Limiter, RetainedPages
    from chronotui.engine.timing import Clock, WatchTiming
    from chronotui.log.coverage import Stretch
    from chronotui.log.ledger import AttemptLedger, Ledger
    from chronotui.model import LogLine

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

LAST_NUMBER: Final = 1 << 62
"""Stands for the end of an attempt in a gap of unknown length."""


class LagMeter:
    """How far the retained log trails behind the live stream.

    A lag is what has been seen: a line was live at one moment and was still not
    retained at a later one, and is now. Places are (attempt, number).
    """

    def __init__(self, *, grain: float) -> None:
        self._grain = grain
        self._live: deque[tuple[float, tuple[int, int]]] = deque(maxlen=4096)
        self._read_at = float("-inf")
        self.largest = 0.0

    def live(self, now: float, highest: tuple[int, int]) -> None:
        """Note the highest place that has arrived live."""
        if self._live:
            last_at, last = self._live[-1]
            if highest <= last:
                return
            if now - last_at < self._grain and len(self._live) > 1:
                self._live[-1] = (last_at, highest)
                return
        self._live.append((now, highest))

    def retained(self, now: float, highest: tuple[int, int] | None) -> None:
        """Note the highest place of a newest page, or that there is none yet."""
        while self._live and highest is not None and self._live[0][1] <= highest:
            at, _ = self._live.popleft()
            self.largest = max(self.largest, self._read_at - at)
        self._read_at = now


class Boundaries:
    """Ends of attempts that have to be read again after the next one has begun.

    The last lines of an attempt may have been dropped live, and no higher number
    tells. So the end of an attempt is certain only when the next one is retained,
    the attempt has stood still for as long as a sealed log must (DESIGN.md, invariant
    6), and the retained log was read across it then. Where attempts interleave, the
    newest page may not show the last one's end either: then that is read like the
    others.

    Args:
        still: Seconds an attempt must stand still at least.
    """

    def __init__(self, ledger: Ledger, lag: LagMeter, still: float) -> None:
        self._ledger = ledger
        self._lag = lag
        self._still = still
        self._since: dict[int, tuple[int, float]] = {}
        self._closed: set[int] = set()
        self._last_closed = (0, 0)

    def closed(self, attempt: int) -> bool:
        return attempt in self._closed

    def close_all(self) -> None:
        """Take every end seen so far as certain: it is long past."""
        self._closed |= set(self._ledger.attempts())

    def renumbered(self) -> None:
        self._since.clear()
        self._closed.clear()

    def gaps(self, now: float) -> Iterator[Gap]:
        """Yield the ends still to be read, as gaps without known missing lines."""
        for attempt, account in self._open(now):
            after = account.highest + 1
            last = after if self._ledger.interleaved else LAST_NUMBER
            yield Gap(attempt, after, last, 0)

    def _open(self, now: float) -> Iterator[tuple[int, AttemptLedger]]:
        """Yield attempts whose end is not certain; note when they changed."""
        ledger = self._ledger
        floor, attempts = ledger.floor, ledger.attempts()
        for attempt in attempts:
            if attempt in self._closed or (floor and attempt < floor[0]):
                continue
            account = ledger.attempt(attempt)
            if account is None or self._last_closed == (attempt, account.lines):
                continue
            if attempt == attempts[-1] and not self._hides(account):
                continue
            known = self._since.get(attempt)
            if known is None or known[0] != account.lines:
                self._since[attempt] = (account.lines, now)
            yield attempt, account

    def _hides(self, last: AttemptLedger) -> bool:
        """Tell whether the last attempt's end is among an earlier one's numbers."""
        ledger = self._ledger
        accounts = map(ledger.attempt, ledger.attempts()[:-1])
        return ledger.interleaved and any(
            account.highest > last.highest for account in accounts if account
        )

    def read(
        self,
        low: tuple[int, int],
        high: tuple[int, int],
        now: float,
        newest_attempt: int,
    ) -> None:
        """Note that the retained log was read from ``low`` to ``high``.

        Args:
            newest_attempt: The newest one a retained line is known of.
        """
        still = max(self._still, 2 * self._lag.largest)
        last = max(self._ledger.attempts(), default=0)
        for attempt, account in list(self._open(now)):
            if self._ledger.interleaved:
                crossed = low[1] <= account.highest < high[1] - 1
                crossed = crossed and attempt <= newest_attempt
                crossed = crossed and (attempt < newest_attempt or attempt == last)
            else:
                crossed = low[0] <= attempt < min(high[0], newest_attempt)
            if not crossed or now - self._since[attempt][1] < still:
                continue
            if attempt == last:
                self._last_closed = (attempt, account.lines)
            else:
                self._closed.add(attempt)

    def long_past(self, time_ns: Callable[[int], int | None], before_ns: int) -> None:
        """Close ends whose next attempt, as ``time_ns`` tells, began before a time."""
        attempts = self._ledger.attempts()
        for attempt, following in pairwise(attempts):
            began = time_ns(following)
            if began is not None and began < before_ns:
                self._closed.add(attempt)


class _Sight:
    """When a gap was first seen, and when it was last read and still there."""

    def __init__(self, now: float) -> None:
        self.seen_at = self.read_at = now


class GapTracker(Account):
    """The ledger, the ends of attempts, and the stretch that has been read.

    What was read is settled here once it must be retained, if it ever is.

    Attributes:
        caught_up: Whether what was wanted on opening has been read.
    """

    def __init__(
        self,
        intake: Intake,
        timing: WatchTiming,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        super().__init__(intake.ledger)
        self._intake = intake
        self._timing = timing
        self._clock = clock
        self._changed = changed
        self._sights: dict[tuple[int, int], _Sight] = {}
        self._awaited: dict[tuple[int, int], _Sight] = {}
        self._backfilled_after = 0.0
        self._is_long_past = False
        self._old_to: dict[int, tuple[int, int, int]] = {}
        self.lag = LagMeter(grain=timing.still / 60)
        self.boundaries = Boundaries(intake.ledger, self.lag, timing.still)
        self.caught_up = False

    def gaps(self) -> Iterator[Gap]:
        """Yield what is to be read again.

        First where lines are missing, then where numbers were perhaps only skipped,
        and ends of attempts unread.
        """
        now = self._clock.monotonic()
        ledger = self.ledger
        unread_from = self.unread_from()
        self._forget_sights()
        absent = islice(ledger.gaps(), GAPS_LOOKED_AT)
        skipped = (gap for gap in absent if not gap.missing)
        for gaps in (ledger.short_gaps(), islice(skipped, POSSIBLE_AT_ONCE)):
            for gap in gaps:
                if unread_from is None or gap[:2] < unread_from:
                    self._sight(gap.attempt, gap.last, now)
                    yield gap
        if self.caught_up and unread_from is None:
            yield from ledger.open_ends()
        if self.caught_up:
            ledger.interleaved = self.coverage.interleaved
            yield from self.boundaries.gaps(now)

    def unread(self) -> Iterator[Gap]:
        unread_from = self.unread_from()
        if unread_from is not None:
            for gap in self.ledger.short_gaps():
                if gap[:2] >= unread_from:
                    yield gap

    @property
    def missing(self) -> int:
        """Lines known to exist, asked for, and not held.

        While an oldest-first log is read in, what lies ahead is not missing yet.
        """
        unread_from = self.unread_from()
        if unread_from is None:
            return self.ledger.missing
        gaps = self.ledger.short_gaps()
        return sum(gap.missing for gap in gaps if gap[:2] < unread_from)

    def unread_from(self) -> tuple[int, int] | None:
        """Return the place an oldest-first reading has come to; None at its end."""
        coverage = self.coverage
        if coverage.at_end or not coverage.rising or coverage.cut_off:
            return None
        if coverage.top is None:
            return (0, 0)
        if coverage.interleaved:
            return (min(self.ledger.attempts(), default=0), coverage.top.number)
        return coverage.top.key

    def page_read(self) -> None:
        super().page_read()
        self._changed()

    def newest_read(self) -> None:
        coverage = self.coverage
        newest = None if coverage.top is None else coverage.top.key
        if newest is not None and coverage.newest_attempt > newest[0]:
            newest = None
        self.lag.retained(self._clock.monotonic(), newest)

    def stretch_read(self, stretch: Stretch) -> None:
        now = self._clock.monotonic()
        ledger, coverage = self.ledger, self.coverage
        ledger.interleaved = coverage.interleaved
        self._measure()
        ranges = coverage.ranges_of(stretch, ledger.attempts())
        for attempt, first, last in ranges:
            account = ledger.attempt(attempt)
            if account is not None:
                self._settle_old(attempt, account, (first, last), now)
        low, high = stretch.low.key, stretch.high.key
        self.boundaries.read(low, high, now, coverage.newest_attempt)
        self._changed()

    def _settle_old(
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
        is_over = self._is_long_past or self.coverage.confirmed
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
        lag = max(2 * self.lag.largest, self._backfilled_after)
        return min(max(shortest, lag), LONGEST_LAG * shortest)

    def _old_in(self, attempt: int) -> int:
        """Return the last number written so long before the newest retained line."""
        newest_ns, store = self.coverage.newest_ns, self._intake.store
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
        held = self.ledger.held
        for place in [place for place in self._awaited if held(*place)]:
            sight = self._awaited.pop(place)
            self._backfilled_after = max(
                self._backfilled_after, sight.read_at - sight.seen_at
            )

    def _forget_sights(self) -> None:
        if len(self._sights) >= SIGHTS_KEPT:
            held = self.ledger.held
            sights = self._sights.items()
            self._sights = {key: sight for key, sight in sights if not held(*key)}

    def opened(self, *, settled: bool) -> None:
        """Note that what was wanted on opening has been read.

        ``settled``: The job ended so long ago that nothing can follow.
        """
        if settled:
            self._is_long_past = True
            if self.coverage.read is not None:
                self.settle(self.coverage.read)
            self.boundaries.close_all()
        long_ago = int((self._clock.wall() - self._timing.settled_age) * 1e9)
        self.boundaries.long_past(self._first_time, long_ago)
        self.caught_up = True

    def _first_time(self, attempt: int) -> int | None:
        store = self._intake.store
        places = store.attempt_range(attempt)
        return store.line(places.start).time_ns if places else None

    def renumbered(self, attempt_at: Callable[[int], int]) -> None:
        self._sights.clear()
        self._awaited.clear()
        self._old_to.clear()
        super().renumbered(attempt_at)
        self.boundaries.renumbered()


class Backfill:
    """Reads the newest page and the pages around gaps, each in its time.

    Args:
        open_rest: Reads on what is wanted and could not be read yet.
        renew: Opens the stream anew: the newest page twice held lines that it, which
            seems to stand, has not said, so it is half-open.

    Attributes:
        away: The newest page was out of reach for long: reading on from where it
            was left is like the first catching up.
    """

    def __init__(
        self,
        pages: RetainedPages,
        account: GapTracker,
        *,
        connectivity: Connectivity,
        open_rest: Callable[[], Awaitable[None]],
        renew: Callable[[], None],
    ) -> None:
        self.pages = pages
        self.account = account
        self.open_rest = open_rest
        self._connectivity = connectivity
        self.timing = timing = connectivity.timing
        self.clock = connectivity.clock
        self._renew = renew
        self._woken = asyncio.Event()
        self._held_back = BufferingDetector(timing)
        self.away = False
        self.tail = TailPoll(connectivity, self._held_back)
        self.schedule = GapSchedule(timing)
        self._budget = RateLimiter(
            burst=timing.backfill_burst, rate=timing.backfill_rate
        )

    def wake_up(self) -> None:
        """Read the newest page at once: the machine has slept."""
        self.away = True
        self.tail.soon(0.0)
        self.wake()

    def wake(self) -> None:
        self._woken.set()

    def connected(self, outage: float) -> None:
        """Plan the re-reading after a subscription and the outage before it."""
        self.away = self.away or outage >= self.timing.long_outage
        self._held_back.connected()
        self.tail.soon(self.timing.after_connected)
        self.wake()

    async def run(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            await self._pause()
            if ended.is_set():
                return
            now = self.clock.monotonic()
            if self._tail_due() <= now:
                await self._read_tail(ended)
                await self.open_rest()
            gap = self.schedule.due(self.clock.monotonic())
            if gap is not None:
                await self.read_gap(gap, self.schedule, self._limiter(ended))

    def _tail_due(self) -> float:
        return self.tail.due(rising=self.pages.coverage.rising)

    async def _pause(self) -> None:
        """Wait until something may be due.

        Lines that only go on do not wake it, though they move what is to be read: so
        what seems due after a sleep is looked at anew.
        """
        until = self._next_due()
        now = self.clock.monotonic()
        while until > now:
            woken = await set_within(self._woken, until - now)
            self._woken.clear()
            if woken:
                # Lines arrive all the time; looking at each is not worth it.
                await asyncio.sleep(min(self.timing.backfill_first / 4, until - now))
                return
            until = self._next_due()
            now = self.clock.monotonic()

    def _next_due(self) -> float:
        self.schedule.update(self.account.gaps(), self.clock.monotonic())
        due = self.schedule.next_due()
        return self._tail_due() if due is None else min(due, self._tail_due())

    async def _read_tail(self, ended: asyncio.Event) -> None:
        heard = self._connectivity.heard_at
        before = len(self.pages.intake.store)
        away, self.away = self.away, False
        try:
            await self.pages.read_tail(None if away else self._limiter(ended))
        except BaseException:
            self.away = away
            raise
        found = len(self.pages.intake.store) > before
        unsaid = found and self._connectivity.heard_at <= heard
        self.tail.read(found=unsaid)
        if self._connectivity.is_live:
            renew = self._held_back.read(ahead=unsaid)
            self._connectivity.hold_back(self._held_back.is_certain)
            if renew:
                self._renew()

    def examine(self, lines: Sequence[LogLine]) -> None:
        """Look at the stream's lines before they are taken: some come late."""
        apart = 0.0
        if len(lines) > 1:
            times = [line.time_ns for line in lines if line.time_ns is not None]
            apart = (max(times) - min(times)) / 1e9 if times else 0.0
        detector = self._held_back
        trusted = not detector.suspected
        detector.arrived(apart, were_read=self.pages.has_read(lines[0]))
        self._connectivity.hold_back(detector.is_certain)
        if trusted and detector.suspected:
            self.wake()

    async def read_gap(
        self, gap: Gap, schedule: GapSchedule, limiter: Limiter = None
    ) -> None:
        """Read what a gap lies in, a try for the gaps there that were due."""
        read = await self.pages.read_gap(gap, limiter)
        now = self.clock.monotonic()
        if read is not None:
            self.account.stretch_read(read)
            schedule.tried(read.low.key, read.high.key, now)
        schedule.tried(gap[:2], (gap.attempt, gap.last), now)

    def _limiter(self, ended: asyncio.Event) -> Limiter:
        """Return what lets requests through at the polite rate, and all at the end."""
        budget = self._budget

        async def limiter() -> None:
            now = self.clock.monotonic()
            while not ended.is_set() and (wait := budget.wait(now)):
                await set_within(ended, wait)
                now = self.clock.monotonic()
            budget.take(now)

        return limiter
