"""The rows of the board: the jobs of all workflows as one list, kept in order.

What runs stands first, then what failed lately, then the rest, each newest first. A
job's place depends on what does not change while it is in one of these, so rows stay.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from chronotui.model import JobStatus
from chronotui.text import clean
from chronotui.tree.filters import TreeFilters
from chronotui.tree.short_ids import ShortIds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chronotui.model import Job, Workflow


class KnownFleet(Protocol):
    """What is read of all workflows."""

    @property
    def workflows(self) -> Sequence[str]: ...

    def workflow(self, workflow_id: str) -> Workflow | None: ...

    def jobs(self, workflow_id: str) -> tuple[Job, ...]:
        """The jobs of a workflow as far as read; another tuple where any changed."""

    def has_failed_lately(self, job: Job) -> bool: ...


class BoardSection(IntEnum):
    """The parts of the board, from its top."""

    RUNNING = 0
    FAILED = 1
    REST = 2


class RowKey(NamedTuple):
    """Which job a row is about."""

    workflow_id: str
    job_id: str


class RowPlace(NamedTuple):
    """Where a row stands; the least is the first."""

    section: BoardSection
    before: float
    """Seconds, negative: what is newer comes first."""
    key: RowKey


def key_of(job: Job) -> RowKey:
    return RowKey(job.workflow_id, job.id)


class BoardRows:
    """All jobs of a fleet in the board's order, one of them selected.

    Taking over costs what changed, whatever the board holds.

    Attributes:
        filters: What the rows are narrowed by.
        ages: Whether they tell how long ago, not when.
    """

    def __init__(self) -> None:
        self.filters = TreeFilters()
        self.ages = False
        self._fleet: KnownFleet | None = None
        self._taken: dict[str, tuple[Job, ...]] = {}
        self._jobs: dict[RowKey, Job] = {}
        self._places: list[RowPlace] = []
        self._at: dict[RowKey, RowPlace] = {}
        self._short_ids: dict[str, ShortIds] = {}
        self._selected: RowKey | None = None
        self._selected_row = 0
        self.id_length = ShortIds().length

    def __len__(self) -> int:
        return len(self._places)

    # what is known

    @property
    def hidden(self) -> int:
        """How many jobs the filters leave out."""
        return len(self._jobs) - len(self._places)

    def key(self, row: int) -> RowKey:
        return self._places[row].key

    def job(self, key: RowKey) -> Job | None:
        return self._jobs.get(key)

    def workflow(self, key: RowKey) -> Workflow | None:
        return None if self._fleet is None else self._fleet.workflow(key.workflow_id)

    def locate(self, key: RowKey) -> int | None:
        """The number of a job's row, None where it has none."""
        place = self._at.get(key)
        return None if place is None else bisect_left(self._places, place)

    def short_id(self, job: Job) -> str:
        """A job's id as short as tells it from the others of its workflow."""
        ids = self._short_ids.get(job.workflow_id)
        return job.shown_id if ids is None else ids.of(job.shown_id)

    def count(self, section: BoardSection) -> int:
        """How many rows belong to a part of the board."""
        begin = bisect_left(self._places, section, key=_section)
        count = bisect_left(self._places, section + 1, key=_section) - begin
        held = None if self._selected is None else self._at.get(self._selected)
        if held is not None:
            belongs = self._place(self._jobs[held.key]).section
            count += (belongs is section) - (held.section is section)
        return count

    def running(self) -> list[Job]:
        """What runs, of what is shown, in the order of the rows."""
        end = bisect_left(self._places, BoardSection.FAILED, key=_section)
        jobs = (self._jobs[place.key] for place in self._places[:end])
        return [job for job in jobs if job.status == JobStatus.RUNNING]

    # the selection

    @property
    def selected(self) -> RowKey | None:
        """The selected row; where it went, the one that took its number."""
        if self._selected is None or self._selected not in self._at:
            at = min(self._selected_row, len(self._places) - 1)
            return self._places[at].key if at >= 0 else None
        return self._selected

    @property
    def selected_row(self) -> int:
        key = self.selected
        return 0 if key is None else self.locate(key) or 0

    def select_row(self, row: int) -> None:
        """Select the row nearest to a number."""
        if not self._places:
            return
        left, key = self._selected, self.key(min(max(row, 0), len(self._places) - 1))
        self._selected = key
        if left is not None and left != key and left in self._jobs:
            self._put(left)
        self._selected_row = self.selected_row

    # what changed

    def take(self, fleet: KnownFleet) -> None:
        """Take over what was read since."""
        self._fleet = fleet
        for workflow_id in fleet.workflows:
            jobs = fleet.jobs(workflow_id)
            if jobs is not self._taken.get(workflow_id):
                self._take_jobs(workflow_id, jobs)
        if len(self._taken) > len(fleet.workflows):
            for workflow_id in self._taken.keys() - set(fleet.workflows):
                self._take_jobs(workflow_id, ())
                del self._taken[workflow_id]
        self._expire(fleet)
        if self._selected is None:
            return
        if self._selected not in self._jobs:
            self.select_row(self._selected_row)
        self._selected_row = self.selected_row

    def update_job(self, job: Job) -> None:
        """Show what was learned of a job that is on the board, before it is read."""
        if key_of(job) in self._jobs:
            self._jobs[key_of(job)] = job
            self._put(key_of(job))

    def set_filters(self, filters: TreeFilters) -> None:
        """Narrow the rows; the selected one stays selected where it fits."""
        self.filters = filters
        self._at = {
            key: self._place(job)
            for key, job in self._jobs.items()
            if self._accepts(job)
        }
        self._places = sorted(self._at.values())
        self.select_row(self.selected_row)

    def _take_jobs(self, workflow_id: str, jobs: tuple[Job, ...]) -> None:
        before = {job.id: job for job in self._taken.get(workflow_id, ())}
        self._taken[workflow_id] = jobs
        ids = self._short_ids.setdefault(workflow_id, ShortIds())
        ids.add(job.shown_id for job in jobs)
        self.id_length = max(self.id_length, ids.length)
        for job in jobs:
            if before.pop(job.id, None) != job:
                key = RowKey(workflow_id, job.id)
                self._jobs[key] = job
                self._put(key)
        for job_id in before:
            key = RowKey(workflow_id, job_id)
            self._remove(key)
            self._jobs.pop(key, None)

    def _put(self, key: RowKey) -> None:
        """Put a row where it belongs; the selected one stays where it is looked at."""
        job, had = self._jobs[key], self._at.get(key)
        place = self._place(job) if self._accepts(job) else None
        is_looked_at = had is not None and key == self._selected
        if place == had or (is_looked_at and place is not None):
            return
        self._remove(key)
        if place is not None:
            self._at[key] = place
            insort(self._places, place)

    def _remove(self, key: RowKey) -> None:
        place = self._at.pop(key, None)
        if place is not None:
            del self._places[bisect_left(self._places, place)]

    def _expire(self, fleet: KnownFleet) -> None:
        """Let go what failed, but not lately any more: the oldest stand last."""
        at = bisect_left(self._places, BoardSection.REST, key=_section) - 1
        while at >= 0 and self._places[at].section is BoardSection.FAILED:
            key = self._places[at].key
            if key != self._selected:
                if fleet.has_failed_lately(self._jobs[key]):
                    return
                self._put(key)
            at -= 1

    def _place(self, job: Job) -> RowPlace:
        section, at = BoardSection.REST, begun_at(job)
        if job.status == JobStatus.RUNNING:
            section = BoardSection.RUNNING
        elif self._fleet is not None and self._fleet.has_failed_lately(job):
            section, at = BoardSection.FAILED, job.completed_at or job.updated_at or at
        return RowPlace(section, -at.timestamp() if at else 0.0, key_of(job))

    def _accepts(self, job: Job) -> bool:
        if not self.filters.jobs.accepts(job):
            return False
        text = self.filters.query.casefold()
        if not text:
            return True
        workflow = self._fleet.workflow(job.workflow_id) if self._fleet else None
        if workflow is not None and text in clean(workflow.shown_name).casefold():
            return True
        ids = self._short_ids.get(job.workflow_id)
        return ids is not None and ids.shows(job.shown_id, text)


def begun_at(job: Job) -> datetime | None:
    """When a job began, or is to begin, or was made."""
    return job.started_at or job.scheduled_at or job.created_at


def _section(place: RowPlace) -> BoardSection:
    return place.section
