"""Going over every living workflow once, several requests at a time.

No route tells what runs (WIRE.md "Jobs"): whoever wants to know asks each workflow.
Commands that run once pay such a sweep alone; the fleet begins with one.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
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

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

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

_RUNNING: Final = JobFilter(status=JobStatus.RUNNING)
_FAILED: Final = JobFilter(status=JobStatus.FAILED)


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


async def every_job(
    client: ListSource,
    workflow: Workflow,
    ask: Ask,
    *,
    only: JobFilter = EVERYTHING,
    cursor: str | None = None,
) -> AsyncIterator[Job]:
    """Go through the jobs of a workflow, newest first, a page when it is needed."""
    trail = CursorTrail()
    at = cursor
    while True:
        here = at
        page = await ask(lambda: client.jobs(workflow.id, cursor=here, only=only))  # noqa: B023 - awaited before it changes
        for job in page.items:
            yield job
        at = trail.follow(page.cursor, progress=page.brought_any)
        if at is None:
            return


def newest_first(found: Iterable[JobOf]) -> list[JobOf]:
    """Order jobs of several workflows by when they were made, as servers list them."""
    return sorted(found, key=_made, reverse=True)


def _made(one: JobOf) -> tuple[datetime, str]:
    job = one.job
    return made_at(job), job.id


def made_at(job: Job) -> datetime:
    """When a job was made, as well as the server tells; the earliest time if not."""
    told = job.created_at or job.scheduled_at or job.started_at
    return told or datetime.min.replace(tzinfo=UTC)


def failed_since(job: Job, since: datetime) -> bool:
    """Whether a job failed at or after a time."""
    at = job.completed_at or job.updated_at or made_at(job)
    return job.status == JobStatus.FAILED and at >= since


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
    found: list[JobOf] = []

    async def read(workflow: Workflow) -> None:
        running = every_job(client, workflow, ask, only=_RUNNING)
        found.extend([JobOf(workflow, job) async for job in running])

    sweep = Sweep(client, read, ask=ask)
    await sweep.run()
    for each in sweep.unread:
        unread(each)
    return newest_first({one.job.id: one for one in found}.values())
