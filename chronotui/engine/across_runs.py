"""Searching every retained run of a workflow, newest first, several at a time.

A run's log comes through its raw download, of which most bytes become no line
(`chronotui.log.raw_search`), where all of it can be counted: the newest page tells how
many lines there are. In any doubt it is read as `RetainedLog` reads it, line by line,
and what was found before is not found again.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from bisect import bisect_left
from contextlib import aclosing
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.engine.pages import refuse_without_log
from chronotui.engine.retained import LineSelection, RetainedLog
from chronotui.engine.save_request import in_thread
from chronotui.engine.since_when import RunVerdict
from chronotui.engine.sweep import AT_ONCE, GIVE_UP, JobFeed, concerns_all, made_at
from chronotui.engine.text_rest import counted_by
from chronotui.engine.timing import WatchTiming
from chronotui.errors import (
    ChronotuiError,
    LogsUnavailableError,
    NotSignedInError,
    UnreachableError,
)
from chronotui.log.pattern import LineMatcher
from chronotui.log.raw_search import LinesOfEntries, RawSearch
from chronotui.model import STDERR, RawFormat
from chronotui.sources.protocol import EVERYTHING
from chronotui.text import clean, plural

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
    from datetime import datetime

    from chronotui.engine.sweep import Ask
    from chronotui.log.chunks import Overflow
    from chronotui.log.pattern import Pattern
    from chronotui.log.raw_body import RawEntry
    from chronotui.model import Job, JobFilter, LogLine, Workflow
    from chronotui.sources.protocol import RawAnswer, Source

AHEAD: Final = 12
"""Runs that may be looked through before their turn to be told has come."""

WAITING_BYTES: Final = 1 << 20
"""Text of matches of a run that may wait for their turn; then its reading waits."""

LINE_BYTES: Final = 200
"""What a line costs that waits, beyond its text."""

APART_SECONDS: Final = 0.05
"""Least time between two hands that pass on what was found in a run."""

SETTLED: Final = WatchTiming().settled_age
"""Seconds after a run's end until when its log may still grow."""


class Depth(Enum):
    """How far each run is looked through."""

    LINES = "the lines that match"
    COUNT = "how many match"
    FIRST = "whether any does"


