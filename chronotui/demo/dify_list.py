"""How the demo app lists its runs: parameters, filters, and an order that is no order.

Rows are sorted by second alone. What shares a second comes in another order for every
page and size of a page, as it does in a database that is told no more: a walk by page
number over a log nobody writes to shows some rows twice and others never.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from chronotui.demo.clock import number_of, roll
from chronotui.demo.dify_release import envelope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chronotui.demo.dify_release import AppRelease
    from chronotui.demo.dify_runs import AppRow
    from chronotui.demo.dify_world import AppWorld

_STATUSES: Final = ("succeeded", "failed", "stopped")
_KEYWORD_LENGTH: Final = 30
_MOST_PAGES: Final = 99_999
_MOST_ROWS: Final = 100


class UnlistableError(Exception):
    """The list is refused; carries the status and the fields of the answer."""

    def __init__(self, status: int, fields: dict[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.fields = fields


@dataclass(frozen=True)
class AskedList:
    """What a list is asked for; both ``after`` and ``before`` are inclusive."""

    page: int = 1
    limit: int = 20
    status: str = ""
    keyword: str = ""
    session: str = ""
    account: str = ""
    after: float | None = None
    before: float | None = None


def read_query(query: Mapping[str, str], release: AppRelease) -> AskedList:
    """Read the parameters a release knows, and leave out the others.

    Raises:
        UnlistableError: One of them cannot be taken.
    """
    reader = _Parameters(query, release)
    after = before = None
    page = reader.number("page", 1, _MOST_PAGES)
    limit = reader.number("limit", 20, _MOST_ROWS)
    status = reader.status()
    if release.filters_time:
        after, before = (
            reader.time("created_at__after"),
            reader.time("created_at__before"),
        )
    session = account = ""
    if release.filters_people:
        session = query.get("created_by_end_user_session_id", "")
        account = query.get("created_by_account", "")
    keyword = query.get("keyword", "")
    return AskedList(page, limit, status, keyword, session, account, after, before)


@dataclass(frozen=True)
class _Parameters:
    query: Mapping[str, str]
    release: AppRelease

    def _refuse(self, name: str, words: str, kind: str) -> UnlistableError:
        fields = self.release.invalid(name, self.query[name], words, kind)
        return UnlistableError(400, fields)

    def number(self, name: str, default: int, most: int) -> int:
        text = self.query.get(name)
        if text is None:
            return default
        try:
            number = int(text)
        except ValueError:
            words = "Input should be a valid integer, unable to parse string"
            raise self._refuse(name, words, "int_parsing") from None
        if number < 1:
            words = "Input should be greater than or equal to 1"
            raise self._refuse(name, words, "greater_than_equal")
        if number > most:
            words = f"Input should be less than or equal to {most}"
            raise self._refuse(name, words, "less_than_equal")
        return number

    def status(self) -> str:
        word = self.query.get("status")
        if word is not None and word not in _STATUSES:
            words = "Input should be 'succeeded', 'failed' or 'stopped'"
            raise self._refuse("status", words, "literal_error")
        return word or ""

    def time(self, name: str) -> float | None:
        text = self.query.get(name)
        if not text:
            return None
        try:
            return read_time(text)
        except ValueError as error:
            refusal = envelope("invalid_param", str(error), 400)
            raise UnlistableError(*refusal) from None


def read_time(text: str) -> float:
    """Read a date or a time as servers do; one without a zone is in UTC.

    Raises:
        ValueError: In the server's words.
    """
    date, separator, clock = text.partition("T")
    if " " in text:
        raise ValueError("Unused components in ISO string")
    day = _read_date(date)
    if not separator:
        return day.timestamp()
    moment = datetime.fromisoformat(f"{day:%Y-%m-%d}T{clock}")
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def _read_date(text: str) -> datetime:
    parts = text.split("-")
    if not all(part.lstrip("W").isdigit() for part in parts):
        raise ValueError("ISO string contains characters that are no digits")
    if list(map(len, parts)) not in ([4], [4, 2], [4, 3], [4, 2, 2]):
        raise ValueError("Invalid common month")
    if "W" in text:
        return datetime.strptime(f"{text}-1", "%G-W%V-%u").replace(tzinfo=UTC)
    first = [int(part) for part in parts] + [1, 1]
    return datetime(first[0], first[1], first[2], tzinfo=UTC)


@dataclass
class RunLister:
    """Answers what an app's log is asked for.

    Attributes:
        before_answer: Called with the number of lists asked for so far, this one
            included, before each is made: it may change the world.
        asked: How many lists were asked for.
    """

    world: AppWorld
    release: AppRelease
    before_answer: Callable[[int], None] | None = None
    asked: int = field(default=0, init=False)

    def answer(self, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Return a page of the list.

        Raises:
            UnlistableError: It is refused.
        """
        self.asked += 1
        if self.before_answer is not None:
            self.before_answer(self.asked)
        query = read_query(parameters, self.release)
        if self.world.mode != "workflow" and self.release.checks_mode:
            words = "Please check if your app mode matches the right API route."
            raise UnlistableError(*envelope("not_workflow_app", words, 400))
        self._check(query)
        now = self.world.now
        matching = self._matching(query, now)
        rows = self._page(matching, query)
        for row in rows:
            if row.odd_word:
                words = f"{row.odd_word!r} is not a valid {row.odd_kind}"
                raise UnlistableError(*envelope("invalid_param", words, 400))
        total = len(matching)
        return {
            "page": query.page,
            "limit": query.limit,
            "total": total,
            "has_more": total > query.page * query.limit,
            "data": [self.release.row(row, now) for row in rows],
        }

    def _check(self, query: AskedList) -> None:
        """Refuse what a server cannot answer."""
        if query.keyword and query.session:
            raise UnlistableError(*envelope("unknown", "Internal Server Error", 500))
        unknown = query.account and self.world.account(query.account) is None
        if unknown and self.release.checks_account:
            words = f"Account not found: {query.account}"
            raise UnlistableError(*envelope("invalid_param", words, 400))

    def _matching(self, query: AskedList, now: float) -> list[AppRow]:
        """Return the rows that pass the filters, oldest first."""
        if self.world.mode != "workflow":
            return []
        rows = self.world.rows(self.release, now)
        rows = self._between(rows, query)
        if query.status:
            rows = [row for row in rows if self._has_status(row, query.status, now)]
        if query.keyword:
            rows = [row for row in rows if self._holds(row, query.keyword, now)]
        if query.session:
            rows = [row for row in rows if _is_session(row, query.session)]
        if query.account:
            rows = [row for row in rows if _is_account(row, query.account)]
        return rows

    def _between(self, rows: list[AppRow], query: AskedList) -> list[AppRow]:
        def second(row: AppRow) -> int:
            return row.created_at(self.release)

        start = 0 if query.after is None else bisect_left(rows, query.after, key=second)
        if query.before is None:
            return rows[start:]
        return rows[start : bisect_right(rows, query.before, key=second)]

    def _has_status(self, row: AppRow, status: str, now: float) -> bool:
        run = row.run_at(now)
        return run is not None and self.release.status(run.status(now)) == status

    def _holds(self, row: AppRow, wanted: str, now: float) -> bool:
        """Tell whether a row's run, or whoever started it, holds a word."""
        run = row.run_at(now)
        if run is None:
            return False
        if run.id == wanted:
            return True
        word = wanted[:_KEYWORD_LENGTH].lower()
        escapes = self.release.escapes_stored_text
        stored = run.stored_escaped if escapes else run.stored
        if word in stored.lower():
            return True
        by = row.by
        return by is not None and not by.is_account and word in by.name.lower()

    def _page(self, matching: list[AppRow], query: AskedList) -> list[AppRow]:
        """Cut a page out, newest first, what shares a second shuffled for this page."""
        length = len(matching)
        start = (query.page - 1) * query.limit
        stop = min(start + query.limit, length)
        if start >= length:
            return []
        newest = length - start  # Past the newest row of the page, from the oldest.
        oldest = length - stop

        def second(row: AppRow) -> int:
            return row.created_at(self.release)

        low = bisect_left(matching, second(matching[oldest]), key=second)
        high = bisect_right(matching, second(matching[newest - 1]), key=second)

        def place(row: AppRow) -> tuple[int, int]:
            return -second(row), roll(number_of(row.id), query.page, query.limit)

        around = sorted(matching[low:high], key=place)
        return around[high - newest : high - oldest]


def _is_session(row: AppRow, session: str) -> bool:
    by = row.by
    return by is not None and not by.is_account and by.name == session


def _is_account(row: AppRow, email: str) -> bool:
    return row.by is not None and row.by.is_account and row.by.email == email
