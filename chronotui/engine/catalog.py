"""The catalog: keeps a tree of workflows and jobs true while it is looked at.

Each list that is shown has one reader, which asks for one page at a time; the catalog
starts the readers that are due, polls, and tells its listeners.
"""

from __future__ import annotations

import asyncio
import random
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from chronotui.engine.resolve import resolve_job, resolve_workflow
from chronotui.engine.retry import Phase, Step, next_step
from chronotui.engine.timing import Backoff, Listeners, set_within
from chronotui.errors import (
    ChronotuiError,
    NotFoundError,
    NotSignedInError,
    ServerError,
    own_fault,
)
from chronotui.tree.listing import ListPosition, Loading
from chronotui.tree.model import TreeModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.model import Page, Workflow
    from chronotui.sources.protocol import ListSource
    from chronotui.tree.listing import Listing
    from chronotui.tree.model import Branch, NodeKey, TreeFilters

TICK_SECONDS: Final = 0.033
"""Changes are gathered this long: 30 pictures a second are as many as are seen. Two
may be told at once, so that the first two pages of a list are shown as they come."""

IDLE_FACTOR: Final = 3.0
"""A list in which nothing runs is asked this many times less often."""

EMPTY_PAGES: Final = 10
"""Pages without a new id that are passed over at once before waiting to be asked."""

SKIPPED_PAGES: Final = 5
"""Pages of nothing but hidden workflows that are passed over in one reading."""

CATCH_UP_PAGES: Final = 20
"""Pages read from the top until they meet what is known; then it begins again."""

WHOLE_EVERY: Final = 4
"""Each so many readings a list of workflows is read as far as it is loaded."""

ALONE: Final = 3
"""Unfinished jobs beyond the pages just read that are asked for alone, a round."""


@dataclass(frozen=True, slots=True)
class CatalogSettings:
    """How often the lists are asked, in seconds.

    ``poll_seconds`` is the pause while something runs (the profile's key), the others
    bound the growing pauses after failures and what a Retry-After may ask for.
    """

    poll_seconds: float = 5.0
    retry_first: float = 1.0
    retry_cap: float = 60.0
    retry_after_cap: float = 300.0

    def pause(self, *, active: bool) -> float:
        return self.poll_seconds if active else self.poll_seconds * IDLE_FACTOR


class ListReader(ABC):
    """Reads one list: its next page if that is wanted, else its beginning again.

    Attributes:
        due: When it is read again, in monotonic seconds.
        task: The reading under way.
    """

    def __init__(self, client: ListSource, listing: Listing, backoff: Backoff) -> None:
        self.listing = listing
        self.backoff = backoff
        self.wants_more = False
        self.due = 0.0
        self.task: asyncio.Task[None] | None = None
        self._client = client
        self._rounds = 0

    @property
    def is_active(self) -> bool:
        """Whether the list is likely to change soon."""
        return False

    async def read(self) -> None:
        try:
            if self.wants_more or not self.listing.answered:
                await self._read_more()
            else:
                await self._read_again()
        finally:
            self.listing.loading = Loading.NOTHING

    async def _read_more(self) -> None:
        listing = self.listing
        for _ in range(EMPTY_PAGES):
            place = listing.next_place
            if place is None:
                break
            listing.loading = Loading.MORE if listing.answered else Loading.FIRST
            ids, following = await self._page(place)
            held = listing.frontier
            listing.extend(ids, following)
            if listing.frontier > held:
                break
        self.wants_more = False

    async def _read_again(self) -> list[str]:
        """Read from the top until that meets what is known; return the ids read."""
        self.listing.loading = Loading.REFRESH
        self._rounds += 1
        ids: list[str] = []
        seen: set[ListPosition] = set()
        place: ListPosition | None = ListPosition()
        joined = False
        while not joined:
            place = place or ListPosition()
            seen.add(place)
            page, place = await self._page(place)
            ids += page
            last = place in seen or len(seen) >= CATCH_UP_PAGES
            joined = self._join(ids, place, last=last)
        return ids

    def _join(
        self, ids: list[str], following: ListPosition | None, *, last: bool
    ) -> bool:
        """Join what was read from the top, unless more is to be read before."""
        if following is not None and not last and not self._is_enough(len(ids)):
            return False
        if self.listing.refresh(ids, following):
            return True
        if last:
            self.listing.restart(ids, following)
        return last

    @abstractmethod
    async def _page(self, place: ListPosition) -> tuple[list[str], ListPosition | None]:
        """Read the page at a place into the tree.

        Returns:
            The ids in its order, and the place that follows.
        """

    def _is_enough(self, _count: int) -> bool:
        """Whether so many items from the top are enough to join."""
        return True


