"""What is missing of a log, in the light of how far it has been read."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.engine.intake import Boundaries
from chronotui.engine.pages import settle, unlimited
from chronotui.engine.retry import Wakeup
from chronotui.engine.timing import LagMeter
from chronotui.log.coverage import LinePosition, Stretch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from chronotui.engine.connection import Connectivity
    from chronotui.engine.intake import Intake
    from chronotui.engine.pages import Limiter, RetainedPages
    from chronotui.engine.timing import Clock, WatchTiming
    from chronotui.log.coverage import Coverage
    from chronotui.log.ledger import AttemptLedger, Gap

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


class GapTracker:
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
        self._backfilled_after = 0.0
        self._is_long_past = False
        self._old_to: dict[int, tuple[int, int, int]] = {}
        self.lag = LagMeter(grain=timing.still / 60)
        self.boundaries = Boundaries(intake.ledger, self.lag, timing.still)
        self.caught_up = False
        coverage.on_read = self._stretch_read

    def gaps(self) -> Iterator[Gap]:
        """Yield what is to be read again.

        First where lines are missing, then where numbers were perhaps only skipped,
        and ends of attempts unread.
        """
        now = self._clock.monotonic()
        ledger, coverage = self._intake.ledger, self._coverage
        unread_from = self.unread_from()
        self._forget_sights()
        for gap in ledger.short_gaps():
            if unread_from is None or gap[:2] < unread_from:
                self._sight(gap.attempt, gap.last, now)
                yield gap
        absent = islice(ledger.gaps(), GAPS_LOOKED_AT)
        skipped = (gap for gap in absent if not gap.missing)
        for gap in islice(skipped, POSSIBLE_AT_ONCE):
            if unread_from is None or gap[:2] < unread_from:
                self._sight(gap.attempt, gap.last, now)
                yield gap
        if self.caught_up and unread_from is None:
            yield from ledger.open_ends()
        if self.caught_up:
            ledger.interleaved = coverage.interleaved
            yield from self.boundaries.gaps(now)

    def unread(self) -> Iterator[Gap]:
        """Yield what is missing where an oldest-first reading has not come yet."""
        unread_from = self.unread_from()
        if unread_from is not None:
            for gap in self._intake.ledger.short_gaps():
                if gap[:2] >= unread_from:
                    yield gap

    @property
    def missing(self) -> int:
        """Lines known to exist, asked for, and not held.

        While an oldest-first log is read in, what lies ahead is not missing yet.
        """
        ledger, unread_from = self._intake.ledger, self.unread_from()
        if unread_from is None:
            return ledger.missing
        gaps = ledger.short_gaps()
        return sum(gap.missing for gap in gaps if gap[:2] < unread_from)

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
        self._stretch_read(Stretch(LinePosition(*low), LinePosition(*high)))

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
        lag = max(2 * self.lag.largest, self._backfilled_after)
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
            self._backfilled_after = max(
                self._backfilled_after, sight.read_at - sight.seen_at
            )

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


# How many requests may be made, and when the next one may.


class RateLimiter:
    """A bucket of permissions: a burst at first, then a steady rate.

    Args:
        burst: Permissions there can be at once.
        rate: Permissions that come back, per second.
        now: Monotonic seconds.
    """

    def __init__(self, *, burst: int, rate: float, now: float) -> None:
        self._burst = float(burst)
        self._rate = rate
        self._left = float(burst)
        self._at = now

    def wait(self, now: float) -> float:
        """Return the seconds until a request may be made; 0 for at once."""
        self._refill(now)
        return 0.0 if self._left >= 1.0 else (1.0 - self._left) / self._rate

    def take(self, now: float) -> None:
        """Count a request."""
        self._refill(now)
        self._left -= 1.0

    def _refill(self, now: float) -> None:
        gained = max(0.0, now - self._at) * self._rate
        self._left = min(self._burst, self._left + gained)
        self._at = now


# When to look again for which missing lines.

HOLES_AT_ONCE: Final = 2000
"""Oldest holes looked after at a time; the others move up as these close."""


class _Plan(NamedTuple):
    due: float
    delay: float


class GapSchedule:
    """Gives each hole its tries, each later than the one before by a growing delay.

    Args:
        first: Seconds from seeing a hole to the first try.
        factor: Growth of the delay from try to try.
        cap: Longest delay.
        at_once: Whether the first try does not wait, but the second one does.
        skipped: Seconds to the first try where numbers were probably only skipped:
            an earlier one settles nothing. None: as for any other.
    """

    def __init__(
        self,
        *,
        first: float,
        factor: float,
        cap: float,
        at_once: bool = False,
        skipped: float | None = None,
    ) -> None:
        self._first = first
        self._skipped = first if skipped is None else skipped
        self._at_once = at_once
        self._factor = factor
        self._cap = cap
        self._plans: dict[tuple[int, int], _Plan] = {}
        self._gaps: list[Gap] = []

    @property
    def gaps(self) -> list[Gap]:
        """The holes looked after, in the order they were given."""
        return self._gaps

    def update(self, gaps: Iterable[Gap], now: float) -> None:
        """Take over which holes there are now, the most urgent first."""
        self._gaps = list(islice(gaps, HOLES_AT_ONCE))
        delay = 0.0 if self._at_once else self._first
        fresh = _Plan(now + delay, self._first)
        delay = 0.0 if self._at_once else self._skipped
        skipped = _Plan(now + delay, self._first)
        self._plans = {
            gap[:2]: self._plans.get(
                gap[:2], skipped if gap.possible and not gap.missing else fresh
            )
            for gap in self._gaps
        }

    def due(self, now: float) -> Gap | None:
        """Return the first hole whose next try has come."""
        for gap in self._gaps:
            if self._plans[gap[:2]].due <= now:
                return gap
        return None

    def next_due(self) -> float | None:
        """Return when the next try comes; None without holes."""
        return min((plan.due for plan in self._plans.values()), default=None)

    def tried(self, low: tuple[int, int], high: tuple[int, int], now: float) -> None:
        """Note that the retained log was read from ``low`` to ``high``.

        It is a try only for the holes that were due: several readings in a row,
        each for another hole, tell no more than one of them.
        """
        for gap in self._gaps:
            if gap[:2] < low or (gap.attempt, gap.last) > high:
                continue
            due, delay = self._plans[gap[:2]]
            if due > now:
                continue
            growing = min(delay * self._factor, self._cap)
            self._plans[gap[:2]] = _Plan(now + delay, growing)


# Looking for what is missing while the job runs, politely.

DEAF_READINGS: Final = 2
"""Readings in a row that found lines a standing stream had not said."""

LATE_ARRIVALS: Final = 2
"""So many arrivals of lines that pages had before are no accident."""

CALM_READINGS: Final = 3
"""After so many readings that found nothing the stream is trusted again."""


class BufferingDetector:
    """Whether something between holds the stream back, as a buffering proxy does.

    Lines written far apart that arrive together are a suspicion, and bring readings
    that tell: lines that pages had before the stream brought them, or pages that go
    on while a stream opened anew says nothing at all.
    """

    def __init__(self, timing: WatchTiming) -> None:
        self._timing = timing
        self._late = 0
        self._calm = 0
        self._said = False
        self._renewed = False
        self._deaf = 0
        self.suspected = False
        self.is_certain = False

    def connected(self) -> None:
        """Note that a subscription stands."""
        self._said = False

    def arrived(self, seconds_apart: float, *, were_read: bool) -> None:
        """Note an arrival of lines.

        Args:
            seconds_apart: How far apart its lines were written.
            were_read: Whether pages had them before.
        """
        self._said, self._deaf = True, 0
        self._renewed = False
        lump = seconds_apart >= self._timing.lumps
        if were_read or lump:
            self.suspected = True
            self._calm = 0
        self._late = self._late + 1 if were_read else 0
        self.is_certain = self.is_certain or self._late >= LATE_ARRIVALS

    def read(self, *, ahead: bool) -> bool:
        """Note a reading of the newest page while a stream stood.

        Args:
            ahead: Whether it held lines that the stream had not said.

        Returns:
            Whether the stream is to be opened anew: twice it said nothing of what
            the pages had, so it may be half-open.
        """
        if not ahead:
            self._deaf = 0
            self._calm += 1
            if self._calm >= CALM_READINGS and (self._said or not self.is_certain):
                self.suspected = self.is_certain = False
            return False
        self._calm = 0
        self._deaf += 1
        if self._deaf < DEAF_READINGS or self.is_certain:
            return False
        self._deaf = 0
        if self._renewed and not self._said:
            self.suspected = self.is_certain = True
            return False
        self._renewed = True
        return True


class TailPoll:
    """When the newest page is read again, to see what the stream did not say."""

    def __init__(
        self,
        pages: RetainedPages,
        connectivity: Connectivity,
        held_back: BufferingDetector,
        timing: WatchTiming,
        clock: Clock,
    ) -> None:
        self._pages = pages
        self._connectivity = connectivity
        self._held_back = held_back
        self._timing = timing
        self._clock = clock
        self._read_at = 0.0
        self._asked: float | None = None
        self._found = False

    def soon(self, seconds: float) -> None:
        """Read it after ``seconds`` at the latest."""
        due = self._clock.monotonic() + seconds
        self._asked = due if self._asked is None else min(self._asked, due)

    def read(self, *, found: bool) -> None:
        """Note that it was read, and whether it held lines the stream did not say."""
        self._read_at = self._clock.monotonic()
        self._asked = None
        self._found = found

    def due(self) -> float:
        """Return when to read it next, in monotonic seconds.

        An oldest-first list is read on even while lines arrive, for its newest page
        is found only by way of all the others.
        """
        timing, live = self._timing, self._connectivity
        silent = live.heard_at + timing.tail_silence
        if not live.is_live or self._found or self._held_back.suspected:
            regular = self._read_at + timing.tail_apart
        elif self._read_at >= silent or self._pages.coverage.rising:
            regular = self._read_at + timing.tail_quiet
        else:
            regular = silent
        return regular if self._asked is None else min(regular, self._asked)


class Backfill:
    """Reads the newest page and the pages around holes, each in its time.

    Args:
        pages: The retained log.
        account: What is missing.

    Attributes:
        away: The newest page was out of reach for long: reading on from where it
            was left is like the first catching up.
        open_rest: Reads on what is wanted and could not be read yet.
        on_deaf: Called when the newest page twice held lines that a stream which
            seems to stand has not said: it is half-open.
    """

    def __init__(
        self,
        pages: RetainedPages,
        account: GapTracker,
        *,
        connectivity: Connectivity,
        timing: WatchTiming,
        clock: Clock,
    ) -> None:
        self._pages = pages
        self._account = account
        self._connectivity = connectivity
        self._timing = timing
        self._clock = clock
        self._wakeup = Wakeup()
        self._held_back = BufferingDetector(timing)
        self.away = False
        self.tail = TailPoll(pages, connectivity, self._held_back, timing, clock)
        self.schedule = GapSchedule(
            first=timing.backfill_first,
            factor=timing.backfill_factor,
            cap=timing.backfill_cap,
            skipped=timing.settle_after,
        )
        self._budget: RateLimiter | None = None
        self.on_deaf: Callable[[], None] = lambda: None
        self.open_rest: Callable[[], Awaitable[None]] = _nothing

    def begin(self) -> None:
        """Begin to count requests."""
        timing, now = self._timing, self._clock.monotonic()
        if self._budget is None:
            self._budget = RateLimiter(
                burst=timing.backfill_burst, rate=timing.backfill_rate, now=now
            )
        self.tail.read(found=False)

    def wake_up(self) -> None:
        """Read the newest page at once: the machine has slept."""
        self.away = True
        self.tail.soon(0.0)
        self.wake()

    def wake(self) -> None:
        """Look again at what is due: the log changed."""
        self._wakeup.now()

    def connected(self, outage: float) -> None:
        """Plan the re-reading that follows a subscription.

        Args:
            outage: Seconds without a stream before it.
        """
        self.away = self.away or outage >= self._timing.long_outage
        self._held_back.connected()
        self.tail.soon(self._timing.after_connected)
        self.wake()

    async def run(self, ended: asyncio.Event) -> None:
        """Heal until the job has ended."""
        while not ended.is_set():
            await self._pause()
            if ended.is_set():
                return
            now = self._clock.monotonic()
            if self.tail.due() <= now:
                await self._read_tail(ended)
                await self.open_rest()
            gap = self.schedule.due(self._clock.monotonic())
            if gap is not None:
                await self._read_gap(gap, ended)

    async def _pause(self) -> None:
        now = self._clock.monotonic()
        self.schedule.update(self._account.gaps(), now)
        due = self.schedule.next_due()
        until = self.tail.due() if due is None else min(due, self.tail.due())
        if until <= now:
            return
        woken = await self._wakeup.sleep(until - now)
        if woken:
            # Lines arrive all the time; looking at each of them is not worth it.
            await asyncio.sleep(min(self._timing.backfill_first / 4, until - now))

    async def _read_tail(self, ended: asyncio.Event) -> None:
        heard = self._connectivity.heard_at
        before = len(self._pages.intake.store)
        away, self.away = self.away, False
        try:
            await self._pages.read_tail(unlimited if away else self._limiter(ended))
        except BaseException:
            self.away = away
            raise
        found = len(self._pages.intake.store) > before
        unsaid = found and self._connectivity.heard_at <= heard
        self.tail.read(found=unsaid)
        if self._connectivity.is_live:
            renew = self._held_back.read(ahead=unsaid)
            self._connectivity.hold_back(self._held_back.is_certain)
            if renew:
                self.on_deaf()

    def arrived(self, seconds_apart: float, *, were_read: bool) -> None:
        """Note lines that the stream brought, see `HeldBack.arrived`."""
        self._held_back.arrived(seconds_apart, were_read=were_read)
        self._connectivity.hold_back(self._held_back.is_certain)

    async def _read_gap(self, gap: Gap, ended: asyncio.Event) -> None:
        span = await self._pages.read_gap(gap, self._limiter(ended))
        now = self._clock.monotonic()
        if span is not None:
            low, high = span
            self._account.read(low.key, high.key)
            self.schedule.tried(low.key, high.key, now)
        self.schedule.tried(gap[:2], (gap.attempt, gap.last), now)

    def _limiter(self, ended: asyncio.Event) -> Limiter:
        """Return what lets requests through at the polite rate, and all at the end."""
        budget = self._budget
        if budget is None:
            return unlimited

        async def limiter() -> None:
            now = self._clock.monotonic()
            while not ended.is_set() and (wait := budget.wait(now)):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await ended.wait()
                now = self._clock.monotonic()
            budget.take(now)

        return limiter


async def _nothing() -> None:
    """Read nothing."""
