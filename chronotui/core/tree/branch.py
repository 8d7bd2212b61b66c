"""One workflow in the tree, with the lists of its jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.core.tree.filters import JobFilter
from chronotui.core.tree.listing import Listing
from chronotui.core.tree.pool import JobPool

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from chronotui.core.tree.listing import Place
    from chronotui.model import Job, Workflow


class Branch:
    """A workflow, its loaded jobs, and the list of them that is shown.

    The unfiltered list is kept while a filtered one is shown, so that taking the
    filter away shows at once what was there.

    Args:
        workflow: The workflow as last read.
        job_filter: The filter its jobs are shown by.
        totals: The count by status over all branches.
    """

    def __init__(
        self, workflow: Workflow, job_filter: JobFilter, totals: Counter[str]
    ) -> None:
        self.workflow = workflow
        self.expanded = False
        self.no_logs = False
        self.jobs = JobPool(totals)
        self._lists = {JobFilter(): Listing()}
        self.job_filter = JobFilter()
        self.show(job_filter)

    @property
    def listing(self) -> Listing:
        """The list that is shown."""
        return self._lists[self.job_filter]

    @property
    def keeps_no_logs(self) -> bool:
        """Whether it is known that none of its jobs has a log to read."""
        workflow = self.workflow
        unlogged = workflow.kind == "HEARTBEAT" or workflow.log_retention is False
        return self.no_logs or unlogged

    def show(self, job_filter: JobFilter) -> None:
        """Show the list for a filter: at first what is loaded, as far as it fits."""
        self.job_filter = job_filter
        everything = self._lists[JobFilter()]
        kept = self._lists.get(job_filter)
        if kept is None:
            fitting = (j for j in everything.ids if job_filter.accepts(self.jobs[j]))
            kept = Listing(fitting)
        self._lists = {JobFilter(): everything, job_filter: kept}

    def extend(
        self, listing: Listing, jobs: Sequence[Job], next_place: Place | None
    ) -> None:
        """Join the next page to a list of this branch."""
        self.jobs.put(jobs)
        listing.extend([job.id for job in jobs], next_place)

    def refresh(
        self, listing: Listing, jobs: Sequence[Job], next_place: Place | None
    ) -> bool:
        """Join pages read again from the top; False when they do not meet the list."""
        self.jobs.put(jobs)
        return listing.refresh([job.id for job in jobs], next_place)

    def restart(
        self, listing: Listing, jobs: Sequence[Job], next_place: Place | None
    ) -> None:
        """Begin a list again with pages that do not meet what it held."""
        self.jobs.put(jobs)
        listing.restart([job.id for job in jobs], next_place)

    def update(self, job: Job) -> bool:
        """Take over a job read alone; lists it no longer fits lose it."""
        changed = self.jobs.put([job])
        for job_filter, listing in self._lists.items():
            if not job_filter.accepts(self.jobs[job.id]):
                changed |= listing.discard(job.id)
        return changed

    def reveal(self, job: Job) -> None:
        """Make a job stand in the shown list, wherever the server has it."""
        self.jobs.put([job])
        self._lists[JobFilter()].foresee(job.id)
        if self.job_filter.accepts(job):
            self.listing.foresee(job.id)

    def forget(self, job_id: str) -> bool:
        """Drop a job that is no longer on the server."""
        for listing in self._lists.values():
            listing.discard(job_id)
        return self.jobs.drop(job_id)

    def matching(self, prefix: str) -> list[str]:
        """Return the ids of loaded jobs that begin with ``prefix``."""
        return [job.id for job in self.jobs if job.id.startswith(prefix)]
