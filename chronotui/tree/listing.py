"""One cursor-paged list: its order, how far it is read, how pages join it.

And the notes that stand below it: that there is more, that it is read, why it is
empty.
"""

from __future__ import annotations

import textwrap
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.paging import CursorTrail
from chronotui.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chronotui.errors import ChronotuiError

LEAST_NOTE_WIDTH: Final = 12

MOST_SAID: Final = 12
"""Sentences of pages that are kept below a list."""


class ListPosition(NamedTuple):
    """Where to read on: a cursor, within one of the queries a list is made of.

    A list of workflows with the terminated ones is two queries after one another;
    every other list is one. ``cursor`` None is the beginning of a query.
    """

    stage: int = 0
    cursor: str | None = None


class Loading(Enum):
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
        ids: The ids in order; not to be changed from outside.
        version: Differs after each change of the ids.
        hides_terminated: Whether pages held terminated workflows that are left out.
        total: How many the server says there are; None if it does not.
        passed_over: How many of what was read does not fit and is left out.
        said: What the pages said of what they could not hold, until it is read anew.
        waits: Whether the next page is read only when somebody asks for it.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self.ids: list[str] = []
        self._order: dict[str, int] = {}
        self._first = 0
        self.version = 0
        self._replace(list(dict.fromkeys(known)))
        self._trail = CursorTrail()
        self.frontier = 0
        self.next_place: ListPosition | None = ListPosition()
        self.answered = False
        self.loading = Loading.NOTHING
        self.problem: ChronotuiError | None = None
        self.hides_terminated = False
        self.total: int | None = None
        self.passed_over = 0
        self.said: tuple[str, ...] = ()
        self.waits = False

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._order

    @property
    def complete(self) -> bool:
        """Whether the server has no further page."""
        return self.next_place is None

    @property
    def looped(self) -> bool:
        """Whether the list ended because the server's cursors lead in circles."""
        return self._trail.looped

    def position(self, item_id: str) -> int | None:
        order = self._order.get(item_id)
        return None if order is None else order - self._first

    def extend(
        self,
        page: Iterable[str],
        next_place: ListPosition | None,
        *,
        passed_over: int = 0,
    ) -> None:
        """Join the page that ``next_place`` led to.

        A place that was there before ends the list (DESIGN.md, invariant 10).

        Args:
            page: The ids of the page.
            next_place: Where the list goes on; None ends it.
            passed_over: How many of the page do not fit and are left out.
        """
        self.passed_over += passed_over
        confirmed = self.frontier
        fresh = [
            item
            for item in dict.fromkeys(page)
            if (at := self.position(item)) is None or at >= confirmed
        ]
        if confirmed == len(self.ids):
            self._append(fresh)
        else:
            after = (
                len(self.ids) if next_place is None else self._reach(fresh, confirmed)
            )
            rest = _without(self.ids[after:], fresh)
            self._replace([*self.ids[:confirmed], *fresh, *rest])
        self.frontier = confirmed + len(fresh)
        self._lead_on(next_place, progress=bool(fresh) or passed_over > 0)

    def refresh(self, pages: Iterable[str], next_place: ListPosition | None) -> bool:
        """Join pages read again from the beginning of the list.

        New ids go where the pages have them; ids the pages pass over are gone.

        Returns:
            False, and nothing changes, when the pages hold nothing of the list and
            more would follow: then more pages are to be read, or ``restart``.
        """
        fresh = list(dict.fromkeys(pages))
        after = self._reach(fresh, 0)
        if next_place is None or not self.ids or after == len(self.ids):
            self.restart(fresh, next_place)
            return True
        if after == 0:
            return False
        confirmed = self.frontier
        self._rejoin(fresh, after)
        if len(fresh) > confirmed:
            self._trail = CursorTrail()
            self._lead_on(next_place, progress=True)
        self.answer()
        return True

    def restart(self, page: Iterable[str], next_place: ListPosition | None) -> None:
        """Forget the list and begin again with these ids."""
        self._replace(list(dict.fromkeys(page)))
        self._trail = CursorTrail()
        self.frontier = len(self.ids)
        self._lead_on(next_place, progress=True)

    def insert(self, at: int, ids: list[str]) -> None:
        """Let new ids stand before what is at a position now.

        Between confirmed ones, and at the end of a whole list, they are confirmed.
        """
        ends = at == self.frontier == len(self.ids) and self.complete
        if at == len(self.ids):
            self._append(ids)
        elif at == 0:
            self._prepend(ids)
        else:
            self._replace([*self.ids[:at], *ids, *self.ids[at:]])
        if at < self.frontier or ends:
            self.frontier += len(ids)

    def say(self, notes: Iterable[str]) -> None:
        """Keep what a page said, each sentence once, the first few of them."""
        self.said = tuple(dict.fromkeys([*self.said, *notes]))[:MOST_SAID]

    def discard(self, item_id: str) -> bool:
        """Take an id out of the list; tell whether it was there."""
        at = self.position(item_id)
        if at is None:
            return False
        if at < self.frontier:
            self.frontier -= 1
        self._replace([*self.ids[:at], *self.ids[at + 1 :]])
        return True

    def discard_all(self, items: set[str]) -> None:
        """Take ids of the list out of it."""
        kept = [item for item in self.ids if item not in items]
        if len(kept) < len(self.ids):
            gone = sum(item in items for item in self.ids[: self.frontier])
            self.frontier -= gone
            self._replace(kept)

    def add_unconfirmed(self, item_id: str) -> None:
        """Show an id behind the others until a page tells its place."""
        if item_id not in self._order:
            self._append([item_id])

    def fail(self, problem: ChronotuiError) -> None:
        """Say that the list could not be read; what it holds stays."""
        self.problem = problem
        self.loading = Loading.NOTHING

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
        unconfirmed = len(self.ids) - self.frontier
        if page[-1] not in self._order:
            # It is older than all that was confirmed: what it passes over is gone.
            after = max(after, self.frontier)
        new = page[: len(page) - after]
        grown = page[len(new) :] == self.ids[:after]
        if grown and not any(item in self._order for item in new):
            self._prepend(new)
        else:
            self._replace([*page, *_without(self.ids[after:], page)])
        self.frontier = max(len(page), len(self.ids) - unconfirmed)

    def _lead_on(self, next_place: ListPosition | None, *, progress: bool) -> None:
        """Go on at a place, unless the walk has come by it."""
        if next_place is not None:
            mark = f"{next_place.stage}:{next_place.cursor or ''}"
            if self._trail.follow(mark, progress=progress) is None:
                next_place = None
        self.next_place = next_place
        self.answer()

    def answer(self) -> None:
        """Note that the server has answered."""
        self.problem = None
        self.answered = True
        self.loading = Loading.NOTHING

    def _append(self, ids: list[str]) -> None:
        self.version += 1
        begin = self._first + len(self.ids)
        self._order.update(zip(ids, range(begin, begin + len(ids)), strict=True))
        self.ids.extend(ids)

    def _prepend(self, ids: list[str]) -> None:
        self.version += 1
        self._first -= len(ids)
        places = range(self._first, self._first + len(ids))
        self._order.update(zip(ids, places, strict=True))
        self.ids[:0] = ids

    def _replace(self, ids: list[str]) -> None:
        self.version += 1
        self._first = 0
        self._order = {item: at for at, item in enumerate(ids)}
        self.ids = ids