class SearchedRun:
    """A run, and what was found in it so far.

    Attributes:
        matches: Lines that match; with `Depth.FIRST`, 1 if any does.
        problem: Why not all of it was looked through, a sentence; "" if all was.
        is_empty: It has ended, and nothing is retained of it: whether there ever was
            anything cannot be told.
        too_slow: Lines that an expression took too long for.
        is_over: Whether no more will be found.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.matches = 0
        self.problem = ""
        self.error: ChronotuiError | None = None
        self.is_empty = False
        self.too_slow = 0
        self.is_over = False
        self._waiting: list[LogLine] = []
        self._size = 0
        self._changed = asyncio.Event()
        self._room = asyncio.Event()

    async def put(self, lines: Sequence[LogLine]) -> None:
        """Take lines that match; waits while as many wait as may."""
        while self._size >= WAITING_BYTES and not self.is_over:
            self._room.clear()
            await self._room.wait()
        self._waiting += lines
        self._size += sum([len(line.message) for line in lines])
        self._size += len(lines) * LINE_BYTES
        self._changed.set()

    def end(self) -> None:
        self.is_over = True
        self._changed.set()
        self._room.set()

    async def lines(self) -> AsyncIterator[list[LogLine]]:
        """Yield lines as they come, oldest first, to the end."""
        while True:
            if self._waiting:
                taken, self._waiting, self._size = self._waiting, [], 0
                self._room.set()
                yield taken
            elif self.is_over:
                return
            else:
                self._changed.clear()
                await self._changed.wait()


class Found(NamedTuple):
    """Lines of a run that match; none tells that the run ``is_over``."""

    run: SearchedRun
    lines: Sequence[LogLine]


class RunSearcher:
    """Looks one run through for a pattern.

    Args:
        ask: How a page is asked for.
        spool: Opens a place for lines beyond memory.
        tell: Takes sentences about runs.
        gate: How many runs are looked through at a time, where others do so as well.
    """

    def __init__(
        self,
        client: Source,
        workflow: Workflow,
        pattern: Pattern,
        depth: Depth,
        *,
        ask: Ask,
        spool: Callable[[], Overflow] | None = None,
        tell: Callable[[str], None] = lambda _: None,
        gate: asyncio.Semaphore | None = None,
    ) -> None:
        self.workflow = workflow
        self._gate = gate or asyncio.Semaphore(AT_ONCE)
        self._client = client
        self._pattern = pattern
        self._depth = depth
        self._ask = ask
        self._spool = spool
        self._tell = tell
        self._has_downloads = True

    async def search(self, run: SearchedRun) -> None:
        """Look a run through; what goes wrong is told by the run."""
        try:
            if not run.job.status.is_waiting:
                async with self._gate:
                    await self._search(run)
        except ChronotuiError as error:
            run.error = error
            run.problem = error.sentence
        finally:
            run.end()

    async def _search(self, run: SearchedRun) -> None:
        download = await self._download_of(run) if _is_settled(run.job) else None
        if download is not None:
            if await download.run():
                return
            self._has_downloads = self._has_downloads and download.is_jsonl
        if not run.is_empty:
            await self._read(run, array("q") if download is None else download.found)

    async def _download_of(self, run: SearchedRun) -> _SearchedDownload | None:
        """Return a run's download where it can be told whether it is whole."""
        job = run.job
        page = await self._ask(
            lambda: self._client.log_page(job.workflow_id, job.id, fresh=True)
        )
        if not page.lines and not page.cursor:
            run.is_empty = True
            return None
        is_single = self._has_downloads and job.attempts in {None, 1}
        count = counted_by(page) if is_single else None
        if count is None:
            return None
        return _SearchedDownload(
            self._client, run, RawSearch(self._pattern), self._depth, count
        )

    async def _read(self, run: SearchedRun, found_before: array[int]) -> None:
        """Read a run line by line, and find what was not found before."""
        matcher = LineMatcher(self._pattern)
        name = clean(run.job.shown_id)
        log = RetainedLog(
            self._client,
            self.workflow,
            run.job,
            selection=LineSelection(grep=matcher),
            tell=lambda words: self._tell(f"{name}: {words}"),
            spool=self._spool,
        )
        run.matches = 0
        async with aclosing(log.slices()) as slices:
            async for piece in slices:
                run.matches += len(piece.places)
                if self._depth is Depth.FIRST:
                    run.matches = 1
                    return
                if self._depth is Depth.LINES:
                    new = [x for x in piece.lines() if not _is_among(found_before, x)]
                    await run.put(new)
        run.too_slow = matcher.too_slow
        if log.exit_code or log.may_be_old:
            run.problem = _lacks(log)


def _lacks(log: RetainedLog) -> str:
    parts = [
        f"{plural(log.missing, 'line')} missing" if log.missing else "",
        f"{log.possible:,} possibly missing" if log.possible else "",
        log.unread,
    ]
    return ", ".join(filter(None, parts)) or "what was read may be older than the log"


def _is_settled(job: Job) -> bool:
    age = job.seconds_since_end(time.time())
    return job.status.is_terminal and age is not None and age >= SETTLED


def _code(line: LogLine) -> int:
    """Return a line's place in the log of one attempt, as a download has them."""
    return line.sequence_num * 2 + (line.stream != STDERR)


def _is_among(found: array[int], line: LogLine) -> bool:
    if not found or line.attempt != 1:
        return False
    code = _code(line)
    at = bisect_left(found, code)
    return at < len(found) and found[at] == code


