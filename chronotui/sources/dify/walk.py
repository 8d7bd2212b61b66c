"""Walking the list by second, so that no row is lost (WIRE.md "Dify: paging").

The list is ordered by whole seconds and by nothing else: rows of one second change
places from page to page, and whoever counts pages misses some of them. So each step
asks for the first page again, up to the second that the step before ended in. On such
a page every second but its last is whole. A second that fills a page is read alone,
in pages of changing sizes, until as many rows are known as the server counts. A server
that ignores times is walked by page number, which is all it offers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from chronotui.errors import RequestRefusedError
from chronotui.sources.dify.refusals import OddRowError
from chronotui.sources.dify.second import (
    LAST_PAGE,
    OddRow,
    count_rows,
    newest_second,
    read_second,
)
from chronotui.sources.dify.wire import RowPage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chronotui.sources.dify.second import AskRows
    from chronotui.sources.dify.wire import RunRow

_PAGES_REMEMBERED: Final = 3
"""So many pages' rows are known again where pages are counted: new rows push old ones
on to the next."""


class Place(Struct, frozen=True):
    """How far a walk has come; it goes into a cursor and back.

    Attributes:
        before: The newest second still wanted, inclusive; None at the beginning.
        after: The oldest one.
        last: The second the walk ended in, of which rows may be left; None where all
            above ``before`` is whole.
        seen: Ids of rows that were given and may come again.
        page: The number of the next page, where pages are counted; 0 where not.
        form: Which spelling of the keyword is looked up.
        total: How many rows the first answer counted.
    """

    before: int | None = None
    after: int | None = None
    last: int | None = None
    seen: tuple[str, ...] = ()
    page: int = 0
    form: int = 0
    total: int | None = None

    @property
    def is_behind(self) -> bool:
        """Whether nothing can be left."""
        both = self.before is not None and self.after is not None
        return both and (self.before or 0) < (self.after or 0)

    def holds(self, second: int) -> bool:
        """Whether rows of a second are wanted."""
        if self.before is not None and self.last is None and second > self.before:
            return False
        return self.after is None or second >= self.after

    def lies_outside(self, rows: Sequence[RunRow]) -> bool:
        """Whether a server gave rows that were not asked for, or have no time."""
        return any(
            not row.second
            or (self.before is not None and row.second > self.before)
            or (self.after is not None and row.second < self.after)
            for row in rows
        )

    def counting(self, total: int | None) -> Place:
        """Keep the first total there is."""
        return self if self.total is not None else replace(self, total=total)

    def cursor(self) -> str:
        fields = [
            self.before,
            self.after,
            self.last,
            self.page,
            self.form,
            self.total,
            self.seen,
        ]
        return json.dumps(fields, separators=(",", ":"))


def read_place(cursor: str) -> Place:
    """Read a cursor of ours.

    Raises:
        RequestRefusedError: It is none.
    """
    try:
        before, after, last, page, form, total, seen = json.loads(cursor)
        numbers = (before, after, last, page, form, total)
        are_numbers = all(one is None or isinstance(one, int) for one in numbers)
        ids = tuple(map(str, seen))
    except (ValueError, TypeError):
        are_numbers = False
    if not are_numbers:
        raise RequestRefusedError(
            "That is no place in a list of runs.", next_step="Read the list anew."
        )
    return Place(before, after, last, ids, page, form, total)


class WalkStep(Struct):
    """What one step brought: rows in the server's order, and where to go on.

    ``missing`` counts rows that the server counts and never showed, ``total`` all there
    are. ``ignores_times`` says that pages are counted from here on.
    """

    rows: list[RunRow] = field(default_factory=list)
    odd: list[OddRow] = field(default_factory=list)
    place: Place | None = None
    missing: int = 0
    total: int | None = None
    ignores_times: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing came and nothing follows."""
        return not (self.rows or self.odd or self.place)


async def step(ask: AskRows, place: Place, limit: int) -> WalkStep:
    """Read on from a place.

    Raises:
        ChronotuiError: A request failed; nothing is lost by taking the step again.
    """
    if place.page:
        return await _by_number(ask, place, limit)
    if place.is_behind:
        return WalkStep(total=place.total)
    try:
        page = await ask(place.after, place.before, 1, limit)
    except OddRowError:
        page, place = await _readable_head(ask, place, limit)
        return await _through_second(ask, place, page, limit)
    place = place.counting(page.total)
    is_moving = not page.rows or place.last is None or page.rows[-1].second < place.last
    if page.leads_on(1, limit) and not is_moving:
        return await _through_second(ask, place, page, limit)
    if place.lies_outside(page.rows):
        return await _ignoring_times(ask, place, limit)
    return _whole_page(place, page, limit)


