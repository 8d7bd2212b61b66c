"""The verbs that list workflows and jobs."""

from __future__ import annotations

import json
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from msgspec import Struct

from chronotui.cli.output import Cell, Column
from chronotui.model import JobFilter, JobStatus, Trigger
from chronotui.paging import CursorTrail

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from chronotui.cli.invocation import Invocation
    from chronotui.model import Job, Page, Workflow
    from chronotui.sources.protocol import Source

Item = TypeVar("Item")

TABLE_ROWS: Final = 50
STATUS_STYLES: Final = {
    "RUNNING": "36",
    "COMPLETED": "32",
    "FAILED": "1;31",
    "CANCELED": "33",
    "PAUSED": "35",
    "PARTIAL-SUCCEEDED": "33",
}
"""SGR codes of states."""


def _every(workflow: Workflow) -> str:
    every = workflow.interval_minutes
    return f"{every} min" if every else ""


def _build(workflow: Workflow) -> Cell:
    build = "TERMINATED" if workflow.terminated_at else str(workflow.build_status or "")
    return Cell(build, STATUS_STYLES.get(build, "") if build != "COMPLETED" else "")


def _failures(workflow: Workflow) -> Cell:
    failures, allowed = workflow.consecutive_failures, workflow.max_consecutive_failures
    text = f"{failures}/{allowed}" if allowed else str(failures)
    return Cell(text, STATUS_STYLES["FAILED"] if failures else "")


def _status(job: Job) -> Cell:
    return Cell(job.status, STATUS_STYLES.get(job.status, ""))


def _attempts(job: Job) -> str:
    return "" if job.attempts is None else str(job.attempts)


def _started(job: Job) -> str:
    return f"{job.started_at:%Y-%m-%d %H:%M:%S}" if job.started_at else ""


def _duration(job: Job) -> str:
    from chronotui.times import human_duration

    seconds = job.duration()
    return "" if seconds is None else human_duration(seconds)


_WORKFLOW_COLUMNS: Final = (
    Column("ID", attrgetter("id"), least=13),
    Column("NAME", attrgetter("shown_name"), least=12),
    Column("KIND", attrgetter("kind"), drop=2),
    Column("EVERY", _every, drop=3, right=True),
    Column("BUILD", _build, drop=1),
    Column("FAILURES", _failures, drop=4, right=True),
)
JOB_COLUMNS: Final = (
    Column("ID", attrgetter("id"), least=13),
    Column("STATUS", _status),
    Column("TRIGGER", attrgetter("trigger"), drop=2),
    Column("ATTEMPTS", _attempts, drop=1, right=True),
    Column("STARTED (UTC)", _started, drop=4),
    Column("DURATION", _duration, drop=3, right=True),
)


class PagedRead(Struct, Generic[Item], frozen=True):
    """What was read of a list.

    Attributes:
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
) -> PagedRead[Item]:
    """Read a list from its start; ``limit`` None reads all of it."""
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
            return PagedRead(items[:limit], is_full, trail.looped, hidden)


def workflows(invocation: Invocation) -> int:
    options = invocation.options

    async def read(client: Source) -> PagedRead[Workflow]:
        async def page(cursor: str | None) -> Page[Workflow]:
            return await invocation.retries.ask(
                lambda: client.workflows(
                    cursor=cursor, query=options.query, terminated=options.terminated
                )
            )

        return await read_list(page, _limit(invocation))

    found = invocation.with_client(read)
    _print(invocation, found, _WORKFLOW_COLUMNS, "workflows")
    return 0


def jobs_of_one(invocation: Invocation) -> int:
    """List the jobs of the workflow that was named, newest first."""
    options = invocation.options
    only = JobFilter(
        JobStatus.parse(options.status) if options.status else None,
        Trigger.parse(options.trigger) if options.trigger else None,
    )

    async def read(client: Source) -> PagedRead[Job]:
        from chronotui.engine.resolve import resolve_workflow

        ask = invocation.retries.ask
        workflow = await ask(lambda: resolve_workflow(client, options.workflow))

        async def page(cursor: str | None) -> Page[Job]:
            return await ask(lambda: client.jobs(workflow.id, cursor=cursor, only=only))

        return await read_list(page, _limit(invocation))

    found = invocation.with_client(read)
    _print(invocation, found, JOB_COLUMNS, "jobs")
    return 0


def _limit(invocation: Invocation) -> int | None:
    limit: int | None = invocation.options.limit
    is_table = invocation.options.output == "table"
    return TABLE_ROWS if limit is None and is_table else limit


def _print(
    invocation: Invocation,
    found: PagedRead[Job] | PagedRead[Workflow],
    columns: Sequence[Column],
    what: str,
) -> None:
    output = invocation.output
    if invocation.options.output == "json":
        rows = json_array([dict(item.fields) for item in found.items])
        output.write_data(rows.encode(errors="surrogatepass"))
    else:
        output.write_table(columns, found.items)
    output.flush()
    if found.looped:
        invocation.say(f"the server's list leads in circles; these {what} came.")
    elif not found.items and found.hidden and not invocation.options.terminated:
        invocation.say("no workflows but terminated ones: --terminated.")
    elif not found.items:
        invocation.say(f"no {what}.")
    elif found.has_more and invocation.options.limit is None:
        invocation.say(
            f"the first {len(found.items)} {what}; there are more: "
            "--limit N shows N of them, -o json all."
        )


def json_array(items: Sequence[object]) -> str:
    """Return one JSON array, an object a line."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    lines = ",\n ".join(map(encode, items))
    return f"[{lines}]\n"
