"""The live stream of one job, opened again and again while the job runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chronotui.engine.intake import Context
from chronotui.engine.retry import Step, Wakeup, backoff_of, next_step
from chronotui.errors import (
    ChronotuiError,
    FailedAnswerError,
    NotSignedInError,
    UnreachableError,
)
from chronotui.log.attempts import Way
from chronotui.model import Connected, LiveLines, StreamEnded, StreamFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from chronotui.engine.connection import Connectivity
    from chronotui.engine.intake import Intake
    from chronotui.engine.retry import Phase, SignInGate
    from chronotui.engine.timing import Clock, LagMeter, WatchTiming
    from chronotui.model import LiveEvent, LogLine

if TYPE_CHECKING:
    Subscribe = Callable[
        [], AbstractAsyncContextManager[AsyncIterator[tuple[LiveEvent, ...]]]
    ]


class LiveStream:
    """Subscribes, takes what arrives, and comes back after every break.

    Args:
        subscribe: Opens a subscription.
        wanted: Set while a stream is wanted: the job runs.
        phase: Tells what is being done.

    Attributes:
        on_connected: Called when a subscription stands.
        on_over: Called when the server ended it or said it cannot stream: the job's
            state has to be asked.
        on_arrival: Called with lines before they are taken.
        on_lines: Called after lines were taken; the flag says that frames among
            them could not be read.
    """

    def __init__(
        self,
        subscribe: Subscribe,
        intake: Intake,
        *,
        connectivity: Connectivity,
        gate: SignInGate,
        lag: LagMeter,
        timing: WatchTiming,
        clock: Clock,
        wanted: asyncio.Event,
        phase: Callable[[], Phase],
    ) -> None:
        self._subscribe = subscribe
        self._intake = intake
        self._connectivity = connectivity
        self._gate = gate
        self._lag = lag
        self._timing = timing
        self._clock = clock
        self._wanted = wanted
        self._phase = phase
        self._backoff = backoff_of(timing, clock)
        self._pause = Wakeup()
        self._context = Context()
        self._connection: asyncio.Task[None] | None = None
        self._renewing = False
        self.on_connected: Callable[[], None] = lambda: None
        self.on_over: Callable[[], None] = lambda: None
        self.on_arrival: Callable[[Sequence[LogLine]], None] = lambda _: None
        self.on_lines: Callable[[bool], None] = lambda _: None

    def renew(self) -> None:
        """Open a new connection at once, whatever the one there is looks like."""
        self._renewing = True
        if self._connection is not None:
            self._connection.cancel()
        self._pause.now()

    def now(self) -> None:
        """Open the next connection at once, if one is waited for."""
        self._pause.now()

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
            self._pause.clear()
            self._connectivity.connecting()
            error = await self._one_connection()
            if self._connectivity.stood >= self._timing.steady_after:
                self._backoff.reset()
            if self._renewing:
                self._renewing = False
                self._backoff.reset()
                continue
            await self._after(error)

    async def _after(self, error: ChronotuiError) -> None:
        """Wait until it is time to connect again.

        A refusal of the stream asks for the job's state: that alone can end a watch.
        """
        phase = self._phase()
        step = next_step(error, phase, waits=True)
        if step is Step.BELIEVE:
            raise error
        if step is Step.SIGN_IN and isinstance(error, NotSignedInError):
            self._gate.refused(error, phase)
            return
        if error.answer is not None:
            self.on_over()
        delay = self._backoff.delay(error.retry_after)
        self._connectivity.lost(error, self._backoff.tries, delay)
        if await self._pause.sleep(delay):
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
                self._connectivity.connected()
                self.on_connected()
            case LiveLines():
                if not self._connectivity.is_live:
                    self._connectivity.connected()
                    self.on_connected()
                self._take_lines(event.lines)
                self.on_lines(event.unreadable > 0)
            case StreamFailed():
                self.on_over()
                raise FailedAnswerError(f"The server cannot stream: {event.reason}")
            case StreamEnded():
                self.on_over()
                raise FailedAnswerError("The server ended the live stream.")

    def _take_lines(self, lines: Sequence[LogLine]) -> None:
        if not lines:
            return
        self._connectivity.heard()
        self.on_arrival(lines)
        placed = self._intake.take(lines, Way.LIVE, self._context)
        highest = max((line.attempt, line.sequence_num) for line in placed)
        self._lag.live(self._clock.monotonic(), highest)


async def _stopped(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end, whatever it says."""
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
