"""Watching one job: live lines and retained pages made one exact log.

A desk shows its tree before a log is opened: its settings come without the watch.
"""

from typing import TYPE_CHECKING

from chronotui.core.lazy_names import names_from

if TYPE_CHECKING:
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

__getattr__ = names_from(
    __name__,
    {
        "Clock": "timing",
        "Connection": "state",
        "ConnectionKind": "state",
        "JobLog": "job_log",
        "LogState": "state",
        "Verdict": "state",
        "WatchSettings": "settings",
        "WatchTiming": "timing",
    },
)
