"""Reading all rows of one second, and finding where a row is that cannot be read.

Rows of one second come in another order for each page and each size of a page, so a
walk through a second that fills several pages shows some rows twice and others never.
It is repeated with other sizes until as many rows are known as the server counts. A
row the server stumbles over fails every page that holds it: its neighbours are met on
pages that do not. How many rows there are is told by a page far behind the last, which
holds none and so never fails.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from msgspec import Struct, field

from chronotui.sources.dify.query import FILTERED_STATUSES
from chronotui.sources.dify.refusals import OddRowError, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chronotui.sources.dify.wire import RowPage, RunRow

MOST_ROWS: Final = 100
"""The largest page there is."""

LAST_PAGE: Final = 99_999
"""The largest page number that is taken; it holds nothing, and its total is right."""

_SIZES: Final = (100, 99, 97, 91, 83, 77, 71, 64, 59, 53, 50, 47)
"""Page sizes of the walks through a second. A walk meets a row with a chance of about
two in three: after twelve, one row in 200,000 was never met."""

_SPLIT_AFTER: Final = 8
"""After so many walks the states are read apart, whose lists are shorter."""

_TRIES_BESIDE_ODD: Final = 24
"""Pages tried around unreadable rows, and three for each row of their second."""

_MOST_TRIES: Final = 600
_MOST_PAGES: Final = 200
"""Pages of one walk through a second, whatever the server counts."""

_MOST_ODD: Final = 1000
"""Unreadable rows of a second that are stood in for; more are only counted."""

_REACHES: Final = (1, 3, 10, 30)
"""How many seconds a window goes on above the second read."""

_CENTURY: Final = 4_102_444_800
"""The year 2100: no row is newer."""


class AskRows(Protocol):
    """Asks for a page of rows between two seconds, both inclusive.

    ``status`` narrows it further. Raises an OddRowError for a page that holds a row the
    server cannot write, and other ChronotuiErrors.
    """

    async def __call__(
        self,
        after: int | None,
        before: int | None,
        page: int,
        limit: int,
        *,
        status: str = "",
    ) -> RowPage: ...

    @property
    def splits_by_status(self) -> bool:
        """Whether rows are not narrowed by a state already."""


class OddRow(NamedTuple):
    """A row that cannot be read: its place, and what the server said."""

    second: int
    number: int
    said: str


class WholeSecond(Struct):
    """What is known of one second's rows.

    ``missing`` counts those that never came, ``ignores_times`` says that the server
    gave rows of other seconds.
    """

    second: int
    rows: dict[str, RunRow] = field(default_factory=dict)
    count: int = 0
    odd: list[OddRow] = field(default_factory=list)
    ignores_times: bool = False

    @property
    def missing(self) -> int:
        return max(0, self.count - len(self.rows) - len(self.odd))

    def take(self, page: RowPage) -> None:
        for row in page.rows:
            if row.second == self.second:
                self.rows[row.id] = row

    @property
    def is_done(self) -> bool:
        return self.ignores_times or len(self.rows) >= self.count


async def count_rows(ask: AskRows, after: int | None, before: int | None) -> int:
    """Return how many rows there are between two seconds, without reading any.

    Raises:
        UnreadableAnswerError: The server does not say.
    """
    page = await ask(after, before, LAST_PAGE, 1)
    if page.total is None:
        raise unreadable("the list of runs", "it does not say how many there are")
    return page.total


async def newest_second(
    ask: AskRows, after: int | None, before: int | None
) -> int | None:
    """Return the second of the newest row in a window, None for an empty window.

    The row need not be readable: rows are only counted. Looks back from the window's
    end in doubling steps, then halves.
    """
    least = 0 if after is None else after
    newest = _CENTURY if before is None else before
    soon = int(time.time()) + 60
    if before is None and not await count_rows(ask, max(least, soon), None):
        newest = soon
    width = 1
    while not await count_rows(ask, max(least, newest - width), before):
        if newest - width <= least:
            return None
        newest -= width + 1
        width *= 2
    oldest = max(least, newest - width)
    while oldest < newest:
        middle = (oldest + newest + 1) // 2
        if await count_rows(ask, middle, before):
            oldest = middle
        else:
            newest = middle - 1
    return oldest


async def read_second(ask: AskRows, second: int) -> WholeSecond:
    """Read every row of one second that can be read.

    Raises:
        ChronotuiError: A request failed.
    """
    found = WholeSecond(second)
    try:
        await _walk(ask, found)
    except OddRowError as error:
        found.count = await count_rows(ask, second, second)
        await _read_beside(ask, found)
        unread = min(found.count - len(found.rows), _MOST_ODD)
        odd = range(1, unread + 1)
        found.odd = [OddRow(second, number, error.sentence) for number in odd]
    return found


async def _walk(ask: AskRows, found: WholeSecond) -> None:
    """Walk through a second until all that is counted is known, or many times."""
    for number, size in enumerate(_SIZES):
        if number >= _SPLIT_AFTER and ask.splits_by_status:
            for status in FILTERED_STATUSES:
                await _walk_once(ask, found, size, status)
        else:
            await _walk_once(ask, found, size)
        if found.is_done:
            return


async def _walk_once(
    ask: AskRows, found: WholeSecond, size: int, status: str = ""
) -> None:
    second = found.second
    for number in range(1, _MOST_PAGES + 1):
        page = await ask(second, second, number, size, status=status)
        has_more = page.leads_on(number, size)
        found.ignores_times |= any(row.second != second for row in page.rows)
        found.take(page)
        if not status:
            unsaid = len(found.rows) + has_more
            found.count = unsaid if page.total is None else page.total
        if found.is_done or not has_more:
            return


async def _read_beside(ask: AskRows, found: WholeSecond) -> None:
    """Read the readable rows of a second in which at least one is not.

    Pages of many sizes are tried, and lists of one state; those without an unreadable
    row succeed. A server may shuffle anew, so all is tried more than once.
    """
    second = found.second
    tries = min(_TRIES_BESIDE_ODD + 3 * found.count, _MOST_TRIES)
    shifts = await _shifts(ask, found)
    while tries > 0 and len(found.rows) < found.count - 1:
        for before, page, size, status in _pages_beside(ask, found.count, shifts):
            if len(found.rows) >= found.count - 1 or tries <= 0:
                return
            tries -= 1
            with suppress(OddRowError):
                found.take(await ask(second, before, page, size, status=status))


async def _shifts(ask: AskRows, found: WholeSecond) -> dict[int, int]:
    """Return ends of windows that begin with the second, by how many rows are newer.

    Newer rows shift what a page of the window holds.
    """
    second = found.second
    shifts = {0: second}
    if found.count > 1:
        for reach in _REACHES:
            above = await count_rows(ask, second + 1, second + reach)
            shifts.setdefault(above, second + reach)
    return shifts


def _pages_beside(
    ask: AskRows, count: int, shifts: Mapping[int, int]
) -> Iterator[tuple[int, int, int, str]]:
    """Yield the end of a window, a page, its size and a state to narrow it by."""
    for above, before in shifts.items():
        for page, size in _pages_of(above, count):
            yield before, page, size, ""
        if not above and ask.splits_by_status:
            for status in FILTERED_STATUSES:
                yield before, 1, MOST_ROWS, status


def _pages_of(above: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield pages and their sizes that hold so many rows behind those above.

    Small pages pass an unreadable row by; larger ones bring more at once.
    """
    sizes = dict.fromkeys(
        max(1, min(largest, count // share))
        for largest, share in zip(_SIZES, (2, 3, 4, 6, 8, count), strict=False)
    )
    return (
        (page, size)
        for size in sizes
        for page in range(above // size + 1, (above + count - 1) // size + 2)
        if page <= LAST_PAGE
    )