class _SearchedDownload:
    """One download being looked through, in a thread.

    Attributes:
        found: Where the lines stand that were handed on, in order.
        is_jsonl: Whether the server gives what is asked for.
    """

    def __init__(
        self,
        client: Source,
        run: SearchedRun,
        search: RawSearch,
        depth: Depth,
        count: int,
    ) -> None:
        self._client = client
        self._run = run
        self._search = search
        self._depth = depth
        self._count = count
        self._lines_of = LinesOfEntries()
        self._loop = asyncio.get_running_loop()
        self._answer: RawAnswer | None = None
        self._stopped = False
        self._lines: list[LogLine] = []
        self._handed_at = 0.0
        self.found: array[int] = array("q")
        self.is_jsonl = True

    async def run(self) -> bool:
        """Tell whether the whole log was looked through, or enough of it."""
        try:
            return await in_thread(self._read, self._stop)
        except NotSignedInError:
            # What this client may not download, its pages may still give.
            self.is_jsonl = False
        except ChronotuiError:
            pass
        return False

    def _stop(self) -> None:
        self._stopped = True
        self._run.end()
        if self._answer is not None:
            self._answer.abort()

    def _read(self) -> bool:
        job, search = self._run.job, self._search
        with self._client.download(
            job.workflow_id, job.id, format=RawFormat.JSONL
        ) as answer:
            self._answer = answer
            if answer.format is not RawFormat.JSONL:
                self.is_jsonl = False
                answer.abort()
                return False
            for piece in answer.chunks():
                if self._stopped or search.is_mixed:
                    answer.abort()
                    return False
                if self._take(search.feed(piece)):
                    answer.abort()
                    return True
        if self._take(search.finish()):
            return True
        self._hand_on()
        self._run.too_slow = search.too_slow
        return search.is_whole and search.lines == self._count

    def _take(self, entries: Sequence[RawEntry]) -> bool:
        """Take what matches; tell whether it is enough."""
        if entries and self._depth is Depth.FIRST:
            self._run.matches = 1
            return True
        self._run.matches += len(entries)
        if entries and self._depth is Depth.LINES:
            self._lines += self._lines_of(entries)
        if self._lines and time.monotonic() - self._handed_at > APART_SECONDS:
            self._hand_on()
        return False

    def _hand_on(self) -> None:
        """Give the loop what was found by now, and wait until it takes more."""
        lines, self._lines = self._lines, []
        self._handed_at = time.monotonic()
        self.found.extend(map(_code, lines))
        putting = self._run.put(lines)
        try:
            asyncio.run_coroutine_threadsafe(putting, self._loop).result()
        except RuntimeError:  # the loop is closed
            putting.close()


class AcrossRuns:
    """Looks for a pattern in all runs of a workflow.

    Args:
        only: Which runs are looked through, of those the server lists.
        since: Only runs that were made at this time or later.
        gate: How many runs are looked through at a time, where others do so as well.

    Attributes:
        list: The runs, as far as they were listed.
        listed: Runs that came by in the list so far.
        ended: Runs that were looked through and told.
        looped: Whether the server's list led in circles.
    """

    def __init__(
        self,
        client: Source,
        workflow: Workflow,
        pattern: Pattern,
        depth: Depth = Depth.LINES,
        *,
        ask: Ask,
        only: JobFilter = EVERYTHING,
        since: datetime | None = None,
        spool: Callable[[], Overflow] | None = None,
        tell: Callable[[str], None] = lambda _: None,
        gate: asyncio.Semaphore | None = None,
    ) -> None:
        self._searcher = RunSearcher(
            client, workflow, pattern, depth, ask=ask, spool=spool, tell=tell, gate=gate
        )
        self.list = RunList(client, workflow, ask=ask, only=only, since=since)
        self._turns: asyncio.Queue[SearchedRun | BaseException | None]
        self._turns = asyncio.Queue()
        self._ahead = asyncio.Semaphore(AHEAD)
        self._listing = asyncio.Lock()
        self._is_listed = False
        self._failed_in_a_row = 0
        self.listed = 0
        self.ended = 0

    @property
    def looped(self) -> bool:
        return self.list.looped

    async def found(self) -> AsyncGenerator[Found, None]:
        """Yield what is found, in the order of runs; each run ends with no lines.

        Raises:
            ChronotuiError: The runs cannot be listed, the workflow has no logs, or the
                server cannot be asked any more.
        """
        refuse_without_log(self._searcher.workflow)
        workers = [asyncio.create_task(self._work()) for _ in range(AT_ONCE)]
        for worker in workers:
            worker.add_done_callback(self._worker_ended)
        try:
            while (turn := await self._turns.get()) is not None:
                if isinstance(turn, BaseException):
                    raise turn
                async for lines in turn.lines():
                    yield Found(turn, lines)
                self._ahead.release()
                self.ended += 1
                self._heed(turn)
                yield Found(turn, ())
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        if not worker.cancelled() and (fault := worker.exception()) is not None:
            self._turns.put_nowait(fault)

    def _heed(self, run: SearchedRun) -> None:
        """Give up where further runs would fare no better."""
        error = run.error
        if error is None:
            self._failed_in_a_row = 0
            return
        self._failed_in_a_row += concerns_all(error)
        is_hopeless = concerns_every_run(error, self._searcher.workflow)
        if is_hopeless or self._failed_in_a_row >= GIVE_UP:
            raise error

    async def _work(self) -> None:
        while (run := await self._next()) is not None:
            await self._searcher.search(run)

    async def _next(self) -> SearchedRun | None:
        async with self._listing:
            if self._is_listed:
                return None
            await self._ahead.acquire()
            job = await self.list.at(self.listed)
            if job is None:
                self._is_listed = True
                self._turns.put_nowait(None)
                return None
            self.listed += 1
            run = SearchedRun(job)
            self._turns.put_nowait(run)
            return run


