"""Every delay of the log engine with its reason, the clock, and what counts by them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chronotui.log.ledger import Gap

GAPS_AT_ONCE: Final = 2000
"""Oldest gaps looked after at a time; the others move up as these close."""


class WatchTiming(Struct, frozen=True):
    """Delays in seconds, rates in requests a second.

    Attributes:
        tick: Changes are gathered this long before a listener hears of them: 30
            pictures a second are as many as a terminal shows.
        quiet_after: A stream silent for this long is called QUIET.
        connect_limit: A subscription whose headers have not come by then, while
            requests are answered, is said to be held back, and left open: a proxy
            that buffers throws away what it holds when it is left.
        head_limit: After this long without headers it is opened anew all the same.
        lumps: Lines of one arrival that were written further apart than this are a
            lump: something between may hold the stream back.
        after_connected: The newest page is read again this long after
            ``connected``: lines written before the subscription are retained by
            then (WIRE.md "Logs": 0.25 s to 2 s).
        tail_silence: The newest page is read once a stream has been silent for
            this long, for its last line may have been dropped without a word.
        tail_quiet: After that, and as long as the silence goes on, this far apart:
            with a poll each 5 s a quiet job costs 13 requests a minute.
        tail_apart: The newest page is read this far apart while no stream stands.
        backfill_first: A gap is first looked for this long after it was seen; lines
            that only arrived out of order have closed it by then.
        backfill_factor: Each try for the same gap waits this much longer ...
        backfill_cap: ... up to this, and goes on as long as the job is watched.
        backfill_burst: So many requests for known gaps may follow one another ...
        backfill_rate: ... and then so many a second (60 a minute).
        long_outage: Coming back after this long, the gap is read like the first
            catching up, without the rate above.
        retry_first: Delay after a first failure, of a connection or a request ...
        retry_factor: ... growing by this factor ...
        retry_cap: ... up to this. A Retry-After that asks for more is honoured ...
        retry_after_cap: ... up to this: an hour's wait is no longer watching.
        refusal_lasts: A refusal of the job itself is believed after this long without
            any other answer.
        page_apart: A page that is too large for the server is asked for this far
            apart at least (WIRE.md "Errors": more often makes it refuse others).
        steady_after: A stream that stood this long starts again at retry_first.
        sleep_probe: How often the clocks are compared ...
        sleep_jump: ... and how far they may differ before the machine is taken to
            have slept, and every connection to be dead.
        still: The newest page must stand still this long after the end, or twice
            the largest lag seen (DESIGN.md, invariant 6).
        settle_after: A number not held is taken for skipped when the retained log
            was read around it this long after it was seen to be absent, or after
            the lines around it (WIRE.md "Logs": lines are retained after up to 2 s);
            up to five times as long where the log was seen to lag.
        end_limit: After the end lines are looked for this long at most (WIRE.md "Logs":
            a list can still grow for up to a minute).
        settled_age: A job that ended this long ago when first seen is sealed as
            soon as it is read.
        pages_kept: The server may give a page from its own cache that is so old
            (WIRE.md "Logs": 30 minutes).
        end_first: Delay between the first readings after the end ...
        end_cap: ... growing up to this.
        line_wait: Ordered printing waits for a missing line this long at most ...
        line_wait_said: ... and says so after this long. For a number that is
            probably only skipped it waits no longer than that.
        partner_wait: Ordered printing holds the newest line this long, in case
            the other stream's line of the same number follows.
        run_poll: A run whose events are followed is asked for its state this far
            apart: a stream may go on although the run has ended (WIRE.md "Dify").
        run_poll_least: One that is only asked, no more often than this.
        run_settles: A run is read once more this long after it was first seen to
            have ended, for its last numbers are written a moment later.
        snapshot_apart: Where nothing is told of a run as it happens, a stream is
            opened anew this far apart, to be told what has changed.
        run_stale: A run that goes on for so long may have died: 20 minutes are what
            servers allow by default.
    """

    tick: float = 0.033
    quiet_after: float = 10.0
    connect_limit: float = 5.0
    head_limit: float = 120.0
    lumps: float = 3.0
    after_connected: float = 1.0
    tail_silence: float = 20.0
    tail_quiet: float = 60.0
    tail_apart: float = 5.0
    backfill_first: float = 0.5
    backfill_factor: float = 2.0
    backfill_cap: float = 60.0
    backfill_burst: int = 20
    backfill_rate: float = 1.0
    long_outage: float = 30.0
    retry_first: float = 0.5
    retry_factor: float = 2.0
    retry_cap: float = 30.0
    retry_after_cap: float = 300.0
    refusal_lasts: float = 60.0
    page_apart: float = 60.0
    steady_after: float = 10.0
    sleep_probe: float = 2.0
    sleep_jump: float = 10.0
    still: float = 3.0
    settle_after: float = 2.0
    end_limit: float = 60.0
    settled_age: float = 120.0
    pages_kept: float = 1860.0
    end_first: float = 0.3
    end_cap: float = 2.0
    line_wait: float = 75.0
    line_wait_said: float = 5.0
    partner_wait: float = 0.2
    run_poll: float = 10.0
    run_poll_least: float = 3.0
    run_settles: float = 1.0
    snapshot_apart: float = 30.0
    run_stale: float = 1500.0

    def scaled(self, factor: float) -> WatchTiming:
        """Return the same rules in another time: every delay times ``factor``.

        Rates grow by the same factor; counts, growth factors and the tick stay.
        """
        kept = {"tick", "backfill_factor", "backfill_burst", "retry_factor"}
        changed = {
            name: getattr(self, name) * factor
            for name in self.__struct_fields__
            if name not in kept
        }
        changed["backfill_rate"] = self.backfill_rate / factor
        return replace(self, **changed)


class WatchSettings(Struct, frozen=True):
    """How one job's log is watched.

    Attributes:
        poll_seconds: How often the job is asked for its state (profile key
            ``poll_seconds``).
        tail: So many retained lines are read back on opening; None reads from the
            first line (recording, following from the start).
        since_ns: Nothing before this time (nanoseconds since the epoch) is read
            back, nor counts as missing.
        may_sign_in: Whether somebody can sign in again while the watch waits; if
            not, a session that cannot be renewed ends the watch with its error.
        waits: Whether a first refusal of the job is said and asked about again, as on
            the desk; if not, it ends the watch at once.
    """

    poll_seconds: float = 5.0
    tail: int | None = 1000
    since_ns: int | None = None
    may_sign_in: bool = True
    waits: bool = True
    timing: WatchTiming = field(default_factory=WatchTiming)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


class Clock(Struct, frozen=True):
    """Where the engine takes time and chance from; tests give their own.

    Attributes:
        monotonic: Seconds that stop while the machine sleeps.
        wall: Seconds since the epoch, UTC.
        chance: A number in [0, 1), for jitter.
    """

    monotonic: Callable[[], float] = _loop_time
    wall: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random


async def set_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait for an event, for ever if ``seconds`` is None; tell whether it is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None if seconds is None else max(0.0, seconds)):
            await event.wait()
    return event.is_set()


class Listeners:
    """Functions called on the event loop after changes, at most once a tick.

    A timer runs only while there is something to tell.

    Args:
        tick: Seconds between two calls.
        burst: So many calls may follow one another at once after as many quiet ticks.
    """

    def __init__(self, tick: float, *, burst: int = 1) -> None:
        self._functions: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._span = tick * burst
        self._calls = deque([float("-inf")] * burst, maxlen=burst)

    def add(self, function: Callable[[], None]) -> Callable[[], None]:
        """Call a function from now on; return what ends that."""
        self._functions.append(function)

        def remove() -> None:
            with contextlib.suppress(ValueError):
                self._functions.remove(function)

        return remove

    def notify(self) -> None:
        """Call them as soon as the tick allows."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            due = max(loop.time(), self._calls[0] + self._span)
            self._timer = loop.call_at(due, self._call)

    def flush(self) -> None:
        """Make the call that is pending at once."""
        if self._timer is not None:
            self._timer.cancel()
            self._call()

    def cancel(self) -> None:
        """Leave out the call that is pending."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _call(self) -> None:
        self._timer = None
        self._calls.append(asyncio.get_running_loop().time())
        for function in tuple(self._functions):
            function()


class Backoff:
    """The delays of one thing that is tried again: exponential, jittered, capped.

    Args:
        after_cap: A server's own ``Retry-After`` is honoured up to this.
        chance: Gives numbers in [0, 1); a delay lies between half and all of its
            step, so that many clients cut off together do not come back together.
    """

    def __init__(
        self,
        *,
        first: float,
        factor: float,
        cap: float,
        after_cap: float,
        chance: Callable[[], float],
    ) -> None:
        self._first = first
        self._factor = factor
        self._cap = cap
        self._after_cap = after_cap
        self._chance = chance
        self._step = first
        self.tries = 0

    def delay(self, retry_after: float | None = None) -> float:
        """Count a failure and return the seconds to wait before the next try.

        Args:
            retry_after: What the server asked for; never undercut below the cap.
        """
        self.tries += 1
        step = min(self._step, self._cap)
        self._step = min(self._step * self._factor, self._cap)
        delay = step * (0.5 + 0.5 * self._chance())
        if retry_after is None:
            return delay
        asked = min(max(retry_after, 0.0), self._after_cap)
        return max(delay, asked + delay * 0.1)

    def reset(self) -> None:
        self._step = self._first
        self.tries = 0


def backoff_of(timing: WatchTiming, clock: Clock) -> Backoff:
    return Backoff(
        first=timing.retry_first,
        factor=timing.retry_factor,
        cap=timing.retry_cap,
        after_cap=timing.retry_after_cap,
        chance=clock.chance,
    )


class RateLimiter:
    """A bucket of requests: a burst at first, then a steady rate a second."""

    def __init__(self, *, burst: int, rate: float) -> None:
        self._burst = float(burst)
        self._rate = rate
        self._left = float(burst)
        self._at = float("inf")

    def wait(self, now: float) -> float:
        """Return the seconds until a request may be made; 0 for at once."""
        self._refill(now)
        return 0.0 if self._left >= 1.0 else (1.0 - self._left) / self._rate

    def take(self, now: float) -> None:
        self._refill(now)
        self._left -= 1.0

    def _refill(self, now: float) -> None:
        gained = max(0.0, now - self._at) * self._rate
        self._left = min(self._burst, self._left + gained)
        self._at = now


class RequestBudget:
    """Never more than so many requests in any minute, after few at once spread evenly.

    Args:
        minute: How long a minute is, in seconds; tests have shorter ones.
    """

    SLACK: Final = 1.02
    """A window is taken for longer than it is: requests that were made apart may
    arrive closer together."""

    def __init__(self, per_minute: float, *, minute: float = 60.0) -> None:
        self._most = max(1, int(per_minute))
        self._minute = minute
        self._window = minute * self.SLACK
        burst = max(1, self._most // 12)
        self._pace = RateLimiter(burst=burst, rate=self._most / self._window)
        self._made: deque[float] = deque(maxlen=self._most)

    def wait(self, now: float) -> float:
        """Return the seconds until a request may be made; 0 for at once."""
        wait = self._pace.wait(now)
        if len(self._made) == self._most:
            wait = max(wait, self._made[0] + self._window - now)
        return wait

    def take(self, now: float) -> None:
        self._pace.take(now)
        self._made.append(now)

    def spent(self, now: float) -> int:
        """Return how many requests were made within the last minute."""
        return sum(at > now - self._minute for at in self._made)


class _Plan(NamedTuple):
    due: float
    delay: float


class GapSchedule:
    """Gives each gap its tries, each later than the one before by a growing delay.

    Where numbers were probably only skipped, the first one comes as late as it takes to
    settle that.

    Args:
        at_once: Whether the first try does not wait, but the second one does.
    """

    def __init__(self, timing: WatchTiming, *, at_once: bool = False) -> None:
        self._timing = timing
        self._at_once = at_once
        self._plans: dict[tuple[int, int], _Plan] = {}
        self.gaps: list[Gap] = []

    def update(self, gaps: Iterable[Gap], now: float) -> None:
        """Take over which gaps there are now, the most urgent first."""
        self.gaps = list(islice(gaps, GAPS_AT_ONCE))
        first = self._timing.backfill_first
        fresh = _Plan(now if self._at_once else now + first, first)
        skipped = fresh
        if not self._at_once:
            skipped = _Plan(now + self._timing.settle_after, first)
        self._plans = {
            gap[:2]: self._plans.get(
                gap[:2], skipped if gap.possible and not gap.missing else fresh
            )
            for gap in self.gaps
        }

    def due(self, now: float) -> Gap | None:
        for gap in self.gaps:
            if self._plans[gap[:2]].due <= now:
                return gap
        return None

    def was_tried(self, gap: Gap) -> bool:
        """Whether the retained log was read for a gap, and lacked it."""
        plan = self._plans.get(gap[:2])
        return plan is not None and plan.delay > self._timing.backfill_first

    @property
    def were_tried(self) -> bool:
        """Whether it was for all that lack lines for certain."""
        gaps = [gap for gap in self.gaps if gap.missing]
        return bool(gaps) and all(map(self.was_tried, gaps))

    def next_due(self) -> float | None:
        """Return when the next try comes; None without gaps."""
        return min((plan.due for plan in self._plans.values()), default=None)

    def tried(self, low: tuple[int, int], high: tuple[int, int], now: float) -> None:
        """Note that the retained log was read from ``low`` to ``high``.

        It is a try only for the gaps that were due: several readings in a row, each
        for another gap, tell no more than one of them.
        """
        for gap in self.gaps:
            if gap[:2] < low or (gap.attempt, gap.last) > high:
                continue
            due, delay = self._plans[gap[:2]]
            if due > now:
                continue
            timing = self._timing
            growing = min(delay * timing.backfill_factor, timing.backfill_cap)
            self._plans[gap[:2]] = _Plan(now + delay, growing)
