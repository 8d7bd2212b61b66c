"""Asking again, once or twice, where that may help a command that runs once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from chronotui.core.times import age
from chronotui.engine.watch.requests import backoff_of
from chronotui.engine.watch.timing import Clock, WatchTiming
from chronotui.errors import (
    ChronotuiError,
    FailedAnswerError,
    OverloadedError,
    PageTooLargeError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


Value = TypeVar("Value")

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
