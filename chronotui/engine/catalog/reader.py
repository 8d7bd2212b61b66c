"""Reading one list: its next page, its beginning again, its unfinished jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from chronotui.core.tree.listing import Loading, Place
from chronotui.engine.catalog.lists import JobList
from chronotui.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.core.backoff import Backoff
    from chronotui.core.tree.listing import Listing

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

    async def read(self, place: Place) -> tuple[list[Item], Place | None]:
        """Read the page at a place; return it with the place that follows."""
        ...

    def extend(self, items: Sequence[Item], following: Place | None) -> None:
        """Join the next page."""
        ...

    def refresh(self, items: Sequence[Item], following: Place | None) -> bool:
        """Join pages read again from the top; False when they do not meet."""
        ...

    def restart(self, items: Sequence[Item], following: Place | None) -> None:
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
            self.listing.stop()

    async def _more(self) -> None:
        for _ in range(EMPTY_PAGES):
            place = self.listing.next_place
            if place is None:
                break
            first = not self.listing.answered
            self.listing.start(Loading.FIRST if first else Loading.MORE)
            items, following = await self.source.read(place)
            held = self.listing.frontier
            self.source.extend(items, following)
            if self.listing.frontier > held:
                break
        self.wants_more = False

    async def _again(self) -> None:
        self.listing.start(Loading.REFRESH)
        self._rounds += 1
        items: list[Item] = []
        seen: set[Place] = set()
        place: Place | None = Place()
        joined = False
        while not joined:
            place = place or Place()
            seen.add(place)
            page, place = await self.source.read(place)
            items += page
            last = place in seen or len(seen) >= CATCH_UP_PAGES
            joined = self._join(items, place, last=last)
        await self._read_alone(items)

    def _join(self, items: list[Item], following: Place | None, *, last: bool) -> bool:
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
