"""Requests that are asked until they are answered."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeVar

from chronotui.core.backoff import Backoff
from chronotui.errors import NotSignedInError, OverloadedError, ServerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chronotui.engine.watch.connectivity import Connectivity
    from chronotui.engine.watch.timing import Clock, WatchTiming
    from chronotui.errors import ChronotuiError

Answer = TypeVar("Answer")


def backoff_of(timing: WatchTiming, clock: Clock) -> Backoff:
    """Return the delays of one thing that is tried again."""
    return Backoff(
        first=timing.retry_first,
        factor=timing.retry_factor,
        cap=timing.retry_cap,
        after_cap=timing.retry_after_cap,
        chance=clock.chance,
    )


def retry_after(error: ChronotuiError) -> float | None:
    """Return the wait a server asked for."""
    return error.retry_after if isinstance(error, OverloadedError) else None


class SignInGate:
    """Holds everything back while somebody has to sign in.

    Args:
        connectivity: Told of it.
        may_sign_in: Whether anybody can; if not, the error goes through.
    """

    def __init__(self, connectivity: Connectivity, *, may_sign_in: bool) -> None:
        self._connectivity = connectivity
        self._may_sign_in = may_sign_in
        self._open = asyncio.Event()
        self._open.set()

    async def passed(self) -> None:
        """Wait until nobody has to sign in."""
        await self._open.wait()

    async def refused(self, error: NotSignedInError) -> None:
        """Wait until somebody has signed in.

        Raises:
            NotSignedInError: Nobody can.
        """
        if not self._may_sign_in:
            raise error
        if self._open.is_set():
            self._open.clear()
            self._connectivity.sign_in(error)
        await self._open.wait()

    def signed_in(self) -> None:
        """Let everything go on."""
        if not self._open.is_set():
            self._connectivity.sign_in(None)
            self._open.set()


class Nudge:
    """A sleep that can be cut short from outside."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def now(self) -> None:
        """End the sleep under way, or the next one, at once."""
        self._event.set()

    async def sleep(self, seconds: float) -> bool:
        """Sleep; True when cut short."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._event.wait()
        nudged = self._event.is_set()
        self._event.clear()
        return nudged


class Asker:
    """Asks one list or one object, one request at a time, until it is answered.

    Server failures are tried again with growing delays, for ever; a refused session
    waits for a sign-in. Everything else is an answer, and is raised.
    """

    def __init__(
        self,
        connectivity: Connectivity,
        gate: SignInGate,
        timing: WatchTiming,
        clock: Clock,
    ) -> None:
        self._connectivity = connectivity
        self._gate = gate
        self._backoff = backoff_of(timing, clock)
        self._lock = asyncio.Lock()
        self.nudge = Nudge()

    async def ask(self, request: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the answer to a request made as often as it takes."""
        async with self._lock:
            while True:
                await self._gate.passed()
                try:
                    answer = await request()
                except NotSignedInError as error:
                    await self._gate.refused(error)
                except ServerError as error:
                    self._connectivity.failed(error)
                    await self.nudge.sleep(self._backoff.delay(retry_after(error)))
                else:
                    self._backoff.reset()
                    self._connectivity.answered()
                    return answer
