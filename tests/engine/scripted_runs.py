"""An app's runs in memory, as a source of runs gives them; every question is kept."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from msgspec.structs import replace

from chronotui.errors import NotFoundError
from chronotui.model import (
    Job,
    JobFilter,
    JobStatus,
    Page,
    Trigger,
    Workflow,
    WorkflowKind,
)
from chronotui.sources.protocol import EVERYTHING

if TYPE_CHECKING:
    from chronotui.errors import ChronotuiError

APP = Workflow(
    "app",
    "Nightly ETL",
    WorkflowKind("workflow"),
    labels=("workflow", "dify 1.14.2"),
)
ON_SERVER = {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED}


def run_id(number: int) -> str:
    return str(UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % (1 << 128)))


def run(number: int, at: datetime, status: str = "COMPLETED", **more: object) -> Job:
    known = {
        "id": f"row-{number}",
        "workflow_id": APP.id,
        "status": JobStatus(status),
        "trigger": Trigger(""),
        "run_id": "" if status == "UNKNOWN" else run_id(number),
        "by": "nightly-etl",
        "created_at": at,
        "completed_at": at + timedelta(seconds=12)
        if JobStatus(status).is_terminal
        else None,
    } | more
    return Job(**known)  # type: ignore[arg-type]


class ScriptedRuns:
    """Answers from ``rows``, newest first; a cursor is the last row that was given.

    Attributes:
        asked: Every question in order, with what it was asked by.
        refuses: What every list is answered with, if anything.
        at_once: The most lists that were asked for at the same time.
    """

    clock_skew: float | None = None

    def __init__(self, rows: list[Job], *, limit: int = 10) -> None:
        self.rows = rows
        self.limit = limit
        self.asked: list[tuple[str, object]] = []
        self.refuses: ChronotuiError | None = None
        self.notes: tuple[str, ...] = ()
        self.at_once = 0
        self._asking = 0

    def count(self, what: str) -> int:
        return sum(kind == what for kind, _by in self.asked)

    async def workflows(self, **_asked: object) -> Page[Workflow]:
        await asyncio.sleep(0)
        return Page((APP,))

    async def workflow(self, _workflow_id: str) -> Workflow:
        return APP

    async def jobs(
        self,
        _workflow_id: str,
        *,
        cursor: str | None = None,
        only: JobFilter = EVERYTHING,
        many: bool = False,
    ) -> Page[Job]:
        self.asked.append(("jobs", (cursor, only)))
        return await self._page(cursor, only)

    async def newer(
        self, _workflow_id: str, since: datetime, *, only: JobFilter = EVERYTHING
    ) -> Page[Job]:
        self.asked.append(("newer", since))
        return await self._page(None, only, since - timedelta(seconds=30))

    async def _page(
        self, cursor: str | None, only: JobFilter, since: datetime | None = None
    ) -> Page[Job]:
        self._asking += 1
        self.at_once = max(self.at_once, self._asking)
        try:
            await asyncio.sleep(0)
        finally:
            self._asking -= 1
        if self.refuses is not None:
            raise self.refuses
        server = only if only.status in ON_SERVER else only._replace(status=None)
        rows = [row for row in self.rows if server.accepts(row)]
        total = len(rows)
        if since is not None:
            rows = [row for row in rows if row.created_at and row.created_at >= since]
        ids = [row.id for row in rows]
        begin = ids.index(cursor) + 1 if cursor is not None else 0
        page = rows[begin : begin + self.limit]
        fits = tuple(row for row in page if only.accepts(row))
        more = begin + self.limit < len(rows)
        return Page(
            fits,
            page[-1].id if more else None,
            hidden=len(page) - len(fits),
            total=total if since is None else len(rows),
            notes=self.notes,
        )

    async def job(self, _workflow_id: str, job_id: str) -> Job:
        self.asked.append(("job", job_id))
        for row in self.rows:
            if row.run_id == job_id:
                return row
        raise NotFoundError("There is no such run in this app.")

    async def reread(self, job: Job) -> Job:
        self.asked.append(("reread", job.id))
        await asyncio.sleep(0)
        for row in self.rows:
            if row.id == job.id:
                return replace(row, fields={"detail": {}})
        raise NotFoundError("There is no such run in this app.")

    def allow_sign_in(self) -> None:
        """Nothing is refused."""

    # what goes on at the server

    def begin(self, row: Job) -> None:
        self.rows.insert(0, row)

    def turn(self, row_id: str, **changes: object) -> None:
        """Change a row."""
        at = next(i for i, row in enumerate(self.rows) if row.id == row_id)
        self.rows[at] = replace(self.rows[at], **changes)


def runs(count: int, *, now: datetime, apart: timedelta) -> list[Job]:
    """Return ended runs at equal distances, the newest a distance ago."""
    return [run(count - n, now - (n + 1) * apart) for n in range(count)]


def midday() -> datetime:
    """Return noon of today, whatever time it is."""
    return datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
