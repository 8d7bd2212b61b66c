"""A search over a workflow's runs that a desk shows while it goes on.

It is kept while one of its lines is looked at, so that it can be come back to.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.engine.across_runs import (
    AcrossRuns,
    Depth,
    RunLooker,
    RunSearcher,
    SearchedRun,
    verdict_of,
)
from chronotui.engine.retry import Retries
from chronotui.engine.since_when import RunVerdict, SinceWhen
from chronotui.engine.sweep import AT_ONCE
from chronotui.engine.timing import Listeners
from chronotui.errors import ChronotuiError, own_fault
from chronotui.log.pattern import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chronotui.engine.across_runs import RunList
    from chronotui.engine.since_when import Boundary
    from chronotui.log.chunks import Overflow
    from chronotui.log.pattern import Pattern
    from chronotui.model import LogLine, Workflow
    from chronotui.sources.protocol import Source

MOST_OF_RUN: Final = 500
"""Lines kept of one run; further ones are counted."""

MOST_LINES: Final = 20_000
"""Lines kept in all; then one of each run, and the others are counted."""

TOLD_EVERY: Final = 0.05


class AcrossState(Enum):
    """What a search is doing."""

    IDLE = "not begun"
    SEARCHING = "searching"
    STOPPED = "stopped"
    FAILED = "failed"
    DONE = "done"


class ResultRow(NamedTuple):
    """A row of what was found: a run, one of its lines, or what of it is not shown.

    ``line`` is None for a run, and for what is not shown, where ``more`` is True.
    """

    run: SearchedRun
    line: LogLine | None = None
    more: bool = False


class AcrossSearch:
    """What is found in a workflow's runs, row by row; rows are only ever added.

    Since when is looked for beside it, from what it has read as well; ``state`` is that
    of the search.

    Args:
        spool: Opens a place for lines beyond memory.

    Attributes:
        text: The pattern as typed, "" before the first one.
        pattern: The same, read.
        rows: What was found, newest run first; runs without matches have none.
        ended: Runs that were looked through.
        matching: Those of them that have matches.
        lines: Lines that match.
        unread: Runs that could not be looked through whole.
        empty: Ended runs of which nothing is retained.
        problem: Why a search ended early, if it failed.
        is_narrowed: Whether since when was looked for to the end.
    """

    def __init__(
        self,
        client: Source,
        workflow: Workflow,
        *,
        spool: Callable[[], Overflow] | None = None,
    ) -> None:
        self.workflow = workflow
        self._client = client
        self._spool = spool
        self._listeners = Listeners(TOLD_EVERY)
        self._task: asyncio.Task[None] | None = None
        self._narrowing: asyncio.Task[None] | None = None
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._runs: RunList | None = None
        self._since: SinceWhen | None = None
        self._kept = 0
        self.text = ""
        self.pattern: Pattern | None = None
        self.state = AcrossState.IDLE
        self._clear()

    def _clear(self) -> None:
        self._is_narrowing_asked = self.is_narrowed = False
        self._kept = 0
        self.rows: list[ResultRow] = []
        self.ended = self.matching = self.lines = self.unread = self.empty = 0
        self.too_slow = 0
        self.problem: ChronotuiError | None = None

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a function after changes; return what ends that."""
        return self._listeners.add(listener)

    @property
    def is_running(self) -> bool:
        return self.state is AcrossState.SEARCHING or self.is_narrowing

    @property
    def is_narrowing(self) -> bool:
        return self._narrowing is not None and not self._narrowing.done()

    @property
    def boundary(self) -> Boundary | None:
        """What is known of since when; None while nobody asked."""
        if self._since is None or not self._is_narrowing_asked:
            return None
        if self._length is not None:
            self._since.length = self._length
        return self._since.boundary

    @property
    def _length(self) -> int | None:
        """How many runs there are, None while that is not known."""
        runs = self._runs
        is_known = runs is not None and runs.is_over and not runs.looped
        return runs.known if runs is not None and is_known else None

    @property
    def not_read(self) -> int | None:
        """Listed runs the search did not come to; None where some are not listed."""
        return None if self._length is None else self._length - self.ended

    def begin(self, text: str) -> None:
        """Search anew.

        Raises:
            BadPattern: The text is no pattern.
        """
        self.pattern = compile_pattern(text)
        self.text = text
        self._stop()
        self._clear()
        ask, gate = Retries().ask, self._gate
        search = AcrossRuns(
            self._client,
            self.workflow,
            self.pattern,
            ask=ask,
            spool=self._spool,
            gate=gate,
        )
        looker = RunLooker(
            RunSearcher(
                self._client,
                self.workflow,
                self.pattern,
                Depth.FIRST,
                ask=ask,
                spool=self._spool,
                gate=gate,
            )
        )
        self._runs = search.list
        self._since = SinceWhen(search.list.at, looker.look)
        self.state = AcrossState.SEARCHING
        self._task = asyncio.create_task(self._search(search, self._since))
        self._task.add_done_callback(self._over)
        self._listeners.notify()

    def ask_since_when(self) -> None:
        """Find out since when runs match; a search that goes on does so."""
        if self._since is not None and not self.is_narrowing:
            self.problem = None
            self._is_narrowing_asked, self.is_narrowed = True, False
            self._narrowing = asyncio.create_task(self._narrow(self._since))
            self._narrowing.add_done_callback(self._narrowing_over)
            self._listeners.notify()

    def stop(self) -> bool:
        """Stop what goes on; tell whether anything did."""
        if not self.is_running:
            return False
        if self.state is AcrossState.SEARCHING:
            self.state = AcrossState.STOPPED
        self._stop()
        self._listeners.notify()
        return True

    async def close(self) -> None:
        """Stop for good."""
        tasks = [task for task in (self._task, self._narrowing) if task is not None]
        self._stop()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listeners.cancel()

    def _stop(self) -> None:
        for task in (self._task, self._narrowing):
            if task is not None:
                task.cancel()
        self._task = self._narrowing = None

    def _over(self, task: asyncio.Task[None]) -> None:
        error = _error_of(task)
        if task is self._task:
            self.problem = error or self.problem
            self.state = AcrossState.DONE if error is None else AcrossState.FAILED
            self._listeners.notify()

    def _narrowing_over(self, task: asyncio.Task[None]) -> None:
        error = _error_of(task)
        if task is self._narrowing:
            self.problem = error or self.problem
            self.is_narrowed = error is None
            self._listeners.notify()

    async def _search(self, search: AcrossRuns, since: SinceWhen) -> None:
        async with aclosing(search.found()) as found:
            async for run, lines in found:
                if lines:
                    since.take(self.ended, run.job, RunVerdict.HAS)
                    self._take(run, lines)
                elif run.is_over:
                    since.take(self.ended, run.job, verdict_of(run))
                    self._take_end(run)
                self._listeners.notify()

    async def _narrow(self, since: SinceWhen) -> None:
        await since.find()

    def _take(self, run: SearchedRun, lines: Sequence[LogLine]) -> None:
        """Keep lines of a run as far as there is room; count the others."""
        if not self.rows or self.rows[-1].run is not run:
            self.rows.append(ResultRow(run))
            self.matching += 1
        self.lines += len(lines)
        last = self.rows[-1]
        if last.more:
            return
        held = self._held_of_last()
        room = MOST_OF_RUN if self._kept < MOST_LINES else 1
        kept = lines[: max(room - held, 0)]
        self.rows += [ResultRow(run, line) for line in kept]
        self._kept += len(kept)
        if len(kept) < len(lines):
            self.rows.append(ResultRow(run, more=True))

    def _held_of_last(self) -> int:
        """Return how many lines of the run of the last row are kept."""
        count = 0
        while self.rows[-1 - count].line is not None:
            count += 1
        return count

    def _take_end(self, run: SearchedRun) -> None:
        self.ended += 1
        self.empty += run.is_empty
        self.too_slow += run.too_slow
        if run.problem:
            self.unread += 1
            if not run.matches:
                self.rows.append(ResultRow(run))


def _error_of(task: asyncio.Task[None]) -> ChronotuiError | None:
    """Return why a task failed, in words."""
    error = None if task.cancelled() else task.exception()
    if error is None or isinstance(error, ChronotuiError):
        return error
    return own_fault("in the search", error)
