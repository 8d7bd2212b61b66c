"""One walk along a paged list of retained lines."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from chronotui.core.coverage import PageSpan, Place, span_of
from chronotui.core.paging import CursorTrail
from chronotui.engine.watch.intake import Context

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from chronotui.engine.watch.pages import RetainedPages
    from chronotui.model import LogLine, LogPage

    Permit = Callable[[], Awaitable[None]]

NOWHERE: Final = Place(0, 0)
"""Where an empty page is."""


FEW_PAGES: Final = 5
"""The first pages of a walk enter at once, later ones may wait for others."""


async def unlimited() -> None:
    """Permit a request at once."""


def keys_of(lines: Sequence[LogLine]) -> tuple[tuple[int, int, str], ...]:
    """Return what tells whether a page is the same as before."""
    return tuple((line.attempt, line.sequence_num, line.stream) for line in lines)


class Walk:
    """One walk along the list, page by page, to its end or its first repetition.

    Args:
        pages: The list.
        cursor: Where to begin.
        permit: Waits until a request may be made.
        fresh: Whether to read past caches.
        is_long: Whether many pages are expected: after a few, the next one is asked
            for while the last one is worked on. Close such a walk.
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
        self._count = 0
        self._coming: asyncio.Task[LogPage] | None = None

    def __aiter__(self) -> Walk:
        return self

    async def __anext__(self) -> tuple[PageSpan, Sequence[LogLine]]:
        """Return the next page and its lines as placed; () for an empty one."""
        if self._over:
            raise StopAsyncIteration
        here = self._next
        page = await (self._coming or self._ask(here))
        self._coming = None
        self._count += 1
        many = self._is_long and self._count > FEW_PAGES
        if many and page.cursor:
            self._coming = asyncio.create_task(self._ask(page.cursor))
        lines = self._pages.take_page(page, self._context, many=many)
        span = span_of(lines)
        progress = span is not None and span not in self._seen
        self._next = self._trail.follow(page.cursor, progress=progress)
        self._over = self._next is None
        if self._trail.looped:
            self._pages.coverage.looped = True
        if span is None:
            return PageSpan(NOWHERE, NOWHERE, here, self._next), ()
        self._seen.add(span)
        return PageSpan(*span, here, self._next), lines

    async def _ask(self, cursor: str | None) -> LogPage:
        await self._permit()
        return await self._pages.fetch(cursor, fresh=self._fresh)

    async def aclose(self) -> None:
        """End the walk: a page on its way is not waited for."""
        if self._coming is None:
            return
        self._coming.cancel()
        await asyncio.wait([self._coming])
        if not self._coming.cancelled():
            self._coming.exception()
        self._coming = None
