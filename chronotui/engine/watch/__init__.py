"""Watching one job: live lines and retained pages made one exact log."""

from chronotui.engine.watch.job_log import JobLog
from chronotui.engine.watch.settings import WatchSettings
from chronotui.engine.watch.state import (
    Connection,
    ConnectionKind,
    LogState,
    Verdict,
)
from chronotui.engine.watch.timing import Clock, WatchTiming

__all__ = [
    "Clock",
    "Connection",
    "ConnectionKind",
    "JobLog",
    "LogState",
    "Verdict",
    "WatchSettings",
    "WatchTiming",
]
