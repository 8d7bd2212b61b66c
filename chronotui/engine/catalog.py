"""The catalog: keeps a tree of workflows and jobs true while it is looked at.

Each list that is shown has one reader, which asks for one page at a time; the catalog
starts the readers that are due, polls, and tells its listeners.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Final, cast

from msgspec import Struct

from chronotui.engine.list_readers import JobReader, ListReader, WorkflowReader
from chronotui.engine.resolve import resolve_job, resolve_workflow
from chronotui.engine.retry import Phase, Step, next_step
from chronotui.engine.run_reader import RunReader
from chronotui.engine.timing import Backoff, Listeners, set_within
from chronotui.errors import (
    ChronotuiError,
    NotFoundError,
    NotSignedInError,
    ServerError,
    own_fault,
)
from chronotui.sources.protocol import CHRONOVERSE
from chronotui.text import clean
from chronotui.tree.filters import TreeSubject, is_run_id
from chronotui.tree.model import NodeKey, TreeModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.model import Job, Workflow
    from chronotui.sources.protocol import ListSource, RunSource, SourceKind
    from chronotui.tree.branch import Branch
    from chronotui.tree.filters import TreeFilters
    from chronotui.tree.listing import Listing

TICK_SECONDS: Final = 0.033
"""Changes are gathered this long: 30 pictures a second are as many as are seen. Two
may be told at once, so that the first two pages of a list are shown as they come."""

IDLE_FACTOR: Final = 3.0
"""A list in which nothing runs is asked this many times less often."""


class CatalogSettings(Struct, frozen=True):
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


class Catalog:
    """Reads workflows, and the jobs of expanded ones, into a tree; and polls them.

    Belongs to one event loop. Everything but ``run``, ``find`` and ``find_link``
    returns at once; what it asks for is read by ``run``.

    Args:
        client: The server.
        settings: How often it is asked.
        kind: What it lists and can do; one with runs gives a `RunSource`.

    Attributes:
        answered: Whether any list ever was.
        signed_out: Why nothing is asked until somebody signs in, or for a while.
        jobs_read: Called with a workflow whose newest jobs were just read.
    """

    def __init__(
        self,
        client: ListSource,
        *,
        settings: CatalogSettings | None = None,
        kind: SourceKind = CHRONOVERSE,
    ) -> None:
        self.tree = TreeModel(TreeSubject(*kind.nouns, runs=kind.capabilities.runs))
        self.answered = False
        self.signed_out: NotSignedInError | None = None
        self.jobs_read: Callable[[Branch], None] = lambda _: None
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

    def set_day_expanded(self, key: NodeKey, expanded: bool) -> None:
        self.tree.set_day_expanded(key, expanded)
        self._changed()

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
            reader.from_top = True
            reader.backoff.reset()
        self._wake.set()

    async def find(self, workflow_text: str, job_text: str | None = None) -> NodeKey:
        """Show and select what a deep link names, see `resolve_workflow`.

        ``job_text`` None is the workflow itself. An app is the only one there is:
        what names it is not looked at, see `find_run`.
        """
        if self.tree.subject.runs:
            return await self.find_run(job_text)
        workflow = await resolve_workflow(self._client, workflow_text)
        job = None
        if job_text is not None:
            job = await resolve_job(self._client, workflow, job_text)
        key = self.tree.reveal(workflow, job)
        self._changed(look_again=True)
        return key

    async def find_run(self, text: str | None) -> NodeKey:
        """Show and select the run an id names, or the beginning of a loaded one's.

        None is the app itself.

        Raises:
            ChronotuiError: It is not there, or the server cannot be asked.
        """
        app = await self._app()
        job = None if text is None else await self._run_of(app, text.strip())
        key = self.tree.reveal(app, job)
        self._changed(look_again=True)
        return key

    async def _app(self) -> Workflow:
        branch = next(iter(self.tree.branches()), None)
        if branch is not None:
            return branch.workflow
        page = await self._client.workflows()
        if not page.items:
            raise NotFoundError("The server tells of no app.")
        return page.items[0]

    async def _run_of(self, app: Workflow, text: str) -> Job:
        branch = self.tree.branch(app.id)
        jobs = () if branch is None else branch.jobs
        fitting = [job for job in jobs if job.shown_id.startswith(text)]
        if len(fitting) == 1:
            return fitting[0]
        if not is_run_id(text):
            found = "several loaded runs" if fitting else "no loaded run"
            raise NotFoundError(
                f"The id of {found} begins with “{clean(text)}”.",
                next_step="Give the whole id.",
            )
        return await self._client.job(app.id, text)

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
        if self.tree.subject.runs:
            return RunReader(cast("RunSource", self._client), branch, backoff)
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
        is_from_top = not (reader.wants_more and reader.listing.answered)
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
            if is_from_top and isinstance(reader, JobReader):
                self.jobs_read(reader.branch)
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
