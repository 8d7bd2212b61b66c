"""How far back a log is read on opening, and which jobs have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.errors import LogsUnavailableError
from chronotui.model import WorkflowKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chronotui.engine.watch.settings import WatchSettings
    from chronotui.model import LogLine, Workflow


def refuse_without_log(workflow: Workflow | None) -> None:
    """Say of a workflow that never has logs that it has none.

    Raises:
        LogsUnavailableError: It is such a one (wire note "Workflows").
    """
    if workflow is not None and workflow.kind == WorkflowKind.HEARTBEAT:
        raise LogsUnavailableError(
            "A HEARTBEAT workflow only asks an address whether it answers; "
            "its jobs have no log.",
            next_step="Its Details show what was asked and how it ended.",
        )


def enough_of(settings: WatchSettings) -> Callable[[Sequence[LogLine]], bool]:
    """Return what tells, page by page, that the log was read back far enough."""
    read = 0

    def enough(lines: Sequence[LogLine]) -> bool:
        nonlocal read
        read += len(lines)
        if settings.since_ns is not None:
            times = [line.time_ns for line in lines if line.time_ns is not None]
            return bool(times) and min(times) < settings.since_ns
        return settings.tail is not None and read >= settings.tail

    return enough
