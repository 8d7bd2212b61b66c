"""One walk along a paged list of retained lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.core.coverage import PageSpan, Place, span_of
from chronotui.core.paging import CursorTrail
from chronotui.engine.watch.intake import Context

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from chronotui.engine.watch.pages import RetainedPages
    from chronotui.model import LogLine

    Permit = Callable[[], Awaitable[None]]

NOWHERE: Final = Place(0, 0)
"""Where an empty page is."""


async def unlimited() -> None:
    """Permit a request at once."""


class Walk:
    """One walk along the list, page by page, to its end or its first repetition."""

    def __init__(
        self, pages: RetainedPages, cursor: str | None, permit: Permit, *, fresh: bool
    ) -> None:
        self._pages = pages
        self._next = cursor
        self._permit = permit
        self._fresh = fresh
        self._trail = CursorTrail()
        self._context = Context()
        self._seen: set[tuple[Place, Place]] = set()
        self._over = False

    def __aiter__(self) -> Walk:
        return self

    async def __anext__(self) -> tuple[PageSpan, Sequence[LogLine]]:
        """Return the next page and its lines as placed; () for an empty one."""
        if self._over:
            raise StopAsyncIteration
        await self._permit()
        here = self._next
        lines, cursor = await self._pages.take_page(
            here, self._context, fresh=self._fresh
        )
        span = span_of(lines)
        progress = span is not None and span not in self._seen
        self._next = self._trail.follow(cursor, progress=progress)
        self._over = self._next is None
        if self._trail.looped:
            self._pages.coverage.looped = True
        if span is None:
            return PageSpan(NOWHERE, NOWHERE, here, self._next), ()
        self._seen.add(span)
        return PageSpan(*span, here, self._next), lines
