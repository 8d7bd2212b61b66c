"""The list of an app's runs as columns: what each says, how wide, how it sorts.

A column is one entry of ``COLUMNS``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from chronotui.text import clean
from chronotui.tree.row import Role
from chronotui.ui.desk.run_details import RunSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, tzinfo

    from chronotui.model import Job
    from chronotui.tree.branch import JobPool
    from chronotui.tree.listing import Listing

UNKNOWN_SIGN: Final = ("?", Role.UNKNOWN)
SHORT_STATUS: Final = {"PARTIAL-SUCCEEDED": "partial"}
SIGN_CELLS: Final = 2

SortKey: TypeAlias = "float | str | None"
"""What runs are sorted by; None is last, whichever way."""


class RunCell(NamedTuple):
    """What a column says something about: a run, and how it is told."""

    run: RunSummary
    short_id: str
    now: datetime
    zone: tzinfo | None


class RunColumn(NamedTuple):
    """A column of the list of runs.

    Attributes:
        title: Its heading.
        width: Cells it needs at least.
        rank: The order in which columns are given room, what tells most first.
        text: What it says; cleaned by whoever draws it.
        key: What runs are sorted by.
        grows: The share of the room left over that it takes.
        right: Whether it stands at the right of its cells.
        down: Whether sorting by it begins with the greatest.
    """

    title: str
    width: int
    rank: int
    text: Callable[[RunCell], str]
    key: Callable[[RunCell], SortKey]
    grows: int = 0
    right: bool = False
    down: bool = False


def _started(cell: RunCell) -> str:
    at = _start(cell.run.job)
    return "–" if at is None else f"{at.astimezone(cell.zone):%m-%d %H:%M:%S}"


def _start(job: Job) -> datetime | None:
    return job.started_at or job.created_at


def _start_key(cell: RunCell) -> SortKey:
    at = _start(cell.run.job)
    return None if at is None else at.timestamp()


def _status(cell: RunCell) -> str:
    word = str(cell.run.job.status)
    return SHORT_STATUS.get(word) or word.lower()


def _elapsed(cell: RunCell) -> str:
    return cell.run.took(cell.now)


def _count(name: str) -> Callable[[RunCell], str]:
    def text(cell: RunCell) -> str:
        number = cell.run.number(name)
        return "" if number is None else f"{number:,.0f}"

    return text


def _number(name: str) -> Callable[[RunCell], SortKey]:
    return lambda cell: cell.run.number(name)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _named(text: str) -> SortKey:
    """Return a text as it sorts; runs that have none come last."""
    return text.casefold() or None


COLUMNS: Final = {
    "started": RunColumn("started", 14, 0, _started, _start_key, down=True),
    "status": RunColumn(
        "status", 9, 5, _status, lambda cell: _named(str(cell.run.job.status))
    ),
    "elapsed": RunColumn(
        "elapsed",
        8,
        1,
        _elapsed,
        lambda cell: cell.run.elapsed(cell.now),
        right=True,
        down=True,
    ),
    "tokens": RunColumn(
        "tokens",
        8,
        6,
        _count("total_tokens"),
        _number("total_tokens"),
        right=True,
        down=True,
    ),
    "steps": RunColumn(
        "steps",
        6,
        7,
        _count("total_steps"),
        _number("total_steps"),
        right=True,
        down=True,
    ),
    "run": RunColumn(
        "run id",
        7,
        2,
        lambda cell: cell.short_id,
        lambda cell: _named(cell.run.job.shown_id),
    ),
    "who": RunColumn(
        "started by",
        12,
        3,
        lambda cell: cell.run.job.by,
        lambda cell: _named(cell.run.job.by),
        grows=1,
    ),
    "origin": RunColumn(
        "from",
        11,
        8,
        lambda cell: cell.run.job.origin,
        lambda cell: _named(cell.run.job.origin),
    ),
    "error": RunColumn(
        "error",
        12,
        4,
        lambda cell: _first_line(cell.run.job.error),
        lambda cell: _named(cell.run.job.error),
        grows=3,
    ),
}
"""From left to right."""


class RunSort(NamedTuple):
    """What a list of runs is sorted by: a column's name, "" for the server's order."""

    column: str = ""
    down: bool = False

    def beside(self, step: int, shown: Sequence[str]) -> RunSort:
        """Return the sorting by the next column that is shown, left or right.

        Before the first and behind the last is the server's order.
        """
        names = ["", *shown]
        at = names.index(self.column) if self.column in names else 0
        return RunSort.by(names[(at + step) % len(names)])

    @classmethod
    def by(cls, column: str) -> RunSort:
        """Return the sorting by a column, what is most looked for first."""
        return cls(column, bool(column) and COLUMNS[column].down)

    def turned(self) -> RunSort:
        return self._replace(down=not self.down) if self.column else self

    def words(self, loaded: int, total: int | None, *, complete: bool) -> str:
        """Say the order, and of how many; "" for the server's.

        Args:
            loaded: The runs that are sorted.
            total: How many there are by the server's count, if it gave one.
            complete: Whether no more are to be had.
        """
        if not self.column:
            return ""
        way = "greatest first" if self.down else "least first"
        if self.column == "started":
            way = "newest first" if self.down else "oldest first"
        elif self.column not in {"elapsed", "tokens", "steps"}:
            way = "z to a" if self.down else "a to z"
        count = f"{loaded:,} loaded, there are more"
        if complete:
            count = f"all {loaded:,}"
        elif total is not None and total > loaded:
            count = f"{loaded:,} of {total:,} loaded"
        return f"sorted by {COLUMNS[self.column].title}, {way}, {count}"


@lru_cache(maxsize=64)
def columns_for(width: int, id_length: int, sort_column: str) -> Mapping[str, int]:
    """Share out a row's width: the cells of each column there is room for.

    Args:
        width: Cells of the whole row.
        id_length: Cells that the short ids want.
        sort_column: The column that is sorted by, which is always there.
    """
    left = width - SIGN_CELLS
    cells: dict[str, int] = {}
    ranked = sorted(COLUMNS, key=lambda name: COLUMNS[name].rank)
    for name in sorted(ranked, key=lambda name: name != sort_column):
        column = COLUMNS[name]
        wanted = max(column.width, id_length if name == "run" else 0)
        cost = wanted + bool(cells)
        if cost <= left:
            cells[name] = wanted
            left -= cost
    shares = sum(COLUMNS[name].grows for name in cells)
    for name in cells:
        if shares and COLUMNS[name].grows:
            more = left * COLUMNS[name].grows // shares
            cells[name] += more
            left -= more
            shares -= COLUMNS[name].grows
    return {name: cells[name] for name in COLUMNS if name in cells}


class RunOrder:
    """The ids of the loaded runs as they are shown, and where each stands.

    In the server's order it is the list itself; sorted, it is made anew when told
    that something changed, from what is known of the runs that did not.
    """

    def __init__(self) -> None:
        self.sort = RunSort()
        self.ids: Sequence[str] = ()
        self._listing: Listing | None = None
        self._places: dict[str, int] = {}
        self._keys: dict[str, tuple[Job, SortKey]] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def place(self, row_id: str) -> int | None:
        """Return the position of a run, None if it is not in the list."""
        if self._listing is not None and not self.sort.column:
            return self._listing.position(row_id)
        return self._places.get(row_id)

    def choose(self, sort: RunSort) -> None:
        """Sort by something else from the next `update` on."""
        if sort.column != self.sort.column:
            self._keys = {}
        self.sort = sort

    def update(self, listing: Listing, jobs: JobPool, now: datetime) -> None:
        """Take over what the list has become."""
        self._listing = listing
        if not self.sort.column:
            self.ids, self._places = listing.ids, {}
            return
        keyed = self._keyed(listing.ids, jobs, now)
        self._keys = keyed
        told = [row for row, (_job, key) in keyed.items() if key is not None]
        untold = [row for row, (_job, key) in keyed.items() if key is None]
        told.sort(key=lambda row: keyed[row][1], reverse=self.sort.down)  # type: ignore[arg-type,return-value]
        self.ids = [*told, *untold]
        self._places = {row: place for place, row in enumerate(self.ids)}

    def _keyed(
        self, ids: Sequence[str], jobs: JobPool, now: datetime
    ) -> dict[str, tuple[Job, SortKey]]:
        """Return what each run is sorted by; only one that runs changes by itself."""
        key, known = COLUMNS[self.sort.column].key, self._keys
        keyed: dict[str, tuple[Job, SortKey]] = {}
        for row in ids:
            job = jobs[row]
            was = known.get(row)
            if was is None or was[0] is not job or job.status == "RUNNING":
                cell = RunCell(RunSummary.of(job), "", now, None)
                was = job, key(cell)
            keyed[row] = was
        return keyed


def row_texts(cell: RunCell, columns: Mapping[str, int]) -> list[str]:
    """Return what the columns say of a run, clean."""
    return [clean(COLUMNS[name].text(cell)) for name in columns]
