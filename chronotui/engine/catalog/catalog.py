"""The catalog: keeps a tree of workflows and jobs true while it is looked at."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from chronotui.core.backoff import Backoff
from chronotui.core.tree.cadence import Cadence
from chronotui.core.tree.model import TreeModel
from chronotui.engine.catalog.listeners import Listeners
from chronotui.engine.catalog.lists import JobList, WorkflowList
from chronotui.engine.catalog.reader import Reader
from chronotui.engine.resolve import resolve_job, resolve_workflow
from chronotui.engine.retry import Phase, Step, next_step
from chronotui.errors import ChronotuiError, NotSignedInError, own_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from chronotui.core.tree.branch import Branch
    from chronotui.core.tree.filters import TreeFilters
    from chronotui.core.tree.keys import NodeKey
    from chronotui.core.tree.listing import Listing
    from chronotui.engine.catalog.lists import ListClient


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
        client: ListClient,
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
        self._cadence = Cadence(self._settings.poll_seconds)
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
            pause = self._cadence.pause(active=reader.source.active)
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
