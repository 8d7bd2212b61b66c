"""Looking for what is missing while the job runs, politely."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from chronotui.core.budget import RequestBudget
from chronotui.core.hole_schedule import HoleSchedule
from chronotui.engine.watch.requests import Nudge
from chronotui.engine.watch.walk import unlimited

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chronotui.core.ledger import Hole
    from chronotui.engine.watch.account import Account
    from chronotui.engine.watch.connectivity import Connectivity
    from chronotui.engine.watch.pages import RetainedPages
    from chronotui.engine.watch.timing import Clock, WatchTiming
    from chronotui.engine.watch.walk import Permit


DEAF_READINGS: Final = 2
"""Readings in a row that found lines a standing stream had not said."""

LATE_ARRIVALS: Final = 2
"""So many arrivals of lines that pages had before are no accident."""

CALM_READINGS: Final = 3
"""After so many readings that found nothing the stream is trusted again."""


class HeldBack:
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


class TailPlan:
    """When the newest page is read again, to see what the stream did not say."""

    def __init__(
        self,
        pages: RetainedPages,
        connectivity: Connectivity,
        held_back: HeldBack,
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


class Healing:
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
        self._held_back = HeldBack(timing)
        self.away = False
        self.tail = TailPlan(pages, connectivity, self._held_back, timing, clock)
        self.schedule = HoleSchedule(
            first=timing.heal_first,
            factor=timing.heal_factor,
            cap=timing.heal_cap,
            skipped=timing.settle_after,
        )
        self._budget: RequestBudget | None = None
        self.on_deaf: Callable[[], None] = lambda: None
        self.open_rest: Callable[[], Awaitable[None]] = _nothing

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
        if self._connectivity.is_live:
            renew = self._held_back.read(ahead=unsaid)
            self._connectivity.hold_back(self._held_back.is_certain)
            if renew:
                self.on_deaf()

    def arrived(self, seconds_apart: float, *, were_read: bool) -> None:
        """Note lines that the stream brought, see `HeldBack.arrived`."""
        self._held_back.arrived(seconds_apart, were_read=were_read)
        self._connectivity.hold_back(self._held_back.is_certain)

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


async def _nothing() -> None:
    """Read nothing."""
