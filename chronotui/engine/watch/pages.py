"""Reading the retained log: walks along its pages, whichever end they begin at."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from chronotui.core.coverage import Coverage, PageSpan, Place
from chronotui.engine.watch.hole_reading import read_hole
from chronotui.engine.watch.walk import Walk, keys_of, unlimited
from chronotui.errors import RequestRefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from chronotui.core.ledger import Hole
    from chronotui.engine.watch.intake import Context, Intake
    from chronotui.engine.watch.walk import Permit
    from chronotui.model import LogLine, LogPage

    Fetch = Callable[[str | None, bool], Awaitable[LogPage]]
    Enough = Callable[[Sequence[LogLine]], bool]


PAGES_BEFORE_RAW: Final = 5
"""A log longer than this is sooner read in one piece, where the server gives it."""


class RetainedPages:
    """The retained log of one job, read page by page into an intake.

    Args:
        fetch: Reads the page at a cursor, past caches if the flag says so.
        intake: Takes the lines.

    Attributes:
        on_page: Called after each page.
        on_newest: Called after the newest page was read.
        load_raw: Loads everything in another way, where that is possible; asked
            when more than a few pages are to be read back, newest-first.
        coverage: What has been read.
        lines_read: How many lines, those read again included.
    """

    def __init__(self, fetch: Fetch, intake: Intake) -> None:
        self._fetch = fetch
        self.intake = intake
        self.on_page: Callable[[], None] = _nothing
        self.on_newest: Callable[[], None] = _nothing
        self.load_raw: Callable[[], Awaitable[bool]] = _not_possible
        self.coverage = Coverage()
        self.lines_read = 0

    async def open(self, enough: Enough, permit: Permit = unlimited) -> None:
        """Read what is wanted on opening, or go on where a reading was broken off.

        Newest-first this goes back from the newest page until ``enough`` says so of
        a page's lines; oldest-first it goes on to the end of the list.
        """
        coverage = self.coverage
        if coverage.top is None:
            await self._open_new(enough, permit)
            return
        await self.read_tail(permit)
        while not coverage.rising and not coverage.at_start:
            page = await self.read_older(permit)
            if page is None or enough(page):
                return

    async def _open_new(self, enough: Enough, permit: Permit) -> None:
        coverage = self.coverage
        pages = 0
        walk = self._long_walk(permit)
        try:
            async for page, lines in walk:
                pages += 1
                self._take_in(page, lines)
                wanted = not enough(lines) or coverage.order is None or coverage.rising
                self.on_page()
                if page.next_cursor is None:
                    break
                if not wanted or (pages == PAGES_BEFORE_RAW and await self._shortcut()):
                    return
        finally:
            self.intake.settle()
            await walk.aclose()
        coverage.at_end = True
        coverage.at_start = coverage.rising or not coverage.looped
        coverage.older = None
        if coverage.rising:
            self.on_newest()
        self.on_page()

    def _take_in(self, page: PageSpan, lines: Sequence[LogLine]) -> None:
        """Take note of a page read on opening."""
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
            self.on_newest()

    async def _shortcut(self) -> bool:
        return not self.coverage.rising and await self.load_raw()

    async def read_tail(self, permit: Permit = unlimited) -> bool:
        """Read the newest page again, and back to what had been read.

        Returns:
            Whether the newest page holds other lines than last time.
        """
        coverage = self.coverage
        if coverage.top is None:
            before = coverage.newest
            await self._open_new(lambda _: False, permit)
            return coverage.newest != before
        if coverage.rising:
            return await self._read_on(permit)
        return await self._read_down(permit)

    async def _read_on(self, permit: Permit) -> bool:
        """Oldest-first: read the last page again, and what follows it."""
        coverage = self.coverage
        before = coverage.newest
        async for page, lines in self.walk(coverage.tail, permit, fresh=True):
            self._cover(page, lines)
            coverage.tail = page.cursor
            if lines:
                coverage.newest = keys_of(lines)
            self.on_page()
        coverage.at_end = True
        self.on_newest()
        return coverage.newest != before

    async def _read_down(self, permit: Permit) -> bool:
        """Newest-first: read from the newest page down to what is held.

        What is missing below that is a hole, and is looked for as one.
        """
        coverage = self.coverage
        before, newest = coverage.newest, None
        held = self.intake.highest()
        async for page, lines in self.walk(None, permit, fresh=True):
            coverage.remember(page)
            if lines and newest is None:
                newest = keys_of(lines)
                coverage.reach(page.high, page.high)
                self.on_newest()
            if lines and page.low.key <= held:
                self._join_bottom(page)
                break
            self.on_page()
        else:
            coverage.at_start = coverage.at_start or not coverage.looped
        coverage.newest = newest or ()
        self.on_page()
        return coverage.newest != before

    def _join_bottom(self, page: PageSpan) -> None:
        """Take over where a page leads that reaches below all that was read."""
        bottom = self.coverage.bottom
        if bottom is None or page.low.key < bottom.key:
            self.coverage.bottom = page.low
            self.coverage.older = page.next_cursor

    async def read_older(self, permit: Permit = unlimited) -> Sequence[LogLine] | None:
        """Read the next page below what has been read; None when there is none.

        Empty pages on the way are walked over.
        """
        coverage = self.coverage
        if coverage.rising or coverage.at_start or coverage.bottom is None:
            return None
        bottom = coverage.bottom.key
        async for page, lines in self.walk(coverage.older, permit, fresh=False):
            self._cover(page, lines)
            coverage.older = page.next_cursor
            if coverage.meets_head():
                self.loaded_all()
                return lines
            if lines and page.low.key < bottom and page.next_cursor:
                self.on_page()
                return lines
        coverage.at_start = not coverage.looped
        self.on_page()
        return None

    def downloaded(self, last: tuple[int, int] | None) -> bool:
        """Take note that a download brought the log from its first line on.

        Args:
            last: (attempt, number) of its last line; None without lines.

        Returns:
            False when lines are known that should have followed: it was cut where
            its format does not show it.
        """
        bottom = self.coverage.bottom
        # By number alone: a download may mix the attempts of a job.
        if bottom is not None and (last is None or last[1] < bottom.number):
            return False
        self.loaded_all()
        return True

    def loaded_all(self) -> None:
        """Take note that every line was loaded in another way."""
        lowest = next(iter(self.intake.ledger.attempts()), None)
        if lowest is None:
            return
        self.coverage.reach(Place(lowest, 0), Place(*self.intake.highest()))
        self.coverage.reached_start()
        self.coverage.at_end = True
        self.coverage.older = None
        self.on_page()

    def loaded_head(self, lines: Sequence[LogLine]) -> None:
        """Take note of lines that a download brought from the log's beginning on."""
        last = lines[-1]
        self.coverage.grow_head(Place(*last[:2], last.time_ns), len(lines))
        self.on_page()

    async def read_hole(
        self, hole: Hole, permit: Permit = unlimited
    ) -> tuple[Place, Place] | None:
        """Read the pages a hole lies in again.

        Returns:
            The lowest and highest place that was read; None if nothing was.
        """
        return await read_hole(self, hole, permit)

    def walk(self, cursor: str | None, permit: Permit, *, fresh: bool) -> Walk:
        """Begin a walk at a cursor."""
        return Walk(self, cursor, permit, fresh=fresh)

    def _long_walk(self, permit: Permit) -> Walk:
        """Walk all along the list; close it, and settle the intake, afterwards."""
        return Walk(self, None, permit, fresh=True, is_long=True)

    async def fetch(self, cursor: str | None, *, fresh: bool) -> LogPage:
        """Read one page; where its cursor is refused, the list's first one."""
        try:
            return await self._fetch(cursor, fresh)
        except RequestRefusedError:
            if cursor is None:
                raise
            self.coverage.forget_cursors()
            return await self._fetch(None, True)

    def take_page(
        self, page: LogPage, context: Context, *, many: bool
    ) -> Sequence[LogLine]:
        """Take a page into the intake; return its lines as placed.

        Args:
            page: The page.
            context: Of the walk.
            many: Whether it is one of many in a row.
        """
        self.coverage.learn_order(page.lines)
        way = self.coverage.way
        if many:
            now = asyncio.get_running_loop().time()
            lines = self.intake.take_page(page.lines, way, context, now)
        else:
            lines = self.intake.take(page.lines, way, context)
        self.lines_read += len(lines)
        return lines

    def _cover(self, page: PageSpan, lines: Sequence[LogLine]) -> None:
        if lines:
            self.coverage.remember(page)
            self.coverage.reach(page.low, page.high)


async def _not_possible() -> bool:
    """Load nothing."""
    return False


def _nothing() -> None:
    """Tell nobody."""
