"""What follows from an answer that is no success: one rule for all that is long-lived.

A watch, a recording, a followed log, a list and a sign-in check outlive any single
answer: a load balancer answers 404, 405 or a web page for a moment, a failed column
store is a 404 on log pages (wire note "Errors"). So everything is asked again, with
growing waits; only the job's own refusal is believed, at once where nothing was ever
answered and somebody waits for an exit code, else when it has lasted. A command that
runs once asks again once or twice.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeVar

from chronotui.core.backoff import Backoff
from chronotui.core.times import age
from chronotui.engine.watch.timing import Clock, WatchTiming
from chronotui.errors import (
    ChronotuiError,
    FailedAnswerError,
    NotSignedInError,
    OverloadedError,
    PageTooLargeError,
    ServerError,
    WebPageError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Value = TypeVar("Value")

JOB: Final = "job"
PAGE: Final = "log_page"
STREAM: Final = "live"
"""Routes of a watch, as requests are named."""

_JOB_REFUSALS: Final = frozenset({403, 404, 412})
_LOG_REFUSAL: Final = 412


class Phase(Enum):
    """What is being done when an answer comes."""

    OPENING = "opening"
    """Nothing of the job was ever answered."""
    WATCHING = "watching"
    BACKFILLING = "backfilling"
    ENDING = "ending"
    LISTING = "listing"


class Step(Enum):
    """What to do next."""

    AGAIN = "ask again, each time after a longer wait"
    SLOWLY = (
        "say it at once; ask again after the longest wait, and believe it if it lasts"
    )
    IF_IT_LASTS = "ask again, each time after a longer wait; believe it if it lasts"
    LEAVE_OUT = "go on without this page; ask for it in a minute at the soonest"
    SIGN_IN = "wait until somebody has signed in"
    BELIEVE = "end, in the words of the error"


def next_step(error: ChronotuiError, phase: Phase, *, waits: bool) -> Step:
    """Decide what follows from an error.

    Args:
        error: What went wrong, with its answer and its route.
        phase: When.
        waits: Whether somebody watches who would rather wait than be told at once,
            as on the desk; a shell that follows takes a first refusal for an answer.
    """
    if not is_from_server(error):
        return Step.BELIEVE
    if isinstance(error, PageTooLargeError):
        return Step.LEAVE_OUT if error.route == PAGE else Step.AGAIN
    if isinstance(error, NotSignedInError) and not isinstance(error, WebPageError):
        return Step.SIGN_IN
    if phase is Phase.LISTING or not refuses_job(error):
        return Step.AGAIN
    if phase is Phase.OPENING:
        return Step.SLOWLY if waits else Step.BELIEVE
    return Step.IF_IT_LASTS


def is_from_server(error: ChronotuiError) -> bool:
    """Tell whether an error is about an answer, or about none having come.

    Others are our own: a full spool, a request that cannot be sent as it is.
    """
    return error.answer is not None or isinstance(error, ServerError | NotSignedInError)


def refuses_job(error: ChronotuiError) -> bool:
    """Tell whether the server itself refuses the job, or its log by policy.

    Anything else on a log page is an outage as long as the job is answered.
    """
    answer = error.answer
    if answer is None or not answer.is_plain:
        return False
    if error.route == JOB:
        return answer.status in _JOB_REFUSALS
    return error.route == PAGE and answer.status == _LOG_REFUSAL


class Refusal:
    """How long a refusal has lasted without any other answer.

    Args:
        lasts: Seconds after which it is believed.
    """

    def __init__(self, lasts: float) -> None:
        self._lasts = lasts
        self._since: float | None = None

    def heard(self, now: float) -> bool:
        """Note the refusal; True once it has lasted.

        Args:
            now: Monotonic seconds.
        """
        if self._since is None:
            self._since = now
        return now - self._since >= self._lasts

    def broken(self) -> None:
        """Note any other answer, or none: the refusal has not lasted."""
        self._since = None


def backoff_of(timing: WatchTiming, clock: Clock) -> Backoff:
    """Return the delays of one thing that is tried again."""
    return Backoff(
        first=timing.retry_first,
        factor=timing.retry_factor,
        cap=timing.retry_cap,
        after_cap=timing.retry_after_cap,
        chance=clock.chance,
    )


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
    """Asks requests again that a server failed to answer.

    Args:
        tell: Takes sentences for people.
        timing: The delays, and how much of a Retry-After is obeyed.
        clock: Time and chance.
    """

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
            request: Makes it.
            again: Whether an error may be gone when it is made again.
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
        """Sleep, and say why once it takes long."""
        silent = max(0.0, SAID_AFTER - waited)
        if delay <= silent:
            await asyncio.sleep(delay)
            return
        await asyncio.sleep(silent)
        left = delay - silent
        what = error.sentence.rstrip(".")
        self._tell(f"{what}; asked again in {age(left)}.")
        await asyncio.sleep(left)
