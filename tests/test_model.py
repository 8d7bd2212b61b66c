"""What a job says of itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chronotui.model import Job, JobStatus, Trigger

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def after(seconds: float | None) -> datetime | None:
    return None if seconds is None else START + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("status", "started", "ended", "now", "seconds"),
    [
        ("COMPLETED", 0, 130, 999, 130),
        ("FAILED", 0, 130, None, 130),
        ("CANCELED", 0, None, 999, None),
        ("COMPLETED", None, 130, 999, None),
        ("COMPLETED", 5, 3, 999, 0),
        ("RUNNING", 0, None, 3, 3),
        ("RUNNING", 0, None, None, None),
        ("RUNNING", None, None, 3, None),
        ("RUNNING", 5, None, 3, 0),
        ("RUNNING", 100, 90, 130, 30),
        ("RUNNING", 100, 110, None, None),
        ("PENDING", 0, None, 3, None),
        ("QUEUED", None, None, 3, None),
        ("PAUSED", 0, None, 3, None),
    ],
)
def test_a_job_ran_to_its_end_or_runs_until_now(
    status: str,
    started: float | None,
    ended: float | None,
    now: float | None,
    seconds: float | None,
) -> None:
    job = Job(
        id="j",
        workflow_id="w",
        status=JobStatus(status),
        trigger=Trigger("MANUAL"),
        started_at=after(started),
        completed_at=after(ended),
    )
    assert job.duration(after(now)) == seconds
