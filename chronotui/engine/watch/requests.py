"""Requests of a watch, asked until they are answered; and the poll of the job."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeVar

from chronotui.engine.retry import Phase, Refusal, Step, backoff_of, next_step
from chronotui.errors import ChronotuiError, NotSignedInError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chronotui.engine.watch.connectivity import Connectivity
    from chronotui.engine.watch.timing import Clock, WatchTiming
    from chronotui.model import Job

Answer = TypeVar("Answer")


class Nudge:
    """A sleep that can be cut short from outside."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def now(self) -> None:
        """End the sleep under way, or the next one, at once."""
        self._event.set()

    def clear(self) -> None:
        """Let the next sleep last."""
        self._event.clear()

    async def sleep(self, seconds: float | None) -> bool:
        """Sleep, for ever if None; True when cut short."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if seconds is None else max(0.0, seconds)):
                await self._event.wait()
        nudged = self._event.is_set()
        self._event.clear()
        return nudged


class SignInGate:
    """Holds everything back while somebody has to sign in.

    What is held back asks again by itself now and then: a token that was refused
    once may be good the next time.

    Args:
        connectivity: Told of it.
        timing: The waits.
        clock: Time and chance.
        may_sign_in: Whether anybody can; if not, a refusal that lasts goes through,
            and one before any answer does so at once.
    """

    def __init__(
        self,
        connectivity: Connectivity,
        timing: WatchTiming,
        clock: Clock,
        *,
        may_sign_in: bool,
    ) -> None:
        self._connectivity = connectivity
        self._timing = timing
        self._clock = clock
        self._may_sign_in = may_sign_in
        self._refusal = Refusal(timing.refusal_lasts)
        self._backoff = backoff_of(timing, clock)
        self._open = asyncio.Event()
        self._open.set()
        self._again_at = 0.0

    async def passed(self) -> None:
        """Wait until nobody has to sign in, or it is worth asking all the same."""
        while not self._open.is_set():
            wait = self._again_at - self._clock.monotonic()
            if wait <= 0:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._open.wait()

    def refused(self, error: NotSignedInError, phase: Phase) -> None:
        """Hold everything back from now on.

        Raises:
            NotSignedInError: Nobody can sign in, and the refusal stands.
        """
        now = self._clock.monotonic()
        if not self._may_sign_in:
            lasted = self._refusal.heard(now)
            if lasted or phase is Phase.OPENING:
                raise error
        if self._open.is_set():
            self._open.clear()
            self._connectivity.sign_in(error)
        wait = self._timing.retry_cap if self._may_sign_in else self._backoff.delay()
        self._again_at = now + wait

    def signed_in(self) -> None:
        """Let everything go on."""
        self._refusal.broken()
        self._backoff.reset()
        if not self._open.is_set():
            self._connectivity.sign_in(None)
            self._open.set()


class Asker:
    """Asks on one route, one request at a time, until it is answered.

    Args:
        route: What is asked, as requests are named.
        connectivity: Told how it goes.
        gate: Passed before each request.
        timing: The waits.
        clock: Time and chance.
        phase: Tells what is being done.
        waits: Whether a first refusal is waited out, see `next_step`.
    """

    def __init__(
        self,
        route: str,
        connectivity: Connectivity,
        gate: SignInGate,
        *,
        timing: WatchTiming,
        clock: Clock,
        phase: Callable[[], Phase],
        waits: bool,
    ) -> None:
        self._route = route
        self._connectivity = connectivity
        self._gate = gate
        self._timing = timing
        self._clock = clock
        self._phase = phase
        self._waits = waits
        self._backoff = backoff_of(timing, clock)
        self._refusal = Refusal(timing.refusal_lasts)
        self._lock = asyncio.Lock()
        self._nudge = Nudge()
        self._is_pausing = False

    def begin(self) -> None:
        """Begin a watch: what was heard in an earlier one counts no more."""
        self._refusal.broken()
        self._backoff.reset()

    def now(self) -> None:
        """Ask at once if a failure is being waited out."""
        if self._is_pausing:
            self._nudge.now()

    async def ask(self, request: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the answer to a request made as often as it takes.

        Raises:
            PageTooLargeError: The server cannot send this page; others it may.
            ChronotuiError: The job itself is refused, for as long as it takes to
                believe that; nobody can sign in; or the error is our own.
        """
        async with self._lock:
            while True:
                await self._gate.passed()
                try:
                    answer = await request()
                except ChronotuiError as error:
                    await self._after(error)
                else:
                    self._refusal.broken()
                    self._backoff.reset()
                    self._gate.signed_in()
                    self._connectivity.answered(self._route)
                    return answer

    async def _after(self, error: ChronotuiError) -> None:
        """Wait until it is time to ask again."""
        phase = self._phase()
        step = next_step(error, phase, waits=self._waits)
        if step in {Step.BELIEVE, Step.LEAVE_OUT}:
            raise error
        lasting = step in {Step.SLOWLY, Step.IF_IT_LASTS}
        if not lasting:
            self._refusal.broken()
        elif self._refusal.heard(self._clock.monotonic()):
            self._refusal.broken()
            raise error
        if step is Step.SIGN_IN and isinstance(error, NotSignedInError):
            self._gate.refused(error, phase)
            return
        delay = self._backoff.delay(error.retry_after)
        if step is Step.SLOWLY:
            delay = max(delay, self._timing.retry_cap)
        self._connectivity.failed(
            self._route, error, self._backoff.tries, delay, refused=lasting
        )
        self._is_pausing = True
        try:
            await self._nudge.sleep(delay)
        finally:
            self._is_pausing = False


class JobPoll:
    """Asks for the job's state: the witness of the end, and of the connection.

    Args:
        read: Reads it once.
        asker: Asks until answered.
        seconds: From answer to question.
        on_job: Called with every answer.

    Attributes:
        regular: Whether it asks by itself; if not, only when told to.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[Job]],
        asker: Asker,
        seconds: float,
        on_job: Callable[[Job], None],
    ) -> None:
        self._read = read
        self._asker = asker
        self._seconds = seconds
        self._on_job = on_job
        self._nudge = Nudge()
        self.regular = True

    def now(self) -> None:
        """Ask at once, also when a failure is being waited out."""
        self._nudge.now()
        self._asker.now()

    def soon(self) -> None:
        """Ask at once instead of after the pause; a failure is still waited out."""
        self._nudge.now()

    async def run(self) -> None:
        """Ask for ever.

        Raises:
            ChronotuiError: See `Asker.ask`.
        """
        while True:
            await self._nudge.sleep(self._seconds if self.regular else None)
            self._on_job(await self._asker.ask(self._read))
