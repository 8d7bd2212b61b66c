"""The jobs of one workflow that are loaded, whichever list they came with."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from chronotui.core.tree.short_ids import ShortIds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chronotui.model import Job


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