class RunLooker:
    """Tells of single runs whether a pattern is in them; asked again, as before.

    Attributes:
        unread: Runs that could not be read.
    """

    def __init__(self, searcher: RunSearcher) -> None:
        self._searcher = searcher
        self.unread: list[SearchedRun] = []

    async def look(self, job: Job) -> RunVerdict:
        """Look at a run.

        Raises:
            ChronotuiError: Nobody is signed in, the server cannot be reached, or it
                keeps no logs of the workflow.
        """
        refuse_without_log(self._searcher.workflow)
        run = SearchedRun(job)
        await self._searcher.search(run)
        if run.error and concerns_every_run(run.error, self._searcher.workflow):
            raise run.error
        told = verdict_of(run)
        if told is RunVerdict.UNTOLD and job.status.is_terminal:
            self.unread.append(run)
        return told


def concerns_every_run(error: ChronotuiError, workflow: Workflow) -> bool:
    """Tell whether no other run of the workflow would fare better."""
    if isinstance(error, LogsUnavailableError):
        return not workflow.log_retention
    return isinstance(error, NotSignedInError | UnreachableError)


def verdict_of(run: SearchedRun) -> RunVerdict:
    """Return what a run that was looked through tells; a lack while it runs is none."""
    if run.matches:
        return RunVerdict.HAS
    if run.problem or run.too_slow or not run.job.status.is_terminal:
        return RunVerdict.UNTOLD
    return RunVerdict.GONE if run.is_empty else RunVerdict.LACKS


class RunList:
    """The runs of a workflow by their place, newest first, listed as far as needed.

    Args:
        since: Runs made before it are none of the list.
    """

    def __init__(
        self,
        client: Source,
        workflow: Workflow,
        *,
        ask: Ask,
        only: JobFilter = EVERYTHING,
        since: datetime | None = None,
    ) -> None:
        self._feed = JobFeed(client, workflow, ask, only)
        self._since = since
        self._jobs: list[Job] = []
        self._is_over = False
        self._reading = asyncio.Lock()

    @property
    def looped(self) -> bool:
        return self._feed.looped

    @property
    def known(self) -> int:
        """How many were listed so far."""
        return len(self._jobs)

    @property
    def is_over(self) -> bool:
        """Whether all of them are known."""
        return self._is_over

    async def at(self, place: int) -> Job | None:
        """Return the run at a place, None beyond the oldest.

        Raises:
            ChronotuiError: The list cannot be read.
        """
        async with self._reading:
            while len(self._jobs) <= place and not self._is_over:
                await self._feed.fill()
                self._is_over = self._feed.is_over
                self._take()
        return self._jobs[place] if place < len(self._jobs) else None

    def _take(self) -> None:
        jobs = self._feed.jobs
        while jobs:
            job = jobs.popleft()
            if self._since is not None and made_at(job) < self._since:
                self._is_over = True
                return
            self._jobs.append(job)