def _without(ids: list[str], page: list[str]) -> list[str]:
    present = set(page)
    return [item for item in ids if item not in present]


class NoteKind(Enum):
    MORE = "more"
    ON_DEMAND = "on demand"
    LOADING = "loading"
    PROBLEM = "problem"
    REFUSED = "refused"
    SAID = "said"


class ListNote(NamedTuple):
    """A note below a list, whole.

    ``kind`` MORE asks for the next page when seen, ON_DEMAND when chosen.
    """

    kind: NoteKind
    text: str


class NoteLine(NamedTuple):
    """One row of a note; ``first`` tells the row that carries the glyph."""

    note: ListNote
    text: str
    first: bool


def notes_of(listing: Listing, *, what: str, empty: str) -> list[ListNote]:
    """Return the notes that end a list.

    Args:
        listing: The list.
        what: What is listed, in the plural, for sentences.
        empty: The sentence when the list is read to its end and holds nothing; pages
            that said why leave it out when it is "".
    """
    said = [ListNote(NoteKind.SAID, clean(text)) for text in listing.said]
    if listing.problem is not None:
        return [*said, ListNote(NoteKind.PROBLEM, clean(str(listing.problem)))]
    if listing.looped:
        circles = (
            "The server hands back the same cursor again and again: there may be "
            f"more {what} than it lets one read."
        )
        return [*said, ListNote(NoteKind.SAID, circles)]
    if listing.complete:
        if len(listing) or not empty:
            return said
        return [*said, ListNote(NoteKind.SAID, empty)]
    if listing.loading is Loading.MORE or not listing.answered:
        return [*said, ListNote(NoteKind.LOADING, f"loading {what}")]
    more = "more"
    if listing.total is not None and not listing.passed_over:
        more = f"more ({len(listing):,} of {listing.total:,})"
    return [*said, ListNote(NoteKind.MORE, more)]


def lines_of(notes: Iterable[ListNote], width: int) -> list[NoteLine]:
    """Break notes into rows of at most ``width`` cells; 0 breaks nothing."""
    lines: list[NoteLine] = []
    for note in notes:
        parts = [note.text]
        if width:
            parts = textwrap.wrap(note.text, max(width, LEAST_NOTE_WIDTH)) or [""]
        lines += [NoteLine(note, part, at == 0) for at, part in enumerate(parts)]
    return lines
