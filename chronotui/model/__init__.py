"""Frozen values every other layer speaks in; no I/O, no framework."""

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
