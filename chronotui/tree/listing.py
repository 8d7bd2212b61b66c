"""Ids as short as keeps them different."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.paging import CursorTrail
from chronotui.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chronotui.errors import ChronotuiError
    from chronotui.model import Job

SHORTEST: Final = 6


class ShortIds:
    """The common length at which all ids of a list differ, at least ``SHORTEST``.

    The length only grows, so a column of ids keeps its width while a list is read.
    Adding ids costs what they are many, not what the list is long, except for the
    few times the length grows.
    """

    def __init__(self) -> None:
        self.length = SHORTEST
        self._ids: set[str] = set()
        self._prefixes: set[str] = set()

    def add(self, ids: Iterable[str]) -> None:
        """Take up ids; one already known changes nothing."""
        new = list(ids)
        self._ids.update(new)
        self._prefixes.update([item[: self.length] for item in new])
        while len(self._prefixes) < len(self._ids) and self.length < self._longest():
            self.length += 1
            self._prefixes = {item[: self.length] for item in self._ids}

    def of(self, item_id: str) -> str:
        """Return the short form of an id."""
        return item_id[: self.length]

    def _longest(self) -> int:
        return max(map(len, self._ids))


# One cursor-paged list: its order, how far it is read, and how pages join it.


class ListPosition(NamedTuple):
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
        self.next_place: ListPosition | None = ListPosition()
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

    def extend(self, page: Iterable[str], next_place: ListPosition | None) -> None:
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

    def refresh(self, pages: Iterable[str], next_place: ListPosition | None) -> bool:
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

    def restart(self, page: Iterable[str], next_place: ListPosition | None) -> None:
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

    def _restart(self, ids: list[str], next_place: ListPosition | None) -> None:
        self._replace(ids)
        self._trail = CursorTrail()
        self.frontier = len(ids)
        self._lead_on(next_place, progress=True)

    def _lead_on(self, next_place: ListPosition | None, *, progress: bool) -> None:
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


# The jobs of one workflow that are loaded, whichever list they came with.


class JobPool:
    """Loaded jobs by id, counted by status.

    ``unfinished`` holds the ids of those whose state can still change.

    Args:
        totals: A count by status over all pools, kept up to date as well.
    """

    def __init__(self, totals: Counter[str] | None = None) -> None:
        self._jobs: dict[str, Job] = {}
        self._totals: Counter[str] = Counter() if totals is None else totals
        self.counts: Counter[str] = Counter()
        self.unfinished: dict[str, None] = {}
        self.short_ids = ShortIds()

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs.values())

    def __getitem__(self, job_id: str) -> Job:
        return self._jobs[job_id]

    def get(self, job_id: str) -> Job | None:
        """Return a loaded job, None if it is not loaded."""
        return self._jobs.get(job_id)

    def put(self, jobs: Iterable[Job]) -> bool:
        """Take over what was read; tell whether anything differs from before."""
        changed = False
        new: list[str] = []
        for job in jobs:
            before = self._jobs.get(job.id)
            if before is None:
                new.append(job.id)
            after = job if before is None else _newest(before, job)
            if after == before:
                continue
            changed = True
            self._jobs[job.id] = after
            self._count(before, -1)
            self._count(after, 1)
            if after.status.is_terminal:
                self.unfinished.pop(after.id, None)
            else:
                self.unfinished[after.id] = None
        self.short_ids.add(new)
        return changed

    def ask_later(self, job_id: str) -> None:
        """Let the other unfinished jobs have their turn before this one."""
        if job_id in self.unfinished:
            del self.unfinished[job_id]
            self.unfinished[job_id] = None

    def drop(self, job_id: str) -> bool:
        """Forget a job; tell whether it was loaded."""
        job = self._jobs.pop(job_id, None)
        self.unfinished.pop(job_id, None)
        self._count(job, -1)
        return job is not None

    def _count(self, job: Job | None, step: int) -> None:
        if job is not None:
            self.counts[str(job.status)] += step
            self._totals[str(job.status)] += step


def _newest(before: Job, after: Job) -> Job:
    """Join two readings of one job; a job read alone lacks what a list tells."""
    if (
        before.updated_at is not None
        and after.updated_at is not None
        and after.updated_at < before.updated_at
    ):
        return before
    return replace(
        after,
        attempts=before.attempts if after.attempts is None else after.attempts,
        container_id=after.container_id or before.container_id,
        fields={**before.fields, **after.fields},
    )


# The rows below a list: that there is more, that it is read, why it is empty.

LEAST_NOTE_WIDTH: Final = 12


class NoteKind(Enum):
    """What a note is about."""

    MORE = "more"
    LOADING = "loading"
    PROBLEM = "problem"
    SAID = "said"


class ListNote(NamedTuple):
    """A note below a list, whole; ``kind`` MORE asks for the next page when seen."""

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
        empty: The sentence when the list is read to its end and holds nothing.
    """
    notes = []
    if listing.problem is not None:
        notes.append(ListNote(NoteKind.PROBLEM, clean(str(listing.problem))))
    elif listing.looped:
        notes.append(ListNote(NoteKind.SAID, _looped(what)))
    elif listing.complete:
        if not len(listing):
            notes.append(ListNote(NoteKind.SAID, empty))
    elif listing.loading is Loading.MORE or not listing.answered:
        notes.append(ListNote(NoteKind.LOADING, f"loading {what}"))
    else:
        notes.append(ListNote(NoteKind.MORE, "more"))
    return notes


def lines_of(notes: Iterable[ListNote], width: int) -> list[NoteLine]:
    """Break notes into rows of at most ``width`` cells; 0 breaks nothing."""
    lines: list[NoteLine] = []
    for note in notes:
        parts = [note.text]
        if width:
            parts = textwrap.wrap(note.text, max(width, LEAST_NOTE_WIDTH)) or [""]
        lines += [NoteLine(note, part, at == 0) for at, part in enumerate(parts)]
    return lines


def _looped(what: str) -> str:
    return (
        f"The server hands back the same cursor again and again: there may be more "
        f"{what} than it lets one read."
    )
