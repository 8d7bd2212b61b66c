"""Readers of lists: one page at a time, the next one or the beginning again.

Each list that is shown has one. It asks for what is wanted when the catalog starts it,
and joins the answers to the tree.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from chronotui.errors import NotFoundError
from chronotui.tree.listing import ListPosition, Loading

if TYPE_CHECKING:
    import asyncio

    from chronotui.engine.timing import Backoff
    from chronotui.model import Page, Workflow
    from chronotui.sources.protocol import ListSource
    from chronotui.tree.branch import Branch
    from chronotui.tree.listing import Listing
    from chronotui.tree.model import TreeModel

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


class ListReader(ABC):
    """Reads one list: its next page if that is wanted, else its beginning again.

    Attributes:
        due: When it is read again, in monotonic seconds.
        task: The reading under way.
        from_top: Whether somebody asked for all of the beginning.
    """

    def __init__(self, client: ListSource, listing: Listing, backoff: Backoff) -> None:
        self.listing = listing
        self.backoff = backoff
        self.wants_more = False
        self.due = 0.0
        self.task: asyncio.Task[None] | None = None
        self.from_top = False
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

    @abstractmethod
    async def _read_more(self) -> None:
        """Read the next page, or the first."""

    @abstractmethod
    async def _read_again(self) -> list[str]:
        """Read from the top until that meets what is known; return the ids read."""


class CursorReader(ListReader):
    """Reads a list by its cursors alone: what its beginning passes over is gone."""

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


class WorkflowReader(CursorReader):
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


class JobReader(CursorReader):
    """Reads the jobs of one workflow, as they are filtered when this is made.

    Attributes:
        branch: The workflow.
    """

    def __init__(self, client: ListSource, branch: Branch, backoff: Backoff) -> None:
        super().__init__(client, branch.listing, backoff)
        self.branch = branch
        self._filter = branch.job_filter

    @property
    def is_active(self) -> bool:
        return bool(self.branch.jobs.unfinished)

    async def _page(self, place: ListPosition) -> tuple[list[str], ListPosition | None]:
        page = await self._client.jobs(
            self.branch.workflow.id,
            cursor=place.cursor,
            only=self._filter,
        )
        following = None if page.cursor is None else ListPosition(cursor=page.cursor)
        return self.branch.put(page.items), following

    async def _read_again(self) -> list[str]:
        """Ask also for unfinished jobs the pages did not hold, a few each round."""
        ids = await super()._read_again()
        branch, read = self.branch, set(ids)
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
