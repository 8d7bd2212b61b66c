"""Frozen values every other layer speaks in; no I/O, no framework.

Each is made when it is first asked for: a tree needs jobs and workflows, not lines.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from chronotui.model.job import Job, JobStatus, Trigger
    from chronotui.model.live import (
        Connected,
        LiveEvent,
        LiveLines,
        StreamEnded,
        StreamFailed,
    )
    from chronotui.model.log import (
        STDERR,
        STDOUT,
        LogLine,
        LogPage,
        RawFormat,
        SearchPage,
    )
    from chronotui.model.page import Page
    from chronotui.model.workflow import BuildStatus, Workflow, WorkflowKind

__all__ = [
    "STDERR",
    "STDOUT",
    "BuildStatus",
    "Connected",
    "Job",
    "JobStatus",
    "LiveEvent",
    "LiveLines",
    "LogLine",
    "LogPage",
    "Page",
    "RawFormat",
    "SearchPage",
    "StreamEnded",
    "StreamFailed",
    "Trigger",
    "Workflow",
    "WorkflowKind",
]

_HOMES: Final = {
    "BuildStatus": "workflow",
    "Job": "job",
    "JobStatus": "job",
    "Page": "page",
    "Trigger": "job",
    "Workflow": "workflow",
    "WorkflowKind": "workflow",
    **dict.fromkeys(
        ("Connected", "LiveEvent", "LiveLines", "StreamEnded", "StreamFailed"), "live"
    ),
    **dict.fromkeys(
        ("STDERR", "STDOUT", "LogLine", "LogPage", "RawFormat", "SearchPage"), "log"
    ),
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
