"""The whole log of an ended job through one raw download, decoded in a thread."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError as FutureCancelledError
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from chronotui.engine.intake import Context, Intake
from chronotui.engine.log_state import refuse_without_log
from chronotui.engine.pages import RetainedPages, unlimited
from chronotui.engine.retry import ASKED_AGAIN, Retries, backoff_of
from chronotui.engine.selection import LineSelection, beginning_of
from chronotui.engine.timing import Clock, WatchTiming
from chronotui.errors import (
    ChronotuiError,
    IncompleteError,
    NotSignedInError,
    PageTooLargeError,
    ServerError,
    UsageError,
    WebPageError,
)
from chronotui.log.attempts import LineKey, Way, key_of
from chronotui.log.block import LineBlock
from chronotui.log.ledger import NEAR
from chronotui.log.raw_body import RawBlocks
from chronotui.log.store import LogStore
from chronotui.model import RawFormat
from chronotui.paging import PageOrder
from chronotui.text import clean

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Callable,
        Iterable,
        Iterator,
        Sequence,
    )

    from chronotui.log.chunks import Overflow
    from chronotui.model import Job, LogLine, LogPage, Workflow
    from chronotui.sources.protocol import LogSource, RawAnswer

QUEUED_BATCHES: Final = 4
"""Decoded batches that may wait; then the download waits, and TCP with it."""

MOST_PAGES: Final = 2000
"""Pages read for what a download left out; what is further back stays missing."""

STEP_LINES: Final = 128
"""Lines taken at once where some of them may be held already."""


class _Download:
    """Reads one download in a thread and hands its lines to the loop.

    ``None`` in the queue says that the rest has to come from elsewhere, an empty
    list that all is there. An error nobody foresaw is handed over to be raised there.
    """

    def __init__(self, source: LogSource, job: Job, skip: int) -> None:
        self._source = source
        self._job = job
        self._skip = skip
        self._loop = asyncio.get_running_loop()
        self._answer: RawAnswer | None = None
        self._stopped = False
        self._queue: asyncio.Queue[Sequence[LogLine] | BaseException | None] = (
            asyncio.Queue(QUEUED_BATCHES)
        )

    def start(self) -> None:
        threading.Thread(target=self._run, name="raw download", daemon=True).start()

    async def next(self) -> Sequence[LogLine] | None:
        """Return the next lines, or how it ended."""
        lines = await self._queue.get()
        if isinstance(lines, BaseException):
            raise lines
        return lines

    def stop(self) -> None:
        """End the download; the thread follows by itself."""
        self._stopped = True
        if self._answer is not None:
            self._answer.abort()
        while not self._queue.empty():
            self._queue.get_nowait()

    def _run(self) -> None:
        end: Sequence[LogLine] | BaseException | None = None
        try:
            with self._source.download(
                self._job.workflow_id, self._job.id, format=RawFormat.JSONL
            ) as answer:
                self._answer = answer
                if answer.format is RawFormat.JSONL and self._read(answer):
                    end = []
        except ChronotuiError:
            end = None
        except BaseException as problem:  # noqa: BLE001 - handed to the reader
            end = problem
        finally:
            # Without it the reader waits for ever.
            self._put(end)

    def _read(self, answer: RawAnswer) -> bool:
        """Hand over every line; False when the body is not whole."""
        blocks = RawBlocks(self._skip)
        try:
            for chunk in answer.chunks():
                if not self._hand_over(blocks.feed(chunk)):
                    return False
        finally:
            whole = self._hand_over(blocks.finish())
        return whole and not blocks.failed

    def _hand_over(self, blocks: Iterable[Sequence[LogLine]]) -> bool:
        return all(map(self._put, blocks)) and not self._stopped

    def _put(self, lines: Sequence[LogLine] | BaseException | None) -> bool:
        if self._stopped:
            return False
        putting = self._queue.put(lines)
        try:
            asyncio.run_coroutine_threadsafe(putting, self._loop).result()
        except (RuntimeError, FutureCancelledError):
            putting.close()
            return False
        return True


async def raw_lines(
    source: LogSource, job: Job, skip: int = 0
) -> AsyncGenerator[Sequence[LogLine] | None, None]:
    """Yield the lines of an ended job's raw download, oldest first, in batches.

    The first ``skip`` ones are left out.

    Yields ``None`` last when the download is not the whole log or is not to be had:
    the server answers in another format, refuses, breaks off or appends its failure
    (WIRE.md "Raw download"). The lines before it are good.
    """
    download = _Download(source, job, skip)
    download.start()
    try:
        while (lines := await download.next()) is not None:
            if not lines:
                return
            yield lines
        yield None
    finally:
        download.stop()


async def load_raw(
    source: LogSource,
    job: Job,
    intake: Intake,
    took: Callable[[Sequence[LogLine]], bool],
    *,
    skip: int = 0,
) -> bool:
    """Take the whole log of an ended job into an intake.

    The loop is free between any two steps of it.

    Args:
        source: The client.
        job: The job.
        intake: Takes the lines.
        took: Told the lines of each step, with their attempts; returns whether they
            are enough.
        skip: First lines of the download that were taken before.

    Returns:
        False when the rest has to come from elsewhere, see `raw_lines`.
    """
    context = Context()
    async with aclosing(raw_lines(source, job, skip)) as blocks:
        async for lines in blocks:
            if lines is None:
                return False
            for part in in_steps(lines, intake):
                if took(intake.take(part, Way.RISING, context)):
                    return True
                await asyncio.sleep(0)
    return True


async def read_left_out(pages: RetainedPages) -> None:
    """Read what a download of the whole log left out from the pages that have it.

    One walk back from the newest page comes by all of it.

    Raises:
        ChronotuiError: A page cannot be read.
    """
    ledger = pages.intake.ledger
    if not ledger.missing:
        return
    wanted: dict[int, int] = {}
    for gap in ledger.short_gaps():
        # The line that is missing may stand a little before where the count says so.
        wanted.setdefault(gap.attempt, gap.first - NEAR)
    count = 0
    async for _span, lines in pages.walk(None, unlimited, fresh=True):
        count += 1
        for line in lines:
            if line.sequence_num < wanted.get(line.attempt, -1):
                del wanted[line.attempt]
        if not wanted or not ledger.missing or count >= MOST_PAGES:
            return


def in_steps(lines: Sequence[LogLine], intake: Intake) -> Iterator[Sequence[LogLine]]:
    """Yield lines in parts, each of which is taken in a few milliseconds.

    A block among lines that are held costs as much as single lines do.
    """
    block = lines if isinstance(lines, LineBlock) else None
    if block is not None and not intake.holds_between(lines[0], lines[-1]):
        yield lines
        return
    for start in range(0, len(lines), STEP_LINES):
        stop = min(start + STEP_LINES, len(lines))
        yield lines[start:stop] if block is None else block.part(start, stop)


# The whole retained log of a job, oldest line first, each line once.

MEMORY_BYTES: Final = 64 << 20
"""Lines kept in memory until they can be printed; more go to the spool."""

TRIES: Final = 8
"""A page in the middle of a log that fails so often in a row is not to be had."""

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
        self._pages.attempts = job.attempts or 0
        self._pages.on_page = self._set_floor
        self._printed = 0
        self._read = 0
        self._handed: LineKey | None = None
        self._retries = Retries(tell, timing=self._timing, clock=self._clock)
        self._downloaded_all = False
        self._late = 0
        self.unread = ""
        """Why a part of the log could not be read; "" if all of it was."""

    @property
    def printed(self) -> int:
        """Lines handed out so far."""
        return self._printed

    @property
    def missing(self) -> int:
        """Lines known to exist, asked for, and not in the retained log."""
        return self._intake.ledger.missing

    @property
    def possible(self) -> int:
        """Lines that may be missing: their places could not be read."""
        return self._intake.ledger.possible

    @property
    def exit_code(self) -> int:
        """0, or 6 when lines are missing, or may be in a log that is over."""
        coverage = self._pages.coverage
        unread = self.unread or coverage.looped or coverage.cut_off or self._late
        unread = unread or (self._job.status.is_terminal and self._may_be_old)
        return 6 if self.missing or self.possible or unread else 0

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
        finally:
            self._intake.store.close()
        self._say_what_lacks()

    def _say_what_lacks(self) -> None:
        coverage = self._pages.coverage
        if coverage.looped:
            self.unread = "the server's page list leads in circles"
        elif coverage.cut_off:
            self.unread = coverage.cut_off
        if self.unread:
            self._tell(f"{self.unread}; lines are left out.")
        if self._late:
            self._tell(f"{self._late:,} lines came too late to be printed in order.")
        if self._may_be_old:
            self._tell(
                "the job was tried again, and of its log only the pages could be read: "
                "the server keeps older pages for 30 minutes, so lines of a later try "
                "may be lacking."
            )

    @property
    def _may_be_old(self) -> bool:
        """Whether the server's own cache may hide lines of a later attempt."""
        age = self._job.seconds_since_end(self._clock.wall())
        ended_long_ago = age is not None and age >= self._timing.pages_kept
        if self._job.status.is_terminal and ended_long_ago:
            return False
        return self._pages.coverage.needs_confirmation

    async def _in_order(self) -> AsyncIterator[list[LogLine]]:
        self._intake.ledger.last_attempt = self._selection.attempt
        problem = None
        if self._job.status.is_terminal:
            from_the_start = self._selection.from_the_start
            if from_the_start or await self._is_retried():
                async for lines in self._downloaded(hand_out=from_the_start):
                    yield lines
        if not self._is_complete:
            problem = await self._read_pages_or_all()
        self._ask_from_beginning()
        async for lines in self._due(len(self._intake.store)):
            yield lines
        if problem is not None:
            raise self._broken_off(problem) from problem

    async def _is_retried(self) -> bool:
        """Tell whether an ended job was tried more than once.

        Where attempts interleave, the newest pages need not show the last one; the
        beginning of a download shows all of them.
        """
        if self._job.attempts is not None:
            return self._job.attempts > 1
        async with aclosing(raw_lines(self._client, self._job)) as batches:
            async for lines in batches:
                return any(line.attempt > 1 for line in lines or ())
        return False

    async def _read_pages_or_all(self) -> ChronotuiError | None:
        """Read the pages wanted; return why not all of them could be read.

        Raises:
            ChronotuiError: Nothing could be read.
        """
        problem = None
        try:
            await self._read_pages()
        except ChronotuiError as error:
            problem = error
        lacks = problem is not None or bool(self._pages.coverage.cut_off)
        ended = self._job.status.is_terminal
        if lacks and ended and not self._selection.from_the_start:
            # What the pages do not give, the download may.
            async for _early in self._downloaded(hand_out=False):
                pass
            problem = None if self._is_complete else problem
        if problem and not self._printed and not len(self._intake.store):
            raise problem
        return problem

    def _broken_off(self, problem: ChronotuiError) -> IncompleteError:
        rising = self._pages.coverage.rising or self._downloaded_all
        others = "the rest" if rising else "others"
        return IncompleteError(
            f"{self._printed:,} lines were printed, {others} could not be read: "
            f"{problem.sentence}",
            next_step="Try again.",
        )

    @property
    def _is_complete(self) -> bool:
        return self._pages.coverage.at_start and self._pages.coverage.at_end

    async def _downloaded(
        self, *, hand_out: bool = True
    ) -> AsyncIterator[list[LogLine]]:
        """Yield the lines of the raw download as they come, where it can be had."""
        context, coverage = Context(), self._pages.coverage
        coverage.at_start = True
        async for batch in raw_lines(self._client, self._job):
            if batch is None:
                coverage.at_start = False
                self._set_floor()
                return
            self._intake.take(batch, Way.RISING, context)
            if not isinstance(batch, LineBlock):
                coverage.learn_attempts(batch, PageOrder.OLDEST_FIRST)
            self._set_floor()
            if not hand_out:
                continue
            self._ask_from_beginning()
            async for lines in self._due(self._sure_until()):
                yield lines
        self._intake.on_new = self._came_late
        await self._read_what_was_cut_off()
        self._intake.on_new = lambda _: None
        self._downloaded_all = True
        self._pages.loaded_all()
        coverage.at_end = True

    def _came_late(self, lines: Sequence[LogLine]) -> None:
        """Count wanted lines whose turn is over."""
        handed, wants = self._handed, self._selection.prints
        if handed is not None:
            self._late += sum(key_of(x) < handed and wants(x) for x in lines)

    def _sure_until(self) -> int:
        """Return up to where no line can come before those of a download so far.

        It may mix the attempts, so that the second one's turn is not before the end;
        and what it leaves out is read from the pages, after it.
        """
        store, ledger = self._intake.store, self._intake.ledger
        attempts = store.attempts()
        if not attempts:
            return 0
        stop = store.attempt_range(attempts[0]).stop - HELD_BACK
        gap = next(ledger.short_gaps(), None)
        if gap is not None:
            place = LineKey(gap.attempt, gap.first - NEAR, -1, "")
            stop = min(stop, store.bisect(place))
        return stop

    async def _read_what_was_cut_off(self) -> None:
        """Read from the pages what the download lacks at its end, or inside.

        A proxy may cut it at a line's end, which nothing in it tells of. Where no page
        is to be had, it is taken for whole, and that is said.
        """
        intake, pages = self._intake, self._pages
        new: set[LineKey] = set()

        def note(lines: Sequence[LogLine]) -> None:
            new.update(map(key_of, lines))
            self._came_late(lines)

        def reaches(lines: Sequence[LogLine]) -> bool:
            intake.settle()
            held = bool(lines) and key_of(lines[-1]) not in new
            new.clear()
            return held

        intake.on_new = note
        try:
            await pages.open(reaches)
            words = pages.coverage.cut_off
        except ChronotuiError as problem:
            words = clean(problem.sentence).rstrip(".")
        if not words:
            words = await self._read_left_out()
        if words and pages.lines_read:
            self.unread = words if intake.ledger.missing else ""
        elif words:
            self._tell(f"not verified against the pages of the log: {words}.")

    async def _read_left_out(self) -> str:
        """Read what the download left out; return why that was not possible."""
        try:
            await read_left_out(self._pages)
        except ChronotuiError as problem:
            return clean(problem.sentence).rstrip(".")
        return ""

    async def _read_pages(self) -> None:
        await self._pages.open(self._enough)
        if self._is_settled or self._pages.coverage.cut_off:
            return
        backoff = backoff_of(self._timing, self._clock)
        for _ in range(HEAL_TRIES):
            gaps = list(self._intake.ledger.short_gaps())
            if not gaps:
                return
            await asyncio.sleep(backoff.delay())
            for gap in gaps[:HELD_BACK]:
                if self._intake.ledger.missing:
                    await self._pages.read_gap(gap)

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
            return not self._pages.coverage.interleaved or self._is_before(lines)
        if selection.attempt is not None:
            return any(0 < line.attempt < selection.attempt for line in lines)
        return False

    def _is_before(self, lines: Sequence[LogLine]) -> bool:
        """Tell whether lines of the last attempt are before the time asked for."""
        last = max(self._intake.ledger.attempts(), default=0)
        in_time = self._selection.in_time
        return any(line.attempt == last and not in_time(line) for line in lines)

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

    async def _due(self, stop: int) -> AsyncIterator[list[LogLine]]:
        """Yield lines not handed out yet, up to the one at ``stop`` in the store."""
        store = self._intake.store
        start = 0 if self._handed is None else store.bisect(self._handed)
        while start < stop:
            lines = store.lines(start, min(start + SLICE, stop))
            start += len(lines)
            self._handed = _after(lines[-1])
            yield lines
        self._forget(start)

    def _forget(self, printed: int) -> None:
        """Let go of lines handed out, but for the neighbours of those to come."""
        left = len(self._intake.store) - printed
        if printed < max(FORGET_LINES, left):
            return
        old = self._intake.store
        first = old.line(printed - HELD_BACK)
        self._intake.forget(first[:2], self._new_store())
        old.close()

    async def _fetch(self, cursor: str | None, fresh: bool) -> LogPage:
        inside = bool(self._pages.lines_read)

        def may_help(error: ChronotuiError) -> bool:
            return not isinstance(error, PageTooLargeError) and (
                isinstance(error, ServerError)
                or (inside and _is_outage(error, at_cursor=cursor is not None))
            )

        return await self._retries.ask(
            lambda: self._client.log_page(
                self._job.workflow_id, self._job.id, cursor=cursor, fresh=fresh
            ),
            again=may_help,
            times=TRIES - 1 if inside else ASKED_AGAIN,
        )

    def _new_store(self) -> LogStore:
        return LogStore(budget_bytes=MEMORY_BYTES, overflow=self._spool)


def _after(line: LogLine) -> LineKey:
    """Return the lowest key after a line's."""
    key = key_of(line)
    return key._replace(event_id=key.event_id + "\0")


def _is_outage(error: ChronotuiError, *, at_cursor: bool) -> bool:
    """Whether a refusal in the middle of a log may pass: what was there is there."""
    if isinstance(error, NotSignedInError):
        return isinstance(error, WebPageError)
    answer = error.answer
    if isinstance(error, UsageError) and at_cursor and answer is not None:
        # The server's own 400 to a cursor: the list is begun again.
        return not (answer.status == 400 and answer.is_plain)
    return True
