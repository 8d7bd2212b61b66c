"""Reading a log to its end after the job has ended, and the verdict."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from chronotui.engine.timing import GapSchedule
from chronotui.text import plural

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from chronotui.engine.gaps import Backfill
    from chronotui.log.coverage import Coverage
    from chronotui.log.ledger import Ledger
    from chronotui.model import Job, JobStatus

WAITED_SHARE: Final = 0.25
"""After this share of the time for the end the log is read in another way, too, where
pages cannot vouch for it, although its newest page has not stood still."""

CIRCLES = "the server's page list leads in circles"
CACHED = "the server's page cache may hide lines of a retried job"


class Standstill:
    """Whether the newest page has stood still for long enough (DESIGN.md, invariant 6).

    That is ``still`` seconds at least.
    """

    def __init__(self, still: float) -> None:
        self._still = still
        self._seen: Hashable = None
        self._since: float | None = None

    def read(self, now: float, newest: Hashable) -> None:
        if self._since is None or newest != self._seen:
            self._seen, self._since = newest, now

    def stands(self, now: float, largest_lag: float) -> bool:
        if self._since is None:
            return False
        return now - self._since >= max(self._still, 2 * largest_lag)


class Ending:
    """Reads until the ledger is closed and the newest page stands still.

    Args:
        unsure: Whether pages alone cannot tell: one is too large, or they may be old.
        confirm: Reads the log in another way, as far as that can be had.
    """

    def __init__(
        self,
        backfill: Backfill,
        *,
        unsure: Callable[[], bool],
        confirm: Callable[[], Awaitable[object]],
    ) -> None:
        self._backfill = backfill
        self._account = backfill.account
        self._unsure = unsure
        self._confirm = confirm
        self._timing = backfill.timing
        self._clock = backfill.clock

    async def read_out(self, still_ended: Callable[[], bool]) -> bool:
        """Read the newest pages and every gap until nothing more is to come.

        Return False once the job is not ``still_ended``: a retry goes on with it.
        """
        timing = self._timing
        began = self._clock.monotonic()
        standstill = Standstill(timing.still)
        schedule = GapSchedule(timing, at_once=True)
        pause = timing.end_first
        confirm_at, confirm_pause = began, timing.end_cap
        while still_ended():
            await self._backfill.open_rest()
            await self._backfill.pages.read_tail()
            read_at = self._clock.monotonic()
            standstill.read(read_at, self._account.coverage.newest)
            stands = standstill.stands(read_at, self._account.lag.largest)
            waited = read_at - began >= timing.end_limit * WAITED_SHARE
            if (stands or waited) and read_at >= confirm_at and self._unsure():
                await self._confirm()
                confirm_at = self._clock.monotonic() + confirm_pause
                confirm_pause *= timing.retry_factor
            await self._read_gaps(schedule, began + timing.end_limit)
            now = self._clock.monotonic()
            stands = standstill.stands(now, self._account.lag.largest)
            closed = not any(True for _ in self._account.gaps())
            if closed and stands and not self._unsure():
                return True
            if now - began >= timing.end_limit and standstill.stands(now, 0.0):
                return True
            await asyncio.sleep(pause)
            pause = min(pause * timing.retry_factor, timing.end_cap)
        return False

    async def _read_gaps(self, schedule: GapSchedule, until: float) -> None:
        began = self._clock.monotonic()
        schedule.update(self._account.gaps(), began)
        while gap := schedule.due(began):
            if self._clock.monotonic() >= until:
                return
            await self._backfill.read_gap(gap, schedule)
            schedule.update(self._account.gaps(), self._clock.monotonic())


class Verdict(Struct, frozen=True):
    """What is known about a log once its job has ended and it was read to the end.

    Attributes:
        sealed: Whether the log stood still and every line asked for is held.
        missing: Lines known to exist, asked for, and never received.
        attempts: Attempts seen, at least 1.
        seconds: How long it ran; None when the server does not say.
        note: Why the log cannot be vouched for, or why lines are missing; "" where
            counting says it all.
        part: Whether older lines than those held were not read, or not all.
        split: Whether the log's first lines are held then, and others left out.
        possible: Lines that may be missing beyond those: numbers not held that are
            probably only skipped, around which the retained log was not read.
    """

    sealed: bool
    lines: int
    missing: int
    attempts: int
    status: JobStatus
    seconds: float | None = None
    note: str = ""
    part: bool = False
    split: bool = False
    possible: int = 0

    def sentence(self) -> str:
        """Return e.g. ``sealed ✓ 48,211 lines, 0 missing``."""
        lines = plural(self.lines, "line")
        if self.part:
            lines = f"first and newest {lines}" if self.split else f"newest {lines}"
        mark = "sealed ✓" if self.sealed else "not whole:"
        words = f"{mark} {lines}, {short_words(self.missing, self.possible)}"
        return f"{words} ({self.note})" if self.note else words


def short_words(missing: int, possible: int) -> str:
    """Return what a log lacks, e.g. ``3 missing, 1 possibly missing``."""
    if not possible:
        return f"{missing:,} missing"
    words = f"{possible:,} possibly missing"
    return f"{missing:,} missing, {words}" if missing else words


def verdict_of(
    job: Job, ledger: Ledger, coverage: Coverage, *, may_be_cached: bool
) -> Verdict:
    """Return what is known about a log that was read to its end.

    ``may_be_cached``: Pages may be of before the job's end, from the server's cache.
    """
    attempts = [attempt for attempt in ledger.attempts() if attempt > 0]
    missing, possible = ledger.missing, ledger.possible
    note = CIRCLES if coverage.looped else ""
    if coverage.end_cut_off or (missing and coverage.cut_off):
        note = coverage.cut_off
    elif may_be_cached and coverage.needs_confirmation:
        note = note or CACHED
    return Verdict(
        sealed=not (missing or possible or note),
        lines=ledger.lines,
        missing=missing,
        possible=possible,
        attempts=max([1, job.attempts or 1, *attempts]),
        status=job.status,
        seconds=job.duration(),
        note=note,
        part=coverage.bottom is not None and not coverage.counts_from_start,
        split=coverage.is_split,
    )