class WorkflowReader(ListReader):
    """Reads the living workflows, and the terminated ones after them if wanted."""

    def __init__(self, client: ListSource, tree: TreeModel, backoff: Backoff) -> None:
        super().__init__(client, tree.workflows, backoff)
        self._tree = tree
        self._query = tree.filters.query or None
        self._stages = (False, True) if tree.filters.terminated else (False,)

    async def _page(self, place: ListPosition) -> tuple[list[str], ListPosition | None]:
        page = await self._ask(place.stage, place.cursor)
        for _ in range(SKIPPED_PAGES):
            if page.items or not page.hidden or page.cursor is None:
                break
            page = await self._ask(place.stage, page.cursor)
        following = None
        if page.cursor is not None:
            following = ListPosition(place.stage, page.cursor)
        elif place.stage + 1 < len(self._stages):
            following = ListPosition(place.stage + 1)
        return self._tree.put_workflows(page.items), following

    async def _ask(self, stage: int, cursor: str | None) -> Page[Workflow]:
        page = await self._client.workflows(
            cursor=cursor, query=self._query, terminated=self._stages[stage]
        )
        if page.hidden and len(self._stages) == 1:
            self.listing.hides_terminated = True
        return page

    def _is_enough(self, count: int) -> bool:
        return self._rounds % WHOLE_EVERY != 0 or count >= self.listing.frontier


class JobReader(ListReader):
    """Reads the jobs of one workflow, as they are filtered when this is made."""

    def __init__(self, client: ListSource, branch: Branch, backoff: Backoff) -> None:
        super().__init__(client, branch.listing, backoff)
        self._branch = branch
        self._filter = branch.job_filter

    @property
    def is_active(self) -> bool:
        return bool(self._branch.jobs.unfinished)

    async def _page(self, place: ListPosition) -> tuple[list[str], ListPosition | None]:
        page = await self._client.jobs(
            self._branch.workflow.id,
            cursor=place.cursor,
            only=self._filter,
        )
        following = None if page.cursor is None else ListPosition(cursor=page.cursor)
        return self._branch.put(page.items), following

    async def _read_again(self) -> list[str]:
        """Ask also for unfinished jobs the pages did not hold, a few each round."""
        ids = await super()._read_again()
        branch, read = self._branch, set(ids)
        unread = [job_id for job_id in branch.jobs.unfinished if job_id not in read]
        for job_id in unread[:ALONE]:
            try:
                job = await self._client.reread(branch.jobs[job_id])
            except NotFoundError:
                branch.forget(job_id)
            else:
                branch.update(job)
                branch.jobs.ask_later(job_id)
        return ids


