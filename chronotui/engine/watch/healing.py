"""Looking for what is missing while the job runs, politely."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from chronotui.core.budget import RequestBudget
from chronotui.core.hole_schedule import HoleSchedule
from chronotui.engine.watch.requests import Nudge
from chronotui.engine.watch.walk import unlimited

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.core.ledger import Hole
    from chronotui.engine.watch.account import Account
    from chronotui.engine.watch.connectivity import Connectivity
    from chronotui.engine.watch.pages import RetainedPages
    from chronotui.engine.watch.timing import Clock, WatchTiming
    from chronotui.engine.watch.walk import Permit


class TailPlan:
    """When the newest page is read again, to see what the stream did not say."""

    def __init__(
        self,
        pages: RetainedPages,
        connectivity: Connectivity,
        timing: WatchTiming,
        clock: Clock,
    ) -> None:
        self._pages = pages
        self._connectivity = connectivity
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
        if not live.is_live or self._found:
            regular = self._read_at + timing.tail_apart
        elif self._read_at >= silent or self._pages.coverage.rising:
            regular = self._read_at + timing.tail_quiet
        else:
            regular = silent
        return regular if self._asked is None else min(regular, self._asked)


class Healing:
    """Reads the newest page and the pages around holes, each in its time.

    Args:
        pages: The retained log.
        account: What is missing.

    Attributes:
        away: The newest page was out of reach for long: reading on from where it
            was left is like the first catching up.
        on_deaf: Called when the newest page twice held lines that a stream which
            seems to stand has not said: it is half-open.
    """

    def __init__(
        self,
        pages: RetainedPages,
        account: Account,
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
        self._nudge = Nudge()
        self._deaf = 0
        self.away = False
        self.tail = TailPlan(pages, connectivity, timing, clock)
        self.schedule = HoleSchedule(
            first=timing.heal_first,
            factor=timing.heal_factor,
            cap=timing.heal_cap,
            skipped=timing.settle_after,
        )
        self._budget: RequestBudget | None = None
        self.on_deaf: Callable[[], None] = lambda: None

    def begin(self) -> None:
        """Begin to count requests."""
        timing, now = self._timing, self._clock.monotonic()
        if self._budget is None:
            self._budget = RequestBudget(
                burst=timing.heal_burst, rate=timing.heal_rate, now=now
            )
        self.tail.read(found=False)

    def wake_up(self) -> None:
        """Read the newest page at once: the machine has slept."""
        self.away = True
        self.tail.soon(0.0)
        self.wake()

    def wake(self) -> None:
        """Look again at what is due: the log changed."""
        self._nudge.now()

    def connected(self, outage: float) -> None:
        """Plan the re-reading that follows a subscription.

        Args:
            outage: Seconds without a stream before it.
        """
        self.away = self.away or outage >= self._timing.long_outage
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
            hole = self.schedule.due(self._clock.monotonic())
            if hole is not None:
                await self._read_hole(hole, ended)

    async def _pause(self) -> None:
        now = self._clock.monotonic()
        self.schedule.update(self._account.holes(), now)
        due = self.schedule.next_due()
        until = self.tail.due() if due is None else min(due, self.tail.due())
        if until <= now:
            return
        nudged = await self._nudge.sleep(until - now)
        if nudged:
            # Lines arrive all the time; looking at each of them is not worth it.
            await asyncio.sleep(min(self._timing.heal_first / 4, until - now))

    async def _read_tail(self, ended: asyncio.Event) -> None:
        heard = self._connectivity.heard_at
        before = len(self._pages.intake.store)
        away, self.away = self.away, False
        try:
            await self._pages.read_tail(unlimited if away else self._permit(ended))
        except BaseException:
            self.away = away
            raise
        found = len(self._pages.intake.store) > before
        unsaid = found and self._connectivity.heard_at <= heard
        self.tail.read(found=unsaid)
        self._deaf = self._deaf + 1 if unsaid else 0
        if self._deaf >= 2 and self._connectivity.is_live:
            self._deaf = 0
            self.on_deaf()

    async def _read_hole(self, hole: Hole, ended: asyncio.Event) -> None:
        span = await self._pages.read_hole(hole, self._permit(ended))
        now = self._clock.monotonic()
        if span is not None:
            low, high = span
            self._account.read(low.key, high.key)
            self.schedule.tried(low.key, high.key, now)
        self.schedule.tried(hole[:2], (hole.attempt, hole.last), now)

    def _permit(self, ended: asyncio.Event) -> Permit:
        """Return what lets requests through at the polite rate, and all at the end."""
        budget = self._budget
        if budget is None:
            return unlimited

        async def permit() -> None:
            now = self._clock.monotonic()
            while not ended.is_set() and (wait := budget.wait(now)):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await ended.wait()
                now = self._clock.monotonic()
            budget.take(now)

        return permit