def _whole_page(place: Place, page: RowPage, limit: int) -> WalkStep:
    rows = _unseen(page.rows, place)
    if not page.rows or not page.leads_on(1, limit):
        return WalkStep(rows, total=place.total)
    last = page.rows[-1].second
    # A server that ignores times would give all of the first page again.
    may_return = tuple(
        row.id for row in page.rows if row.second <= last + 1 or place.last is None
    )
    onward = replace(place, before=last + 1, last=last, seen=may_return)
    return WalkStep(rows, place=onward, total=place.total)


def _unseen(rows: Iterable[RunRow], place: Place) -> list[RunRow]:
    """Leave out what was given, and what has been written above the place since."""
    given = set(place.seen)
    top = None if place.page else place.last
    new = {row.id: row for row in rows if row.id not in given}
    return [row for row in new.values() if top is None or row.second <= top]


async def _readable_head(
    ask: AskRows, place: Place, limit: int
) -> tuple[RowPage, Place]:
    """Return the largest first page without a row that cannot be read.

    It may be empty: the very first row is one. A row on the next larger page is such
    a one, and stands in the last second of this page, or below.
    """
    largest, failing = 0, limit
    head = RowPage([], None, None)
    size = 1  # Such rows often follow one another.
    while largest + 1 < failing or not largest:
        try:
            head = await ask(place.after, place.before, 1, size)
        except OddRowError:
            failing = size
        else:
            largest = size
        if failing == 1:
            break
        size = (largest + failing) // 2
    total = head.total
    if total is None and place.total is None:
        total = await count_rows(ask, place.after, place.before)
    return head, place.counting(total)


async def _through_second(
    ask: AskRows,
    place: Place,
    page: RowPage,
    limit: int,
) -> WalkStep:
    """Read the second that a page ended in alone, and go on below it."""
    if place.lies_outside(page.rows):
        return await _ignoring_times(ask, place, limit)
    second = page.rows[-1].second if page.rows else None
    if second is None:
        second = await newest_second(ask, place.after, place.before)
        if second is None:
            return WalkStep(total=place.total)
    if place.last is not None:
        second = min(second, place.last)
    found = await read_second(ask, second)
    if found.ignores_times:
        return await _ignoring_times(ask, place, limit)
    above = (row for row in page.rows if row.second > second)
    rows = _unseen((*above, *found.rows.values()), place)
    onward = replace(place, before=second - 1, last=None, seen=())
    return WalkStep(rows, found.odd, onward, found.missing, place.total)


async def _ignoring_times(ask: AskRows, place: Place, limit: int) -> WalkStep:
    """Go on by page number; what was given already is left out."""
    number = 1 if place.last is None else 2
    numbered = replace(place, page=number)
    found = await _by_number(ask, numbered, limit)
    found.ignores_times = True
    return found


async def _by_number(ask: AskRows, place: Place, limit: int) -> WalkStep:
    """Read the page whose turn it is, as servers that ignore times want it."""
    rows, odd, leads_on, counted = await _numbered_page(ask, place.page, limit)
    place = place.counting(counted)
    new = _unseen(rows, place)
    wanted = [row for row in new if place.holds(row.second)]
    seen = dict.fromkeys((*place.seen, *(row.id for row in rows)))
    onward = replace(
        place, page=place.page + 1, seen=tuple(seen)[-_PAGES_REMEMBERED * limit :]
    )
    # Where new rows come in, a page may repeat; behind the last one it is a circle.
    repeats = bool(rows) and not new and place.page * limit >= (counted or 0)
    leads_on = leads_on and not repeats and place.page < LAST_PAGE
    is_past = bool(rows) and place.after is not None and rows[-1].second < place.after
    # Its total is that of all times.
    is_bounded = place.before is not None or place.after is not None
    total = None if is_bounded else place.total
    return WalkStep(wanted, odd, onward if leads_on and not is_past else None, 0, total)


async def _numbered_page(
    ask: AskRows, number: int, limit: int
) -> tuple[list[RunRow], list[OddRow], bool, int | None]:
    """Read a page by its number, row by row where one of them cannot be read."""
    try:
        page = await ask(None, None, number, limit)
    except OddRowError as error:
        said = error.sentence
    else:
        return page.rows, [], page.leads_on(number, limit), page.total
    rows: list[RunRow] = []
    odd: list[OddRow] = []
    leads_on = True
    total: int | None = None
    first = (number - 1) * limit + 1
    for single in range(first, first + limit):
        try:
            page = await ask(None, None, single, 1)
        except OddRowError:
            second = rows[-1].second if rows else 0
            odd.append(OddRow(second, single, said))
            continue
        rows += page.rows
        total = page.total
        leads_on = page.leads_on(single, 1)
        if not leads_on:
            break
    return rows, odd, leads_on, total
