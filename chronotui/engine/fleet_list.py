"""The workflows of the fleet: which there are, and what is read next of which.

The list is read again from its top often, for new ones stand there, and seldom to its
end, for those that are gone are told by their absence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.engine.fleet_entry import LATELY, FleetEntry, Part
from chronotui.paging import CursorTrail

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import timedelta

    from chronotui.model import Job, JobFilter, Page, Workflow

TOP_EVERY: Final = 0.5
"""Minutes between two readings of the top of the list."""

WALK_EVERY: Final = 2.0
"""Minutes from the end of a whole reading of the list to the next one."""

PAGE_AFTER: Final = 5
"""Between two pages of a whole reading so many workflows have their turn."""

ABSENT: Final = 2
"""A workflow that so many whole readings did not name is gone."""

RUNS, FAILS, WANTED = 8.0, 3.0, 4.0
"""How much faster a workflow's age grows when it runs, has failed, or is looked at."""

FITTING, BEHIND = 1000.0, 500.0
"""The same for what rows wait for to be hidden, and what was not seen yet behind the
newest jobs: each once, and no two of them without a turn of others."""

FAILS_PAUSE, PAUSE = 3.0, 6.0
"""What has failed, and the rest, is asked so many times less often than what runs."""

LONGEST_PAUSE: Final = 64.0
"""What cannot be read is asked up to so many times less often."""


class FleetRequest(NamedTuple):
    """What one request reads; without an entry, a page of the list."""

    entry: FleetEntry | None = None
    part: Part = Part.NEWEST


class Wish(NamedTuple):
    """What somebody looks at, and what jobs are looked for there."""

    ids: frozenset[str] = frozenset()
    only: JobFilter | None = None


