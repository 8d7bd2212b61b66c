"""A job's retained log as it stands now, or what was asked for of it, in order.

An ended job's log comes through its raw download, with what that lacks read from the
pages; otherwise the pages are read first, as far back as is wanted.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from msgspec import Struct

from chronotui.engine.intake import Context, Intake
from chronotui.engine.pages import Account, RetainedPages, refuse_without_log
from chronotui.engine.raw_lines import raw_lines, raw_spans, read_left_out
from chronotui.engine.retry import ASKED_AGAIN, Retries
from chronotui.engine.span_lane import SpanLane, is_far_back
from chronotui.engine.text_rest import TextRest
from chronotui.engine.timing import Clock, WatchTiming, backoff_of
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
from chronotui.log.finders import (
    AllFinder,
    MessageFinder,
    SinceFinder,
    StreamFinder,
    pattern_finder,
)
from chronotui.log.ledger import NEAR
from chronotui.log.line_slice import LineSlice
from chronotui.log.pattern import LineMatcher
from chronotui.log.raw_spans import EntrySlice, Printed, RawSpan
from chronotui.log.store import LogStore
from chronotui.paging import PageOrder
from chronotui.text import clean
from chronotui.times import format_time_ns

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Callable,
        Iterator,
        Sequence,
    )

    from chronotui.log.chunks import Overflow
    from chronotui.log.finders import Matcher
    from chronotui.log.raw_spans import RawPart
    from chronotui.model import Job, LogLine, LogPage, Workflow
    from chronotui.sources.protocol import LogSource

MEMORY_BYTES: Final = 64 << 20
"""Lines kept in memory until they can be printed; more go to the spool."""

TRIES: Final = 8
"""A page in the middle of a log that fails so often in a row is not to be had."""

BACKFILL_TRIES: Final = 3
"""So often gaps in a log still being written are looked at again."""

SLICE: Final = 2000
"""Lines looked at at a time."""

FORGET_LINES: Final = 20_000
"""So many lines handed out are let go of at once."""

HELD_BACK: Final = 500
"""Newest lines held back while reading on: neighbours may come out of order."""

_NOTHING: Final = Printed(b"", 0)

Piece: TypeAlias = LineSlice | EntrySlice
"""Lines in order, ready to be printed."""

Encoder: TypeAlias = "Callable[[Piece], bytes]"


class LineSelection(Struct, frozen=True):
    """Which lines of a log are asked for.

    Attributes:
        stream: Only this stream, in the server's word; None for both.
        grep: Whether a message is wanted; None for all.
        since_ns: Only lines at or after this time, nanoseconds since the epoch.
            A line without a time is taken.
        tail: Only the last so many of the lines that would be printed, counted
            when the log is opened.
        attempt: Only lines of this attempt (from 1).
    """

    stream: str | None = None
    grep: Callable[[str], bool] | None = None
    since_ns: int | None = None
    tail: int | None = None
    attempt: int | None = None

    @property
    def from_the_start(self) -> bool:
        """Whether the whole log has to be read: nothing leaves out its beginning."""
        return self.tail is None and self.since_ns is None

    def in_time(self, line: LogLine) -> bool:
        since, at = self.since_ns, line.time_ns
        return since is None or at is None or at >= since

    def prints(self, line: LogLine) -> bool:
        """Whether the line is printed, ``tail`` left aside."""
        return (
            (self.stream is None or line.stream == self.stream)
            and (self.attempt is None or line.attempt == self.attempt)
            and self.in_time(line)
            and (self.grep is None or self.grep(line.message))
        )

    def chosen(self) -> Callable[[LineSlice], LineSlice | None]:
        """Return what takes from a slice the lines that `prints` says yes to."""
        finders: list[Matcher] = []
        if self.stream is not None:
            finders.append(StreamFinder(self.stream))
        if self.since_ns is not None:
            finders.append(SinceFinder(self.since_ns))
        if self.grep is not None:
            finders.append(_grep_finder(self.grep))
        finder = AllFinder(finders) if finders else None

        def choose(piece: LineSlice) -> LineSlice | None:
            if self.attempt not in (None, piece.attempt):
                return None
            found = piece if finder is None else piece.found_by(finder)
            return found if found.places else None

        return choose

    def chosen_of_part(self, part: RawPart) -> EntrySlice | None:
        """Return the lines of a part of a download that `prints` says yes to."""
        since = self.since_ns
        if self.attempt not in (None, part.attempt):
            return None
        if since is not None and part.is_before(format_time_ns(since)[:19].encode()):
            return None
        piece = part.whole() if self.stream is None else part.of_stream()
        if since is not None:
            piece = piece.chosen_by([at is None or at >= since for at in piece.times()])
        if self.grep is not None:
            piece = piece.chosen_by(map(self.grep, piece.messages()))
        return piece if piece.places else None


def _grep_finder(grep: Callable[[str], bool]) -> Matcher:
    if isinstance(grep, LineMatcher):
        return pattern_finder(grep.pattern, grep)
    return MessageFinder(grep)


class Beginning(NamedTuple):
    """The first place wanted; ``first`` where not every line of its number is."""

    place: tuple[int, int]
    first: LineKey | None = None


def beginning_of(
    intake: Intake, selection: LineSelection, *, retained_read: bool = True
) -> Beginning | None:
    """Find the beginning in a log that has been read back far enough.

    Only a retained line tells where the numbers of a documented server begin
    (DESIGN.md, invariant 4), and whether an attempt was before the one that runs.

    Args:
        retained_read: Whether one has been seen, or none will be.

    Returns:
        None while it cannot be told yet.
    """
    ledger = intake.ledger
    attempts = [attempt for attempt in ledger.attempts() if attempt > 0]
    known = ledger.knows_base and attempts[:1] == [1]
    if not selection.from_the_start:
        begun = _of_tail(intake, selection) or _of_time(intake, selection)
        if begun is not None or not ledger.whole:
            return begun or Beginning(_after_all(intake))
    if not attempts or not (known or retained_read):
        return None
    if not selection.attempt:
        return Beginning((attempts[0], ledger.floor_of(attempts[0])))
    if selection.attempt > attempts[-1]:
        return None
    return Beginning((selection.attempt, ledger.base))


def _after_all(intake: Intake) -> tuple[int, int]:
    attempt, number = intake.highest()
    return max(attempt, 1), max(number + 1, intake.ledger.base)


def _of_tail(intake: Intake, selection: LineSelection) -> Beginning | None:
    """Return where the tail begins; None when it reaches back beyond the lines held."""
    if selection.tail is None:
        return None
    left = selection.tail
    if not left:
        after = _after_all(intake)
        return Beginning(after, LineKey(*after, 0, ""))
    for line in _backwards(intake.store):
        left -= selection.prints(line)
        if not left:
            return Beginning(line[:2], key_of(line))
    return None


def _of_time(intake: Intake, selection: LineSelection) -> Beginning | None:
    """Return the place after the last line before the time asked for."""
    if selection.since_ns is None:
        return None
    for line in _backwards(intake.store):
        if not selection.in_time(line):
            return Beginning((line.attempt, line.sequence_num + 1))
    return None


def _backwards(store: LogStore) -> Iterator[LogLine]:
    stop = len(store)
    while stop > 0:
        start = max(0, stop - SLICE)
        yield from reversed(store.lines(start, stop))
        stop = start


class RetainedLog:
    """One reading of a job's retained log.

    Args:
        selection: Which lines are wanted.
        timing: The delays between tries.
        tell: Takes sentences for standard error.
        spool: Opens a place for lines beyond memory.

    Attributes:
        printed: Lines handed out so far.
        unread: Why a part of the log could not be read; "" if all of it was.
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
        self._intake = Intake(
            self._new_store(), entered=self._entered, renumbered=self._renumbered
        )
        self._account = Account(self._intake.ledger)
        self._pages = RetainedPages(
            self._fetch, self._intake, self._account, attempts=job.attempts or 0
        )
        self._retries = Retries(tell, timing=self._timing, clock=self._clock)
        self._wanted_read = 0
        self._handed: LineKey | None = None
        self._compared: set[LineKey] | None = None
        """Lines of the page being held against a download that this did not have."""
        self._downloaded_all = False
        self._rest: TextRest | None = None
        self._lane = SpanLane(self._intake)
        self._encoder_of_parts: Callable[[], Encoder] | None = None
        self._late = 0
        self.printed = 0
        self.unread = ""

    @property
    def missing(self) -> int:
        """Lines known to exist, asked for, and not retained."""
        return 0 if self._is_counted else self._intake.ledger.missing

    @property
    def possible(self) -> int:
        """Lines that may be missing: their places could not be read."""
        return 0 if self._is_counted else self._intake.ledger.possible

    @property
    def _is_counted(self) -> bool:
        """Whether the log was read as text that has as many lines as were counted."""
        return self._rest is not None and self._rest.lines > 0

    @property
    def exit_code(self) -> int:
        """0, or 6 when lines are missing, or may be in a log that is over."""
        coverage = self._pages.coverage
        unread = self.unread or coverage.looped or coverage.cut_off or self._late
        unread = unread or (self._job.status.is_terminal and self.may_be_old)
        return 6 if self.missing or self.possible or unread else 0

    async def batches(self) -> AsyncIterator[list[LogLine]]:
        """Yield the wanted lines in order, oldest first.

        Raises:
            ChronotuiError: As `slices`.
        """
        async with aclosing(self.slices()) as slices:
            async for piece in slices:
                yield list(piece.lines())

    async def slices(self) -> AsyncGenerator[LineSlice, None]:
        """Yield the same, each to be read before the next one is asked for.

        Raises:
            ChronotuiError: As `text`.
        """
        async with aclosing(self._wanted()) as pieces:
            async for piece in pieces:
                if isinstance(piece, LineSlice):
                    yield piece

    async def encoded(
        self, new_encoder: Callable[[], Encoder]
    ) -> AsyncGenerator[bytes, None]:
        """Yield what encoders make of the same; there may be several, for threads.

        Raises:
            ChronotuiError: As `text`.
        """
        if self._rest is None:
            self._encoder_of_parts = new_encoder
        encode = new_encoder()
        async with aclosing(self._wanted()) as pieces:
            async for piece in pieces:
                yield piece if isinstance(piece, bytes) else encode(piece)

    async def text(self) -> AsyncGenerator[bytes, None]:
        """Yield the messages of the wanted lines, a newline after each.

        Raises:
            ChronotuiError: The log cannot be read: not signed in, not allowed, not
                found, no log by policy, or the server fails.
        """
        selection = self._selection
        if self._spool is not None and selection == LineSelection(grep=selection.grep):
            self._rest = TextRest(self._client, self._job, self._spool)
        async with aclosing(self.encoded(lambda: _text_of)) as pieces:
            async for piece in pieces:
                yield piece

    async def _wanted(self) -> AsyncGenerator[LineSlice | bytes, None]:
        """Yield slices of lines, and what was made of the download beside them."""
        refuse_without_log(self._workflow)
        choose = self._selection.chosen()
        try:
            async for piece in self._in_order():
                if isinstance(piece, RawSpan):
                    printed = piece.printed()
                    self.printed += printed.lines
                    yield printed.content
                    continue
                wanted = piece if isinstance(piece, bytes) else choose(piece)
                if isinstance(wanted, LineSlice):
                    self.printed += len(wanted.places)
                if wanted is not None:
                    yield wanted
        finally:
            self._intake.store.close()
            if self._rest is not None:
                self._rest.close()
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
        if self.may_be_old:
            self._tell(
                "the job was tried again, and of its log only the pages could be read: "
                "the server keeps older pages for 30 minutes, so lines of a later "
                "attempt may be lacking."
            )

    @property
    def may_be_old(self) -> bool:
        """Whether the server's own cache may hide lines of a later attempt."""
        if self._ended_before(self._timing.pages_kept):
            return False
        return self._pages.coverage.needs_confirmation

    def _ended_before(self, seconds: float) -> bool:
        """Whether the job ended at least so long ago."""
        age = self._job.seconds_since_end(self._clock.wall())
        return self._job.status.is_terminal and age is not None and age >= seconds

    async def _in_order(self) -> AsyncIterator[LineSlice | RawSpan | bytes]:
        self._intake.ledger.last_attempt = self._selection.attempt
        problem = None
        if self._job.status.is_terminal:
            from_the_start = self._selection.from_the_start
            all_of_it = from_the_start or await self._is_far_back()
            if all_of_it or await self._is_retried():
                async for piece in self._downloaded(
                    hand_out=from_the_start, passes=all_of_it
                ):
                    yield piece
        if not self._is_complete:
            problem = await self._read_pages_or_all()
        self._ask_from_beginning()
        for piece in self._due(len(self._intake.store)):
            yield piece
        if problem is not None:
            raise self._broken_off(problem) from problem

    async def _is_far_back(self) -> bool:
        """Tell whether lines are asked for by a time that pages are not good for."""
        since, tail = self._selection.since_ns, self._selection.tail
        if since is None or tail is not None or self._encoder_of_parts is None:
            return False
        try:
            page = await self._fetch(None, False)
        except ChronotuiError:
            return False  # whoever reads the pages says so
        return bool(page.lines) and is_far_back(page, self._job, since)

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

    def _broken_off(self, problem: ChronotuiError) -> IncompleteError:
        rising = self._pages.coverage.rising or self._downloaded_all
        others = "the rest" if rising else "others"
        return IncompleteError(
            f"{self.printed:,} lines were printed, {others} could not be read: "
            f"{problem.sentence}",
            next_step="Try again.",
        )

    @property
    def _is_complete(self) -> bool:
        return self._pages.coverage.at_start and self._pages.coverage.at_end

    # through the download

    async def _downloaded(
        self, *, hand_out: bool = False, passes: bool = False
    ) -> AsyncIterator[LineSlice | RawSpan | bytes]:
        """Yield the lines of the raw download as they come, where it can be had.

        Those that need not be put in order are yielded where they may pass by.
        """
        coverage = self._pages.coverage
        coverage.at_start = True
        take = partial(self._taken, context=Context(), hand_out=hand_out)
        async with aclosing(self._batches(passes=passes)) as batches:
            async for batch in batches:
                for piece in self._passed(batch, take):
                    yield piece
                if batch is None:
                    coverage.at_start = False
                    self._account.page_read()
                    return
                if await self._is_read_as_text(batch):
                    for text in self._rest_of_text():
                        yield text
                    coverage.at_end = True
                    return
        for piece in self._passed(None, take):
            yield piece
        await self._compare_with_pages()
        self._downloaded_all = True
        self._pages.loaded_all()
        coverage.at_end = True

    def _batches(
        self, *, passes: bool
    ) -> AsyncGenerator[Sequence[LogLine] | RawSpan | None, None]:
        new_encoder, selection = self._encoder_of_parts, self._selection
        if new_encoder is None or not passes:
            return raw_lines(self._client, self._job)
        encode = new_encoder()
        decodes = selection.since_ns is None and selection.stream is None

        def printed(part: RawPart) -> Printed | None:
            piece = selection.chosen_of_part(part)
            if piece is None:
                return _NOTHING
            in_order = decodes or piece.in_order
            return Printed(encode(piece), len(piece.places)) if in_order else None

        return raw_spans(
            self._client,
            self._job,
            printed,
            stream=selection.stream,
            decodes=decodes,
        )

    def _passed(
        self,
        batch: Sequence[LogLine] | RawSpan | None,
        take: Callable[[Sequence[LogLine]], Iterator[LineSlice]],
    ) -> Iterator[LineSlice | RawSpan]:
        """Yield the lines whose turn it is, now that a batch came; None is the end."""
        lane = self._lane
        if isinstance(batch, RawSpan) and lane.goes_on(batch):
            span = lane.enter(batch)
            if span is not None:
                yield from self._due(len(self._intake.store))
                self._handed = _after(span.last_key)
                yield span
            return
        for lines in lane.leave(self._new_store):
            yield from take(lines)
        if isinstance(batch, RawSpan):
            for lines in batch.as_lines():
                yield from take(lines)
        elif batch is not None:
            yield from take(batch)

    def _taken(
        self, batch: Sequence[LogLine], context: Context, *, hand_out: bool
    ) -> Iterator[LineSlice]:
        """Take a batch of the download, and yield the lines whose turn it is."""
        self._intake.take(batch, Way.RISING, context)
        if not isinstance(batch, LineBlock):
            self._pages.coverage.learn_attempts(batch, PageOrder.OLDEST_FIRST)
        self._account.page_read()
        if hand_out:
            self._ask_from_beginning()
            yield from self._due(self._sure_until())

    async def _is_read_as_text(self, batch: Sequence[LogLine] | RawSpan) -> bool:
        """Tell whether all of the log was read as text, which follows a batch."""
        if self._rest is None or isinstance(batch, RawSpan):
            return False
        if not self._rest.is_due(batch):
            return False
        ledger = self._intake.ledger
        is_plain = ledger.lines == self._rest.taken and not ledger.missing
        return is_plain and await self._rest.read()

    def _rest_of_text(self) -> Iterator[LineSlice | bytes]:
        """Yield the text of every line not handed out yet.

        Raises:
            IncompleteError: It cannot be read back.
        """
        rest, store, grep = self._rest, self._intake.store, self._selection.grep
        if rest is None:
            return
        held_back = sum(len(piece.text()) for piece in self._due(len(store)))
        begin = rest.taken_bytes - held_back
        try:
            if grep is not None:
                pattern = grep.pattern if isinstance(grep, LineMatcher) else None
                yield from rest.slices(begin, pattern)
            else:
                yield from rest.pieces(begin)
                self.printed = rest.lines
        except OSError as error:
            raise IncompleteError(
                f"The spool file cannot be read back: {error.strerror or error}.",
                next_step="Free space in the spool folder, then try again.",
            ) from error

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

    async def _compare_with_pages(self) -> None:
        """Read from the pages what the download lacks at its end, or inside.

        A proxy may cut it at a line's end, which nothing in it tells of. Where no page
        is to be had, it is taken for whole, and that is said.
        """
        pages = self._pages
        self._compared = set()
        try:
            await pages.open(self._meets_download)
            words = pages.coverage.cut_off
            if not words:
                await read_left_out(pages)
        except ChronotuiError as problem:
            words = clean(problem.sentence).rstrip(".")
        self._compared = None
        if words and pages.lines_read:
            self.unread = words if self.missing else ""
        elif words:
            self._tell(f"not verified against the pages of the log: {words}.")

    def _meets_download(self, lines: Sequence[LogLine]) -> bool:
        """Tell of a page whether it reaches back to a line of the download."""
        self._intake.settle()
        new, self._compared = self._compared or set(), set()
        return bool(lines) and key_of(lines[-1]) not in new

    def _entered(self, lines: Sequence[LogLine]) -> None:
        """Note lines that the download lacked, and count those whose turn is over."""
        if self._compared is None:
            return
        self._compared.update(map(key_of, lines))
        handed, wants = self._handed, self._selection.prints
        if handed is not None:
            self._late += sum(key_of(x) < handed and wants(x) for x in lines)

    def _renumbered(self, attempt_at: Callable[[int], int]) -> None:
        self._account.renumbered(attempt_at)

    # through the pages

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
            async for _early in self._downloaded():
                pass
            problem = None if self._is_complete else problem
        if problem and not self.printed and not len(self._intake.store):
            raise problem
        return problem

    async def _read_pages(self) -> None:
        await self._pages.open(self._enough)
        is_settled = self._ended_before(self._timing.settled_age)
        if is_settled or self._pages.coverage.cut_off:
            return
        backoff = backoff_of(self._timing, self._clock)
        for _ in range(BACKFILL_TRIES):
            gaps = list(self._intake.ledger.short_gaps())
            if not gaps:
                return
            await asyncio.sleep(backoff.delay())
            for gap in gaps[:HELD_BACK]:
                if self.missing:
                    await self._pages.read_gap(gap)

    def _enough(self, lines: Sequence[LogLine]) -> bool:
        """Tell of each page, newest first, whether it reaches back far enough."""
        selection = self._selection
        self._wanted_read += sum(map(selection.prints, lines))
        if selection.tail is not None and self._wanted_read >= selection.tail:
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

    # handing out

    def _ask_from_beginning(self) -> None:
        """Let the account of missing lines begin where what was asked for does."""
        ledger, by_time = self._intake.ledger, self._selection.since_ns is not None
        if self._handed is None or (by_time and ledger.asked is None):
            beginning = beginning_of(self._intake, self._selection)
            if beginning is not None:
                ledger.asked = beginning.place
                self._handed = self._handed or beginning.first

    def _due(self, stop: int) -> Iterator[LineSlice]:
        """Yield lines not handed out yet, up to the one at ``stop`` in the store."""
        store = self._intake.store
        start = 0 if self._handed is None else store.bisect(self._handed)
        for piece in store.slices(start, stop):
            self._handed = _after(piece.last_key)
            yield piece
        self._forget(max(start, stop))

    def _forget(self, printed: int) -> None:
        """Let go of lines handed out, but for the neighbours of those to come."""
        left = len(self._intake.store) - printed
        if printed < max(FORGET_LINES, left):
            return
        old = self._intake.store
        first = old.line(printed - HELD_BACK)
        self._intake.forget(first[:2], self._new_store())
        old.close()

    def _new_store(self) -> LogStore:
        return LogStore(budget_bytes=MEMORY_BYTES, overflow=self._spool)


def _text_of(piece: Piece) -> bytes:
    return piece.text()


def _after(key: LineKey) -> LineKey:
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
