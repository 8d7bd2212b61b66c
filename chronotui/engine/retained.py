"""The whole retained log of a job, oldest line first, each line once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.engine.selection import LineSelection
from chronotui.engine.watch.timing import Clock, WatchTiming

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from chronotui.core.log import Overflow
    from chronotui.engine.watch.source import LogSource
    from chronotui.model import Job, LogLine, Workflow


class RetainedLog:
    """One reading of a job's retained log, as it stands now."""

    def __init__(
        self,
        client: LogSource,
        workflow: Workflow | None,
        job: Job,
        *,
        selection: LineSelection | None = None,
        timing: WatchTiming | None = None,
        tell: Callable[[str], None] = lambda _: None,
        spool: Callable[[], Overflow] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._workflow = workflow
        self._job = job
        self._selection = selection or LineSelection()
        self._timing = timing or WatchTiming()
        self._tell = tell
        self._spool = spool
        self._clock = clock or Clock()

    @property
    def printed(self) -> int:
        """Lines handed out so far."""
        return 0

    @property
    def missing(self) -> int:
        """Lines known to exist, asked for, and not in the retained log."""
        return 0

    @property
    def exit_code(self) -> int:
        """0, or 6 when lines are missing."""
        return 6 if self.missing else 0

    def batches(self) -> AsyncIterator[list[LogLine]]:
        """Yield lines in order, oldest first.

        Raises:
            ChronotuiError: The log cannot be read: not signed in, not allowed, not
                found, no log by policy, or the server fails.
        """
        raise NotImplementedError
