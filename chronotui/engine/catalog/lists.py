"""The lists a catalog reads: one of workflows, one of jobs for each open workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from chronotui.core.tree.listing import Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.core.tree.branch import Branch
    from chronotui.core.tree.filters import JobFilter, TreeFilters
    from chronotui.core.tree.model import TreeModel
    from chronotui.model import Job, JobStatus, Page, Trigger, Workflow


SKIPPED_PAGES: Final = 5
"""Pages of nothing but hidden workflows that are passed over in one reading."""


class ListClient(Protocol):
    """What a catalog asks a server; every call raises only ``ChronotuiError``."""

    async def workflows(
        self,
        *,
        cursor: str | None = None,
        query: str | None = None,
        terminated: bool = False,
    ) -> Page[Workflow]:
        """Return one page of workflows."""
        ...

    async def workflow(self, workflow_id: str) -> Workflow:
        """Return one workflow."""
        ...

    async def jobs(
        self,
        workflow_id: str,
        *,
        cursor: str | None = None,
        status: JobStatus | None = None,
        trigger: Trigger | None = None,
    ) -> Page[Job]:
        """Return one page of a workflow's jobs, newest first."""
        ...

    async def job(self, workflow_id: str, job_id: str) -> Job:
        """Return one job."""
        ...

    def allow_sign_in(self) -> None:
        """Let the next request sign in, although that was refused before."""
        ...


class WorkflowList:
    """The list of workflows under a text, with the terminated ones or without.

    The living ones are one query and the terminated ones another, read after it.
    """

    def __init__(
        self, client: ListClient, tree: TreeModel, filters: TreeFilters
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

    async def read(self, place: Place) -> tuple[list[Workflow], Place | None]:
        """Read the page at a place; return it with the place that follows."""
        page = await self._page(place.stage, place.cursor)
        for _ in range(SKIPPED_PAGES):
            if page.items or not page.hidden or page.cursor is None:
                break
            page = await self._page(place.stage, page.cursor)
        following: Place | None = None
        if page.cursor is not None:
            following = Place(place.stage, page.cursor)
        elif place.stage + 1 < len(self._stages):
            following = Place(place.stage + 1)
        return list(page.items), following

    async def _page(self, stage: int, cursor: str | None) -> Page[Workflow]:
        terminated = self._stages[stage]
        page = await self._client.workflows(
            cursor=cursor, query=self._query, terminated=terminated
        )
        if page.hidden and len(self._stages) == 1:
            self.listing.hides_terminated = True
        return page

    def extend(self, items: Sequence[Workflow], following: Place | None) -> None:
        """Join the next page."""
        self.listing.extend(self._tree.put_workflows(items), following)

    def refresh(self, items: Sequence[Workflow], following: Place | None) -> bool:
        """Join pages read again from the top; False when they do not meet."""
        return self.listing.refresh(self._tree.put_workflows(items), following)

    def restart(self, items: Sequence[Workflow], following: Place | None) -> None:
        """Begin again with pages read from the top."""
        self.listing.restart(self._tree.put_workflows(items), following)


class JobList:
    """The jobs of one workflow under a status and a trigger."""

    def __init__(
        self, client: ListClient, branch: Branch, job_filter: JobFilter
    ) -> None:
        self.listing = branch.listing
        self.branch = branch
        self._client = client
        self._filter = job_filter

    @property
    def active(self) -> bool:
        """Whether a job of the workflow runs or waits to run."""
        return bool(self.branch.jobs.unfinished)

    async def read(self, place: Place) -> tuple[list[Job], Place | None]:
        """Read the page at a place; return it with the place that follows."""
        page = await self._client.jobs(
            self.branch.workflow.id,
            cursor=place.cursor,
            status=self._filter.status,
            trigger=self._filter.trigger,
        )
        following = None if page.cursor is None else Place(cursor=page.cursor)
        return list(page.items), following

    def extend(self, items: Sequence[Job], following: Place | None) -> None:
        """Join the next page."""
        self.branch.extend(self.listing, items, following)

    def refresh(self, items: Sequence[Job], following: Place | None) -> bool:
        """Join pages read again from the top; False when they do not meet."""
        return self.branch.refresh(self.listing, items, following)

    def restart(self, items: Sequence[Job], following: Place | None) -> None:
        """Begin again with pages read from the top."""
        self.branch.restart(self.listing, items, following)

    async def read_alone(self, job_id: str) -> Job:
        """Read one job by its id."""
        return await self._client.job(self.branch.workflow.id, job_id)
