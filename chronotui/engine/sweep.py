"""Going over every living workflow once, several requests at a time.

No route tells what runs (WIRE.md "Jobs"): whoever wants to know asks each workflow.
Commands that run once pay such a sweep alone; the fleet begins with one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heapreplace
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar

from chronotui.errors import (
    ChronotuiError,
    NotSignedInError,
    ServerError,
    UnreachableError,
)
from chronotui.model import JobFilter, JobStatus
from chronotui.paging import CursorTrail
from chronotui.sources.protocol import EVERYTHING
from chronotui.tree.health import usual_seconds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from chronotui.model import Job, Workflow
    from chronotui.sources.protocol import ListSource

Value = TypeVar("Value")

AT_ONCE: Final = 4
"""Requests of a sweep at a time."""

RUNNING_REACH: Final = timedelta(hours=24)
"""A job that was made longer ago does not run any more: servers let one run for an
hour, and try it again a few times."""

GIVE_UP: Final = 5
"""So many workflows in a row that the server failed to answer end a sweep."""

HOUR: Final = timedelta(hours=1)
"""What failed lately may have been made so much earlier: so long may one run."""

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)


class Ask(Protocol):
    """Makes a request until it is answered, or raises."""

    async def __call__(self, request: Callable[[], Awaitable[Value]]) -> Value: ...


class JobOf(NamedTuple):
    """A job and its workflow."""

    workflow: Workflow
    job: Job


class Unread(NamedTuple):
    """A workflow whose jobs could not be read."""

    workflow: Workflow
    error: ChronotuiError


def concerns_all(error: ChronotuiError) -> bool:
    """Whether an error is about the server or the sign-in, not about one workflow.

    A failed answer may be about either: it takes several in a row to tell.
    """
    return isinstance(error, ServerError | NotSignedInError)


class _Listing(NamedTuple):
    cursor: str | None


class Sweep:
    """Lists the living workflows and reads each, while further ones are listed.

    Args:
        read: Reads one workflow with as many requests as it takes, one at a time.
        ask: How a page of the list of workflows is asked for.
        listed: Told of each page of workflows.

    Attributes:
        workflows: What was listed so far, in the server's order.
        total: How many there are, None until all are listed.
        done: How many were read, or given up.
        unread: Those that were given up.
        looped: Whether the server's list led in circles.
    """

    def __init__(
        self,
        client: ListSource,
        read: Callable[[Workflow], Awaitable[None]],
        *,
        ask: Ask,
        listed: Callable[[Sequence[Workflow]], None] = lambda _: None,
        at_once: int = AT_ONCE,
    ) -> None:
        self._client = client
        self._read = read
        self._ask = ask
        self._listed = listed
        self._at_once = at_once
        self._trail = CursorTrail()
        self._seen: set[str] = set()
        self._left = 0
        self._is_cut = False
        self._failed_in_a_row = 0
        self._todo: asyncio.PriorityQueue[
            tuple[int, int, _Listing | Workflow | None]
        ] = asyncio.PriorityQueue()
        self._count = 0
        self.workflows: list[Workflow] = []
        self.total: int | None = None
        self.done = 0
        self.unread: list[Unread] = []

    @property
    def looped(self) -> bool:
        return self._trail.looped

    def cut(self) -> None:
        """Begin nothing more; `run` returns when what is under way was answered."""
        self._is_cut = True

    async def run(self) -> None:
        """Go over all of them.

        Raises:
            ChronotuiError: From ``ask`` of a list; from ``read`` where nobody is
                signed in, the server cannot be reached, or fails again and again.
        """
        self._put(0, _Listing(None))
        workers = [asyncio.create_task(self._work()) for _ in range(self._at_once)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def _put(self, urgency: int, item: _Listing | Workflow) -> None:
        self._left += 1
        self._count += 1
        self._todo.put_nowait((urgency, self._count, item))

    async def _work(self) -> None:
        while True:
            *_, item = await self._todo.get()
            if item is None:
                return
            if not self._is_cut:
                await self._do(item)
            self._left -= 1
            if not self._left:
                for number in range(self._at_once):
                    self._todo.put_nowait((2, number, None))

    async def _do(self, item: _Listing | Workflow) -> None:
        if isinstance(item, _Listing):
            await self._list(item.cursor)
            return
        try:
            await self._read(item)
        except ChronotuiError as error:
            self._give_up(item, error)
        else:
            self._failed_in_a_row = 0
        self.done += 1

    def _give_up(self, workflow: Workflow, error: ChronotuiError) -> None:
        self._failed_in_a_row += concerns_all(error)
        is_hopeless = isinstance(error, NotSignedInError | UnreachableError)
        if is_hopeless or self._failed_in_a_row >= GIVE_UP:
            raise error
        self.unread.append(Unread(workflow, error))

    async def _list(self, cursor: str | None) -> None:
        page = await self._ask(lambda: self._client.workflows(cursor=cursor))
        new = [each for each in page.items if each.id not in self._seen]
        self._seen.update(each.id for each in new)
        self.workflows += new
        following = self._trail.follow(page.cursor, progress=page.brought_any)
        if following is None:
            self.total = len(self.workflows)
        else:
            self._put(0, _Listing(following))
        for workflow in new:
            self._put(1, workflow)
        self._listed(new)


# What one command wants of all workflows.


class JobFeed:
    """The jobs of one workflow, newest first, a page at a time.

    Attributes:
        jobs: What was read and not taken yet.
        is_over: Whether there are no more pages.
        looped: Whether the server's cursors led in circles.
    """

    def __init__(
        self,
        client: ListSource,
        workflow: Workflow,
        ask: Ask,
        only: JobFilter = EVERYTHING,
    ) -> None:
        self.workflow = workflow
        self.jobs: deque[Job] = deque()
        self.is_over = False
        self._client = client
        self._ask = ask
        self._only = only
        self._cursor: str | None = None
        self._trail = CursorTrail()
        self._seen: set[str] = set()

    @property
    def looped(self) -> bool:
        return self._trail.looped

    async def read_page(self) -> list[Job]:
        """Read the next page; return what was not there before."""
        page = await self._ask(
            lambda: self._client.jobs(
                self.workflow.id, cursor=self._cursor, only=self._only
            )
        )
        new = [job for job in page.items if job.id not in self._seen]
        self._seen.update(job.id for job in new)
        self.jobs.extend(new)
        self._cursor = self._trail.follow(page.cursor, progress=page.brought_any)
        self.is_over = self._cursor is None
        return new

    async def read_until(self, oldest: datetime) -> None:
        """Read on until a job was made before a time."""
        while not self.is_over:
            await self.read_page()
            if self.jobs and made_at(self.jobs[-1]) < oldest:
                return

    async def fill(self) -> None:
        """Read pages until there is a job to take, or no page is left."""
        while not self.jobs and not self.is_over:
            await self.read_page()


def made_at(job: Job) -> datetime:
    """When a job was made, as well as the server tells; the earliest time if not."""
    told = job.created_at or job.scheduled_at or job.started_at
    return told or _EARLIEST


def failed_since(job: Job, since: datetime) -> bool:
    """Whether a job failed at or after a time."""
    at = job.completed_at or job.updated_at or made_at(job)
    return job.status == JobStatus.FAILED and at >= since


def newest_first(found: Iterable[JobOf]) -> list[JobOf]:
    """Order jobs of several workflows by when they were made, as servers list them."""
    return sorted(found, key=_place, reverse=True)


def _place(one: JobOf) -> tuple[datetime, str]:
    return made_at(one.job), one.job.id


async def running_jobs(
    client: ListSource,
    ask: Ask,
    *,
    unread: Callable[[Unread], None] = lambda _: None,
) -> list[JobOf]:
    """Return what runs, over all workflows, newest first; each is asked once.

    Args:
        unread: Told of each workflow that could not be read.
    """
    overview = Overview(client, ask)
    found = await overview.every_job(JobFilter(status=JobStatus.RUNNING))
    for each in overview.sweep.unread:
        unread(each)
    return found


class Overview:
    """Answers one question about the jobs of all workflows, and is done with it.

    Attributes:
        sweep: How far it is, and what could not be read.
        usual: The median duration of the good runs read, by workflow.
        looped: Workflows whose list of jobs led in circles.
    """

    def __init__(self, client: ListSource, ask: Ask) -> None:
        self.sweep = Sweep(client, self._read, ask=ask)
        self.usual: dict[str, float] = {}
        self.looped: list[Workflow] = []
        self._client = client
        self._ask = ask
        self._work: Callable[[Workflow], Awaitable[None]] | None = None

    async def every_job(self, only: JobFilter = EVERYTHING) -> list[JobOf]:
        """Return all jobs that fit, newest first."""
        feeds = await self._feeds(only, _EARLIEST)
        return newest_first(_rest(feeds))

    async def newest_jobs(
        self, limit: int, only: JobFilter = EVERYTHING
    ) -> tuple[list[JobOf], bool]:
        """Return the newest jobs that fit, and whether there are more.

        Each workflow is asked for its first page, and further only where that is
        used up.
        """
        feeds = await self._feeds(only, None)
        heads = [_Head(feed) for feed in feeds if feed.jobs]
        heapify(heads)
        found: list[JobOf] = []
        while heads and len(found) < limit:
            feed = heads[0].feed
            found.append(JobOf(feed.workflow, feed.jobs.popleft()))
            await feed.fill()
            if feed.jobs:
                heapreplace(heads, _Head(feed))
            else:
                heappop(heads)
        return found, bool(heads)

    async def running_and_failed(
        self, since: datetime, now: datetime
    ) -> tuple[list[JobOf], list[JobOf]]:
        """Return what runs and what failed since a time, newest first.

        What may lie behind the newest page of a workflow is asked for by its state.
        """
        reach = {JobStatus.RUNNING: now - RUNNING_REACH, JobStatus.FAILED: since - HOUR}
        found: dict[str, JobOf] = {}

        async def read(workflow: Workflow) -> None:
            newest = JobFeed(self._client, workflow, self._ask)
            jobs = await newest.read_page()
            usual = usual_seconds(jobs)
            if usual is not None:
                self.usual[workflow.id] = usual
            for status, oldest in reach.items():
                if newest.is_over or not jobs or made_at(jobs[-1]) < oldest:
                    continue
                only = JobFilter(status=status)
                feed = JobFeed(self._client, workflow, self._ask, only)
                await feed.read_until(oldest)
                jobs += feed.jobs
            found.update((job.id, JobOf(workflow, job)) for job in jobs)

        await self._go_over(read)
        every = newest_first(found.values())
        running = [one for one in every if one.job.status == JobStatus.RUNNING]
        return running, [one for one in every if failed_since(one.job, since)]

    async def _feeds(self, only: JobFilter, oldest: datetime | None) -> list[JobFeed]:
        """Return each workflow's jobs, read to a time, or its first page for None."""
        feeds: list[JobFeed] = []

        async def read(workflow: Workflow) -> None:
            feed = JobFeed(self._client, workflow, self._ask, only)
            await (feed.fill() if oldest is None else feed.read_until(oldest))
            feeds.append(feed)
            if feed.looped:
                self.looped.append(workflow)

        await self._go_over(read)
        return feeds

    async def _go_over(self, read: Callable[[Workflow], Awaitable[None]]) -> None:
        self._work = read
        await self.sweep.run()

    async def _read(self, workflow: Workflow) -> None:
        if self._work is not None:
            await self._work(workflow)


class _Head:
    """A feed by its next job: the newest is the least."""

    __slots__ = ("feed", "place")

    def __init__(self, feed: JobFeed) -> None:
        self.feed = feed
        self.place = _place(JobOf(feed.workflow, feed.jobs[0]))

    def __lt__(self, other: _Head) -> bool:
        return self.place > other.place


def _rest(feeds: Iterable[JobFeed]) -> Iterator[JobOf]:
    for feed in feeds:
        yield from (JobOf(feed.workflow, job) for job in feed.jobs)
