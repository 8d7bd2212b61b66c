"""One run of a workflow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from chronotui.model.open_enum import OpenEnum

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class JobStatus(OpenEnum):
    """State of a job; CANCELED and CANCELLED are one state (wire note "Jobs")."""

    __slots__ = ()

    PENDING: ClassVar[JobStatus]
    QUEUED: ClassVar[JobStatus]
    RUNNING: ClassVar[JobStatus]
    COMPLETED: ClassVar[JobStatus]
    FAILED: ClassVar[JobStatus]
    CANCELED: ClassVar[JobStatus]

    KNOWN = ("PENDING", "QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELED")
    ALIASES: ClassVar[dict[str, str]] = {"CANCELLED": "CANCELED"}

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended for good."""
        return str(self) in _TERMINAL

    @property
    def is_waiting(self) -> bool:
        """Whether the job has not started yet."""
        return str(self) in {"PENDING", "QUEUED"}


_TERMINAL: Final = frozenset({"COMPLETED", "FAILED", "CANCELED"})
for _name in JobStatus.KNOWN:
    setattr(JobStatus, _name, JobStatus(_name))


class Trigger(OpenEnum):
    """What started a job."""

    __slots__ = ()

    AUTOMATIC: ClassVar[Trigger]
    MANUAL: ClassVar[Trigger]

    KNOWN = ("AUTOMATIC", "MANUAL")


for _name in Trigger.KNOWN:
    setattr(Trigger, _name, Trigger(_name))


@dataclass(frozen=True, slots=True)
class Job:
    """A job as listed, or as read alone (then without attempts and container).

    Times are aware, in UTC. ``attempts`` is None when the server did not say.
    ``fields`` holds the server's object as decoded, under its own names.
    """

    id: str
    workflow_id: str
    status: JobStatus
    trigger: Trigger
    container_id: str | None = None
    attempts: int | None = None
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    fields: Mapping[str, object] = field(default_factory=dict, compare=False)

    def seconds_since_end(self, now: float) -> float | None:
        """Return how long ago it ended, None when the server did not say.

        Args:
            now: Seconds since the epoch.
        """
        ended_at = self.completed_at or self.updated_at
        return None if ended_at is None else now - ended_at.timestamp()
