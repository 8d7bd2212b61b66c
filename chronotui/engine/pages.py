"""Reading the retained log: walks along its pages, whichever end they begin at."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from chronotui.engine.intake import Context
from chronotui.errors import (
    LogsUnavailableError,
    PageTooLargeError,
    RequestRefusedError,
)
from chronotui.log.attempts import key_of
from chronotui.log.block import LineBlock
from chronotui.log.coverage import (
    END,
    START,
    Coverage,
    LinePosition,
    PageSpan,
    Stretch,
    span_of,
)
from chronotui.log.ledger import NEAR, Gap
from chronotui.model import WorkflowKind
from chronotui.paging import CursorTrail, PageOrder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from chronotui.engine.intake import Intake
    from chronotui.engine.timing import WatchSettings
    from chronotui.log.ledger import Ledger
    from chronotui.model import LogLine, LogPage, Workflow

    Fetch = Callable[[str | None, bool], Awaitable[LogPage]]
    Enough = Callable[[Sequence[LogLine]], bool]
    Limiter = Callable[[], Awaitable[None]] | None

FEW_PAGES: Final = 5
"""The first pages of a walk enter at once, later ones may wait for others. A log
longer than this is sooner read in one piece, where the server gives it."""

PAGES_FOR_POSSIBLE: Final = 8
"""So many pages in a row are read for numbers that are probably only skipped: what
is known to be missing does not wait for more. The next try goes on from there."""

PAGES_FOR_ATTEMPT: Final = 50
"""So many more are read on opening to come to the last attempt, whose numbers may be
far below another's where attempts interleave."""


def refuse_without_log(workflow: Workflow | None) -> None:
    """Raise that a workflow never has logs, if so (WIRE.md "Workflows")."""
    if workflow is not None and workflow.kind == WorkflowKind.HEARTBEAT:
        raise LogsUnavailableError(
            "A HEARTBEAT workflow only asks an address whether it answers; "
            "its jobs have no log.",
            next_step="Its Details show what was asked and how it ended.",
        )


def enough_of(settings: WatchSettings) -> Enough:
    """Return what tells, page by page, that the log was read back far enough."""
    read = 0

    def enough(lines: Sequence[LogLine]) -> bool:
        nonlocal read
        read += len(lines)
        if settings.since_ns is not None:
            times = [line.time_ns for line in lines if line.time_ns is not None]
            return bool(times) and min(times) < settings.since_ns
        return settings.tail is not None and read >= settings.tail

    return enough


