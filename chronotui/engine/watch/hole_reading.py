"""Reading the pages again that a hole lies in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.core.coverage import Place
from chronotui.engine.watch.walk import keys_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.core.coverage import Coverage, PageSpan
    from chronotui.core.ledger import Hole
    from chronotui.engine.watch.pages import RetainedPages
    from chronotui.engine.watch.walk import Permit
    from chronotui.model import LogLine


async def read_hole(
    pages: RetainedPages, hole: Hole, permit: Permit
) -> tuple[Place, Place] | None:
    """Read the pages a hole lies in again.

    Returns:
        The lowest and highest place that was read; None if nothing was.
    """
    first, last = hole[:2], (hole.attempt, hole.last)
    coverage = pages.coverage
    begin = coverage.way_to(first, last)
    if begin is None and coverage.rising and coverage.top is not None:
        begin = None if first <= coverage.top.key else coverage.tail
    low: Place | None = None
    high: Place | None = None
    async for page, lines in pages.walk(begin, permit, fresh=True):
        coverage.remember(page)
        if lines and coverage.rising:
            _move_tail(coverage, page, lines)
        if lines:
            low = page.low if low is None else min(low, page.low, key=_key)
            high = page.high if high is None else max(high, page.high, key=_key)
        pages.on_page()
        if low and high and (high.key > last if coverage.rising else low.key < first):
            break
    else:
        low, high = _beyond(coverage, low, high, begin)
    return None if low is None or high is None else (low, high)


def _move_tail(coverage: Coverage, page: PageSpan, lines: Sequence[LogLine]) -> None:
    """Oldest-first: take note of a page at or after the last one known."""
    if coverage.top is None or page.high.key >= coverage.top.key:
        coverage.reach(page.low, page.high)
        coverage.tail, coverage.newest = page.cursor, keys_of(lines)


def _beyond(
    coverage: Coverage, low: Place | None, high: Place | None, begin: str | None
) -> tuple[Place | None, Place | None]:
    """Widen what a walk to the list's end has read by what the end rules out."""
    lowest, highest = Place(0, 0), Place(1 << 30, 0)
    if coverage.rising:
        return low or (lowest if begin is None else None), highest
    return lowest, high or (highest if begin is None else None)


def _key(place: Place) -> tuple[int, int]:
    return place.key
