"""A server of many workflows in memory, on whatever clock the loop has."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chronotui.errors import NotFoundError
from chronotui.model import Job, JobFilter, JobStatus, Page, Trigger, Workflow
from chronotui.model import WorkflowKind as Kind
from chronotui.sources.protocol import EVERYTHING

if TYPE_CHECKING:
    from chronotui.errors import ChronotuiError

NOW = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
PAGE = 10


def workflow_of(name: str, **known: object) -> Workflow:
    return Workflow(name, name, Kind.CONTAINER, **known)  # type: ignore[arg-type]


def job_of(
    workflow: str,
    number: int,
    status: JobStatus = JobStatus.COMPLETED,
    *,
    minutes: float = 30.0,
    seconds: float = 60.0,
) -> Job:
    """Return a job; of ``minutes`` apart each, the highest number is the newest."""
    at = NOW + timedelta(minutes=minutes * (number - 1000))
    ended = at + timedelta(seconds=seconds) if status.is_terminal else None
    return Job(
        id=f"{workflow}-{number}",
        workflow_id=workflow,
        status=status,
        trigger=Trigger.AUTOMATIC,
        attempts=1,
        scheduled_at=at,
        started_at=at,
        completed_at=ended,
        created_at=at,
        updated_at=ended or at,
        fields={"id": f"{workflow}-{number}", "workflow_id": workflow},
    )


@dataclass
class ScriptedFleet:
    """Answers after ``latency`` seconds, pages of ten, and keeps what it was asked.

    ``asked`` holds (time, what): a workflow's id, ``list``, or a job's id;
    ``failing`` maps the same words to what they are answered with.
    """

    latency: float = 0.05
    workflows_: list[Workflow] = field(default_factory=list)
    jobs_: dict[str, list[Job]] = field(default_factory=dict)
    asked: list[tuple[float, str]] = field(default_factory=list)
    filters: list[tuple[str, JobFilter]] = field(default_factory=list)
    failing: dict[str, ChronotuiError] = field(default_factory=dict)
    down: ChronotuiError | None = None
    at_once: int = 0
    most_at_once: int = 0

    def add(self, name: str, *newest_first: Job, at_top: bool = False) -> None:
        workflow = workflow_of(name)
        self.workflows_.insert(0 if at_top else len(self.workflows_), workflow)
        self.jobs_[name] = list(newest_first)

    def fill(self, count: int, status: JobStatus = JobStatus.COMPLETED) -> None:
        for number in range(count):
            name = f"w{len(self.workflows_):03}-{number}"
            self.add(name, job_of(name, 1000, status))

    def count(self, word: str) -> int:
        return sum(asked == word for _at, asked in self.asked)

    def words(self) -> list[str]:
        return [word for _at, word in self.asked]

    async def _answer(self, word: str) -> None:
        self.asked.append((asyncio.get_running_loop().time(), word))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.latency)
        finally:
            self.at_once -= 1
        error = self.down or self.failing.get(word)
        if error is not None:
            raise error

    async def workflows(
        self,
        *,
        cursor: str | None = None,
        query: str | None = None,
        terminated: bool = False,
    ) -> Page[Workflow]:
        assert not query
        assert not terminated
        await self._answer("list" if cursor is None else f"list {cursor}")
        first = int(cursor or 0)
        following = str(first + PAGE) if first + PAGE < len(self.workflows_) else None
        return Page(tuple(self.workflows_[first : first + PAGE]), following)

    async def workflow(self, workflow_id: str) -> Workflow:
        raise NotImplementedError(workflow_id)

    async def jobs(
        self,
        workflow_id: str,
        *,
        cursor: str | None = None,
        only: JobFilter = EVERYTHING,
    ) -> Page[Job]:
        await self._answer(workflow_id)
        self.filters.append((workflow_id, only))
        if workflow_id not in self.jobs_:
            raise NotFoundError("Not there.")
        fitting = [job for job in self.jobs_[workflow_id] if only.accepts(job)]
        first = int(cursor or 0)
        following = str(first + PAGE) if first + PAGE < len(fitting) else None
        return Page(tuple(fitting[first : first + PAGE]), following)

    async def job(self, workflow_id: str, job_id: str) -> Job:
        await self._answer(job_id)
        found = next(job for job in self.jobs_[workflow_id] if job.id == job_id)
        return replace(found, attempts=None)

    async def reread(self, job: Job) -> Job:
        return await self.job(job.workflow_id, job.id)

    def allow_sign_in(self) -> None:
        """Nothing is refused for long."""
