"""Printing a job's log live, in order, each line exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chronotui.engine.selection import LineSelection
from chronotui.engine.watch.settings import WatchSettings
from chronotui.engine.watch.timing import Clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from chronotui.core.log import Overflow
    from chronotui.engine.watch.source import LogSource
    from chronotui.engine.watch.state import Verdict
    from chronotui.model import Job, LogLine, Workflow


@dataclass(frozen=True, slots=True)
class FollowResult:
    """How following a job ended.

    Attributes:
        verdict: The sealed log's verdict.
        printed: Lines handed out.
        missing: Lines known to exist, asked for, and not handed out.
        job: The job as it ended.
    """

    verdict: Verdict
    printed: int
    missing: int
    job: Job

    @property
    def exit_code(self) -> int:
        """6 when lines are missing, else 1 unless COMPLETED, else 0."""
        if self.missing or not self.verdict.sealed:
            return 6
        return 0 if self.job.status == "COMPLETED" else 1


class Follow:
    """One job followed to its end; made for one reading of ``batches``."""

    def __init__(
        self,
        client: LogSource,
        workflow: Workflow | None,
        job: Job,
        *,
        selection: LineSelection | None = None,
        settings: WatchSettings | None = None,
        tell: Callable[[str], None] = lambda _: None,
        spool: Callable[[], Overflow] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._workflow = workflow
        self._job = job
        self._selection = selection or LineSelection()
        self._settings = settings or WatchSettings()
        self._tell = tell
        self._spool = spool
        self._clock = clock or Clock()
        self.result: FollowResult | None = None

    @property
    def printed(self) -> int:
        """Lines handed out so far."""
        return 0

    @property
    def missing(self) -> int:
        """Lines known to exist by now, asked for, and not handed out."""
        return 0

    def summary(self) -> str:
        """Return one sentence for standard error: printed, missing, and the end."""
        raise NotImplementedError

    def batches(self) -> AsyncIterator[list[LogLine]]:
        """Yield lines in order, each once, until the job's log is sealed.

        Cancel the reading task, or ``aclose`` the iterator, to stop. Afterwards
        ``result`` holds the outcome (None when stopped early).

        Raises:
            ChronotuiError: The log cannot be followed: not signed in, not allowed,
                not found, no log by policy.
        """
        raise NotImplementedError