class Catalog:
    """Reads workflows, and the jobs of expanded ones, into a tree; and polls them.

    Belongs to one event loop. Everything but ``run``, ``find`` and ``find_link``
    returns at once; what it asks for is read by ``run``.

    Attributes:
        answered: Whether any list ever was.
        signed_out: Why nothing is asked until somebody signs in, or for a while.
    """

    def __init__(
        self, client: ListSource, *, settings: CatalogSettings | None = None
    ) -> None:
        self.tree = TreeModel()
        self.answered = False
        self.signed_out: NotSignedInError | None = None
        self._sign_in_again_at = 0.0
        self._fault: ChronotuiError | None = None
        self._client = client
        self._settings = settings or CatalogSettings()
        self._wake = asyncio.Event()
        self._readers: dict[Listing, ListReader] = {}
        self._listeners = Listeners(TICK_SECONDS, burst=2)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` on the loop after changes; return what ends that."""
        return self._listeners.add(listener)

    @property
    def problem(self) -> ChronotuiError | None:
        """What stands between the tree and the server now, None if nothing."""
        if self._fault is not None or self.signed_out is not None:
            return self._fault or self.signed_out
        problems = (listing.problem for listing in self._readers)
        return next((problem for problem in problems if problem), None)

    def seconds_to_next(self) -> float | None:
        """Return the seconds until what failed is asked again; None if nothing did."""
        if self.signed_out is not None:
            return max(0.0, self._sign_in_again_at - time.monotonic())
        failed = [r.due for r in self._readers.values() if r.listing.problem]
        return max(0.0, min(failed) - time.monotonic()) if failed else None

    # what the user does

    def set_filters(self, filters: TreeFilters) -> None:
        """Filter by what is loaded at once, and ask the server; older answers drop."""
        if filters != self.tree.filters:
            self.tree.set_filters(filters)
            self._changed(look_again=True)

    def set_expanded(self, workflow_id: str, expanded: bool) -> None:
        self.tree.set_expanded(workflow_id, expanded)
        self._changed(look_again=True)

    def want_more(self, workflow_id: str) -> None:
        """Read the next page of a workflow's jobs; of the workflows for ""."""
        branch = self.tree.branch(workflow_id) if workflow_id else None
        if workflow_id and branch is None:
            return
        listing = self.tree.workflows if branch is None else branch.listing
        reader = self._readers.get(listing)
        if reader is not None and not listing.complete:
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

    async def find(self, workflow_text: str, job_text: str | None = None) -> NodeKey:
        """Show and select what a deep link names, see `resolve_workflow`.

        ``job_text`` None is the workflow itself.
        """
        workflow = await resolve_workflow(self._client, workflow_text)
        job = None
        if job_text is not None:
            job = await resolve_job(self._client, workflow, job_text)
        key = self.tree.reveal(workflow, job)
        self._changed(look_again=True)
        return key

    async def find_link(
        self,
        workflow_text: str,
        job_text: str | None,
        waiting: Callable[[ChronotuiError], None],
    ) -> NodeKey:
        """Find as ``find`` does, but wait for a server that does not answer yet.

        It is asked again when the lists are answered, and now and then; after a
        refused sign-in, once that was made good. ``waiting`` is called with what is
        waited out, each time.

        Raises:
            ChronotuiError: What the link names is not there, fits several, or is not
                for this account.
        """
        pauses = Backoff(
            first=1.0, factor=2.0, cap=30.0, after_cap=300.0, chance=random.random
        )
        while True:
            try:
                return await self.find(workflow_text, job_text)
            except ChronotuiError as error:
                if not _may_pass(error):
                    raise
                waiting(error)
                signs_in = isinstance(error, NotSignedInError)
                pause = None if signs_in else pauses.delay(error.retry_after)
            await self._recovery(pause)

    async def _recovery(self, pause: float | None) -> None:
        """Wait until ailing lists are answered again, or for so many seconds."""
        answered = asyncio.Event()

        def look() -> None:
            if self.answered and self.problem is None:
                answered.set()

        is_ill = not self.answered or self.problem is not None
        unsubscribe = self.subscribe(look) if is_ill or pause is None else None
        try:
            await set_within(answered, pause)
        finally:
            if unsubscribe is not None:
                unsubscribe()

    # what goes on

    async def run(self) -> None:
        """Read and poll until cancelled; a fault of ours is said as a problem."""
        self._fault = None
        try:
            while True:
                self._wake.clear()
                self._match_readers()
                await set_within(self._wake, self._start_due())
        except asyncio.CancelledError:
            await self._stop()
            raise
        except BaseException as fault:
            await self._stop()
            self._fault = _said_fault(fault)
            self._changed()
            raise

    def _match_readers(self) -> None:
        """Have one reader for each list that is shown, and none for others."""
        tree = self.tree
        shown: dict[Listing, Branch | None] = {tree.workflows: None}
        for branch in tree.branches():
            if branch.expanded and branch.workflow.id in tree.workflows:
                shown[branch.listing] = branch
        for listing in self._readers.keys() - shown.keys():
            task = self._readers.pop(listing).task
            if task is not None:
                task.cancel()
        for listing, of_branch in shown.items():
            if listing not in self._readers:
                self._readers[listing] = self._new_reader(of_branch)

    def _new_reader(self, branch: Branch | None) -> ListReader:
        settings = self._settings
        backoff = Backoff(
            first=min(settings.retry_first, settings.poll_seconds),
            factor=2.0,
            cap=settings.retry_cap,
            after_cap=settings.retry_after_cap,
            chance=random.random,
        )
        if branch is None:
            return WorkflowReader(self._client, self.tree, backoff)
        return JobReader(self._client, branch, backoff)

    def _start_due(self) -> float | None:
        """Start what is due; return the seconds until the next is, None for never."""
        now = time.monotonic()
        if self.signed_out is not None:
            if now < self._sign_in_again_at:
                return self._sign_in_again_at - now
            self.signed_out = None
        pauses = []
        for reader in self._readers.values():
            if reader.task is not None:
                continue
            asked = reader.wants_more and not reader.backoff.tries
            if asked or reader.due <= now:
                reader.task = asyncio.create_task(self._read(reader))
            else:
                pauses.append(reader.due - now)
        return min(pauses, default=None)

    async def _read(self, reader: ListReader) -> None:
        try:
            await reader.read()
        except asyncio.CancelledError:
            raise
        except ChronotuiError as problem:
            self._failed(reader, problem)
        except BaseException as fault:
            self._failed(reader, _said_fault(fault))
            raise
        else:
            self.answered = True
            reader.backoff.reset()
            pause = self._settings.pause(active=reader.is_active)
            reader.due = time.monotonic() + pause
        finally:
            reader.task = None
            self._changed(look_again=True)

    def _failed(self, reader: ListReader, problem: ChronotuiError) -> None:
        """Ask again after a growing wait, whatever was answered."""
        reader.listing.fail(problem)
        step = next_step(problem, Phase.LISTING, waits=True)
        if step is Step.SIGN_IN and isinstance(problem, NotSignedInError):
            self.signed_out = problem
            self._sign_in_again_at = time.monotonic() + self._settings.retry_cap
        reader.due = time.monotonic() + reader.backoff.delay(problem.retry_after)

    async def _stop(self) -> None:
        tasks = [one.task for one in self._readers.values() if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for reader in self._readers.values():
            reader.task = None
        self._listeners.cancel()

    def _changed(self, *, look_again: bool = False) -> None:
        self.tree.touch()
        if look_again:
            self._wake.set()
        self._listeners.notify()


def _said_fault(fault: BaseException) -> ChronotuiError:
    return own_fault("while it read the lists", fault, "r reads them again.")


def _may_pass(error: ChronotuiError) -> bool:
    """Whether it is about the server or the sign-in, and not about a link."""
    if isinstance(error, ServerError | NotSignedInError):
        return True
    return error.route in {"login", "server_check"}
