"""The jobs that were marked, to be watched or acted on together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.model import Job, Workflow

MARK: Final = "+"
"""Stands in the row of a marked job."""


class JobMarks:
    """Marked jobs in the order they were marked, each with its workflow."""

    def __init__(self) -> None:
        self._marked: dict[str, tuple[Workflow, Job]] = {}

    def __contains__(self, job: Job) -> bool:
        return job.id in self._marked

    def __len__(self) -> int:
        return len(self._marked)

    def __iter__(self) -> Iterator[tuple[Workflow, Job]]:
        return iter(self._marked.values())

    def toggle(self, workflow: Workflow, job: Job) -> bool:
        """Mark a job, or take its mark away; whether it is marked now."""
        if self._marked.pop(job.id, None) is not None:
            return False
        self._marked[job.id] = (workflow, job)
        return True

    def clear(self) -> None:
        """Take all marks away."""
        self._marked.clear()
