"""A server's list of runs in memory: its query, its order, its refusals.

Rows are ordered by second alone; what shares one is shuffled anew for every page and
size of a page, as by a database that was told no more.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from chronotui.sources.dify.refusals import OddRowError
from chronotui.sources.dify.wire import RowPage, RunRow

STATUSES = ("succeeded", "failed", "stopped", "running")


@dataclass(frozen=True)
class Row:
    id: str
    second: int
    status: str = "succeeded"
    is_odd: bool = False

    def told(self) -> RunRow:
        return RunRow(self.id, self.second, {"id": self.id, "created_at": self.second})


@dataclass
class Twin:
    """Answers like the server; a failed page tells nothing but that it failed.

    Attributes:
        rows: Newest first is not needed.
        ignores_times: It is older than 1.0.1.
        seed: Of the shuffles.
        is_steady: The same page is shuffled alike each time.
        inserts: Rows written before the request of that number.
        asked: What it was asked: after, before, page, limit, status.
    """

    rows: list[Row]
    ignores_times: bool = False
    seed: int = 0
    is_steady: bool = True
    inserts: dict[int, Row] = field(default_factory=dict)
    splits_by_status: bool = True
    asked: list[tuple[int | None, int | None, int, int, str]] = field(
        default_factory=list
    )
    _in_flight: int = 0

    async def __call__(
        self,
        after: int | None,
        before: int | None,
        page: int,
        limit: int,
        *,
        status: str = "",
    ) -> RowPage:
        assert 1 <= page <= 99_999
        assert 1 <= limit <= 100
        assert status in {"", "succeeded", "failed", "stopped"}
        assert not self._in_flight, "one list at a time"
        self._in_flight += 1
        await asyncio.sleep(0)
        self._in_flight -= 1
        self.asked.append((after, before, page, limit, status))
        inserted = self.inserts.pop(len(self.asked), None)
        if inserted is not None:
            self.rows.append(inserted)
        found = self._found(after, before, status)
        start = (page - 1) * limit
        cut = self._ordered(found, page, limit)[start : start + limit]
        if any(row.is_odd for row in cut):
            raise OddRowError("Dify stumbles: “'x' is not a valid EndUserType”")
        total = len(found)
        return RowPage([row.told() for row in cut], total, total > page * limit)

    def _found(self, after: int | None, before: int | None, status: str) -> list[Row]:
        if self.ignores_times:
            after = before = None
        return [
            row
            for row in self.rows
            if (after is None or row.second >= after)
            and (before is None or row.second <= before)
            and (not status or row.status == status)
        ]

    def _ordered(self, rows: list[Row], page: int, limit: int) -> list[Row]:
        again = 0 if self.is_steady else len(self.asked)
        dice = random.Random(hash((self.seed, page, limit, again)))
        shuffled = sorted(rows, key=lambda row: row.id)
        dice.shuffle(shuffled)
        return sorted(shuffled, key=lambda row: -row.second)
