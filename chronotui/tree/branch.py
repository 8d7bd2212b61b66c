"""What is loaded of one workflow or app: its jobs by id, and the lists of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from chronotui.model import JobFilter
from chronotui.tree.days import DayRows, TimedIds, by_time
from chronotui.tree.listing import Listing
from chronotui.tree.short_ids import ShortIds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date, datetime, tzinfo

    from chronotui.model import Job, Workflow


class JobPool:
    """The loaded jobs of one workflow by id, whichever list they came with.

    ``unfinished`` holds the ids of those whose state can still change.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self.unfinished: dict[str, None] = {}
        self.short_ids = ShortIds()

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs.values())

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._jobs

    def __getitem__(self, job_id: str) -> Job:
        return self._jobs[job_id]

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def put(self, jobs: Iterable[Job]) -> bool:
        """Take over what was read; tell whether anything differs from before."""
        changed = False
        new: list[str] = []
        for job in jobs:
            before = self._jobs.get(job.id)
            after = job if before is None else _newest(before, job)
            if before is None or after.shown_id != before.shown_id:
                new.append(after.shown_id)
            if after == before:
                continue
            changed = True
            self._jobs[job.id] = after
            if after.has_ended:
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

    def drop(self, job_id: str) -> None:
        self._jobs.pop(job_id, None)
        self.unfinished.pop(job_id, None)


def _newest(before: Job, after: Job) -> Job:
    """Join two readings of one job; a job read alone lacks what a list tells.

    The list of an app's runs may lag behind what a run told alone; what was known of
    a run stays known when only its row is left.
    """
    if before.run_id and not after.has_ended and (before.has_ended or not after.run_id):
        return before
    if (
        before.updated_at is not None
        and after.updated_at is not None
        and after.updated_at < before.updated_at
    ):
        return before
    fields = {**before.fields, **after.fields}
    if after.status != before.status and "detail" not in after.fields:
        fields.pop("detail", None)  # It tells of another state.
    return replace(
        after,
        attempts=before.attempts if after.attempts is None else after.attempts,
        container_id=after.container_id or before.container_id,
        fields=fields,
    )


class Branch:
    """A workflow, its loaded jobs, and the list of them that is shown.

    The unfiltered list is kept while a filtered one is shown, so that taking the
    filter away shows at once what was there.

    Attributes:
        by_time: Whether its lists go by time, newest first: the runs of an app do.
        folded_days: Days whose runs are not shown.
    """

    def __init__(
        self, workflow: Workflow, job_filter: JobFilter, *, by_time: bool = False
    ) -> None:
        self.workflow = workflow
        self.by_time = by_time
        self.folded_days: set[date] = set()
        self._day_rows: tuple[object, DayRows | None] = (None, None)
        self.expanded = False
        self.no_logs = False
        self.jobs = JobPool()
        self._lists = {JobFilter(): Listing()}
        self.job_filter = JobFilter()
        self.show(job_filter)

    @property
    def listing(self) -> Listing:
        return self._lists[self.job_filter]

    @property
    def keeps_no_logs(self) -> bool:
        """Whether it is known that none of its jobs has a log to read."""
        workflow = self.workflow
        unlogged = workflow.kind == "HEARTBEAT" or workflow.log_retention is False
        return self.no_logs or unlogged

    def show(self, job_filter: JobFilter) -> None:
        """Show the list for a filter: at first what is loaded, as far as it fits.

        What a keyword finds only the server can tell: that list begins empty.
        """
        self.job_filter = job_filter
        everything = self._lists[JobFilter()]
        kept = self._lists.get(job_filter)
        if kept is None:
            kept = Listing(j for j in everything.ids if self._fits(self.jobs[j]))
        self._lists = {JobFilter(): everything, job_filter: kept}

    def _fits(self, job: Job) -> bool:
        """Whether a job is known to fit what is shown."""
        return not self.job_filter.keyword and self.job_filter.accepts(job)

    def time_of(self, job_id: str) -> datetime | None:
        job = self.jobs.get(job_id)
        return None if job is None else job.created_at

    def day_rows(self, zone: tzinfo | None) -> DayRows | None:
        """Return the rows of the shown list by day; None where it fills less than two.

        The days are laid out anew only after the list, the zone or a fold changed.
        """
        if not self.by_time:
            return None
        listing = self.listing
        known = (listing, listing.version, zone, frozenset(self.folded_days))
        if self._day_rows[0] != known:
            days = TimedIds(listing.ids, self.time_of).days(zone)
            rows = DayRows(days, known[-1]) if len(days) > 1 else None
            self._day_rows = (known, rows)
        return self._day_rows[1]

    def put(self, jobs: Sequence[Job]) -> list[str]:
        """Take over jobs as read; return their ids in order, for a list of them.

        A run that was known by its own id alone gives way to its row.
        """
        for job in jobs:
            if job.run_id and job.run_id != job.id and job.run_id in self.jobs:
                self.forget(job.run_id)
        self.jobs.put(jobs)
        ids = [job.id for job in jobs]
        return by_time(ids, self.time_of) if self.by_time else ids

    def update(self, job: Job) -> bool:
        """Take over a job read alone; lists it no longer fits lose it.

        Returns:
            Whether anything changed.
        """
        changed = self.jobs.put([job])
        for job_filter, listing in self._lists.items():
            if not job_filter.accepts(self.jobs[job.id]):
                changed |= listing.discard(job.id)
        return changed

    def merge(self, jobs: Sequence[Job]) -> int:
        """Let runs read from the top stand in the shown list; what is there stays.

        What is older than all that is loaded is left to the page it belongs to.

        Returns:
            How many are new in it.
        """
        listing, known = self.listing, TimedIds(self.listing.ids, self.time_of)
        ids = [item for item in dict.fromkeys(self.put(jobs)) if item not in listing]
        groups: dict[int, list[str]] = {}
        moment: datetime | None = None
        for item in ids:
            moment = self.time_of(item) or moment
            at = known.place_for(moment)
            if at < len(listing) or listing.complete:
                groups.setdefault(at, []).append(item)
        for at in sorted(groups, reverse=True):
            listing.insert(at, groups[at])
        return sum(map(len, groups.values()))

    def drop_absent(self, ids: Sequence[str]) -> None:
        """Take out what pages read from the top pass over, but for the last second.

        In there the server may have more than the pages hold, in any order.
        """
        oldest = TimedIds(ids, self.time_of).time_at(len(ids) - 1) if ids else None
        if oldest is None:
            return
        end = TimedIds(self.listing.ids, self.time_of).place_for(oldest)
        self.listing.discard_all(set(self.listing.ids[:end]) - set(ids))

    def reveal(self, job: Job) -> None:
        """Make a job stand in the shown list, wherever the server has it."""
        self.jobs.put([job])
        fits = self._fits(job)
        for listing in {self._lists[JobFilter()], *([self.listing] if fits else [])}:
            if not self.by_time:
                listing.add_unconfirmed(job.id)
            elif job.id not in listing:
                known = TimedIds(listing.ids, self.time_of)
                listing.insert(known.place_for(job.created_at), [job.id])

    def forget(self, job_id: str) -> None:
        for listing in self._lists.values():
            listing.discard(job_id)
        self.jobs.drop(job_id)
