"""One cursor-paged list: its order, how far it is read, and how pages join it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from chronotui.core.paging import CursorTrail

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chronotui.errors import ChronotuiError


class Place(NamedTuple):
    """Where to read on: a cursor, within one of the queries a list is made of.

    A list of workflows with the terminated ones is two queries after one another;
    every other list is one. ``cursor`` None is the beginning of a query.
    """

    stage: int = 0
    cursor: str | None = None


class Loading(Enum):
    """What a list is being asked for."""

    NOTHING = "nothing"
    FIRST = "first"
    MORE = "more"
    REFRESH = "refresh"


class Listing:
    """Ids in the server's order, each once, joined together from pages.

    The first ``frontier`` ids are confirmed by pages; ids behind it are shown from
    what was known before the server answered, and are confirmed or dropped as pages
    arrive. Finding an id's position and joining a page cost what the page is long,
    unless the middle of the list changes.

    Args:
        known: Ids to show until the server has answered.

    Attributes:
        hides_terminated: Whether pages held terminated workflows that are left out.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._ids: list[str] = []
        self._order: dict[str, int] = {}
        self._first = 0
        self._replace(list(dict.fromkeys(known)))
        self._trail = CursorTrail()
        self.frontier = 0
        self.next_place: Place | None = Place()
        self.answered = False
        self.loading = Loading.NOTHING
        self.problem: ChronotuiError | None = None
        self.hides_terminated = False
        self.version = 0

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, position: int) -> str:
        return self._ids[position]

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._order

    @property
    def ids(self) -> Sequence[str]:
        """The ids in order; not to be changed."""
        return self._ids

    @property
    def complete(self) -> bool:
        """Whether the server has no further page."""
        return self.next_place is None

    @property
    def looped(self) -> bool:
        """Whether the list ended because the server's cursors lead in circles."""
        return self._trail.looped

    def position(self, item_id: str) -> int | None:
        """Return where an id stands, None if it is not in the list."""
        order = self._order.get(item_id)
        return None if order is None else order - self._first

    def extend(self, page: Iterable[str], next_place: Place | None) -> None:
        """Join the page that ``next_place`` led to.

        A place that was there before ends the list (invariant 10).
        """
        confirmed = self.frontier
        fresh = [
            item
            for item in dict.fromkeys(page)
            if (at := self.position(item)) is None or at >= confirmed
        ]
        if confirmed == len(self._ids):
            self._append(fresh)
        else:
            after = (
                len(self._ids) if next_place is None else self._reach(fresh, confirmed)
            )
            rest = _without(self._ids[after:], fresh)
            self._replace([*self._ids[:confirmed], *fresh, *rest])
        self.frontier = confirmed + len(fresh)
        self._lead_on(next_place, progress=bool(fresh))

    def refresh(self, pages: Iterable[str], next_place: Place | None) -> bool:
        """Join pages read again from the beginning of the list.

        New ids go where the pages have them; ids the pages pass over are gone.

        Returns:
            False, and nothing changes, when the pages hold nothing of the list and
            more would follow: then more pages are to be read, or ``restart``.
        """
        fresh = list(dict.fromkeys(pages))
        if next_place is None or not self._ids:
            self._restart(fresh, next_place)
            return True
        after = self._reach(fresh, 0)
        if after == 0:
            return False
        if after == len(self._ids):
            self._restart(fresh, next_place)
            return True
        confirmed = self.frontier
        self._rejoin(fresh, after)
        if len(fresh) > confirmed:
            self._trail = CursorTrail()
            self._lead_on(next_place, progress=True)
        self._answered()
        return True

    def restart(self, page: Iterable[str], next_place: Place | None) -> None:
        """Forget the list and begin again with these ids."""
        self._restart(list(dict.fromkeys(page)), next_place)

    def discard(self, item_id: str) -> bool:
        """Take an id out of the list; tell whether it was there."""
        at = self.position(item_id)
        if at is None:
            return False
        if at < self.frontier:
            self.frontier -= 1
        self._replace([*self._ids[:at], *self._ids[at + 1 :]])
        self.version += 1
        return True

    def foresee(self, item_id: str) -> None:
        """Show an id behind the others until a page tells its place."""
        if item_id not in self._order:
            self._append([item_id])
            self.version += 1

    def fail(self, problem: ChronotuiError) -> None:
        """Say that the list could not be read; what it holds stays."""
        self.problem = problem
        self.loading = Loading.NOTHING
        self.version += 1

    def start(self, loading: Loading) -> None:
        """Say that the list is being asked."""
        self.loading = loading
        self.version += 1

    def stop(self) -> None:
        """Say that nothing is being asked any more."""
        self.loading = Loading.NOTHING
        self.version += 1

    def _reach(self, page: list[str], least: int) -> int:
        """Return the position behind the page's last known id, at least ``least``.

        Ids before it are either in the page or gone.
        """
        for item in reversed(page):
            at = self.position(item)
            if at is not None:
                return max(at + 1, least)
        return least

    def _rejoin(self, page: list[str], after: int) -> None:
        """Put a page in place of the head of the list, up to a position."""
        unconfirmed = len(self._ids) - self.frontier
        if page[-1] not in self._order:
            # It is older than all that was confirmed: what it passes over is gone.
            after = max(after, self.frontier)
        new = page[: len(page) - after]
        grown = page[len(new) :] == self._ids[:after]
        if grown and not any(item in self._order for item in new):
            self._prepend(new)
        else:
            self._replace([*page, *_without(self._ids[after:], page)])
        self.frontier = max(len(page), len(self._ids) - unconfirmed)

    def _restart(self, ids: list[str], next_place: Place | None) -> None:
        self._replace(ids)
        self._trail = CursorTrail()
        self.frontier = len(ids)
        self._lead_on(next_place, progress=True)

    def _lead_on(self, next_place: Place | None, *, progress: bool) -> None:
        """Go on at a place, unless the walk has come by it."""
        if next_place is not None:
            mark = f"{next_place.stage}:{next_place.cursor or ''}"
            if self._trail.follow(mark, progress=progress) is None:
                next_place = None
        self.next_place = next_place
        self._answered()

    def _answered(self) -> None:
        self.problem = None
        self.answered = True
        self.loading = Loading.NOTHING
        self.version += 1

    def _append(self, ids: list[str]) -> None:
        begin = self._first + len(self._ids)
        self._order.update(zip(ids, range(begin, begin + len(ids)), strict=True))
        self._ids.extend(ids)

    def _prepend(self, ids: list[str]) -> None:
        self._first -= len(ids)
        places = range(self._first, self._first + len(ids))
        self._order.update(zip(ids, places, strict=True))
        self._ids[:0] = ids

    def _replace(self, ids: list[str]) -> None:
        """Take over a whole new order."""
        self._first = 0
        self._order = {item: at for at, item in enumerate(ids)}
        self._ids = ids


def _without(ids: list[str], page: list[str]) -> list[str]:
    """Return the ids that are not in the page."""
    present = set(page)
    return [item for item in ids if item not in present]