class FleetList:
    """The living workflows, in the server's order; iterates over their entries.

    Args:
        minute: How long a minute is, in seconds.
        poll: Seconds between two readings of what runs, at least.
        lately: A job that failed within this has failed lately.

    Attributes:
        is_whole: Whether all were listed once.
    """

    def __init__(self, minute: float, poll: float, lately: timedelta = LATELY) -> None:
        self._lately = lately
        self.is_whole = False
        self._minute = minute
        self._poll = poll
        self._entries: dict[str, FleetEntry] = {}
        self._order: list[str] = []
        self._early: dict[str, tuple[Sequence[Job], float, bool]] = {}
        self._top_at = float("-inf")
        self._walked_at = float("-inf")
        self._cursor: str | None = None
        self._trail = CursorTrail()
        self._named: set[str] = set()
        self._since_page = 0
        self._was_once = False

    @property
    def ids(self) -> Sequence[str]:
        return self._order

    def get(self, workflow_id: str) -> FleetEntry | None:
        return self._entries.get(workflow_id)

    def __iter__(self) -> Iterator[FleetEntry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._order)

    def put(
        self, workflow_id: str, jobs: Sequence[Job], now: float, *, has_more: bool
    ) -> None:
        """Take jobs that were read elsewhere, also before their workflow is listed."""
        entry = self._entries.get(workflow_id)
        if entry is None:
            self._early[workflow_id] = (jobs, now, has_more)
        else:
            entry.put(jobs, now, has_more=has_more)

    def add(self, workflows: Iterable[Workflow], *, at_top: bool = False) -> None:
        """Take listed workflows; new ones stand before the others or after them."""
        new = []
        for workflow in workflows:
            entry = self._entries.get(workflow.id)
            if entry is not None:
                entry.workflow = workflow
                continue
            entry = self._entries[workflow.id] = FleetEntry(workflow, self._lately)
            new.append(workflow.id)
            if workflow.id in self._early:
                jobs, at, has_more = self._early.pop(workflow.id)
                entry.put(jobs, at, has_more=has_more)
        self._order = new + self._order if at_top else self._order + new

    def swept(self, now: float) -> None:
        """Note that all were listed."""
        self.is_whole = True
        self._top_at = self._walked_at = now
        self._early.clear()

    # reading the list again

    def next_cursor(self, now: float) -> str | None:
        """Where the list is read next; None is its top."""
        is_old = now - self._top_at >= TOP_EVERY * self._minute
        return None if is_old else self._cursor

    def take(self, cursor: str | None, page: Page[Workflow], now: float) -> None:
        """Take a page of the list that was read at a cursor."""
        self.add(page.items, at_top=cursor is None and self.is_whole)
        self._since_page = 0
        if cursor is None:
            self._top_at = now
            is_due = now - self._walked_at >= WALK_EVERY * self._minute
            if self._cursor is not None or not (is_due or page.cursor is None):
                self._named.update(each.id for each in page.items)
                return
            self._trail, self._named = CursorTrail(), set()
        self._named.update(each.id for each in page.items)
        self._cursor = self._trail.follow(page.cursor, progress=page.brought_any)
        if self._cursor is None:
            self._end_walk(now)

    def give_up(self, cursor: str | None, now: float) -> None:
        """Begin a whole reading anew later, of which a page could not be had."""
        if cursor is not None:
            self._cursor = None
            self._walked_at = now

    def _end_walk(self, now: float) -> None:
        self._walked_at = now
        if self._trail.looped:
            return
        self.is_whole = True
        for workflow_id, entry in list(self._entries.items()):
            entry.absent = 0 if workflow_id in self._named else entry.absent + 1
            if entry.absent >= ABSENT:
                del self._entries[workflow_id]
                self._order.remove(workflow_id)

    # what is read next

    def most_urgent(
        self, now: float, wall: float, wish: Wish
    ) -> tuple[FleetRequest, float]:
        """Return what is to be read next, and in how many seconds."""
        if self._is_page_due(now):
            return FleetRequest(), 0.0
        best, score, soonest = (
            FleetRequest(),
            -1.0,
            self._top_at + TOP_EVERY * self._minute,
        )
        for entry in self._entries.values():
            for part, weight, due in self._parts(entry, wall, wish):
                tried = entry.tried_at.get(part, float("-inf"))
                if tried + due > now:
                    soonest = min(soonest, tried + due)
                elif (urgency := (now - tried) * weight) > score:
                    best, score = FleetRequest(entry, part), urgency
        if best.entry is not None:
            return best, 0.0
        if self._cursor is not None:
            return best, 0.0
        return best, max(0.0, soonest - now)

    def begun(self, work: FleetRequest, now: float) -> None:
        """Note that a request is made; what waits for it is no longer the oldest."""
        if work.entry is not None:
            work.entry.tried_at[work.part] = now
            self._was_once = work.part in {Part.FITTING, Part.BEHIND}
            self._since_page += 1

    def _is_page_due(self, now: float) -> bool:
        if now - self._top_at >= TOP_EVERY * self._minute:
            return True
        return self._cursor is not None and self._since_page >= PAGE_AFTER

    def _parts(
        self, entry: FleetEntry, wall: float, wish: Wish
    ) -> Iterator[tuple[Part, float, float]]:
        """Tell what may be read of a workflow, how urgent that is, and how often."""
        is_wanted = entry.workflow.id in wish.ids
        weight = (RUNS if entry.runs else FAILS if entry.fails else 1.0) * (
            WANTED if is_wanted else 1.0
        )
        pause = self._poll * min(2.0**entry.failures, LONGEST_PAUSE)
        rest = FAILS_PAUSE if entry.fails else PAUSE
        is_quick = entry.runs or is_wanted or entry.read_at is None
        yield Part.NEWEST, weight, pause if is_quick else pause * rest
        if entry.unfinished is not None:
            yield Part.ALONE, weight, pause
        if self._was_once:
            return  # in turn with all else: what runs is to be read as well
        if entry.behind(wall) is not None:
            yield Part.BEHIND, BEHIND, pause if entry.failures else 0.0
        if is_wanted and wish.only and entry.fits(wish.only) is None:
            yield Part.FITTING, FITTING, pause
