"""A demo app: its log's rows in order of time, and the people in them."""

from __future__ import annotations

import threading
from bisect import bisect_right, insort
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from chronotui.demo.clock import SECOND, make_id, roll
from chronotui.demo.dify_runs import ACCOUNT, AppPerson, AppRow, AppRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from chronotui.demo.clock import DemoClock
    from chronotui.demo.dify_release import AppRelease

_STAMP: Final = attrgetter("stamp")


class AppWorld:
    """One app and all that was run in it; every method may be called in any thread.

    Args:
        clock: The world's time.
        rows: Those of its log, in any order; some may lie in the future.
        coming: Yields rows that are still to come, in order of time, without end if
            it likes; each is taken once its time has come.
        name: Of the app.
        mode: What the app is; only a ``workflow`` has a log.
    """

    def __init__(
        self,
        clock: DemoClock,
        rows: Iterable[AppRow] = (),
        coming: Iterator[AppRow] | None = None,
        name: str = "Nightly ETL",
        mode: str = "workflow",
    ) -> None:
        self.clock = clock
        self.name = name
        self.mode = mode
        self._rows = sorted(rows, key=_STAMP)
        self._coming = coming
        self._next = None if coming is None else next(coming, None)
        self._runs: dict[str, AppRow] = {}
        self._people: dict[str, AppPerson] = {}
        self._lock = threading.RLock()
        for row in self._rows:
            self._note(row)

    @property
    def now(self) -> float:
        return self.clock.now_ns() / SECOND

    def _note(self, row: AppRow) -> None:
        if row.run is not None:
            self._runs[row.run.id] = row
        if row.by is not None:
            self._people[row.by.id] = row.by

    def _grow(self, now: float) -> None:
        while self._next is not None and self._next.stamp <= now:
            self.add(self._next)
            assert self._coming is not None  # noqa: S101
            self._next = next(self._coming, None)

    def add(self, *rows: AppRow) -> None:
        """Log more rows; the next list has them."""
        with self._lock:
            for row in rows:
                insort(self._rows, row, key=_STAMP)
                self._note(row)

    def remove(self, row_id: str) -> None:
        with self._lock:
            self._rows = [row for row in self._rows if row.id != row_id]
            self._runs = {i: row for i, row in self._runs.items() if row.id != row_id}

    def purge(self, run_id: str) -> None:
        """Delete a run and keep its row, as a clean-up of old runs does."""
        with self._lock:
            self._runs.pop(run_id).run = None

    def touch(self) -> None:
        """Let open streams look at the world again, after a run was changed."""
        self.clock.advance(0.0)

    def rows(self, release: AppRelease, now: float) -> list[AppRow]:
        """Return the rows there are, oldest first."""
        with self._lock:
            self._grow(now)
            if release.lists_running:
                return self._rows[: bisect_right(self._rows, now, key=_STAMP)]
            there = [row for row in self._rows if row.logged(release) <= now]
        return sorted(there, key=lambda row: row.logged(release))

    def row_of(self, run_id: str, now: float) -> AppRow | None:
        """Return the row of a run there is."""
        with self._lock:
            self._grow(now)
            row = self._runs.get(run_id)
        return row if row is not None and row.run_at(now) is not None else None

    def run(self, run_id: str) -> AppRun | None:
        with self._lock:
            row = self._runs.get(run_id)
        return None if row is None else row.run

    def account(self, email: str) -> AppPerson | None:
        with self._lock:
            known = list(self._people.values())
        return next((p for p in known if p.is_account and p.email == email), None)

    def end_user(self, session: str) -> AppPerson | None:
        """Return the end user of a session id, that of the API first."""
        with self._lock:
            known = list(self._people.values())
        found = [p for p in known if p.kind != ACCOUNT and p.name == session]
        found.sort(key=lambda person: person.kind != "service-api")
        return found[0] if found else None

    def make_end_user(self, session: str) -> AppPerson:
        with self._lock:
            place = len(self._people)
            made = AppPerson(make_id(roll(place, 71), place), "service-api", session)
            self._people[made.id] = made
        return made


def bulk_rows(
    count: int,
    newest: float,
    *,
    per_second: int = 1,
    seed: int = 1,
    make: Callable[[int, AppRow], None] | None = None,
) -> list[AppRow]:
    """Make many rows that differ in little, newest first.

    Args:
        count: How many.
        newest: Time of the first.
        per_second: How many of them share a second.
        seed: Of their ids.
        make: Given each row and its place, may change it.
    """
    robot = AppPerson(make_id(roll(seed, 5), seed), "service-api", "nightly-etl")
    rows = []
    for place in range(count):
        stamp = float(int(newest) - place // per_second)
        run = AppRun(
            make_id(roll(seed, 1, place), seed, place),
            stamp,
            1.25,
            inputs={"place": place, "sys.user_id": robot.name},
            outputs={"rows": place},
            tokens=place % 997,
            step_count=3,
        )
        row_id = make_id(roll(seed, 2, place), seed, place, 2)
        row = AppRow(row_id, stamp, run, robot)
        if make is not None:
            make(place, row)
        rows.append(row)
    return rows
