"""Walking a list page by page: cursors that loop, and which end comes first."""

from __future__ import annotations

from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.model import LogLine

PAGES_WITHOUT_PROGRESS: Final = 200
"""So many pages in a row without a line not seen on the walk are a circle: an empty
page may carry a cursor, but no server is known to send long runs of them."""


class PageOrder(Enum):
    """Which end of a log its first page shows (WIRE.md "Logs")."""

    NEWEST_FIRST = "newest first"
    OLDEST_FIRST = "oldest first"


def order_of(lines: Sequence[LogLine]) -> PageOrder | None:
    """Tell the order of a list from lines in the order the server sent them.

    Each line is held against the one before it of its attempt, for attempts may
    interleave; most steps decide. Only where no attempt has two lines, the attempts
    themselves decide.

    Returns:
        None when the lines do not tell: fewer than two, or all of one number.
    """
    balance = among = 0
    before: dict[int, int] = {}
    for line in lines:
        last = before.get(line.attempt)
        if last is not None:
            balance += (line.sequence_num > last) - (line.sequence_num < last)
        before[line.attempt] = line.sequence_num
    if len(before) == len(lines):
        among = sum((b > a) - (b < a) for a, b in pairwise(before))
    balance = balance or among
    if not balance:
        return None
    return PageOrder.OLDEST_FIRST if balance > 0 else PageOrder.NEWEST_FIRST


def interleaves(lines: Sequence[LogLine], order: PageOrder) -> bool | None:
    """Tell whether a list goes by number across attempts (WIRE.md "Logs").

    Else it goes attempt after attempt, and each begins its numbers anew.

    Returns:
        None when the page, in the order the server sent it, does not tell.
    """
    for pair in pairwise(lines):
        lower, upper = pair if order is PageOrder.OLDEST_FIRST else pair[::-1]
        if lower.attempt == upper.attempt or not lower.attempt or not upper.attempt:
            continue
        if upper.attempt < lower.attempt:
            return True
        if upper.sequence_num < lower.sequence_num:
            return False
        if upper.sequence_num > 1:
            return True
    return None


class CursorTrail:
    """The cursors one walk has come by (DESIGN.md, invariant 10)."""

    def __init__(self) -> None:
        # Cursors may be long, and a walk too: their hashes tell them apart as well.
        self._seen: set[int] = set()
        self._idle = 0
        self.looped = False

    def follow(self, cursor: str | None, *, progress: bool = True) -> str | None:
        """Take the cursor of a page just read; return the one to go on with.

        None at the end of the list, and when it leads in circles, which ``looped``
        then tells: with a cursor seen before, or after too many pages without
        ``progress``, which held nothing that was not seen before on this walk.
        """
        self._idle = 0 if progress else self._idle + 1
        if not cursor:
            return None
        if hash(cursor) in self._seen or self._idle >= PAGES_WITHOUT_PROGRESS:
            self.looped = True
            return None
        self._seen.add(hash(cursor))
        return cursor
