"""The whole retained log of a job, oldest line first, each line once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from chronotui.core.attempt_rules import Way
from chronotui.core.log import LogStore, key_of
from chronotui.engine.beginning import beginning_of
from chronotui.engine.raw_lines import raw_lines
from chronotui.engine.selection import LineSelection
from chronotui.engine.watch.intake import Context, Intake
from chronotui.engine.watch.pages import RetainedPages
from chronotui.engine.watch.requests import backoff_of
from chronotui.engine.watch.scope import refuse_without_log
from chronotui.engine.watch.timing import Clock, WatchTiming
from chronotui.errors import IncompleteError, ServerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from chronotui.core.log import LineKey, Overflow
    from chronotui.engine.watch.source import LogSource
    from chronotui.model import Job, LogLine, LogPage, Workflow

MEMORY_BYTES: Final = 64 << 20
"""Lines kept in memory until they can be printed; more go to the spool."""

TRIES: Final = 8
"""A page that fails so often in a row is not to be had."""

HEAL_TRIES: Final = 3
"""So often holes in a log still being written are looked at again."""

SLICE: Final = 2000
"""Lines handed out at a time."""

FORGET_LINES: Final = 20_000
"""So many lines handed out are let go of at once."""

HELD_BACK: Final = 500
"""Newest lines held back while reading on: neighbours may come out of order."""


class RetainedLog:
    """One reading of a job's retained log, as it stands now.

    Args:
        client: A client of the job's server.
        workflow: The job's workflow, if known.
        job: The job as last read.
        selection: Which lines are wanted.
        timing: The delays between tries.
        tell: Takes sentences for standard error.
        spool: Opens a place for lines beyond memory.
        clock: Time and chance.
    """

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
        self._intake = Intake(self._new_store())
        self._pages = RetainedPages(self._fetch, self._intake)
        self._pages.on_page = self._set_floor
        self._printed = 0
        self._read = 0
        self._handed: LineKey | None = None

    @property
    def printed(self) -> int:
        """Lines handed out so far."""
        return self._printed

    @property
    def missing(self) -> int:
        """Lines known to exist, asked for, and not in the retained log."""
        return self._intake.ledger.missing

    @property
    def exit_code(self) -> int:
        """0, or 6 when lines are missing."""
        coverage = self._pages.coverage
        unread = coverage.looped or coverage.end_cut_off
        return 6 if self.missing or self._intake.ledger.possible or unread else 0

    async def batches(self) -> AsyncIterator[list[LogLine]]:
        """Yield lines in order, oldest first.

        Raises:
            ChronotuiError: The log cannot be read: not signed in, not allowed, not
                found, no log by policy, or the server fails.
        """
        refuse_without_log(self._workflow)
        try:
            async for lines in self._in_order():
                wanted = [line for line in lines if self._selection.prints(line)]
                self._printed += len(wanted)
                if wanted:
                    yield wanted
        except ServerError as error:
            if not self._printed:
                raise
            raise IncompleteError(
                f"The log breaks off after {self._printed:,} lines: {error.sentence}",
                next_step="Try again.",
            ) from error
        finally:
            self._intake.store.close()
        if self._pages.coverage.looped:
            self._tell("the server's page list leads in circles; lines are left out.")

    async def _in_order(self) -> AsyncIterator[list[LogLine]]:
        self._intake.ledger.last_attempt = self._selection.attempt
        if self._job.status.is_terminal and self._selection.from_the_start:
            async for lines in self._downloaded():
                yield lines
        if not self._is_complete:
            await self._read_pages()
        self._ask_from_beginning()
        async for lines in self._due(held_back=0):
            yield lines

    @property
    def _is_complete(self) -> bool:
        return self._pages.coverage.at_start and self._pages.coverage.at_end

    async def _downloaded(self) -> AsyncIterator[list[LogLine]]:
        """Yield the lines of the raw download as they come, where it can be had."""
        context, coverage = Context(), self._pages.coverage
        coverage.at_start = True
        async for batch in raw_lines(self._client, self._job):
            if batch is None:
                coverage.at_start = False
                self._set_floor()
                return
            self._intake.take(batch, Way.RISING, context)
            self._set_floor()
            self._ask_from_beginning()
            async for lines in self._due(held_back=HELD_BACK):
                yield lines
        await self._read_what_was_cut_off()
        self._pages.loaded_all()
        coverage.at_end = True

    async def _read_what_was_cut_off(self) -> None:
        """Read the newest page, and back to where the download ended.

        A proxy may cut it at a line's end, which nothing in it tells of. Where no
        page is to be had, it is taken for whole.
        """
        last = self._intake.highest()

        def reaches(lines: Sequence[LogLine]) -> bool:
            return any(line.attempt > 0 and line[:2] < last for line in lines)

        with suppress(ServerError):
            await self._pages.open(reaches)

    async def _read_pages(self) -> None:
        await self._pages.open(self._enough)
        if self._is_settled:
            return
        backoff = backoff_of(self._timing, self._clock)
        for _ in range(HEAL_TRIES):
            holes = list(self._intake.ledger.short_holes())
            if not holes:
                return
            await asyncio.sleep(backoff.delay())
            for hole in holes[:HELD_BACK]:
                if self._intake.ledger.missing:
                    await self._pages.read_hole(hole)

    @property
    def _is_settled(self) -> bool:
        ended_at = self._job.completed_at or self._job.updated_at
        if not self._job.status.is_terminal or ended_at is None:
            return False
        age = self._clock.wall() - ended_at.timestamp()
        return age >= self._timing.settled_age

    def _enough(self, lines: Sequence[LogLine]) -> bool:
        """Tell of each page, newest first, whether it reaches back far enough."""
        selection = self._selection
        self._read += sum(map(selection.prints, lines))
        if selection.tail is not None and self._read >= selection.tail:
            return True
        if selection.since_ns is not None and not all(map(selection.in_time, lines)):
            return True
        if selection.attempt is not None:
            return any(0 < line.attempt < selection.attempt for line in lines)
        return False

    def _set_floor(self) -> None:
        ledger, coverage = self._intake.ledger, self._pages.coverage
        ledger.whole = coverage.counts_from_start
        ledger.interleaved = coverage.interleaved
        if coverage.bottom is not None:
            ledger.reached = coverage.bottom.key

    def _ask_from_beginning(self) -> None:
        """Let the account of missing lines begin where what was asked for does."""
        if self._handed is None:
            beginning = beginning_of(self._intake, self._selection)
            if beginning is not None:
                self._intake.ledger.asked = beginning.place
                self._handed = beginning.first

    async def _due(self, *, held_back: int) -> AsyncIterator[list[LogLine]]:
        """Yield lines not handed out yet, but for the newest ``held_back``."""
        store = self._intake.store
        start = 0 if self._handed is None else store.bisect(self._handed)
        stop = len(store) - held_back
        while start < stop:
            lines = store.lines(start, min(start + SLICE, stop))
            start += len(lines)
            self._handed = _after(lines[-1])
            yield lines
        self._forget(start)

    def _forget(self, printed: int) -> None:
        """Let go of lines handed out, but for the neighbours of those to come."""
        if printed < FORGET_LINES:
            return
        old = self._intake.store
        first = old.line(printed - HELD_BACK)
        self._intake.forget(first[:2], self._new_store())
        old.close()

    async def _fetch(self, cursor: str | None, fresh: bool) -> LogPage:
        backoff = backoff_of(self._timing, self._clock)
        while True:
            try:
                return await self._client.log_page(
                    self._job.workflow_id, self._job.id, cursor=cursor, fresh=fresh
                )
            except ServerError as error:
                delay = backoff.delay(error.retry_after)
                if backoff.tries >= TRIES:
                    raise
                await asyncio.sleep(min(delay, self._timing.tail_apart))

    def _new_store(self) -> LogStore:
        return LogStore(budget_bytes=MEMORY_BYTES, overflow=self._spool)


def _after(line: LogLine) -> LineKey:
    """Return the lowest key after a line's."""
    key = key_of(line)
    return key._replace(event_id=key.event_id + "\0")
