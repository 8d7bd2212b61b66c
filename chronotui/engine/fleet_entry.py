"""One workflow of the fleet: what is held of its jobs, and what is to be read of it."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Final

from chronotui.engine.sweep import RUNNING_REACH, made_at
from chronotui.errors import NotFoundError
from chronotui.model import JobStatus
from chronotui.tree.health import OUTCOMES, health_of, usual_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chronotui.errors import ChronotuiError
    from chronotui.model import Job, JobFilter, Workflow
    from chronotui.tree.health import WorkflowHealth

KEPT: Final = 50
"""So many of a workflow's newest jobs are kept; those that run are kept beyond."""


class Part(Enum):
    """What one request reads of a workflow."""

    NEWEST = "its newest jobs"
    ALONE = "one job behind them that had not ended"
    BEHIND = "jobs of one state behind them, once"
    FITTING = "jobs that fit what is looked for, once"


class FleetEntry:
    """A workflow and its jobs as far as read.

    Attributes:
        read_at: When its newest jobs were last read (monotonic), None for never.
        tried_at: When each part was last asked for, also without an answer.
        failures: Requests in a row that failed.
        problem: What the last one failed with.
        absent: Whole readings of the list in a row that did not name it.
        usual_seconds: The median duration of the good runs read.
    """

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self.read_at: float | None = None
        self.tried_at: dict[Part, float] = {}
        self.failures = 0
        self.problem: ChronotuiError | None = None
        self.absent = 0
        self.usual_seconds: float | None = None
        self._newest: tuple[Job, ...] = ()
        self._has_more = False
        self._behind: dict[str, Job] = {}
        self._unasked = [JobStatus.RUNNING, JobStatus.FAILED]
        self._read_now: set[str] = set()
        self._looked_for: set[JobFilter] = set()
        self._health: tuple[int, WorkflowHealth] | None = None
        self._look()

    # what is known

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The newest jobs without a gap, then what is known behind them."""
        return self._jobs

    @property
    def newest(self) -> tuple[Job, ...]:
        """The newest jobs, without a gap."""
        return self._newest

    @property
    def has_more(self) -> bool:
        """Whether there may be jobs behind the newest ones."""
        return self._has_more

    @property
    def runs(self) -> bool:
        """Whether a job runs."""
        return self._runs

    @property
    def fails(self) -> bool:
        """Whether one of the jobs on its row has failed."""
        newest = self._newest[:OUTCOMES]
        return any(job.status == JobStatus.FAILED for job in newest)

    def health(self, age: float) -> WorkflowHealth:
        """Tell it as of so many seconds ago; worked out anew after changes alone."""
        known = self.workflow.consecutive_failures
        if self._health is None or self._health[0] != known:
            told = health_of(self._newest, age=0.0, known_failures=known)
            self._health = (known, told)
        return replace(self._health[1], age=age)

    def fits(self, only: JobFilter) -> bool | None:
        """Whether a job is held that fits; None where one may be there unread."""
        if any(only.accepts(job) for job in self._jobs):
            return True
        is_known = self.read_at is not None and not self._has_more
        return False if is_known or only in self._looked_for else None

    # what is to be read

    @property
    def unfinished(self) -> Job | None:
        """A job that had not ended and was not on the page just read."""
        for job in self._jobs:
            if not job.has_ended and job.id not in self._read_now:
                return job
        return None

    def behind(self, wall: float) -> JobStatus | None:
        """A state to ask for behind the newest jobs, None where none can be there."""
        if not (self._unasked and self._has_more and self._newest):
            return None
        span = wall - made_at(self._newest[-1]).timestamp()
        return None if span >= RUNNING_REACH.total_seconds() else self._unasked[0]

    # what was read

    def put(self, jobs: Sequence[Job], now: float, *, has_more: bool) -> None:
        """Take the newest jobs; what is held behind them stays where they meet it."""
        self._read(now)
        if not jobs and has_more:
            return  # an empty page that leads on tells nothing
        page = {job.id: job for job in jobs}
        rest = [job for job in self._newest if job.id not in page]
        newest = list(page.values())
        if has_more and len(rest) < len(self._newest):
            oldest = made_at(jobs[-1])
            newest += [job for job in rest if made_at(job) <= oldest]
        elif has_more:
            self._keep_unfinished(rest)
        else:
            self._behind.clear()
        self._has_more = has_more or len(newest) > KEPT
        self._keep_unfinished(newest[KEPT:])
        self._newest = tuple(newest[:KEPT])
        self._read_now = set(page)
        self.usual_seconds = usual_seconds(self._newest)
        self._answered()

    def put_behind(self, status: JobStatus, jobs: Iterable[Job]) -> None:
        """Take jobs of one state that may lie behind the newest ones."""
        self._asked_behind(status)
        self._keep(jobs)

    def put_fitting(self, only: JobFilter, jobs: Iterable[Job]) -> None:
        """Take the newest jobs that fit what is looked for, none if none does."""
        self._looked_for.add(only)
        self._keep(jobs)

    def _keep(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            self._behind[job.id] = job
            self._read_now.add(job.id)
        self._answered()

    def put_alone(self, job: Job) -> None:
        """Take one job that was read without what only lists tell."""
        self._read_now.add(job.id)
        if job.id in self._behind:
            self._behind[job.id] = _joined(self._behind[job.id], job)
        self._newest = tuple(
            _joined(each, job) if each.id == job.id else each for each in self._newest
        )
        self._answered()

    def failed(self, part: Part, error: ChronotuiError, *, alone: bool) -> None:
        """Note what a request failed with.

        Args:
            alone: Whether it is about this request and not about the server.
        """
        self.failures += 1
        self.problem = error
        if not alone:
            return
        if part is Part.BEHIND and self._unasked:
            self._asked_behind(self._unasked[0])
        elif part is Part.ALONE and (job := self.unfinished) is not None:
            self._read_now.add(job.id)
            if isinstance(error, NotFoundError):
                self._behind.pop(job.id, None)
                self._newest = tuple(one for one in self._newest if one.id != job.id)
                self._look()

    def _read(self, now: float) -> None:
        for part in Part:
            self.tried_at.setdefault(part, now)
        self.read_at = self.tried_at[Part.NEWEST] = now
        self.failures = 0
        self.problem = None

    def _asked_behind(self, status: JobStatus) -> None:
        if status in self._unasked:
            self._unasked.remove(status)

    def _answered(self) -> None:
        self.failures = 0
        self.problem = None
        self._look()

    def _look(self) -> None:
        """Work out what is asked often."""
        self._health = None
        for job in self._newest:
            self._behind.pop(job.id, None)
        behind = sorted(self._behind.values(), key=made_at, reverse=True)
        self._jobs = self._newest + tuple(behind)
        self._runs = any(job.status == JobStatus.RUNNING for job in self._jobs)

    def _keep_unfinished(self, jobs: Iterable[Job]) -> None:
        self._behind.update((job.id, job) for job in jobs if not job.has_ended)


def _joined(listed: Job, alone: Job) -> Job:
    """Join two readings of a job; one read alone lacks attempts and container."""
    attempts = listed.attempts if alone.attempts is None else alone.attempts
    return replace(
        alone,
        attempts=attempts,
        container_id=alone.container_id or listed.container_id,
        fields={**listed.fields, **alone.fields},
    )
