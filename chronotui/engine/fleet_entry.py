"""One workflow of the fleet: what is held of its jobs, and what is to be read of it."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from chronotui.engine.sweep import HOUR, RUNNING_REACH, made_at
from chronotui.errors import NotFoundError
from chronotui.model import JobStatus
from chronotui.paging import CursorTrail
from chronotui.tree.health import OUTCOMES, health_of, usual_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chronotui.errors import ChronotuiError
    from chronotui.model import Job, JobFilter, Workflow
    from chronotui.tree.health import WorkflowHealth

KEPT: Final = 50
"""So many of a workflow's newest jobs are kept; those that run, or failed lately, are
kept beyond."""

LATELY: Final = timedelta(days=1)
"""A job that failed within this has failed lately, where nobody says otherwise."""


class Part(Enum):
    """What one request reads of a workflow."""

    NEWEST = "its newest jobs"
    ALONE = "one job behind them that had not ended"
    BEHIND = "jobs of one state behind them, page by page, once"
    FITTING = "jobs that fit what is looked for, once"


class BehindPage(NamedTuple):
    """Where jobs of one state are read behind the newest ones; first without cursor."""

    status: JobStatus
    cursor: str | None = None


class FleetEntry:
    """A workflow and its jobs as far as read.

    Args:
        lately: A job that failed within this has failed lately.

    Attributes:
        read_at: When its newest jobs were last read (monotonic), None for never.
        tried_at: When each part was last asked for, also without an answer.
        failures: Requests in a row that failed.
        problem: What the last one failed with.
        absent: Whole readings of the list in a row that did not name it.
        usual_seconds: The median duration of the good runs read.
    """

    def __init__(self, workflow: Workflow, lately: timedelta = LATELY) -> None:
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
        self._failed: dict[str, Job] = {}  # of those behind, while it was lately
        # A job may take an hour from when it was made until it fails.
        self._reach = {
            JobStatus.RUNNING: RUNNING_REACH,
            JobStatus.FAILED: lately + HOUR,
        }
        self._unread: dict[JobStatus, str | None] = {}  # where each is read on
        self._trails: dict[JobStatus, CursorTrail] = {}
        self._begin_behind()
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

    def behind(self, wall: float) -> BehindPage | None:
        """What to ask for behind the newest jobs, None where nothing can be there."""
        for status, cursor in self._unread.items():
            if not self._reaches(status, wall):
                return BehindPage(status, cursor)
        return None

    def _reaches(self, status: JobStatus, wall: float) -> bool:
        """Whether the newest jobs go back as far as one of a state may matter."""
        if not (self._has_more and self._newest):
            return True
        return self._is_beyond(self._newest[-1], status, wall)

    def _is_beyond(self, job: Job, status: JobStatus, wall: float) -> bool:
        age = wall - made_at(job).timestamp()
        return age >= self._reach[status].total_seconds()

    def knows(self, status: JobStatus, wall: float) -> bool:
        """Whether all jobs that run, or failed lately, are held."""
        if self.read_at is None:
            return False
        return status not in self._unread or self._reaches(status, wall)

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
            self._keep_lasting(rest)
            self._begin_behind()  # between this page and those others may be
        else:
            self._behind.clear()
        self._has_more = has_more or len(newest) > KEPT
        self._keep_lasting(newest[KEPT:])
        self._newest = tuple(newest[:KEPT])
        self._read_now = set(page)
        self.usual_seconds = usual_seconds(self._newest)
        self._answered()

    def put_behind(
        self, page: BehindPage, jobs: Sequence[Job], cursor: str | None, wall: float
    ) -> None:
        """Take jobs of one state that may lie behind the newest ones.

        Args:
            cursor: Where more of them may be.
        """
        brought_any = any(job.id not in self._behind for job in jobs)
        self._note_failed(jobs)
        self._keep(jobs)
        if jobs and self._is_beyond(jobs[-1], page.status, wall):
            cursor = None
        cursor = self._trails[page.status].follow(cursor, progress=brought_any)
        if cursor is None:
            self._unread.pop(page.status, None)
        else:
            self._unread[page.status] = cursor

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
        if part is Part.BEHIND and self._unread:
            self._unread.pop(next(iter(self._unread)))
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

    def _begin_behind(self) -> None:
        """Have what is behind the newest jobs read from its beginning."""
        self._unread = dict.fromkeys(self._reach)
        self._trails = {status: CursorTrail() for status in self._reach}

    def _answered(self) -> None:
        self.failures = 0
        self.problem = None
        self._look()

    def _look(self) -> None:
        """Work out what is asked often."""
        self._health = None
        for job in self._newest:
            self._behind.pop(job.id, None)
        if self._newest:
            # By the server's own clock, as far as it is known.
            least = made_at(self._newest[0]) - self._reach[JobStatus.FAILED]
            for job in [one for one in self._failed.values() if made_at(one) < least]:
                del self._failed[job.id]
                self._behind.pop(job.id, None)
        behind = sorted(self._behind.values(), key=made_at, reverse=True)
        self._jobs = self._newest + tuple(behind)
        self._runs = any(job.status == JobStatus.RUNNING for job in self._jobs)

    def _keep_lasting(self, jobs: Sequence[Job]) -> None:
        """Keep those that have not ended, or have failed: of them the board tells."""
        self._note_failed(jobs)
        for job in jobs:
            if not job.has_ended or job.status == JobStatus.FAILED:
                self._behind[job.id] = job

    def _note_failed(self, jobs: Iterable[Job]) -> None:
        """Note which are let go of again when it is not lately any more."""
        failed = [job for job in jobs if job.status == JobStatus.FAILED]
        self._failed.update((job.id, job) for job in failed)


def _joined(listed: Job, alone: Job) -> Job:
    """Join two readings of a job; one read alone lacks attempts and container."""
    attempts = listed.attempts if alone.attempts is None else alone.attempts
    return replace(
        alone,
        attempts=attempts,
        container_id=alone.container_id or listed.container_id,
        fields={**listed.fields, **alone.fields},
    )
