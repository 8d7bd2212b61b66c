"""A job on the desk: its log, and what the reader did in each pane."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chronotui.ui.desk.pane_tabs import HISTORY, LIVE

if TYPE_CHECKING:
    from datetime import datetime

    from chronotui.engine.session import OpenedJob
    from chronotui.ui.log_view import OpenLog


@dataclass(slots=True)
class ShownJob:
    """Kept while the reader looks at other jobs, so coming back is instant.

    Attributes:
        opened: The job and its log.
        pane: The pane shown last.
        views: The place of reading in each pane, by the pane's name.
    """

    opened: OpenedJob
    pane: str
    views: dict[str, OpenLog] = field(default_factory=dict)

    @classmethod
    def of(cls, opened: OpenedJob) -> ShownJob:
        """Return a job as it is first shown: running on Live, ended on History."""
        from chronotui.ui.log_view import OpenLog

        job = opened.log.state.job
        start_ns = _nanoseconds(job.started_at)
        views = {
            pane: OpenLog(opened.log.store, start_ns=start_ns)
            for pane in (LIVE, HISTORY)
        }
        return cls(opened, HISTORY if job.status.is_terminal else LIVE, views)

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.opened.log.state.job.id


def _nanoseconds(time: datetime | None) -> int | None:
    if time is None:
        return None
    return int(time.timestamp()) * 1_000_000_000 + time.microsecond * 1_000
