"""How a workflow has been doing, told from its newest jobs."""

from __future__ import annotations

from itertools import islice
from statistics import median
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from chronotui.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.model import Job

OUTCOMES: Final = 5
"""So many of the newest jobs stand on a folded row."""

USUAL_RUNS: Final = 5
"""The median of at most so many good runs is what is usual: a page of ten jobs has as
many as a rule, so the board says what a card does."""


class WorkflowHealth(Struct, frozen=True):
    """What a folded row tells of a workflow.

    Attributes:
        outcomes: States of the newest jobs, oldest first, at most `OUTCOMES`.
        running: Jobs that run, of those read.
        failures: Failed jobs in a row up to now; what runs or waits, or was
            cancelled, neither counts nor ends the row.
        age: Seconds since this was read.
    """

    outcomes: tuple[JobStatus, ...]
    running: int
    failures: int
    age: float


def health_of(
    jobs: Sequence[Job], *, age: float, known_failures: int = 0
) -> WorkflowHealth:
    """Tell a workflow's health from its jobs, newest first.

    Args:
        known_failures: Failures in a row as the server counts them; believed where
            all that was read has failed, for the row may be longer.
    """
    failures = 0
    for job in jobs:
        if job.status == JobStatus.FAILED:
            failures += 1
        elif job.has_ended and job.status != JobStatus.CANCELED:
            break
    else:
        failures = max(failures, known_failures) if failures else 0
    return WorkflowHealth(
        outcomes=tuple(job.status for job in jobs[:OUTCOMES])[::-1],
        running=sum(job.status == JobStatus.RUNNING for job in jobs),
        failures=failures,
        age=age,
    )


def usual_seconds(jobs: Sequence[Job]) -> float | None:
    """Return the median duration of the newest good runs, None without any."""
    good = (job.duration() for job in jobs if job.status == JobStatus.COMPLETED)
    told = list(islice((each for each in good if each is not None), USUAL_RUNS))
    return median(told) if told else None
