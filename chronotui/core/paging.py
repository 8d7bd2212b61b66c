"""Walking a list page by page: cursors that loop, and which end comes first."""

from __future__ import annotations

from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.model import LogLine

PAGES_WITHOUT_PROGRESS: Final = 200
"""So many pages in a row without a line not seen on the walk are a circle: a wire
note allows empty pages with cursors, and no server is known to send long runs."""


class PageOrder(Enum):
    """Which end of a log its first page shows (wire note "Retained logs")."""

    NEWEST_FIRST = "newest first"
    OLDEST_FIRST = "oldest first"


def order_of(lines: Sequence[LogLine]) -> PageOrder | None:
    """Tell the order of a list from lines in the order the server sent them.

    Most steps decide, so that the fall from one attempt to the next one, or lines
    that share a number, do not.

    Returns:
        None when the lines do not tell: fewer than two, or all of one number.
    """
    balance = 0
    for one, other in pairwise(lines):
        here = (one.attempt, one.sequence_num)
        there = (other.attempt, other.sequence_num)
        balance += (there > here) - (there < here)
    if not balance:
        return None
    return PageOrder.OLDEST_FIRST if balance > 0 else PageOrder.NEWEST_FIRST


class CursorTrail:
    """The cursors one walk has come by (design invariant 10)."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._idle = 0
        self.looped = False

    def follow(self, cursor: str | None, *, progress: bool = True) -> str | None:
        """Take the cursor of a page just read.

        Args:
            cursor: What the page says; None or "" ends the list.
            progress: Whether the page held anything not seen before on this walk.

        Returns:
            The cursor to go on with; None at the end, and when the list leads in
            circles, which ``looped`` then tells.
        """
        self._idle = 0 if progress else self._idle + 1
        if not cursor:
            return None
        if cursor in self._seen or self._idle >= PAGES_WITHOUT_PROGRESS:
            self.looped = True
            return None
        self._seen.add(cursor)
        return cursor
