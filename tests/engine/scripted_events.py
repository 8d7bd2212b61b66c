"""The runs of an app told by a script: what each reading and each stream says."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from chronotui.engine.timing import Clock
from chronotui.errors import ChronotuiError
from chronotui.model import Job, JobStatus, NodeState, RunEvent, RunNote, Trigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

BEGAN = datetime(2026, 11, 18, 10, 12, 27, tzinfo=UTC)

Piece: TypeAlias = float | RunEvent | ChronotuiError
"""Seconds to pass, an event, or what breaks the stream."""

OVER = RunNote("workflow_finished", "The run has ended.", is_over=True)
FOR_EVER = 1e9


def loop_now() -> float:
    return asyncio.get_running_loop().time()


def wall() -> float:
    """Return a wall clock that goes with the loop's, from a run's begin on."""
    return BEGAN.timestamp() + loop_now()


def clock() -> Clock:
    return Clock(wall=wall, chance=lambda: 0.0)


def step(name: str, status: str = "running", **told: object) -> NodeState:
    known = {"title": name, "node_id": f"n-{name}", "started_at": BEGAN}
    return NodeState(id=name, status=status, **{**known, **told})  # type: ignore[arg-type]


def running(**told: object) -> Job:
    known = {"run_id": "run-1", "started_at": BEGAN, "created_at": BEGAN}
    job = Job("row-1", "app", JobStatus.RUNNING, Trigger.MANUAL, **known)  # type: ignore[arg-type]
    return replace(job, **told)


def done(status: str = "COMPLETED", seconds: float = 60.0, **told: object) -> Job:
    at = BEGAN + timedelta(seconds=seconds)
    detail = {"detail": {"outputs": {"rows": 42}}}
    known = {"status": JobStatus(status), "completed_at": at, "fields": detail}
    return running(**{**known, **told})


@dataclass
class ScriptedRuns:
    """Answers as told to; the last answer and the last stream are given again.

    Attributes:
        readings: By the second of the loop's clock from which each is true.
        streams: What each stream tells; one that has nothing left closes.
        why_not: Why nobody can follow.
        asked: When the run was read.
        attached: When a stream was opened.
        open_now: Streams open now, and ``open_most`` at once.
    """

    readings: list[tuple[float, Job | ChronotuiError]]
    streams: Sequence[Sequence[Piece]] = field(default_factory=lambda: [[FOR_EVER]])
    why_not: str = ""
    asked: list[float] = field(default_factory=list)
    attached: list[float] = field(default_factory=list)
    open_now: int = 0
    open_most: int = 0

    async def reread(self, job: Job) -> Job:
        now = loop_now()
        self.asked.append(now)
        await asyncio.sleep(0.01)
        answer = [each for since, each in self.readings if since <= now][-1]
        if isinstance(answer, ChronotuiError):
            raise answer
        return answer

    def why_not_attached(self, job: Job) -> str:
        return self.why_not or ("it is not running" if job.has_ended else "")

    @asynccontextmanager
    async def events(self, job: Job) -> AsyncIterator[AsyncIterator[tuple[RunEvent]]]:
        told = self.streams[min(len(self.attached), len(self.streams) - 1)]
        self.attached.append(loop_now())
        if told and isinstance(told[0], ChronotuiError):
            raise told[0]
        self.open_now += 1
        self.open_most = max(self.open_most, self.open_now)
        try:
            yield _arriving(told)
        finally:
            self.open_now -= 1


async def _arriving(told: Sequence[Piece]) -> AsyncIterator[tuple[RunEvent]]:
    for piece in told:
        if isinstance(piece, int | float):
            await asyncio.sleep(piece)
        elif isinstance(piece, ChronotuiError):
            raise piece
        else:
            yield (piece,)
