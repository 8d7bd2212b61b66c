"""What alerts ask the server beside what is read anyway, within the fleet's budget."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from chronotui.errors import ChronotuiError, NotFoundError
from chronotui.model import JobStatus
from chronotui.tree.stall import PastRuns

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from chronotui.engine.fleet import Fleet
    from chronotui.engine.timing import Clock
    from chronotui.model import Job, LogLine
    from chronotui.sources.protocol import Source
    from chronotui.storage.alert_book import Alert

ALONE_EVERY: Final = 60.0
"""A job that stands on no list that is read is asked for alone, so far apart."""

GONE_AFTER: Final = 3
"""A job is gone that the server did not know so often: it may be out of order."""

PAST_RUNS: Final = 2
"""Good runs whose newest page is read to learn how long a job may be silent."""

END_AFTER: Final = 5.0
"""So long after a job's end its newest page is read: by then it is retained."""

END_TRIES: Final = 6
"""So often that is tried, each time a little later."""


class AlertQuestions:
    """Asks one thing at a time each, and calls back with what was answered.

    Args:
        client: The server.
        fleet: Whose budget it is.
        changed: Called after an answer.

    Attributes:
        alone: Jobs that were asked for alone, as they were answered.
    """

    def __init__(
        self, client: Source, fleet: Fleet, clock: Clock, changed: Callable[[], None]
    ) -> None:
        self.alone: dict[str, Job] = {}
        self._client = client
        self._fleet = fleet
        self._clock = clock
        self._changed = changed
        self._alone_at: dict[str, float] = {}
        self._missed: dict[str, int] = {}
        self._silent: dict[str, tuple[float, ...]] = {}
        self._ends: set[str] = set()
        self._asking: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        for task in self._asking:
            task.cancel()

    def _begin(self, asking: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(asking)
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    # one job

    def look_for(self, alert: Alert, gone: Callable[[Alert], None]) -> None:
        """Ask for an alert's job, unless a list shows it or it was asked lately.

        Args:
            alert: An alert of one job.
            gone: Called where the server has it no more.
        """
        fleet, job_id = self._fleet, alert.job_id
        known, now = self.alone.get(job_id), self._clock.monotonic()
        if fleet.is_sweeping or (known is not None and known.has_ended):
            return
        if any(job.id == job_id for job in fleet.jobs(alert.workflow_id)):
            return
        if now - self._alone_at.get(job_id, float("-inf")) >= ALONE_EVERY:
            self._alone_at[job_id] = now
            self._begin(self._ask_alone(alert, gone))

    async def _ask_alone(self, alert: Alert, gone: Callable[[Alert], None]) -> None:
        await self._fleet.turn()
        try:
            job = await self._client.job(alert.workflow_id, alert.job_id)
        except NotFoundError:
            self._missed[alert.job_id] = self._missed.get(alert.job_id, 0) + 1
            if self._missed[alert.job_id] < GONE_AFTER:
                return
            gone(alert)
        except ChronotuiError:
            return  # it is asked again
        else:
            self._missed.pop(job.id, None)
            self.alone[job.id] = job
        self._changed()

    # good runs before

    def past_of(self, workflow_id: str) -> PastRuns:
        """Return what is known of a workflow's good runs."""
        usual = self._fleet.usual_seconds(workflow_id)
        took = () if usual is None else (usual,)
        return PastRuns(took, self._silent.get(workflow_id, ()))

    def learn_past(self, workflow_id: str) -> None:
        """Read once how long a workflow's good runs were silent."""
        good = [
            job
            for job in self._fleet.jobs(workflow_id)
            if job.status == JobStatus.COMPLETED
        ]
        if good and workflow_id not in self._silent:
            self._silent[workflow_id] = ()
            self._begin(self._read_past(workflow_id, good[:PAST_RUNS]))

    async def _read_past(self, workflow_id: str, jobs: Sequence[Job]) -> None:
        for job in jobs:
            longest = longest_pause(job, await self._newest_page(job) or ())
            if longest is not None:
                self._silent[workflow_id] += (longest,)
        self._changed()

    # the end of a log

    def read_end(
        self, job: Job, take: Callable[[Job, Sequence[LogLine]], None]
    ) -> None:
        """Read the newest page of a job that ended, once: streams drop lines."""
        if job.id not in self._ends:
            self._ends.add(job.id)
            self._begin(self._read_end(job, take))

    async def _read_end(
        self, job: Job, take: Callable[[Job, Sequence[LogLine]], None]
    ) -> None:
        for tries in range(1, END_TRIES + 1):
            await asyncio.sleep(END_AFTER * tries)
            lines = await self._newest_page(job)
            if lines is not None:
                take(job, lines)
                self._changed()
                return

    async def _newest_page(self, job: Job) -> Sequence[LogLine] | None:
        """Return the newest lines; None where they cannot be had."""
        await self._fleet.turn()
        try:
            page = await self._client.log_page(job.workflow_id, job.id, fresh=True)
        except ChronotuiError:
            return None
        return page.lines


def longest_pause(job: Job, lines: Sequence[LogLine]) -> float | None:
    """Return the longest pause between lines of a job that ended; None without any.

    The time after its last line is one, too.
    """
    times = sorted(line.time_ns / 1e9 for line in lines if line.time_ns is not None)
    if not times:
        return None
    if job.completed_at is not None:
        times.append(max(job.completed_at.timestamp(), times[-1]))
    return max((after - before for before, after in pairwise(times)), default=None)
