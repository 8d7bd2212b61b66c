"""Watching one job: stream, pages, poll and clock, led to one verdict."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from chronotui.core.sealing import LagMeter
from chronotui.engine.watch.boundaries import Boundaries
from chronotui.engine.watch.companions import accompanied
from chronotui.engine.watch.connectivity import Connectivity
from chronotui.engine.watch.ending import Ending, verdict_of
from chronotui.engine.watch.healing import Healing
from chronotui.engine.watch.pages import RetainedPages
from chronotui.engine.watch.poll import REFUSALS, JobPoll
from chronotui.engine.watch.requests import Asker, SignInGate, backoff_of
from chronotui.engine.watch.stream import LiveStream
from chronotui.errors import LogsUnavailableError, MissingError, NotAllowedError
from chronotui.model import WorkflowKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from chronotui.core.ledger import Hole
    from chronotui.engine.watch.intake import Intake
    from chronotui.engine.watch.settings import WatchSettings
    from chronotui.engine.watch.source import LogSource
    from chronotui.engine.watch.state import Verdict
    from chronotui.engine.watch.timing import Clock
    from chronotui.model import Job, LogLine, LogPage, Workflow


async def _always_room() -> None:
    """Take everything that arrives."""


def refuse_without_log(workflow: Workflow | None) -> None:
    """Say of a workflow that never has logs that it has none.

    Raises:
        LogsUnavailableError: It is such a one (wire note "Workflows").
    """
    if workflow is not None and workflow.kind == WorkflowKind.HEARTBEAT:
        raise LogsUnavailableError(
            "A HEARTBEAT workflow only asks an address whether it answers; "
            "its jobs have no log.",
            next_step="Its Details show what was asked and how it ended.",
        )


def enough_of(settings: WatchSettings) -> Callable[[Sequence[LogLine]], bool]:
    """Return what tells, page by page, that the log was read back far enough."""
    read = 0

    def enough(lines: Sequence[LogLine]) -> bool:
        nonlocal read
        read += len(lines)
        if settings.since_ns is not None:
            times = [line.time_ns for line in lines if line.time_ns is not None]
            return bool(times) and min(times) < settings.since_ns
        return settings.tail is not None and read >= settings.tail

    return enough


class Watch:
    """One job's log, watched until it is sealed.

    Args:
        source: The client.
        workflow: The job's workflow, if known.
        job: The job as last listed.
        settings: How to watch.
        intake: Takes the lines.
        clock: Time and chance.
        changed: Called when something changed that can be shown.
        room: Waits until what arrived live has been taken further.
        enough: Tells of each page read on opening whether it was the last wanted.

    Attributes:
        job: As last read.
        connectivity: Where the connection stands.
        pages: The retained log.
        caught_up: Whether what was wanted on opening has been read.
        ended: Set once the job's state says it is over.
        boundaries: Which ends of attempts are certain.
    """

    def __init__(
        self,
        source: LogSource,
        workflow: Workflow | None,
        job: Job,
        *,
        settings: WatchSettings,
        intake: Intake,
        clock: Clock,
        changed: Callable[[], None],
        room: Callable[[], Awaitable[None]] = _always_room,
        enough: Callable[[Sequence[LogLine]], bool] | None = None,
    ) -> None:
        self._source = source
        self._workflow = workflow
        self._settings = settings
        self._timing = timing = settings.timing
        self._clock = clock
        self._changed = changed
        self._enough = enough
        self.intake = intake
        self.job = job
        self.caught_up = False
        self.ended = asyncio.Event()
        self._running = asyncio.Event()
        self._started = asyncio.Event()
        self._had_page = False
        self.connectivity = Connectivity(clock, timing, changed)
        self.gate = SignInGate(self.connectivity, may_sign_in=settings.may_sign_in)
        self.asker = Asker(self.connectivity, self.gate, timing, clock)
        self.lag = LagMeter(grain=timing.still / 60)
        self.boundaries = Boundaries(intake.ledger, timing.still)
        self.pages = RetainedPages(
            self._fetch, intake, on_page=self._page_read, on_newest=self._newest_read
        )
        intake.on_renumbered = self._renumbered
        self._ending = Ending(
            self.pages, self.holes, self._read, lag=self.lag, timing=timing, clock=clock
        )
        self._poll = JobPoll(
            self._read_job,
            Asker(self.connectivity, self.gate, timing, clock),
            settings.poll_seconds,
            self.take_job,
        )
        self._stream = LiveStream(
            lambda: source.live(job.workflow_id, job.id),
            intake,
            connectivity=self.connectivity,
            gate=self.gate,
            lag=self.lag,
            timing=timing,
            clock=clock,
            wanted=self._wanted,
            room=room,
        )
        self._healing: Healing | None = None
        self._settle_status()

    async def run(self) -> Verdict:
        """Watch until the log is sealed; may be cancelled and run again.

        Raises:
            LogsUnavailableError: There is no log by policy.
            NotFoundError: There is no such job.
            AuthError: It may not be seen, or nobody can sign in.
        """
        refuse_without_log(self._workflow)
        if self.job.status.is_terminal:
            return await self._read_ended()
        self._healing = self._new_healing()
        return await accompanied(
            self._read_on(), self._poll.run(), self._stream.run(), self._probe_sleep()
        )

    async def _read_ended(self) -> Verdict:
        await self._open()
        age = self._age_of_end()
        if age is None or age < self._timing.settled_age:
            await self._ending.read_out(lambda: True)
        return self._verdict()

    def _age_of_end(self) -> float | None:
        ended_at = self.job.completed_at or self.job.updated_at
        if ended_at is None:
            return None
        return self._clock.wall() - ended_at.timestamp()

    async def _read_on(self) -> Verdict:
        await self._started.wait()
        await self._open()
        healing = self._healing
        assert healing is not None  # noqa: S101 - run made it
        healing.tail.read(found=False)
        while True:
            await healing.run(self.ended)
            if await self._ending.read_out(self.ended.is_set):
                return self._verdict()

    async def _open(self) -> None:
        self.caught_up = False
        enough = self._enough or enough_of(self._settings)
        await self.pages.open(enough)
        self._close_old_boundaries()
        self.caught_up = True
        self._changed()

    def _close_old_boundaries(self) -> None:
        """Take ends of attempts for certain when the next one began long ago."""
        if self.job.status.is_terminal:
            age = self._age_of_end()
            if age is not None and age >= self._timing.settled_age:
                self.boundaries.close_all()
        long_ago = int((self._clock.wall() - self._timing.settled_age) * 1e9)
        self.boundaries.long_past(self._first_time, long_ago)

    def _first_time(self, attempt: int) -> int | None:
        places = self.intake.store.attempt_range(attempt)
        return self.intake.store.line(places.start).time_ns if places else None

    def _verdict(self) -> Verdict:
        return verdict_of(
            self.job, self.intake.ledger, looped=self.pages.coverage.looped
        )

    def _new_healing(self) -> Healing:
        healing = Healing(
            self.pages,
            self.holes,
            self._read,
            connectivity=self.connectivity,
            timing=self._timing,
            clock=self._clock,
        )
        healing.on_deaf = self._stream.renew
        self._stream.on_lines = self._lines_arrived
        self._stream.on_connected = self._subscribed
        self._stream.on_over = self._poll.now
        return healing

    def _subscribed(self) -> None:
        if self._healing is not None:
            self._healing.connected(self.connectivity.outage)

    def _lines_arrived(self, unreadable: bool) -> None:
        self._changed()
        if self._healing is None:
            return
        if unreadable:
            self._healing.tail.soon(self._timing.heal_first)
        self._healing.wake()

    def holes(self) -> Iterator[Hole]:
        """Yield what is missing where it should be, and ends of attempts unread."""
        unread_from = self.unread_from()
        for hole in self.intake.ledger.holes():
            if unread_from is None or hole[:2] < unread_from:
                yield hole
        if self.caught_up:
            yield from self.boundaries.holes(self._clock.monotonic())

    @property
    def missing(self) -> int:
        """Lines known to exist, asked for, and not held.

        While an oldest-first log is read in, what lies ahead is not missing yet.
        """
        if self.unread_from() is None:
            return self.intake.ledger.missing
        return sum(hole.missing for hole in self.holes())

    def unread_from(self) -> tuple[int, int] | None:
        """Return the place an oldest-first reading has come to; None at its end."""
        coverage = self.pages.coverage
        if coverage.at_end or not coverage.rising:
            return None
        return (0, 0) if coverage.top is None else coverage.top.key

    def _read(self, low: tuple[int, int], high: tuple[int, int]) -> None:
        self.boundaries.read(low, high, self._clock.monotonic())

    def _renumbered(self, attempt_at: Callable[[int], int]) -> None:
        self.pages.coverage.renumber(attempt_at)
        self.boundaries.renumbered()
        self.set_floor()

    def _page_read(self) -> None:
        self.set_floor()
        self._changed()

    def set_floor(self) -> None:
        """Let counting begin where the log has been read back to."""
        ledger, coverage = self.intake.ledger, self.pages.coverage
        ledger.whole = coverage.at_start
        if coverage.bottom is not None:
            ledger.reached = coverage.bottom.key

    def _newest_read(self) -> None:
        top = self.pages.coverage.top
        self.lag.retained(self._clock.monotonic(), None if top is None else top.key)

    async def _fetch(self, cursor: str | None, fresh: bool) -> LogPage:
        job = self.job
        backoff = backoff_of(self._timing, self._clock)
        while True:
            try:
                page = await self.asker.ask(
                    lambda: self._source.log_page(
                        job.workflow_id, job.id, cursor=cursor, fresh=fresh
                    )
                )
            except (MissingError, NotAllowedError):
                if not self._had_page or backoff.tries >= REFUSALS:
                    raise
                await asyncio.sleep(backoff.delay())
            else:
                self._had_page = True
                return page

    async def _read_job(self) -> Job:
        return await self._source.job(self.job.workflow_id, self.job.id)

    def take_job(self, job: Job) -> None:
        """Take over a newer reading of the job."""
        known = self.job
        self.job = replace(
            job,
            attempts=known.attempts if job.attempts is None else job.attempts,
            container_id=job.container_id or known.container_id,
        )
        self._settle_status()
        if self._was_away():
            self._stream.renew()
        if self.job != known:
            self._changed()

    def _was_away(self) -> bool:
        """Tell whether the network was gone while a stream seemed to stand."""
        away, self.connectivity.came_back = self.connectivity.came_back, None
        live = self.connectivity
        return away is not None and live.is_live and live.heard_at < away

    def _settle_status(self) -> None:
        status = self.job.status
        if status.is_terminal:
            self.ended.set()
            self._started.set()
            self._running.clear()
            if self._healing is not None:
                self._healing.wake()
            return
        self.ended.clear()
        if status.is_waiting:
            self._running.clear()
        else:
            self._running.set()
            self._started.set()

    async def _wanted(self) -> None:
        if not self._running.is_set():
            self.connectivity.idle()
        await self._running.wait()

    async def _probe_sleep(self) -> None:
        """Notice that the machine has slept: its connections are dead by then."""
        timing, clock = self._timing, self._clock
        while True:
            wall, monotonic = clock.wall(), clock.monotonic()
            await asyncio.sleep(timing.sleep_probe)
            awake = clock.monotonic() - monotonic
            asleep = clock.wall() - wall - awake
            if asleep >= timing.sleep_jump or awake >= timing.sleep_jump:
                self.wake_up()

    def wake_up(self) -> None:
        """Connect again and read on at once, whatever was waited for."""
        if self._healing is not None:
            self._healing.away = True
            self._healing.tail.soon(0.0)
            self._healing.wake()
        self._stream.renew()
        self.asker.nudge.now()
        self._poll.wake_up()
