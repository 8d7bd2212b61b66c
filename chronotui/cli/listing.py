"""Reading a list page by page, as far as it is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from chronotui.core.paging import CursorTrail

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chronotui.model import Page

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """What was read of a list.

    Attributes:
        items: In the server's order.
        has_more: Whether the list goes on.
        looped: Whether the server's cursors lead in circles; what is here is what
            came before they did.
        hidden: How many items were passed over, for they were not asked for.
    """

    items: list[Item]
    has_more: bool
    looped: bool
    hidden: int = 0


async def read_list(
    page_at: Callable[[str | None], Awaitable[Page[Item]]], limit: int | None
) -> Listing[Item]:
    """Read a list from its start; ``limit`` None reads all of it.

    Raises:
        ChronotuiError: A page cannot be read.
    """
    trail = CursorTrail()
    items: list[Item] = []
    cursor: str | None = None
    hidden = 0
    while True:
        page = await page_at(cursor)
        items.extend(page.items)
        hidden += page.hidden
        cursor = trail.follow(page.cursor, progress=page.brought_any)
        is_full = limit is not None and len(items) > limit
        if cursor is None or is_full:
            break
    has_more = limit is not None and len(items) > limit
    return Listing(items[:limit], has_more, trail.looped, hidden)
