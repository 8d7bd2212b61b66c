"""A scheduled piece of work and how it is built."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from chronotui.model.open_enum import OpenEnum

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class WorkflowKind(OpenEnum):
    """What a workflow runs."""

    __slots__ = ()

    HEARTBEAT: ClassVar[WorkflowKind]
    CONTAINER: ClassVar[WorkflowKind]

    KNOWN = ("HEARTBEAT", "CONTAINER")


class BuildStatus(OpenEnum):
    """How far the building of a workflow's image has come."""

    __slots__ = ()

    QUEUED: ClassVar[BuildStatus]
    STARTED: ClassVar[BuildStatus]
    COMPLETED: ClassVar[BuildStatus]
    FAILED: ClassVar[BuildStatus]
    CANCELED: ClassVar[BuildStatus]

    KNOWN = ("QUEUED", "STARTED", "COMPLETED", "FAILED", "CANCELED")
    ALIASES: ClassVar[dict[str, str]] = {"CANCELLED": "CANCELED"}


for _kind in WorkflowKind.KNOWN:
    setattr(WorkflowKind, _kind, WorkflowKind(_kind))
for _status in BuildStatus.KNOWN:
    setattr(BuildStatus, _status, BuildStatus(_status))


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow as listed, or as read alone (then with its generation).

    ``payload`` is the server's text, usually JSON. ``log_retention`` is None when
    the server did not say; a current server leaves it out for False, so only an
    answer about logs (412) settles it. ``fields`` holds the server's object as
    decoded, under its own names. Times are aware, in UTC.
    """

    id: str
    name: str
    kind: WorkflowKind
    payload: str = ""
    build_status: BuildStatus | None = None
    interval_minutes: int | None = None
    consecutive_failures: int = 0
    max_consecutive_failures: int | None = None
    log_retention: bool | None = None
    generation: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    terminated_at: datetime | None = None
    fields: Mapping[str, object] = field(default_factory=dict, compare=False)
