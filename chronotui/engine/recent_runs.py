"""The last runs of the workflow that is looked at, as many as a picture shows."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.engine.retry import Retries
from chronotui.engine.sweep import JobFeed
from chronotui.engine.timing import Clock, Listeners, set_within
from chronotui.errors import ChronotuiError
from chronotui.tree.durations import LAST

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.engine.fleet import Fleet
    from chronotui.model import Job, Workflow
    from chronotui.sources.protocol import ListSource

REST_SECONDS: Final = 0.5
"""A workflow that is looked at for so long is read."""

FRESH_SECONDS: Final = 60.0
"""What is younger is not read again."""

KEPT_WORKFLOWS: Final = 64
TICK_SECONDS: Final = 0.05


class LastRuns(NamedTuple):
    """The newest jobs of a workflow without a gap, newest first.

    ``more`` tells whether there are older ones.
    """

    jobs: tuple[Job, ...] = ()
    more: bool = False


class RecentRuns:
    """Reads the last runs of a workflow that is looked at, behind its newest page.

    The requests are of the fleet's budget; what is read, the fleet has as well.
    """

    def __init__(
        self,
        client: ListSource,
        fleet: Fleet,
        *,
        clock: Clock | None = None,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self._client = client
        self._fleet = fleet
        self._clock = clock or Clock()
        self._rest = rest_seconds
        self._wanted: Workflow | None = None
        self._news = asyncio.Event()
        self._read: OrderedDict[str, tuple[float, LastRuns]] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._listeners = Listeners(TICK_SECONDS)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a function after a reading; return what ends that."""
        return self._listeners.add(listener)

    def of(self, workflow_id: str) -> LastRuns:
        """Return what is known; the fleet's newest goes before what was read here."""
        newest = LastRuns(*self._fleet.newest(workflow_id))
        found = self._read.get(workflow_id)
        if newest.jobs or found is None:
            return newest
        return found[1]

    def want(self, workflow: Workflow | None) -> None:
        """Read a workflow's runs soon, unless another one is wanted before."""
        before, self._wanted = self._wanted, workflow
        if workflow is None or (before is not None and before.id == workflow.id):
            return
        self._news.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop reading."""
        self._wanted = None
        self._listeners.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while (workflow := self._wanted) is not None:
            self._news.clear()
            if await set_within(self._news, self._rest):
                continue
            if self._lacks(workflow.id):
                await self._read_runs(workflow)
                self._listeners.notify()
            await set_within(self._news, FRESH_SECONDS)

    def _lacks(self, workflow_id: str) -> bool:
        """Whether older runs are needed, and were not asked for lately."""
        known = self.of(workflow_id)
        if len(known.jobs) >= LAST or (known.jobs and not known.more):
            return False
        found = self._read.get(workflow_id)
        since = self._clock.monotonic() - FRESH_SECONDS
        return found is None or found[0] < since

    async def _read_runs(self, workflow: Workflow) -> None:
        """Read pages, as far as they come; what fails is left alone for a while."""
        feed = JobFeed(self._client, workflow, Retries().ask)
        begun = self._clock.monotonic()
        try:
            while len(feed.jobs) < LAST and not feed.is_over:
                await self._fleet.turn()
                await feed.read_page()
        except ChronotuiError:
            pass
        jobs, more = tuple(feed.jobs)[:LAST], not feed.is_over or len(feed.jobs) > LAST
        self._read[workflow.id] = (begun, LastRuns(jobs, more))
        self._read.move_to_end(workflow.id)
        while len(self._read) > KEPT_WORKFLOWS:
            self._read.popitem(last=False)
        if jobs:
            self._fleet.put(workflow.id, jobs, has_more=more)
