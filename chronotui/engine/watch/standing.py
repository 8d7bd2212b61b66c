"""Where a watched job stands: not started, running, over."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chronotui.model import Job


class JobStanding:
    """The job as last read, and what can be waited for.

    Attributes:
        job: As last read.
        ended: Set while its state says that it is over.
        running: Set while it is neither waiting nor over.
        begun: Set once it has left waiting.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.ended = asyncio.Event()
        self.running = asyncio.Event()
        self.begun = asyncio.Event()
        self._settle()

    def take(self, job: Job) -> bool:
        """Take over a newer reading; True if it says anything new.

        A job read alone does not tell its attempts and its container (wire note
        "Jobs"); what a list told of them stays.
        """
        known = self.job
        self.job = replace(
            job,
            attempts=known.attempts if job.attempts is None else job.attempts,
            container_id=job.container_id or known.container_id,
        )
        self._settle()
        return self.job != known

    def age_of_end(self, now: float) -> float | None:
        """Return the seconds since the job ended; None if it says none.

        Args:
            now: Seconds since the epoch.
        """
        ended_at = self.job.completed_at or self.job.updated_at
        if not self.job.status.is_terminal or ended_at is None:
            return None
        return now - ended_at.timestamp()

    def _settle(self) -> None:
        status = self.job.status
        over = status.is_terminal
        running = not over and not status.is_waiting
        for event, holds in ((self.ended, over), (self.running, running)):
            if holds:
                event.set()
            else:
                event.clear()
        if not status.is_waiting:
            self.begun.set()
