"""What follows from an answer that is no success: one rule for all that is long-lived.

A watch, a recording, a followed log, a list and a sign-in check outlive any single
answer: a load balancer answers 404, 405 or a web page for a moment, a failed column
store is a 404 on log pages (WIRE.md "Errors"). So everything is asked again, with
growing waits; only the job's own refusal is believed, at once where nothing was ever
answered and somebody waits for an exit code, else when it has lasted. A command that
runs once asks again once or twice.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeVar

from chronotui.engine.connection import JOB, PAGE, RUN
from chronotui.engine.timing import Clock, WatchTiming, backoff_of, set_within
from chronotui.errors import (
    ChronotuiError,
    FailedAnswerError,
    NotSignedInError,
    OverloadedError,
    PageTooLargeError,
    ServerError,
    WebPageError,
)
from chronotui.times import age

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chronotui.engine.connection import Connectivity
    from chronotui.model import Job

Value = TypeVar("Value")

_JOB_REFUSALS: Final = frozenset({403, 404, 412})
_LOG_REFUSAL: Final = 412


class Phase(Enum):
    """What is being done when an answer comes; OPENING: none of the job ever came."""

    OPENING = "opening"
    WATCHING = "watching"
    BACKFILLING = "backfilling"
    ENDING = "ending"
    LISTING = "listing"


class Step(Enum):
    AGAIN = "ask again, each time after a longer wait"
    SLOWLY = (
        "say it at once; ask again after the longest wait, and believe it if it lasts"
    )
    IF_IT_LASTS = "ask again, each time after a longer wait; believe it if it lasts"
    LEAVE_OUT = "go on without this page; ask for it in a minute at the soonest"
    SIGN_IN = "wait until somebody has signed in"
    BELIEVE = "end, in the words of the error"


def next_step(error: ChronotuiError, phase: Phase, *, waits: bool) -> Step:
    """Decide what follows from an error, with its answer and its route.

    Args:
        waits: Whether somebody watches who would rather wait than be told at once,
            as on the desk; a shell that follows takes a first refusal for an answer.
    """
    if error.answer is None and not isinstance(error, ServerError | NotSignedInError):
        return Step.BELIEVE  # our own: a full spool, a request not to be sent as it is
    if isinstance(error, PageTooLargeError):
        return Step.LEAVE_OUT if error.route == PAGE else Step.AGAIN
    if isinstance(error, NotSignedInError) and not isinstance(error, WebPageError):
        return Step.SIGN_IN
    if phase is Phase.LISTING or not _refuses_job(error):
        return Step.AGAIN
    if phase is Phase.OPENING:
        return Step.SLOWLY if waits else Step.BELIEVE
    return Step.IF_IT_LASTS


def _refuses_job(error: ChronotuiError) -> bool:
    """Tell whether the server itself refuses the job, or its log by policy.

    Anything else on a log page is an outage as long as the job is answered.
    """
    answer = error.answer
    if answer is None or not answer.is_plain:
        return False
    if error.route in {JOB, RUN}:
        return answer.status in _JOB_REFUSALS
    return error.route == PAGE and answer.status == _LOG_REFUSAL


class RefusalSpan:
    """A refusal without any other answer: it is believed once it lasts so long."""

    def __init__(self, lasts: float) -> None:
        self._lasts = lasts
        self._since: float | None = None

    def heard(self, now: float) -> bool:
        """Note the refusal; True once it has lasted."""
        if self._since is None:
            self._since = now
        return now - self._since >= self._lasts

    def broken(self) -> None:
        """Note any other answer, or none: the refusal has not lasted."""
        self._since = None


# Requests of one command, asked again once or twice.

ASKED_AGAIN: Final = 2
"""So often a request that one command cannot do without is asked again."""

SAID_AFTER: Final = 5.0
"""Seconds of waiting after which it is said."""


def may_help(error: ChronotuiError) -> bool:
    """Whether asking again soon may be answered otherwise: a 429 or a 5xx."""
    if isinstance(error, PageTooLargeError):
        return False
    if isinstance(error, OverloadedError):
        return True
    status = 0 if error.answer is None else error.answer.status
    return isinstance(error, FailedAnswerError) and (status == 429 or status >= 500)


class Retries:
    """Asks requests again that a server failed to answer; ``tell`` takes sentences."""

    def __init__(
        self,
        tell: Callable[[str], None] = lambda _: None,
        *,
        timing: WatchTiming | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._tell = tell
        self._timing = timing or WatchTiming()
        self._clock = clock or Clock()

    async def ask(
        self,
        request: Callable[[], Awaitable[Value]],
        *,
        again: Callable[[ChronotuiError], bool] = may_help,
        times: int = ASKED_AGAIN,
    ) -> Value:
        """Return the answer to a request.

        Args:
            again: Whether an error may be gone when the request is made again.
            times: How often it is made again.

        Raises:
            ChronotuiError: The last error, or one that will not go away.
        """
        backoff = backoff_of(self._timing, self._clock)
        waited = 0.0
        while True:
            try:
                return await request()
            except ChronotuiError as error:
                if backoff.tries >= times or not again(error):
                    raise
                delay = backoff.delay(error.retry_after)
                await self._wait(error, waited, delay)
                waited += delay

    async def _wait(self, error: ChronotuiError, waited: float, delay: float) -> None:
        silent = max(0.0, SAID_AFTER - waited)
        if delay <= silent:
            await asyncio.sleep(delay)
            return
        await asyncio.sleep(silent)
        left = delay - silent
        what = error.sentence.rstrip(".")
        self._tell(f"{what}; asked again in {age(left)}.")
        await asyncio.sleep(left)


# Requests of a watch, asked until they are answered; and the poll of the job.


class SignInGate:
    """Holds everything back while somebody has to sign in.

    What is held back asks again by itself now and then: a token that was refused
    once may be good the next time.

    Args:
        may_sign_in: Whether anybody can; if not, a refusal that lasts goes through,
            and one before any answer does so at once.
    """

    def __init__(self, connectivity: Connectivity, *, may_sign_in: bool) -> None:
        self._connectivity = connectivity
        self._timing = connectivity.timing
        self._clock = connectivity.clock
        self._may_sign_in = may_sign_in
        self._refusal = RefusalSpan(self._timing.refusal_lasts)
        self._backoff = backoff_of(self._timing, self._clock)
        self._open = asyncio.Event()
        self._open.set()
        self._again_at = 0.0

    async def passed(self) -> None:
        """Wait until nobody has to sign in, or it is worth asking all the same."""
        while not self._open.is_set():
            wait = self._again_at - self._clock.monotonic()
            if wait <= 0:
                return
            await set_within(self._open, wait)

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
        self._refusal.broken()
        self._backoff.reset()
        if not self._open.is_set():
            self._connectivity.sign_in(None)
            self._open.set()


class Asker:
    """Asks on one route, one request at a time, until it is answered.

    ``waits``: A first refusal is waited out, see `next_step`.
    """

    def __init__(
        self,
        route: str,
        connectivity: Connectivity,
        gate: SignInGate,
        *,
        phase: Callable[[], Phase],
        waits: bool,
    ) -> None:
        self._route = route
        self._connectivity = connectivity
        self._gate = gate
        self._phase = phase
        self._waits = waits
        timing = connectivity.timing
        self._longest = timing.retry_cap
        self._backoff = backoff_of(timing, connectivity.clock)
        self._refusal = RefusalSpan(timing.refusal_lasts)
        self._lock = asyncio.Lock()
        self._now = asyncio.Event()

    def reset(self) -> None:
        """Let no failure heard so far count any more."""
        self._refusal.broken()
        self._backoff.reset()

    def ask_now(self) -> None:
        self._now.set()

    async def ask(self, request: Callable[[], Awaitable[Value]]) -> Value:
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
                    self.reset()
                    self._gate.signed_in()
                    self._connectivity.answered(self._route)
                    return answer

    async def _after(self, error: ChronotuiError) -> None:
        phase = self._phase()
        step = next_step(error, phase, waits=self._waits)
        if step in {Step.BELIEVE, Step.LEAVE_OUT}:
            raise error
        lasting = step in {Step.SLOWLY, Step.IF_IT_LASTS}
        if not lasting:
            self._refusal.broken()
        elif self._refusal.heard(self._connectivity.clock.monotonic()):
            self._refusal.broken()
            raise error
        if step is Step.SIGN_IN and isinstance(error, NotSignedInError):
            self._gate.refused(error, phase)
            return
        delay = self._backoff.delay(error.retry_after)
        if step is Step.SLOWLY:
            delay = max(delay, self._longest)
        self._connectivity.failed(
            self._route, error, self._backoff.tries, delay, refused=lasting
        )
        self._now.clear()
        await set_within(self._now, delay)


class JobPoll:
    """Asks for the job's state: the witness of the end, and of the connection.

    Args:
        seconds: From answer to question.

    Attributes:
        regular: Whether it asks by itself; if not, only when told to.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[Job]],
        asker: Asker,
        seconds: float,
        take: Callable[[Job], None],
    ) -> None:
        self._read = read
        self._asker = asker
        self._seconds = seconds
        self._take = take
        self._soon = asyncio.Event()
        self.regular = True

    def ask_now(self) -> None:
        self._soon.set()
        self._asker.ask_now()

    def ask_soon(self) -> None:
        """Ask at once instead of after the pause; a failure is still waited out."""
        self._soon.set()

    async def run(self) -> None:
        """Ask for ever.

        Raises:
            ChronotuiError: See `Asker.ask`.
        """
        while True:
            await set_within(self._soon, self._seconds if self.regular else None)
            self._soon.clear()
            self._take(await self._asker.ask(self._read))
