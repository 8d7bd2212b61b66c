"""When a log may be called complete (design invariant 6)."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


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


class Standstill:
    """Whether the newest page has stood still for long enough.

    Args:
        still: Seconds it must stand still at least.
    """

    def __init__(self, still: float) -> None:
        self._still = still
        self._seen: Hashable = None
        self._since: float | None = None

    def read(self, now: float, newest: Hashable) -> None:
        """Note what the newest page held at a reading after the end."""
        if self._since is None or newest != self._seen:
            self._seen, self._since = newest, now

    def stands(self, now: float, largest_lag: float) -> bool:
        """Tell whether it has been the same for as long as it takes."""
        if self._since is None:
            return False
        return now - self._since >= max(self._still, 2 * largest_lag)


# Every delay of the log engine, each with its reason, and the clock behind them.


@dataclass(frozen=True, slots=True)
class WatchTiming:
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
        backfill_first: A hole is first looked for this long after it was seen; lines
            that only arrived out of order have closed it by then.
        backfill_factor: Each try for the same hole waits this much longer ...
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
            the largest lag seen (invariant 6).
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

    def scaled(self, factor: float) -> WatchTiming:
        """Return the same rules in another time: every delay times ``factor``.

        Rates grow by the same factor; counts, growth factors and the tick stay.
        """
        kept = {"tick", "backfill_factor", "backfill_burst", "retry_factor"}
        changed = {
            name.name: getattr(self, name.name) * factor
            for name in fields(self)
            if name.name not in kept
        }
        changed["backfill_rate"] = self.backfill_rate / factor
        return replace(self, **changed)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the engine takes time and chance from; tests give their own.

    Attributes:
        monotonic: Seconds that stop while the machine sleeps.
        wall: Seconds since the epoch, UTC.
        chance: A number in [0, 1), for jitter.
    """

    monotonic: Callable[[], float] = _loop_time
    wall: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random
