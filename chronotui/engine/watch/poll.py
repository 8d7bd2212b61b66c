"""Asking for the job's state: the witness of the end, and of the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.engine.watch.requests import Nudge
from chronotui.errors import MissingError, NotAllowedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chronotui.engine.watch.requests import Asker
    from chronotui.model import Job

REFUSALS: Final = 3
"""A job that was there is gone only when this many polls in a row say so: a proxy
that restarts answers 404 for a moment."""


class JobPoll:
    """Reads the job every few seconds.

    Args:
        read: Reads it once.
        asker: Asks until answered.
        seconds: From answer to question.
        on_job: Called with every answer.
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

    def now(self) -> None:
        """Ask at once instead of after the pause."""
        self._nudge.now()

    def wake_up(self) -> None:
        """Ask at once, also when a failure is being waited out."""
        self._nudge.now()
        self._asker.nudge.now()

    async def run(self) -> None:
        """Ask for ever.

        Raises:
            MissingError: The job is gone.
            NotAllowedError: The account may not see it any more.
        """
        refusals = 0
        while True:
            await self._nudge.sleep(self._seconds)
            try:
                job = await self._asker.ask(self._read)
            except (MissingError, NotAllowedError):
                refusals += 1
                if refusals >= REFUSALS:
                    raise
            else:
                refusals = 0
                self._on_job(job)
