"""The live stream of one job, opened again and again while the job runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chronotui.engine.intake import Context
from chronotui.engine.retry import Step, next_step
from chronotui.engine.timing import backoff_of, set_within
from chronotui.errors import (
    ChronotuiError,
    FailedAnswerError,
    NotSignedInError,
    UnreachableError,
)
from chronotui.log.attempts import Way
from chronotui.model import Connected, LiveLines, StreamEnded, StreamFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from chronotui.engine.connection import Connectivity
    from chronotui.engine.gaps import Backfill, LagMeter
    from chronotui.engine.intake import Intake
    from chronotui.engine.retry import JobPoll, Phase, SignInGate
    from chronotui.model import LiveEvent

    Subscribe = Callable[
        [], AbstractAsyncContextManager[AsyncIterator[tuple[LiveEvent, ...]]]
    ]


class LiveStream:
    """Subscribes, takes what arrives, and comes back after every break.

    Args:
        poll: Asked for the job's state when the server ended the stream or said that
            it cannot stream: that alone can end a watch.
        wanted: Set while a stream is wanted: the job runs.
        taken: Called after lines were taken, with how many were new and whether they
            may have opened or closed a gap.
    """

    def __init__(
        self,
        subscribe: Subscribe,
        intake: Intake,
        *,
        backfill: Backfill,
        poll: JobPoll,
        connectivity: Connectivity,
        gate: SignInGate,
        lag: LagMeter,
        wanted: asyncio.Event,
        phase: Callable[[], Phase],
        taken: Callable[[int, bool], None],
    ) -> None:
        self._subscribe = subscribe
        self._intake = intake
        self._backfill = backfill
        self._poll = poll
        self._connectivity = connectivity
        self._gate = gate
        self._lag = lag
        self._timing = connectivity.timing
        self._clock = connectivity.clock
        self._wanted = wanted
        self._phase = phase
        self._taken = taken
        self._backoff = backoff_of(self._timing, self._clock)
        self._now = asyncio.Event()
        self._context = Context()
        self._connection: asyncio.Task[None] | None = None
        self._renewing = False

    def renew(self) -> None:
        """Open a new connection at once, whatever the one there is looks like."""
        self._renewing = True
        if self._connection is not None:
            self._connection.cancel()
        self._now.set()

    def ask_now(self) -> None:
        self._now.set()

    async def run(self) -> None:
        """Keep a subscription for as long as one is wanted.

        Raises:
            ChronotuiError: Nobody can sign in, or the error is our own.
        """
        while True:
            if not self._wanted.is_set():
                self._connectivity.idle()
            await self._wanted.wait()
            await self._gate.passed()
            self._now.clear()
            self._connectivity.connecting()
            error = await self._one_connection()
            if self._connectivity.connected_seconds >= self._timing.steady_after:
                self._backoff.reset()
            if self._renewing:
                self._renewing = False
                self._backoff.reset()
                continue
            await self._after(error)

    async def _after(self, error: ChronotuiError) -> None:
        phase = self._phase()
        step = next_step(error, phase, waits=True)
        if step is Step.BELIEVE:
            raise error
        if step is Step.SIGN_IN and isinstance(error, NotSignedInError):
            self._gate.refused(error, phase)
            return
        if error.answer is not None:
            self._poll.ask_soon()
        delay = self._backoff.delay(error.retry_after)
        self._connectivity.lost(error, self._backoff.tries, delay)
        if await set_within(self._now, delay):
            self._renewing = False

    async def _one_connection(self) -> ChronotuiError:
        """Stay connected as long as it lasts; return why it is over."""
        self._connection = asyncio.create_task(self._listen())
        try:
            await asyncio.wait([self._connection])
            if self._connection.cancelled():
                return UnreachableError("The connection was renewed.")
            self._connection.result()
        except ChronotuiError as error:
            return error
        finally:
            await _stopped(self._connection)
            self._connection = None
        return FailedAnswerError("The server closed the live stream.")

    async def _listen(self) -> None:
        async with self._subscribe() as events:
            async for batch in events:
                for event in batch:
                    self._take(event)

    def _take(self, event: LiveEvent) -> None:
        match event:
            case Connected():
                self._connected()
            case LiveLines():
                self._take_lines(event)
            case StreamFailed():
                self._poll.ask_soon()
                raise FailedAnswerError(f"The server cannot stream: {event.reason}")
            case StreamEnded():
                self._poll.ask_soon()
                raise FailedAnswerError("The server ended the live stream.")

    def _connected(self) -> None:
        self._connectivity.connected()
        self._gate.signed_in()
        self._backfill.connected(self._connectivity.outage)

    def _take_lines(self, event: LiveLines) -> None:
        if not self._connectivity.is_live:
            self._connected()
        lines, intake = event.lines, self._intake
        held, changes = len(intake.store), intake.gap_changes
        if lines:
            self._connectivity.heard()
            self._backfill.examine(lines)
            placed = intake.take(lines, Way.LIVE, self._context)
            highest = max(line[:2] for line in placed)
            self._lag.live(self._clock.monotonic(), highest)
        if event.unreadable:
            self._backfill.tail.soon(self._timing.backfill_first)
        moves_gaps = intake.gap_changes != changes
        if moves_gaps or event.unreadable:
            self._backfill.wake()
        self._taken(len(intake.store) - held, moves_gaps)


async def _stopped(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end, whatever it says."""
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
