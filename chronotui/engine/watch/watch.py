"""Watching one job: stream, pages, poll and clock, led to one verdict."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chronotui.engine.raw_lines import load_raw
from chronotui.engine.watch.account import Account
from chronotui.engine.watch.companions import accompanied
from chronotui.engine.watch.connectivity import Connectivity
from chronotui.engine.watch.ending import Ending, verdict_of
from chronotui.engine.watch.healing import Healing
from chronotui.engine.watch.pages import RetainedPages
from chronotui.engine.watch.poll import REFUSALS, JobPoll
from chronotui.engine.watch.requests import Asker, SignInGate, backoff_of
from chronotui.engine.watch.scope import enough_of, refuse_without_log
from chronotui.engine.watch.standing import JobStanding
from chronotui.engine.watch.stream import LiveStream
from chronotui.errors import MissingError, NotAllowedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chronotui.engine.watch.intake import Intake
    from chronotui.engine.watch.settings import WatchSettings
    from chronotui.engine.watch.source import LogSource
    from chronotui.engine.watch.state import Verdict
    from chronotui.engine.watch.timing import Clock
    from chronotui.model import Job, LogLine, LogPage, Workflow


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
        enough: Tells of each page read on opening whether it was the last wanted;
            by default as the settings say.

    Attributes:
        standing: Where the job stands.
        connectivity: Where the connection stands.
        gate: Holds requests back while somebody has to sign in.
        intake: As given.
        pages: The retained log.
        account: What is missing.
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
        enough: Callable[[Sequence[LogLine]], bool] | None = None,
    ) -> None:
        self._source = source
        self._workflow = workflow
        self._settings = settings
        self._timing = timing = settings.timing
        self._clock = clock
        self._changed = changed
        self._enough = enough
        self._had_page = False
        self.intake = intake
        self.standing = JobStanding(job)
        self.connectivity = Connectivity(clock, timing, changed)
        self.gate = SignInGate(self.connectivity, may_sign_in=settings.may_sign_in)
        self._asker = Asker(self.connectivity, self.gate, timing, clock)
        self.pages = RetainedPages(self._fetch, intake)
        self.account = Account(intake, self.pages.coverage, timing, clock)
        self._poll = self._new_poll()
        self._stream = self._new_stream()
        self._healing = self._new_healing()
        self._ending = Ending(self.pages, self.account, timing=timing, clock=clock)
        self.pages.on_page = self._page_read
        self.pages.load_raw = self._load_raw
        self.pages.on_newest = self.account.newest_read
        intake.on_renumbered = self.account.renumbered

    @property
    def job(self) -> Job:
        """The job as last read."""
        return self.standing.job

    def _new_poll(self) -> JobPoll:
        return JobPoll(
            lambda: self._source.job(self.job.workflow_id, self.job.id),
            Asker(self.connectivity, self.gate, self._timing, self._clock),
            self._settings.poll_seconds,
            self._take_job,
        )

    def _new_stream(self) -> LiveStream:
        stream = LiveStream(
            lambda: self._source.live(self.job.workflow_id, self.job.id),
            self.intake,
            connectivity=self.connectivity,
            gate=self.gate,
            lag=self.account.lag,
            timing=self._timing,
            clock=self._clock,
            wanted=self.standing.running,
        )
        stream.on_lines = self._lines_arrived
        stream.on_connected = self._subscribed
        stream.on_over = self._poll.now
        return stream

    def _new_healing(self) -> Healing:
        healing = Healing(
            self.pages,
            self.account,
            connectivity=self.connectivity,
            timing=self._timing,
            clock=self._clock,
        )
        healing.on_deaf = self._stream.renew
        return healing

    async def run(self) -> Verdict:
        """Watch until the log is sealed; may be cancelled and run again.

        Raises:
            LogsUnavailableError: There is no log by policy.
            NotFoundError: There is no such job.
            AuthError: It may not be seen, or nobody can sign in.
        """
        refuse_without_log(self._workflow)
        if self.standing.ended.is_set():
            return await self._read_ended()
        self._healing.begin()
        return await accompanied(
            self._read_on(), self._poll.run(), self._stream.run(), self._probe_sleep()
        )

    async def _read_ended(self) -> Verdict:
        await self._open()
        if not self._is_settled():
            await self._ending.read_out(lambda: True)
        return self.verdict()

    async def _read_on(self) -> Verdict:
        await self.standing.begun.wait()
        await self._open()
        self._healing.tail.read(found=False)
        while True:
            await self._healing.run(self.standing.ended)
            if await self._ending.read_out(self.standing.ended.is_set):
                return self.verdict()

    async def _open(self) -> None:
        self.account.caught_up = False
        await self.pages.open(self._enough or enough_of(self._settings))
        self.account.opened(settled=self._is_settled())
        self._changed()

    async def _load_raw(self) -> bool:
        """Load the whole log of an ended job, if all of it is wanted."""
        settings = self._settings
        if not self.standing.ended.is_set() or self._enough is not None:
            return False
        if settings.tail is not None or settings.since_ns is not None:
            return False

        last: tuple[int, int] | None = None

        def took(lines: Sequence[LogLine]) -> bool:
            nonlocal last
            last = lines[-1][:2]
            self._changed()
            return False

        whole = await load_raw(self._source, self.job, self.intake, took)
        return whole and self.pages.downloaded(last)

    def _is_settled(self) -> bool:
        """Tell whether the job ended so long ago that nothing more is to come."""
        age = self.standing.age_of_end(self._clock.wall())
        return age is not None and age >= self._timing.settled_age

    def verdict(self) -> Verdict:
        """Return what is known of the log; a verdict once it was read to its end."""
        return verdict_of(self.job, self.intake.ledger, self.pages.coverage)

    def _subscribed(self) -> None:
        self._healing.connected(self.connectivity.outage)

    def _lines_arrived(self, unreadable: bool) -> None:
        self._changed()
        if unreadable:
            self._healing.tail.soon(self._timing.heal_first)
        self._healing.wake()

    def _page_read(self) -> None:
        self.account.set_floor()
        self._changed()

    async def _fetch(self, cursor: str | None, fresh: bool) -> LogPage:
        """Read a page; one that was there and is refused now is asked for again."""
        job = self.job
        backoff = backoff_of(self._timing, self._clock)
        while True:
            try:
                page = await self._asker.ask(
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

    def _take_job(self, job: Job) -> None:
        if self.standing.take(job):
            self._changed()
        if self.standing.ended.is_set():
            self._healing.wake()
        if self.connectivity.was_deaf():
            self._stream.renew()

    async def _probe_sleep(self) -> None:
        """Notice that the machine has slept: its connections are dead by then."""
        timing, clock = self._timing, self._clock
        while True:
            wall, monotonic = clock.wall(), clock.monotonic()
            await asyncio.sleep(timing.sleep_probe)
            awake = clock.monotonic() - monotonic
            asleep = clock.wall() - wall - awake
            if asleep >= timing.sleep_jump or awake >= timing.sleep_jump:
                self._wake_up()

    def _wake_up(self) -> None:
        """Connect again and read on at once, whatever was waited for."""
        self._healing.wake_up()
        self._stream.renew()
        self._asker.nudge.now()
        self._poll.wake_up()