class Account:
    """What the ledger learns from pages: where counting begins, and what is settled.

    Without a stream, as here, what a stretch just read does not hold is not retained.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.coverage = Coverage()

    def page_read(self) -> None:
        """Note that a page was read: counting begins where the log was read back to."""
        ledger, coverage = self.ledger, self.coverage
        ledger.whole = coverage.counts_from_start
        ledger.interleaved = coverage.interleaved
        if coverage.bottom is not None:
            ledger.reached = coverage.bottom.key

    def newest_read(self) -> None:
        """Note that the newest page was read."""

    def stretch_read(self, stretch: Stretch) -> None:
        """Note that a stretch was read without a break, and its lines are held."""
        self.settle(stretch)

    def settle(self, stretch: Stretch) -> None:
        """Take it as certain that what a stretch does not hold is not retained."""
        ranges = self.coverage.ranges_of(stretch, self.ledger.attempts())
        for attempt, first, last in ranges:
            account = self.ledger.attempt(attempt)
            if account is not None:
                account.settle(first, last)

    def renumbered(self, attempt_at: Callable[[int], int]) -> None:
        """Find every place again after lines turned out to be of other attempts."""
        self.coverage.renumber(attempt_at)
        if self.coverage.read is not None:
            self.settle(self.coverage.read)
        self.page_read()


def keys_of(lines: Sequence[LogLine]) -> tuple[tuple[int, int, str], ...]:
    """Return what tells whether a page is the same as before."""
    return tuple((line.attempt, line.sequence_num, line.stream) for line in lines)


class Walk:
    """One walk along the list, page by page, to its end or its first repetition.

    Yields pages and their lines as placed. A page too large for the server ends it,
    unless a way beyond it is remembered.

    Args:
        cursor: Where to begin.
        limiter: Waits until a request may be made.
        fresh: Whether to read past caches.
        is_long: Whether many pages are expected: after a few, the next one is asked
            for while the last one is worked on. Settle the intake after such a walk,
            and close it.

    Attributes:
        is_blocked: Whether it ended at a page too large for the server.
    """

    def __init__(
        self,
        pages: RetainedPages,
        cursor: str | None = None,
        limiter: Limiter = None,
        *,
        fresh: bool = True,
        is_long: bool = False,
    ) -> None:
        self._pages = pages
        self._next = cursor
        self._limiter = limiter
        self._fresh = fresh
        self._is_long = is_long
        self._trail = CursorTrail()
        self._context = Context()
        self._last: LogLine | None = None
        self._seen: set[tuple[LinePosition, LinePosition]] = set()
        self._over = False
        self._restarts = pages.restarts
        self._begun_again = False
        self._count = 0
        self._ahead: asyncio.Task[LogPage] | None = None
        self._edge = edge = pages.coverage.edge_of(cursor)
        self._read = None if edge is None else Stretch(edge, edge)
        self.is_blocked = False

    def __aiter__(self) -> Walk:
        return self

    async def __anext__(self) -> tuple[PageSpan, Sequence[LogLine]]:
        found = None if self._over else await self._next_page()
        if found is None:
            raise StopAsyncIteration
        here, page = found
        self._count += 1
        many = self._is_long and self._count > FEW_PAGES
        if many and page.cursor:
            self._ahead = asyncio.create_task(self._ask(page.cursor))
        coverage = self._pages.coverage
        # Attempts may meet between two pages, and nowhere on one.
        coverage.learn_order((self._last, *page.lines) if self._last else page.lines)
        lines = self._pages.take_page(page, self._context, many=many)
        self._last = page.lines[-1] if page.lines else self._last
        span = span_of(lines, interleaved=coverage.interleaved)
        progress = span is not None and span not in self._seen
        self._next = self._trail.follow(page.cursor, progress=progress)
        self._over = self._next is None
        if self._trail.looped:
            coverage.looped = True
        self._extend(here, span)
        if span is None:
            return PageSpan(START, START, here, self._next), ()
        self._seen.add(span)
        return PageSpan(*span, here, self._next), lines

    async def _next_page(self) -> tuple[str | None, LogPage] | None:
        """Return the next page that can be read, and its cursor; None without one."""
        coverage = self._pages.coverage
        while True:
            here = self._next
            try:
                page = await (self._ahead or self._ask(here))
            except PageTooLargeError:
                self._ahead = None
                coverage.cut(here, self._edge)
                beyond = coverage.way_beyond(self._edge)
                if beyond is None:
                    self._over = self.is_blocked = True
                    return None
                self._next, self._edge = beyond.cursor, beyond.place
                self._last = None
                self._tell()
                self._read = Stretch(beyond.place, beyond.place)
            else:
                self._ahead = None
                if self._restarts != self._pages.restarts:
                    # A cursor was refused, and the first page came: to come by the
                    # same cursors once more is no circle, a second time it is.
                    here, self._restarts = None, self._pages.restarts
                    self._last = None
                    if not self._begun_again:
                        self._begun_again, self._trail = True, CursorTrail()
                return here, page

    def _extend(
        self, here: str | None, span: tuple[LinePosition, LinePosition] | None
    ) -> None:
        """Take a page to the stretch read so far, and tell of it once it is held."""
        coverage = self._pages.coverage
        rising, key = coverage.rising, coverage.key
        if span is not None:
            low, high = span
            if self._read is None:
                first = here is None and self._count == 1
                low = START if first and rising else low
                high = END if first and not rising else high
            else:
                low = min(low, self._read.low, key=key) if rising else low
                high = high if rising else max(high, self._read.high, key=key)
            self._read = Stretch(low, high)
            self._edge = span[1] if rising else span[0]
        elif self._read is None and here is None:
            self._read = Stretch(START, START) if rising else Stretch(END, END)
        if self._read is not None and self._over and not self._trail.looped:
            low, high = self._read
            self._read = Stretch(low, END) if rising else Stretch(START, high)
        coverage.uncut(here, self._read)
        if self._tell() and span is not None:
            self._read = Stretch(*span)

    def _tell(self) -> bool:
        if self._read is None or self._pages.intake.has_waiting:
            return False
        self._pages.account.stretch_read(self._read)
        return True

    async def _ask(self, cursor: str | None) -> LogPage:
        if self._limiter is not None:
            await self._limiter()
        return await self._pages.fetch(cursor, fresh=self._fresh)

    async def aclose(self) -> None:
        """End the walk: a page on its way is not waited for."""
        self._tell()
        if self._ahead is None:
            return
        self._ahead.cancel()
        await asyncio.wait([self._ahead])
        if not self._ahead.cancelled():
            self._ahead.exception()
        self._ahead = None


class RetainedPages:
    """The retained log of one job, read page by page into an intake.

    Args:
        fetch: Reads the page at a cursor, past caches if the flag says so.
        load_raw: Loads everything in another way, where that is possible; asked
            when more than a few pages are to be read back, newest-first.

    Attributes:
        attempts: How many attempts the job had at least, if that is known.
        lines_read: How many lines, those read again included.
        restarts: How often a cursor was refused and the list begun again.
    """

    def __init__(
        self,
        fetch: Fetch,
        intake: Intake,
        account: Account,
        *,
        attempts: int = 0,
        load_raw: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self._fetch = fetch
        self.intake = intake
        self.account = account
        self.coverage = account.coverage
        self.attempts = attempts
        self._load_raw = load_raw
        self._elsewhere = 0
        self.lines_read = 0
        self.restarts = 0

    async def open(self, enough: Enough) -> bool:
        """Read what is wanted on opening, or go on where a reading was broken off.

        Newest-first this goes back from the newest page until ``enough`` says so of
        a page's lines; oldest-first it goes on to the end of the list.

        Returns:
            False when a page too large for the server stands before it.
        """
        coverage = self.coverage
        if coverage.top is None:
            return await self._open_new(enough, None)
        await self.read_tail()
        while not coverage.rising and not coverage.at_start:
            page = await self.read_older()
            if page is None or enough(page):
                break
        return not coverage.cut_off

    async def _open_new(self, enough: Enough, limiter: Limiter) -> bool:
        coverage, account = self.coverage, self.account
        pages = 0
        self._elsewhere = 0
        walk = Walk(self, None, limiter, is_long=True)
        try:
            async for page, lines in walk:
                pages += 1
                self._take_in(page, lines)
                is_enough = self._is_enough(enough, lines)
                account.page_read()
                if page.next_cursor is None:
                    break
                if is_enough and coverage.order is not None and not coverage.rising:
                    return True
                if pages == FEW_PAGES and await self._is_loaded_otherwise():
                    return True
        finally:
            self.intake.settle()
            await walk.aclose()
        if walk.is_blocked:
            account.page_read()
            return False
        coverage.at_end = True
        coverage.at_start = coverage.rising or not coverage.looped
        coverage.older = None
        if coverage.rising:
            account.newest_read()
        account.page_read()
        return True

    def _take_in(self, page: PageSpan, lines: Sequence[LogLine]) -> None:
        coverage = self.coverage
        self._cover(page, lines)
        if coverage.rising:
            coverage.tail, coverage.newest = page.cursor, keys_of(lines)
            coverage.at_start = True
            return
        coverage.at_end = True
        coverage.older = page.next_cursor
        if lines and not coverage.newest:
            coverage.newest = keys_of(lines)
            self.account.newest_read()

    def _is_enough(self, enough: Enough, lines: Sequence[LogLine]) -> bool:
        """Tell whether a page reaches as far back as is wanted.

        What is wanted counts from the last attempt's end. Where attempts interleave,
        its numbers may be far below an earlier one's: pages without it count only
        when there were many.
        """
        coverage = self.coverage
        if not coverage.interleaved:
            return enough(lines)
        held = max(self.intake.ledger.attempts(), default=0)
        last = max(self.attempts, held, coverage.newest_attempt)
        mine = [line for line in lines if line.attempt == last]
        if mine:
            return enough(mine)
        self._elsewhere += 1
        return self._elsewhere > PAGES_FOR_ATTEMPT and enough(lines)

    async def _is_loaded_otherwise(self) -> bool:
        if self.coverage.rising or self._load_raw is None:
            return False
        return await self._load_raw()

    async def read_tail(self, limiter: Limiter = None) -> bool:
        """Read the newest page again, and back to what had been read.

        Return whether the newest page holds other lines than last time.
        """
        coverage = self.coverage
        before = coverage.newest
        if coverage.top is None:
            await self._open_new(lambda _: False, limiter)
        elif coverage.rising:
            await self._read_on(limiter)
        else:
            await self._read_down(limiter)
        return coverage.newest != before

    async def _read_on(self, limiter: Limiter) -> None:
        """Oldest-first: read the last page again, and what follows it."""
        coverage = self.coverage
        walk = Walk(self, coverage.tail, limiter)
        async for page, lines in walk:
            self._cover(page, lines)
            coverage.tail = page.cursor
            if lines:
                coverage.newest = keys_of(lines)
            self.account.page_read()
        if walk.is_blocked:
            self.account.page_read()
        else:
            coverage.at_end = True
            self.account.newest_read()

    async def _read_down(self, limiter: Limiter) -> None:
        """Newest-first: read from the newest page down to what is held.

        What is missing below that is a gap, and is looked for as one.
        """
        coverage = self.coverage
        newest = None
        held = self.highest()
        walk = Walk(self, None, limiter)
        async for page, lines in walk:
            coverage.remember(page)
            if lines and newest is None:
                newest = keys_of(lines)
                coverage.reach(page.high, page.high)
                self.account.newest_read()
            if lines and coverage.key(page.low) <= coverage.key(held):
                self._join_bottom(page)
                break
            self.account.page_read()
        else:
            if not coverage.looped and not walk.is_blocked:
                coverage.at_start = True
        coverage.newest = (newest or ()) + await self._read_last_attempt(limiter)
        self.account.page_read()

    def highest(self) -> LinePosition:
        """Return the newest place held, as the list has it."""
        ledger = self.intake.ledger
        found = [LinePosition(0, -1)]
        for attempt in ledger.attempts():
            account = ledger.attempt(attempt)
            if account is not None:
                found.append(LinePosition(attempt, account.highest))
        return max(found, key=self.coverage.key)

    async def _read_last_attempt(
        self, limiter: Limiter
    ) -> tuple[tuple[int, int, str], ...]:
        """Read on at the end of the last attempt if the newest page is not there.

        Where attempts interleave its numbers may be below an earlier one's. Return what
        tells whether it has grown.
        """
        ledger, newest = self.intake.ledger, self.highest()
        last = max(ledger.attempts(), default=0)
        account = ledger.attempt(last)
        if not self.coverage.interleaved or newest.attempt == last or account is None:
            return ()
        after = account.highest + 1
        await self.read_gap(Gap(last, after, after, 0), limiter)
        return ((last, account.highest, ""),)

    def _join_bottom(self, page: PageSpan) -> None:
        """Take over where a page leads that reaches below all that was read."""
        bottom = self.coverage.bottom
        key = self.coverage.key
        if bottom is None or key(page.low) < key(bottom):
            self.coverage.bottom = page.low
            self.coverage.older = page.next_cursor

    def has_read(self, line: LogLine) -> bool:
        """Tell whether pages had a line before the stream brings it."""
        top = self.coverage.top
        if top is None or not line.event_id or line[:2] > top[:2]:
            return False
        held = self.intake.store.find(key_of(line))
        return held is not None and self.intake.store.line(held).retained

    async def read_older(self) -> Sequence[LogLine] | None:
        """Read the next page below what has been read; None when there is none.

        Empty pages on the way are walked over.
        """
        coverage = self.coverage
        if coverage.rising or coverage.at_start or coverage.bottom is None:
            return None
        bottom = coverage.key(coverage.bottom)
        walk = Walk(self, coverage.older, fresh=False)
        async for page, lines in walk:
            self._cover(page, lines)
            coverage.older = page.next_cursor
            if coverage.meets_head():
                self._all_read()
                return lines
            if lines and coverage.key(page.low) < bottom and page.next_cursor:
                self.account.page_read()
                return lines
        coverage.at_start = not coverage.looped and not walk.is_blocked
        self.account.page_read()
        return None

    def downloaded(self, last: tuple[int, int] | None) -> bool:
        """Take note that a download brought the log from its first line on to ``last``.

        Return False when lines are known that should have followed: it was cut where
        its format does not show it.
        """
        bottom, key = self.coverage.bottom, self.coverage.key
        if bottom is not None and (last is None or key(last) < key(bottom)):
            return False
        top = self.coverage.top
        if top is None or (last is not None and key(last)[0] >= key(top)[0]):
            self.coverage.loaded()
        self._all_read()
        return True

    def loaded_all(self) -> None:
        self.coverage.loaded()
        self._all_read()

    def confirmed(self, *, whole: bool) -> None:
        """Take note that every retained line is held, at least of what is wanted."""
        if whole:
            self.loaded_all()
            return
        self.coverage.loaded()
        bottom = self.coverage.bottom
        if bottom is not None:
            self.account.stretch_read(Stretch(bottom, END))
        self.account.page_read()

    def _all_read(self) -> None:
        """Take note that nothing between the log's first and last line is unread."""
        attempts = self.intake.ledger.attempts()
        if not attempts:
            return
        coverage, store = self.coverage, self.intake.store
        ends = [store.attempt_range(attempt).stop - 1 for attempt in attempts]
        coverage.note([store.line(end) for end in ends if end >= 0])
        coverage.reach(LinePosition(attempts[0], 0), self.highest())
        coverage.reached_start()
        coverage.at_end = True
        coverage.older = None
        self.account.stretch_read(Stretch(START, END))
        self.account.page_read()

    def loaded_head(self, lines: Sequence[LogLine]) -> None:
        """Take note of lines that a download brought from the log's beginning on."""
        last = lines[-1]
        if not isinstance(lines, LineBlock):
            self.coverage.learn_attempts(lines, PageOrder.OLDEST_FIRST)
        self.coverage.grow_head(LinePosition(*last[:2], last.time_ns), len(lines))
        self.account.page_read()

    async def read_gap(self, gap: Gap, limiter: Limiter = None) -> Stretch | None:
        """Read the pages a gap lies in again; return what of its attempt was read."""
        coverage = self.coverage
        key, rising = coverage.key, coverage.rising
        # The line that is missing may stand a little before where the count says so,
        # and one of a doubled number a little before the end of an attempt.
        only_skipped = gap.possible and not gap.missing
        near = 0 if only_skipped else NEAR
        first, last = coverage.around(gap._replace(first=gap.first - near))
        begin = coverage.way_to(first, last)
        if begin is None and rising and coverage.top is not None:
            begin = None if key(first) <= key(coverage.top) else coverage.tail
        left = PAGES_FOR_POSSIBLE if only_skipped else -1
        low: LinePosition | None = None
        high: LinePosition | None = None
        walk = Walk(self, begin, limiter)
        async for page, lines in walk:
            coverage.remember(page)
            if lines and rising:
                self._move_tail(page, lines)
            if lines:
                low = page.low if low is None else min(low, page.low, key=key)
                high = page.high if high is None else max(high, page.high, key=key)
            self.account.page_read()
            left -= 1
            if not left or (
                low is not None
                and high is not None
                and (key(high) > key(last) if rising else key(low) < key(first))
            ):
                break
        else:
            if not walk.is_blocked:
                low, high = self._beyond(low, high, begin)
        return self._of_attempt(gap.attempt, low, high)

    def _of_attempt(
        self, attempt: int, low: LinePosition | None, high: LinePosition | None
    ) -> Stretch | None:
        """Return what was read, of this attempt alone where attempts interleave."""
        if low is None or high is None:
            return None
        if self.coverage.interleaved:
            low, high = low._replace(attempt=attempt), high._replace(attempt=attempt)
        return Stretch(low, high)

    def _move_tail(self, page: PageSpan, lines: Sequence[LogLine]) -> None:
        """Oldest-first: take note of a page at or after the last one known."""
        coverage = self.coverage
        top = coverage.top
        if top is None or coverage.key(page.high) >= coverage.key(top):
            coverage.reach(page.low, page.high)
            coverage.tail, coverage.newest = page.cursor, keys_of(lines)

    def _beyond(
        self, low: LinePosition | None, high: LinePosition | None, begin: str | None
    ) -> tuple[LinePosition | None, LinePosition | None]:
        """Widen what a walk to the list's end has read by what the end rules out."""
        if self.coverage.rising:
            return low or (START if begin is None else None), END
        return START, high or (END if begin is None else None)

    async def fetch(self, cursor: str | None, *, fresh: bool) -> LogPage:
        try:
            return await self._fetch(cursor, fresh)
        except RequestRefusedError:
            if cursor is None:
                raise
            self.coverage.forget_cursors()
            self.restarts += 1
            return await self._fetch(None, True)

    def take_page(
        self, page: LogPage, context: Context, *, many: bool
    ) -> Sequence[LogLine]:
        """Take a page, maybe one of ``many`` in a row; return its lines as placed."""
        way = self.coverage.way
        if many:
            now = asyncio.get_running_loop().time()
            lines = self.intake.take_page(page.lines, way, context, now)
        else:
            lines = self.intake.take(page.lines, way, context)
        self.coverage.note(lines)
        self.lines_read += len(lines)
        return lines

    def _cover(self, page: PageSpan, lines: Sequence[LogLine]) -> None:
        if lines:
            self.coverage.remember(page)
            self.coverage.reach(page.low, page.high)
