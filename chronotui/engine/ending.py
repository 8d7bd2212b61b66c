"""Reading a log to its end after the job has ended, and the verdict."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from chronotui.engine.gaps import GapSchedule
from chronotui.engine.log_state import Verdict
from chronotui.engine.timing import Standstill

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chronotui.engine.gaps import GapTracker
    from chronotui.engine.pages import RetainedPages
    from chronotui.engine.timing import Clock, WatchTiming
    from chronotui.log.coverage import Coverage
    from chronotui.log.ledger import Ledger
    from chronotui.model import Job

WAITED_SHARE: Final = 0.25
"""After this share of the time for the end the log is read in another way, too, where
pages cannot vouch for it, although its newest page has not stood still."""

CIRCLES = "the server's page list leads in circles"
CACHED = "the server's page cache may hide lines of a retried job"


class Ending:
    """Reads until the ledger is closed and the newest page stands still.

    Args:
        pages: The retained log.
        account: What is missing.
        open_rest: Reads on what is wanted and could not be read yet.
        unsure: Whether pages alone cannot tell: one is too large, or they may be old.
        confirm: Reads the log in another way; False when that brought less.
    """

    def __init__(
        self,
        pages: RetainedPages,
        account: GapTracker,
        *,
        open_rest: Callable[[], Awaitable[None]],
        unsure: Callable[[], bool],
        confirm: Callable[[], Awaitable[bool]],
        timing: WatchTiming,
        clock: Clock,
    ) -> None:
        self._pages = pages
        self._account = account
        self._open_rest = open_rest
        self._unsure = unsure
        self._confirm = confirm
        self._timing = timing
        self._clock = clock

    async def read_out(self, still_ended: Callable[[], bool]) -> bool:
        """Read the newest pages and every hole until nothing more is to come.

        Args:
            still_ended: Whether the job still is over; a retry goes on with it.

        Returns:
            False when the job went on.
        """
        timing = self._timing
        began = self._clock.monotonic()
        standstill = Standstill(timing.still)
        schedule = GapSchedule(
            first=timing.backfill_first,
            factor=timing.backfill_factor,
            cap=timing.backfill_cap,
            at_once=True,
        )
        pause = timing.end_first
        confirm_at, confirm_pause = began, timing.end_cap
        while still_ended():
            await self._open_rest()
            await self._pages.read_tail()
            read_at = self._clock.monotonic()
            standstill.read(read_at, self._pages.coverage.newest)
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
        """Read every hole that is due now, each once, until a time at most."""
        began = self._clock.monotonic()
        schedule.update(self._account.gaps(), began)
        while gap := schedule.due(began):
            if self._clock.monotonic() >= until:
                return
            span = await self._pages.read_gap(gap)
            now = self._clock.monotonic()
            schedule.tried(gap[:2], (gap.attempt, gap.last), now)
            if span is not None:
                self._account.read(span[0].key, span[1].key)
                schedule.tried(span[0].key, span[1].key, now)
            schedule.update(self._account.gaps(), now)


def verdict_of(
    job: Job, ledger: Ledger, coverage: Coverage, *, may_be_cached: bool
) -> Verdict:
    """Return what is known about a log that was read to its end.

    Args:
        job: As it ended.
        ledger: What is held.
        coverage: What was read.
        may_be_cached: Whether pages may come from the server's own cache, from
            before the job's end.
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
        seconds=seconds_of(job),
        note=note,
        part=coverage.bottom is not None and not coverage.counts_from_start,
        split=coverage.is_split,
    )


def seconds_of(job: Job) -> float | None:
    """Return how long a job ran; None when the server does not say."""
    if job.started_at is None or job.completed_at is None:
        return None
    return max(0.0, (job.completed_at - job.started_at).total_seconds())
