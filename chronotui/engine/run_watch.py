"""Watching one run of an app: its events as they come, and its state, asked again.

Only the state that is read alone tells that a run has ended, and how: a stream closes
without a word, goes on after the end, and says "failed" of what was stopped (WIRE.md
"Dify"). A run whose events cannot be had is asked for its state alone, and why is kept.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from chronotui.engine.connection import JOB, Connectivity
from chronotui.engine.retry import Asker, Phase, SignInGate, Step, next_step
from chronotui.engine.timing import backoff_of, set_within
from chronotui.engine.watch import accompanied
from chronotui.errors import (
    ChronotuiError,
    FailedAnswerError,
    NotFoundError,
    NotSignedInError,
    UsageError,
)
from chronotui.model import RunPing
from chronotui.runs.events import RunRecord
from chronotui.text import clean
from chronotui.times import human_duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.engine.timing import Clock, WatchSettings
    from chronotui.model import Job, RunEvent
    from chronotui.sources.protocol import RunEventSource

MOST_REFUSALS: Final = 3
"""So often in a row a stream of a run is refused before the run is only asked for."""

READS_WITHOUT_RUN: Final = 12
"""So often a row is read for a run that is not there: one is written a moment after its
row, and cleaned up long after it."""

_SURE: Final = 2
"""Reads that are enough for an old row."""

_OLD_SECONDS: Final = 600.0

_REFUSALS: Final = frozenset({400, 403, 404})


class RunStream:
    """The stream of a run's events, opened again and again while it is wanted.

    Args:
        job: Returns the run as last read.
        phase: What is being done, for what follows from an answer.
        ask_soon: Has the run's state read at once.
        changed: Called when something changed that can be shown.

    Attributes:
        wanted: Set while a stream is wanted: the run goes on, and can be followed.
        why_not: Why none is, where the server refuses it.
    """

    def __init__(
        self,
        client: RunEventSource,
        record: RunRecord,
        *,
        connectivity: Connectivity,
        gate: SignInGate,
        job: Callable[[], Job],
        phase: Callable[[], Phase],
        ask_soon: Callable[[], None],
        changed: Callable[[], None],
    ) -> None:
        self._client = client
        self._record = record
        self._connectivity = connectivity
        self._timing = connectivity.timing
        self._clock = connectivity.clock
        self._gate = gate
        self._job = job
        self._phase = phase
        self._ask_soon = ask_soon
        self._changed = changed
        self._backoff = backoff_of(self._timing, self._clock)
        self._now = asyncio.Event()
        self._refused = 0
        self.wanted = asyncio.Event()
        self.why_not = ""

    @property
    def is_blind(self) -> bool:
        """Whether a stream stands, or stood, that tells nothing as it happens."""
        stands = self._connectivity.is_live
        waited = self._connectivity.connected_seconds >= self._timing.quiet_after
        return stands and waited and not self._record.saw_live

    def ask_now(self) -> None:
        """Open one at once where one is waited for, also after refusals."""
        self._refused, self.why_not = 0, ""
        self._now.set()

    async def run(self) -> None:
        """Keep a stream for as long as one is wanted.

        Raises:
            ChronotuiError: Nobody can sign in, or the error is our own.
        """
        while True:
            if not self.wanted.is_set():
                self._connectivity.idle()
            await self.wanted.wait()
            await self._gate.passed()
            self._now.clear()
            self._connectivity.connecting()
            try:
                is_over = await self._listen()
            except ChronotuiError as error:
                await self._after(error)
                continue
            self._rest_if_steady()
            if is_over:
                words = "The server closed the stream of events."
                await self._after(FailedAnswerError(words))

    async def listen_once(self, pause: float) -> None:
        """Take what a stream tells at once, a pause of so many seconds being its end.

        A stream that cannot be had is a reason that is kept.
        """
        job, loop = self._job(), asyncio.get_running_loop()
        limit = asyncio.timeout(pause)
        try:
            async with self._client.events(job) as events:
                self._attached(job)
                async with limit:
                    async for batch in events:
                        self._take(batch)
                        limit.reschedule(loop.time() + pause)
        except TimeoutError:
            return
        except ChronotuiError as error:
            self._record.coverage.why_not = clean(error.sentence).rstrip(".")

    async def _listen(self) -> bool:
        """Attach and take what comes; False where it is to be opened anew at once."""
        job = self._job()
        limit = asyncio.timeout(self._timing.snapshot_apart)
        async with self._client.events(job) as events:
            self._attached(job)
            try:
                async with limit:
                    async for batch in events:
                        self._take(batch)
                        if self._record.saw_live:
                            limit.reschedule(None)
            except TimeoutError:
                return False  # nothing is told as it happens: a snapshot tells more
            finally:
                if not (limit.expired() or self._record.said_over):
                    self._record.coverage.detached(self._clock.wall())
        return True

    def _attached(self, job: Job) -> None:
        began = job.started_at or job.created_at
        at = None if began is None else began.timestamp()
        self._record.attached(self._clock.wall(), at)
        self._connectivity.connected()
        self._gate.signed_in()
        self._refused = 0

    def _take(self, batch: tuple[RunEvent, ...]) -> None:
        now = self._clock.wall()
        was_over = self._record.said_over
        for event in batch:
            self._record.take(event, now)
            if not isinstance(event, RunPing):
                self._connectivity.heard()
        if self._record.said_over and not was_over:
            self._ask_soon()
        self._changed()

    def _rest_if_steady(self) -> None:
        if self._connectivity.connected_seconds >= self._timing.steady_after:
            self._backoff.reset()

    async def _after(self, error: ChronotuiError) -> None:
        self._rest_if_steady()
        phase = self._phase()
        if isinstance(error, UsageError) and error.answer is None:
            self._give_up(error)  # a run that must not be asked for, after all
            return
        step = next_step(error, phase, waits=True)
        if step is Step.BELIEVE:
            raise error
        if step is Step.SIGN_IN and isinstance(error, NotSignedInError):
            self._gate.refused(error, phase)
            return
        self._ask_soon()
        refused = error.answer is not None and error.answer.status in _REFUSALS
        self._refused = self._refused + 1 if refused else 0
        if self._refused >= MOST_REFUSALS:
            self._give_up(error)
            return
        delay = self._backoff.delay(error.retry_after)
        self._connectivity.lost(error, self._backoff.tries, delay)
        await set_within(self._now, delay)

    def _give_up(self, error: ChronotuiError) -> None:
        words = clean(error.sentence).rstrip(".")
        self.why_not = f"the server refused them ({words})"
        self.wanted.clear()
        self._connectivity.forgive()
        self._ask_soon()


class RunWatch:
    """One run, watched until it has ended.

    Args:
        changed: Called when something changed that can be shown.

    Attributes:
        job: The run as last read.
        record: What was seen of it.
        was_answered: Whether the server ever answered for the run as it should.
    """

    def __init__(
        self,
        client: RunEventSource,
        job: Job,
        *,
        settings: WatchSettings,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self._client = client
        self._settings = settings
        self._timing = settings.timing
        self._clock = clock
        self._changed = changed
        self._soon = asyncio.Event()
        self.job = job
        self.record = RunRecord(job.shown_id)
        self.was_answered = False
        self._without_run = 0
        self.connectivity = Connectivity(clock, self._timing, changed)
        self.gate = SignInGate(self.connectivity, may_sign_in=settings.may_sign_in)
        self._asker = Asker(
            JOB,
            self.connectivity,
            self.gate,
            phase=lambda: self.phase,
            waits=settings.waits,
        )
        self.stream = RunStream(
            client,
            self.record,
            connectivity=self.connectivity,
            gate=self.gate,
            job=lambda: self.job,
            phase=lambda: self.phase,
            ask_soon=self._soon.set,
            changed=changed,
        )

    @property
    def phase(self) -> Phase:
        if not self.was_answered:
            return Phase.OPENING
        return Phase.ENDING if self.job.has_ended else Phase.WATCHING

    @property
    def why_polled(self) -> str:
        """Why the run is only asked for its state; "" where its events come."""
        if self.job.has_ended or not self.was_answered:
            return ""
        if self.stream.wanted.is_set():
            blind = "its steps are told only when asked for"
            return blind if self.stream.is_blind else ""
        return self.stream.why_not or self._client.why_not_attached(self.job)

    @property
    def poll_seconds(self) -> float:
        """How far apart its state is asked for."""
        least = max(self._settings.poll_seconds, self._timing.run_poll_least)
        if self.connectivity.is_live and not self.record.said_over:
            return max(self._timing.run_poll, least)
        return least

    @property
    def stale(self) -> str:
        """Say that it has been running for too long; "" while it has not."""
        began = self.job.started_at or self.job.created_at
        if began is None or self.job.status != "RUNNING":
            return ""
        lasts = self._clock.wall() - began.timestamp()
        if lasts < self._timing.run_stale:
            return ""
        return (
            f"running for {human_duration(lasts)}: may have died, "
            "servers end a run after 20 min by default"
        )

    def ask_now(self) -> None:
        """Ask at once whatever is waited for."""
        self.stream.ask_now()
        self._settle_stream()
        self._asker.ask_now()
        self._soon.set()

    async def run(self) -> None:
        """Watch until the run has ended; may be cancelled and run again.

        Raises:
            NotFoundError: There is no such run, or only its row, and that has lasted.
            AuthError: It may not be seen, and that has lasted; nobody can sign in.
            ChronotuiError: The error is our own.
        """
        self._asker.reset()
        await accompanied(self._to_the_end(), self.stream.run())

    async def _to_the_end(self) -> None:
        knew_end = self.job.has_ended
        await self.reread()
        while not self.job.has_ended:
            if self._is_gone:
                raise NotFoundError(
                    "The server lists this run and keeps nothing of it: it was "
                    "cleaned up, or cannot be read.",
                    next_step="Ask again later if it began just now.",
                )
            await set_within(self._soon, self.poll_seconds)
            await self.reread()
        if not knew_end:
            await asyncio.sleep(self._timing.run_settles)
            await self.reread()

    @property
    def _is_gone(self) -> bool:
        """Whether a row will not get its run any more."""
        at = self.job.created_at
        is_old = at is not None and self._clock.wall() - at.timestamp() > _OLD_SECONDS
        return self._without_run >= (_SURE if is_old else READS_WITHOUT_RUN)

    async def reread(self) -> None:
        """Read the run's state, asked for until it is answered.

        Raises:
            ChronotuiError: See `run`.
        """
        self._soon.clear()
        self.job = await self._asker.ask(lambda: self._client.reread(self.job))
        self.was_answered = True
        self._without_run = 0 if self.job.run_id else self._without_run + 1
        self._settle_stream()
        if self.job.has_ended:
            self.record.ended(self.job)
        self._changed()

    def _settle_stream(self) -> None:
        """Want a stream while the run goes on and can be followed."""
        if self.job.has_ended:
            self.stream.wanted.clear()
            return
        why = self.stream.why_not or self._client.why_not_attached(self.job)
        self.record.coverage.why_not = why
        if why:
            self.stream.wanted.clear()
        elif self.was_answered:
            self.stream.wanted.set()
