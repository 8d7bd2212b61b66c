"""An app's list and the events of a run, read as they must be: each of them once.

Rows have equal stamps and the list swaps them between its pages. The run is followed
from its begin, again and again until its own record says that it has ended.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from chronotui.demo.clock import DemoClock
from chronotui.demo.dify_runs import AppPerson, AppRow, AppRun, AppStep
from chronotui.demo.dify_server import DifyDemo
from chronotui.demo.routes import Dialect
from chronotui.model import Job, JobStatus, NodeState
from chronotui.sources.protocol import DIFY, BearerAuth
from tests.exactness.readers import Identity, Reading, judge, timed
from tests.exactness.runs import Run

if TYPE_CHECKING:
    from chronotui.sources.protocol import RunSource
    from tests.exactness.runs import Reach

APP_CASE: Final = "an app's list, a run's events"

ROWS: Final = 430
A_SECOND: Final = 7
STEPS: Final = 12
STEP_SECONDS: Final = 0.25


def _id(number: int) -> str:
    return str(uuid.UUID(int=number))


def _steps() -> tuple[AppStep, ...]:
    return tuple(
        AppStep(
            id=_id(1_000_000 + number),
            node_id=str(number),
            kind="code",
            title=f"Step {number}",
            begins=number * STEP_SECONDS,
            seconds=STEP_SECONDS,
            outputs={"text": "x" * 100},
        )
        for number in range(STEPS)
    )


def _rows(now: float) -> list[AppRow]:
    """Return rows that have ended, several a second, and one that runs."""
    by = AppPerson(_id(1), "service-api", "nightly-etl")
    rows = []
    for number in range(ROWS):
        stamp = now - 3600 - number // A_SECOND
        run = AppRun(_id(1000 + number), stamp, 0.5, outputs={"rows": number})
        rows.append(AppRow(_id(100_000 + number), stamp, run, by))
    steps = _steps()
    seconds = steps[-1].ends + STEP_SECONDS
    live = AppRun(_id(999), now, seconds, steps=steps)
    return [*rows, AppRow(_id(99), now, live, by)]


async def run_app(seed: int, reach: Reach | None = None) -> Run:
    """Read the list and follow the run, through whatever ``reach`` puts between."""
    clock = DemoClock()
    rows = _rows(clock.now_ns() / 1e9)
    with DifyDemo(seed=seed, clock=clock, rows=rows) as demo:
        url = demo.url
        if reach is not None:
            url = await asyncio.to_thread(reach, demo)

        async def key() -> str:
            return demo.key

        client = cast("RunSource", DIFY.load_opener()(url, BearerAuth(key)))
        listed = [(1, -row.created_at(demo.release), "row", row.id) for row in rows]
        told = [(1, 0, "node", f"{step.title} {step.status}") for step in _steps()]
        async with aclosing(client):
            app = (await client.workflows()).items[0]
            newest = (await client.jobs(app.id)).items[0]
            ways = {
                "events": (told, partial(_follow, client, newest)),
                "list": (listed, partial(_list, client, app.id)),
            }
            readings = await asyncio.gather(*[timed(read) for _, read in ways.values()])
        harm = [*demo.load.changes, *demo.load.people_made, *demo.load.people_changed]
    assert not harm, harm
    found = {
        name: judge(truth, reading, seconds)
        for (name, (truth, _)), (reading, seconds) in zip(
            ways.items(), readings, strict=True
        )
    }
    said = {name: one.said for name, (one, _) in zip(ways, readings, strict=True)}
    return Run(APP_CASE, Dialect.CURRENT, seed, found, said)


async def _list(client: RunSource, app_id: str, reading: Reading) -> None:
    cursor: str | None = None
    while True:
        page = await client.jobs(app_id, cursor=cursor)
        reading.lines += [_row(job) for job in page.items]
        reading.said += page.notes
        cursor = page.cursor
        if cursor is None:
            break
    reading.whole = reading.right = True


def _row(job: Job) -> Identity:
    at = job.created_at
    return (1, -int(at.timestamp()) if at else 0, "row", job.id)


async def _follow(client: RunSource, job: Job, reading: Reading) -> None:
    """Follow a run until its record says that it has ended; the last word counts."""
    nodes: dict[str, NodeState] = {}
    while not job.has_ended:
        refused = client.why_not_attached(job)
        assert not refused, refused
        async with client.events(job) as events:
            async for batch in events:
                nodes |= {one.id: one for one in batch if isinstance(one, NodeState)}
        job = await client.reread(job)
    reading.lines = [
        (1, 0, "node", f"{one.title} {one.status}") for one in nodes.values()
    ]
    reading.whole = True
    reading.right = job.status == JobStatus.COMPLETED
