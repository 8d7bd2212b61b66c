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
    RunList,
    RunLooker,
    RunSearcher,
    SearchedRun,
    verdict_of,
)
from chronotui.engine.retry import Retries
from chronotui.engine.since_when import RunVerdict, SinceWhen
from chronotui.engine.timing import Listeners
from chronotui.errors import ChronotuiError, own_fault
from chronotui.log.pattern import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from chronotui.engine.since_when import Boundary
    from chronotui.log.chunks import Overflow
    from chronotui.log.pattern import Pattern
    from chronotui.model import Job, LogLine, Workflow
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
    NARROWING = "looking since when"
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
        boundary: What is known of since when; None while nobody asked.
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
        self._verdicts: dict[str, RunVerdict] = {}
        self._kept = 0
        self.text = ""
        self.pattern: Pattern | None = None
        self.state = AcrossState.IDLE
        self._clear()

    def _clear(self) -> None:
        self._verdicts.clear()
        self._kept = 0
        self.rows: list[ResultRow] = []
        self.ended = self.matching = self.lines = self.unread = self.empty = 0
        self.too_slow = 0
        self.problem: ChronotuiError | None = None
        self.boundary: Boundary | None = None

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a function after changes; return what ends that."""
        return self._listeners.add(listener)

    @property
    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    def begin(self, text: str) -> None:
        """Search anew.

        Raises:
            BadPattern: The text is no pattern.
        """
        self.pattern = compile_pattern(text)
        self.text = text
        self._stop()
        self._clear()
        self._start(AcrossState.SEARCHING, self._search(self.pattern))

    def ask_since_when(self) -> None:
        """Find out since when runs match; a search that goes on is stopped for it."""
        if self.pattern is not None:
            self._stop()
            self.problem = None
            self._start(AcrossState.NARROWING, self._narrow(self.pattern))

    def stop(self) -> bool:
        """Stop what goes on; tell whether anything did."""
        if not self.is_running:
            return False
        self._stop()
        self.state = AcrossState.STOPPED
        self._listeners.notify()
        return True

    async def close(self) -> None:
        """Stop for good."""
        task = self._task
        self._stop()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)
        self._listeners.cancel()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _start(self, state: AcrossState, work: Coroutine[None, None, None]) -> None:
        self.state = state
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(self._over)
        self._listeners.notify()

    def _over(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if task is not self._task:
            return
        if error is not None and not isinstance(error, ChronotuiError):
            error = own_fault("in the search", error)
        self.problem = error
        self.state = AcrossState.DONE if error is None else AcrossState.FAILED
        self._listeners.notify()

    async def _search(self, pattern: Pattern) -> None:
        search = AcrossRuns(
            self._client, self.workflow, pattern, ask=Retries().ask, spool=self._spool
        )
        async with aclosing(search.found()) as found:
            async for run, lines in found:
                if lines:
                    self._take(run, lines)
                elif run.is_over:
                    self._take_end(run)
                self._listeners.notify()

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
        self._verdicts[run.job.id] = verdict_of(run)

    async def _narrow(self, pattern: Pattern) -> None:
        ask = Retries().ask
        searcher = RunSearcher(
            self._client,
            self.workflow,
            pattern,
            Depth.FIRST,
            ask=ask,
            spool=self._spool,
        )
        looker = RunLooker(searcher)

        async def look(job: Job) -> RunVerdict:
            known = self._verdicts.get(job.id)
            if known is None:
                known = self._verdicts[job.id] = await looker.look(job)
            self.boundary = search.boundary
            self._listeners.notify()
            return known

        search = SinceWhen(RunList(self._client, self.workflow, ask=ask).at, look)
        try:
            await search.find()
        finally:
            self.boundary = search.boundary
