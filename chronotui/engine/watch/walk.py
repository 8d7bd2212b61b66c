"""One walk along a paged list of retained lines."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from chronotui.core.coverage import END, START, PageSpan, Place, Stretch, span_of
from chronotui.core.paging import CursorTrail
from chronotui.engine.watch.intake import Context
from chronotui.errors import PageTooLargeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from chronotui.engine.watch.pages import RetainedPages
    from chronotui.model import LogLine, LogPage

    Permit = Callable[[], Awaitable[None]]

FEW_PAGES: Final = 5
"""The first pages of a walk enter at once, later ones may wait for others."""


async def unlimited() -> None:
    """Permit a request at once."""


def keys_of(lines: Sequence[LogLine]) -> tuple[tuple[int, int, str], ...]:
    """Return what tells whether a page is the same as before."""
    return tuple((line.attempt, line.sequence_num, line.stream) for line in lines)


class Walk:
    """One walk along the list, page by page, to its end or its first repetition.

    A page too large for the server ends it, unless a way beyond it is remembered.

    Args:
        pages: The list.
        cursor: Where to begin.
        permit: Waits until a request may be made.
        fresh: Whether to read past caches.
        is_long: Whether many pages are expected: after a few, the next one is asked
            for while the last one is worked on. Close such a walk.

    Attributes:
        is_blocked: Whether it ended at a page too large for the server.
    """

    def __init__(
        self,
        pages: RetainedPages,
        cursor: str | None,
        permit: Permit,
        *,
        fresh: bool,
        is_long: bool = False,
    ) -> None:
        self._pages = pages
        self._next = cursor
        self._permit = permit
        self._fresh = fresh
        self._is_long = is_long
        self._trail = CursorTrail()
        self._context = Context()
        self._seen: set[tuple[Place, Place]] = set()
        self._over = False
        self._restarts = pages.restarts
        self._begun_again = False
        self._count = 0
        self._coming: asyncio.Task[LogPage] | None = None
        self._edge = pages.coverage.edge_of(cursor)
        edge = self._edge
        self._read = None if edge is None else Stretch(edge, edge)
        self.is_blocked = False

    def __aiter__(self) -> Walk:
        return self

    async def __anext__(self) -> tuple[PageSpan, Sequence[LogLine]]:
        """Return the next page and its lines as placed; () for an empty one."""
        found = None if self._over else await self._next_page()
        if found is None:
            raise StopAsyncIteration
        here, page = found
        self._count += 1
        many = self._is_long and self._count > FEW_PAGES
        if many and page.cursor:
            self._coming = asyncio.create_task(self._ask(page.cursor))
        coverage = self._pages.coverage
        lines = self._pages.take_page(page, self._context, many=many)
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
                page = await (self._coming or self._ask(here))
            except PageTooLargeError:
                self._coming = None
                coverage.cut(here, self._edge)
                beyond = coverage.way_beyond(self._edge)
                if beyond is None:
                    self._over = self.is_blocked = True
                    return None
                self._next, self._edge = beyond.cursor, beyond.place
                self._tell()
                self._read = Stretch(beyond.place, beyond.place)
            else:
                self._coming = None
                if self._restarts != self._pages.restarts:
                    # A cursor was refused, and the first page came: to come by the
                    # same cursors once more is no circle, a second time it is.
                    here, self._restarts = None, self._pages.restarts
                    if not self._begun_again:
                        self._begun_again, self._trail = True, CursorTrail()
                return here, page

    def _extend(self, here: str | None, span: tuple[Place, Place] | None) -> None:
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
        """Tell of the stretch read so far, unless lines of it still have to enter."""
        if self._read is None or self._pages.intake.has_waiting:
            return False
        self._pages.coverage.on_read(self._read)
        return True

    async def _ask(self, cursor: str | None) -> LogPage:
        await self._permit()
        return await self._pages.fetch(cursor, fresh=self._fresh)

    async def aclose(self) -> None:
        """End the walk: a page on its way is not waited for."""
        self._tell()
        if self._coming is None:
            return
        self._coming.cancel()
        await asyncio.wait([self._coming])
        if not self._coming.cancelled():
            self._coming.exception()
        self._coming = None
