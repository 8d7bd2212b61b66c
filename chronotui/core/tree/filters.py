"""What the tree is filtered by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from chronotui.core.text import clean

if TYPE_CHECKING:
    from chronotui.model import Job, JobStatus, Trigger


class JobFilter(NamedTuple):
    """The part of the filters the server applies to jobs."""

    status: JobStatus | None = None
    trigger: Trigger | None = None

    def accepts(self, job: Job) -> bool:
        """Tell whether a job belongs into a list filtered this way."""
        if self.status is not None and job.status != self.status:
            return False
        return self.trigger is None or job.trigger == self.trigger

    def describe(self) -> str:
        """Return the filter in words, "" when nothing is filtered."""
        words = []
        if self.status is not None:
            words.append(clean(str(self.status)))
        if self.trigger is not None:
            words.append("manual" if self.trigger == "MANUAL" else "automatic")
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class TreeFilters:
    """Everything that narrows the tree.

    ``text`` goes to the server's workflow-name search, and to the beginning of the
    ids among what is loaded. ``terminated`` shows terminated workflows as well.
    """

    status: JobStatus | None = None
    trigger: Trigger | None = None
    text: str = ""
    terminated: bool = False

    @property
    def jobs(self) -> JobFilter:
        """The part that concerns jobs."""
        return JobFilter(self.status, self.trigger)

    @property
    def query(self) -> str:
        """The text as it goes to the server: without the spaces around it."""
        return self.text.strip()

    def with_terminated_toggled(self) -> TreeFilters:
        """Return the same filters, with terminated workflows the other way round."""
        return replace(self, terminated=not self.terminated)

    def describe(self) -> str:
        """Return the filters in words for a title, "" when there are none."""
        parts = [self.jobs.describe()]
        if self.query:
            parts.append(f"/{clean(self.query)}")
        if self.terminated:
            parts.append("with terminated")
        return " · ".join(part for part in parts if part)
