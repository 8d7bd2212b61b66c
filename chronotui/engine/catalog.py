"""Telling those who listen that something changed, not more often than a screen."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from chronotui.engine.resolve import resolve_job, resolve_workflow
from chronotui.engine.retry import Backoff, Phase, Step, next_step
from chronotui.errors import ChronotuiError, NotFoundError, NotSignedInError, own_fault
from chronotui.tree.listing import ListPosition, Loading
from chronotui.tree.model import TreeModel

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from chronotui.model import Job, Page, Workflow
    from chronotui.sources.protocol import ListSource
    from chronotui.tree.listing import Listing
    from chronotui.tree.model import Branch, JobFilter, NodeKey, TreeFilters

TICK_SECONDS: Final = 0.033
"""Changes are gathered this long: 30 pictures a second are as many as are seen."""


class Listeners:
    """Functions called on the event loop after changes, once a tick on average.

    After a quiet moment two calls may follow each other closely, so that the first
    two pages of a list are shown as they come.
    """

    def __init__(self) -> None:
        self._functions: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._calls = deque([0.0, 0.0], maxlen=2)

    def add(self, function: Callable[[], None]) -> Callable[[], None]:
        """Call a function from now on; return what ends that."""
        self._functions.append(function)

        def remove() -> None:
            with contextlib.suppress(ValueError):
                self._functions.remove(function)

        return remove

    def tell(self) -> None:
        """Call them all, at once when the call before the last is two ticks ago."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            wait = max(self._calls[0] + 2 * TICK_SECONDS - loop.time(), 0.0)
            self._timer = loop.call_later(wait, self._call)

    def hush(self) -> None:
        """Leave out the call that is pending."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _call(self) -> None:
        self._timer = None
        self._calls.append(asyncio.get_running_loop().time())
        for function in list(self._functions):
            function()


# The lists a catalog reads: one of workflows, one of jobs for each open workflow.

SKIPPED_PAGES: Final = 5
"""Pages of nothing but hidden workflows that are passed over in one reading."""


class WorkflowList:
    """The list of workflows under a text, with the terminated ones or without.

    The living ones are one query and the terminated ones another, read after it.
    """

    def __init__(
        self, client: ListSource, tree: TreeModel, filters: TreeFilters
    ) -> None:
        self.listing = tree.workflows
        self._client = client
        self._tree = tree
        self._query = filters.query or None
        self._stages = (False, True) if filters.terminated else (False,)

    @property
    def active(self) -> bool:
        """Whether the list is likely to change soon: workflows seldom do."""
        return False

    async def read(
        self, place: ListPosition
    ) -> tuple[list[Workflow], ListPosition | None]:
        """Read the page at a place; return it with the place that follows."""
        page = await self._page(place.stage, place.cursor)
        for _ in range(SKIPPED_PAGES):
            if page.items or not page.hidden or page.cursor is None:
                break
            page = await self._page(place.stage, page.cursor)
        following: ListPosition | None = None
        if page.cursor is not None:
            following = ListPosition(place.stage, page.cursor)
        elif place.stage + 1 < len(self._stages):
            following = ListPosition(place.stage + 1)
        return list(page.items), following

    async def _page(self, stage: int, cursor: str | None) -> Page[Workflow]:
        terminated = self._stages[stage]
        page = await self._client.workflows(
            cursor=cursor, query=self._query, terminated=terminated
        )
        if page.hidden and len(self._stages) == 1:
            self.listing.hides_terminated = True
        return page

    def extend(self, items: Sequence[Workflow], following: ListPosition | None) -> None:
        """Join the next page."""
        self.listing.extend(self._tree.put_workflows(items), following)

    def refresh(
        self, items: Sequence[Workflow], following: ListPosition | None
    ) -> bool:
        """Join pages read again from the top; False when they do not meet."""
        return self.listing.refresh(self._tree.put_workflows(items), following)

    def restart(
        self, items: Sequence[Workflow], following: ListPosition | None
    ) -> None:
        """Begin again with pages read from the top."""
        self.listing.restart(self._tree.put_workflows(items), following)


class JobList:
    """The jobs of one workflow under a status and a trigger."""

    def __init__(
        self, client: ListSource, branch: Branch, job_filter: JobFilter
    ) -> None:
        self.listing = branch.listing
        self.branch = branch
        self._client = client
        self._filter = job_filter

    @property
    def active(self) -> bool:
        """Whether a job of the workflow runs or waits to run."""
        return bool(self.branch.jobs.unfinished)

    async def read(self, place: ListPosition) -> tuple[list[Job], ListPosition | None]:
        """Read the page at a place; return it with the place that follows."""
        page = await self._client.jobs(
            self.branch.workflow.id,
            cursor=place.cursor,
            status=self._filter.status,
            trigger=self._filter.trigger,
        )
        following = None if page.cursor is None else ListPosition(cursor=page.cursor)
        return list(page.items), following

    def extend(self, items: Sequence[Job], following: ListPosition | None) -> None:
        """Join the next page."""
        self.listing.extend(self.branch.put(items), following)

    def refresh(self, items: Sequence[Job], following: ListPosition | None) -> bool:
        """Join pages read again from the top; False when they do not meet."""
        return self.listing.refresh(self.branch.put(items), following)

    def restart(self, items: Sequence[Job], following: ListPosition | None) -> None:
        """Begin again with pages read from the top."""
        self.listing.restart(self.branch.put(items), following)

    async def read_alone(self, job_id: str) -> Job:
        """Read one job by its id."""
        return await self._client.job(self.branch.workflow.id, job_id)


# Reading one list: its next page, its beginning again, its unfinished jobs.

Item = TypeVar("Item")

EMPTY_PAGES: Final = 10
"""Pages without a new id that are passed over at once before waiting to be asked."""

CATCH_UP_PAGES: Final = 20
"""Pages read from the top until they meet what is known; then it begins again."""

WHOLE_EVERY: Final = 4
"""Each so many readings a list of workflows is read as far as it is loaded."""

ALONE: Final = 3
"""Unfinished jobs beyond the pages just read that are asked for alone, a round."""


class PagedList(Protocol[Item]):
    """A list that can be read page by page."""

    listing: Listing

    @property
    def active(self) -> bool:
        """Whether the list is likely to change soon."""
        ...

    async def read(self, place: ListPosition) -> tuple[list[Item], ListPosition | None]:
        """Read the page at a place; return it with the place that follows."""
        ...

    def extend(self, items: Sequence[Item], following: ListPosition | None) -> None:
        """Join the next page."""
        ...

    def refresh(self, items: Sequence[Item], following: ListPosition | None) -> bool:
        """Join pages read again from the top; False when they do not meet."""
        ...

    def restart(self, items: Sequence[Item], following: ListPosition | None) -> None:
        """Begin again with pages read from the top."""
        ...


class Reader(Generic[Item]):
    """Reads one list, one request at a time.

    Args:
        source: The list and where it is asked.
        backoff: The pauses after failures.
    """

    def __init__(self, source: PagedList[Item], backoff: Backoff) -> None:
        self.source = source
        self.wants_more = False
        self.backoff = backoff
        self.due = 0.0
        self._rounds = 0

    @property
    def listing(self) -> Listing:
        """The list being read."""
        return self.source.listing

    async def read(self) -> None:
        """Read what is due: the next page if it was asked for, else the top again.

        Raises:
            ChronotuiError: What the server or the way to it failed with.
        """
        try:
            if self.wants_more or not self.listing.answered:
                await self._more()
            else:
                await self._again()
        finally:
            self.listing.loading = Loading.NOTHING

    async def _more(self) -> None:
        for _ in range(EMPTY_PAGES):
            place = self.listing.next_place
            if place is None:
                break
            first = not self.listing.answered
            self.listing.loading = Loading.FIRST if first else Loading.MORE
            items, following = await self.source.read(place)
            held = self.listing.frontier
            self.source.extend(items, following)
            if self.listing.frontier > held:
                break
        self.wants_more = False

    async def _again(self) -> None:
        self.listing.loading = Loading.REFRESH
        self._rounds += 1
        items: list[Item] = []
        seen: set[ListPosition] = set()
        place: ListPosition | None = ListPosition()
        joined = False
        while not joined:
            place = place or ListPosition()
            seen.add(place)
            page, place = await self.source.read(place)
            items += page
            last = place in seen or len(seen) >= CATCH_UP_PAGES
            joined = self._join(items, place, last=last)
        await self._read_alone(items)

    def _join(
        self, items: list[Item], following: ListPosition | None, *, last: bool
    ) -> bool:
        """Join what was read from the top, unless more is to be read before."""
        enough = following is None or last or self._suffices(len(items))
        if not enough:
            return False
        if self.source.refresh(items, following):
            return True
        if last:
            self.source.restart(items, following)
        return last

    def _suffices(self, count: int) -> bool:
        """Whether so many items from the top are enough to join."""
        whole = isinstance(self.source, JobList) or self._rounds % WHOLE_EVERY
        return bool(whole) or count >= self.listing.frontier

    async def _read_alone(self, items: Sequence[Item]) -> None:
        """Ask for unfinished jobs the pages did not hold, a few each round."""
        source = self.source
        if not isinstance(source, JobList):
            return
        jobs = source.branch.jobs
        read = {getattr(item, "id", "") for item in items}
        for job_id in [j for j in jobs.unfinished if j not in read][:ALONE]:
            try:
                job = await source.read_alone(job_id)
            except NotFoundError:
                source.branch.forget(job_id)
            else:
                source.branch.update(job)
                jobs.ask_later(job_id)


# The catalog: keeps a tree of workflows and jobs true while it is looked at.

IDLE_FACTOR: Final = 3.0
"""A list in which nothing runs is asked this many times less often."""

_DOING: Final = "while it read the lists"
_AGAIN: Final = "r reads them again."


@dataclass(frozen=True, slots=True)
class CatalogSettings:
    """How often the lists are asked.

    ``poll_seconds`` is the pause while something runs (the profile's key);
    ``retry_first`` and ``retry_cap`` bound the growing pauses after failures,
    ``retry_after_cap`` what a server may ask for.
    """

    poll_seconds: float = 5.0
    retry_first: float = 1.0
    retry_cap: float = 60.0
    retry_after_cap: float = 300.0

    def pause(self, *, active: bool) -> float:
        """Return the seconds to wait after a list's answer."""
        return self.poll_seconds if active else self.poll_seconds * IDLE_FACTOR


class Catalog:
    """Reads workflows, and the jobs of expanded ones, into a tree; and polls them.

    Belongs to one event loop. Everything but ``run`` and ``find`` returns at once;
    what it asks for is read by ``run``.

    Args:
        client: The server.
        tree: The tree to fill; a new one if None.
        settings: How often to ask.
        monotonic: The clock the pauses are measured by, in seconds.
        chance: Gives numbers in [0, 1), for jitter.
    """

    def __init__(
        self,
        client: ListSource,
        *,
        tree: TreeModel | None = None,
        settings: CatalogSettings | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.tree = TreeModel() if tree is None else tree
        self.answered = False
        self.signed_out: NotSignedInError | None = None
        self._sign_in_again_at = 0.0
        self._fault: ChronotuiError | None = None
        self._client = client
        self._settings = settings or CatalogSettings()
        self._now = monotonic
        self._chance = chance
        self._wake = asyncio.Event()
        self._readers: dict[Hashable, Reader[Any]] = {}
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}
        self._listeners = Listeners()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` on the event loop after changes, at most once a tick.

        Returns:
            A function that ends the subscription.
        """
        return self._listeners.add(listener)

    @property
    def is_reading(self) -> bool:
        """Whether an answer is awaited, or the next page of a list in view is due."""
        wanting = any(reader.wants_more for reader in self._readers.values())
        return wanting or any(not task.done() for task in self._tasks.values())

    @property
    def problem(self) -> ChronotuiError | None:
        """What stands between the tree and the server now, None if nothing."""
        if self._fault is not None or self.signed_out is not None:
            return self._fault or self.signed_out
        problems = (reader.listing.problem for reader in self._readers.values())
        return next((problem for problem in problems if problem), None)

    def seconds_to_next(self) -> float | None:
        """Return the seconds until what failed is asked again; None if nothing did."""
        if self.signed_out is not None:
            return max(0.0, self._sign_in_again_at - self._now())
        failed = [r.due for r in self._readers.values() if r.listing.problem]
        return max(0.0, min(failed) - self._now()) if failed else None

    # what the user does

    def set_filters(self, filters: TreeFilters) -> None:
        """Filter by what is loaded at once, and ask the server; older answers drop."""
        if filters != self.tree.filters:
            self.tree.set_filters(filters)
            self._changed(look_again=True)

    def set_expanded(self, workflow_id: str, expanded: bool) -> None:
        """Show or fold away the jobs of a workflow."""
        self.tree.set_expanded(workflow_id, expanded)
        self._changed(look_again=True)

    def want_more(self, workflow_id: str) -> None:
        """Read the next page of a workflow's jobs; of the workflows for ""."""
        reader = self._readers.get(self._key_of(workflow_id))
        if reader is not None and not reader.listing.complete:
            reader.wants_more = True
            self._wake.set()

    def refresh(self) -> None:
        """Read everything that is shown again, now; signs in again where it must."""
        if self.signed_out is not None:
            self._client.allow_sign_in()
        self.signed_out = None
        for reader in self._readers.values():
            reader.due = 0.0
            reader.backoff.reset()
        self._wake.set()

    # what goes on

    async def run(self) -> None:
        """Read and poll until cancelled; a fault of ours is said as a problem."""
        self._fault = None
        try:
            await self._poll()
        except asyncio.CancelledError:
            raise
        except BaseException as fault:
            self._fault = own_fault(_DOING, fault, _AGAIN)
            self._changed()
            raise

    async def _poll(self) -> None:
        try:
            while True:
                self._wake.clear()
                self._match_readers()
                pause = self._start_due()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
        finally:
            await self._stop(list(self._tasks))

    async def find(self, workflow_text: str, job_text: str | None = None) -> NodeKey:
        """Show and select what a deep link names.

        Args:
            workflow_text: A workflow's id, the beginning of one, or its name.
            job_text: A job's id or the beginning of one; None for the workflow.

        Raises:
            UsageError: If a text fits several; the sentence names them.
            NotFoundError: If it fits none.
        """
        workflow = await resolve_workflow(self._client, workflow_text)
        job = None
        if job_text is not None:
            job = await resolve_job(self._client, workflow, job_text)
        key = self.tree.reveal(workflow, job)
        self._changed(look_again=True)
        return key

    def _match_readers(self) -> None:
        """Have one reader for each list that is shown, and none for others."""
        wanted = self._wanted_lists()
        for key, reader in list(self._readers.items()):
            if key not in wanted or reader.listing is not self._list_of(wanted[key]):
                del self._readers[key]
                task = self._tasks.pop(key, None)
                if task is not None:
                    task.cancel()
        for key, branch in wanted.items():
            if key not in self._readers:
                self._readers[key] = self._reader(branch)

    def _list_of(self, branch: Branch | None) -> Listing:
        return self.tree.workflows if branch is None else branch.listing

    def _wanted_lists(self) -> dict[Hashable, Branch | None]:
        tree = self.tree
        wanted: dict[Hashable, Branch | None] = {self._key_of(""): None}
        for branch in tree.branches():
            workflow_id = branch.workflow.id
            if branch.expanded and workflow_id in tree.workflows:
                wanted[self._key_of(workflow_id)] = branch
        return wanted

    def _key_of(self, workflow_id: str) -> Hashable:
        filters = self.tree.filters
        if workflow_id:
            return workflow_id, filters.jobs
        return "", filters.query, filters.terminated

    def _reader(self, branch: Branch | None) -> Reader[Any]:
        filters = self.tree.filters
        if branch is None:
            workflows = WorkflowList(self._client, self.tree, filters)
            return Reader(workflows, self._backoff())
        jobs = JobList(self._client, branch, filters.jobs)
        return Reader(jobs, self._backoff())

    def _backoff(self) -> Backoff:
        settings = self._settings
        return Backoff(
            first=min(settings.retry_first, settings.poll_seconds),
            factor=2.0,
            cap=settings.retry_cap,
            after_cap=settings.retry_after_cap,
            chance=self._chance,
        )

    def _start_due(self) -> float | None:
        """Start what is due; return the seconds until the next is, None for never."""
        now = self._now()
        if self.signed_out is not None:
            if now < self._sign_in_again_at:
                return self._sign_in_again_at - now
            self.signed_out = None
        pauses = []
        for key, reader in self._readers.items():
            if key in self._tasks:
                continue
            asked = reader.wants_more and not reader.backoff.tries
            if asked or reader.due <= now:
                self._tasks[key] = asyncio.create_task(self._read(key, reader))
            else:
                pauses.append(reader.due - now)
        return min(pauses, default=None)

    async def _read(self, key: Hashable, reader: Reader[Any]) -> None:
        try:
            await reader.read()
        except asyncio.CancelledError:
            raise
        except ChronotuiError as problem:
            self._failed(reader, problem)
        except BaseException as fault:
            self._failed(reader, own_fault(_DOING, fault, _AGAIN))
            raise
        else:
            self.answered = True
            reader.backoff.reset()
            pause = self._settings.pause(active=reader.source.active)
            reader.due = self._now() + pause
        finally:
            if self._readers.get(key) is reader:
                self._tasks.pop(key, None)
            self._changed(look_again=True)

    def _failed(self, reader: Reader[Any], problem: ChronotuiError) -> None:
        """Ask again after a growing wait, whatever was answered."""
        reader.listing.fail(problem)
        step = next_step(problem, Phase.LISTING, waits=True)
        if step is Step.SIGN_IN and isinstance(problem, NotSignedInError):
            self.signed_out = problem
            self._sign_in_again_at = self._now() + self._settings.retry_cap
        reader.due = self._now() + reader.backoff.delay(problem.retry_after)

    async def _stop(self, keys: list[Hashable]) -> None:
        tasks = [self._tasks.pop(key) for key in keys]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listeners.hush()

    def _changed(self, *, look_again: bool = False) -> None:
        self.tree.touch()
        if look_again:
            self._wake.set()
        self._listeners.tell()
