"""The job tree with a hundred thousand jobs, against itself with a thousand."""

from __future__ import annotations

import asyncio
import gc
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median
from time import process_time
from typing import TYPE_CHECKING
from uuid import UUID

from textual.app import App

from chronotui.model import Job, JobStatus, Trigger, Workflow, WorkflowKind
from chronotui.tree.listing import ListPosition
from chronotui.tree.model import TreeModel
from chronotui.ui.tree import JobTree
from tests.benchmarks.measure import Figure

if TYPE_CHECKING:
    from textual.app import ComposeResult

FEW = 1_000
MANY = 100_000
RUNS = 15
KEYS = 60
NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
STATUSES = [JobStatus(word) for word in JobStatus.KNOWN]


def jobs(count: int, owner: str) -> list[Job]:
    rng = Random(count)
    return [
        Job(
            id=str(UUID(int=rng.getrandbits(128), version=4)),
            workflow_id=owner,
            status=rng.choice(STATUSES),
            trigger=Trigger.AUTOMATIC,
            attempts=1,
            started_at=NOW - timedelta(minutes=number + 5),
            completed_at=NOW - timedelta(minutes=number),
        )
        for number in range(count)
    ]


def model_of(listed: list[Job]) -> TreeModel:
    model = TreeModel()
    owner = Workflow("w", "nightly-report", WorkflowKind.CONTAINER, interval_minutes=1)
    model.workflows.extend(model.put_workflows([owner]), None)
    branch = model.branch("w")
    assert branch is not None
    branch.listing.extend(branch.put(listed), ListPosition(cursor="on"))
    branch.expanded = True
    model.touch()
    return model


class Host(App[None]):
    """Shows one tree, after its own first frame."""

    def compose(self) -> ComposeResult:
        yield JobTree(now=lambda: NOW)


class Taken:
    """What was measured with trees of one size, in seconds of CPU."""

    def __init__(self, count: int) -> None:
        self.jobs = jobs(count, "w")
        self.fresh = jobs(count + RUNS + 1, "w")[-RUNS - 1 :]
        self.paints: list[float] = []
        self.keys: list[float] = []
        self.joins: list[float] = []

    async def once(self, app: Host, run: int) -> None:
        """Show a tree for the first time, scroll it, let a new job arrive."""
        view = app.query_one(JobTree)
        model = model_of(self.jobs)
        before = view.model
        gc.collect()
        start = process_time()
        view.show(model)
        app.screen._compositor.render_strips()
        self.paints.append(process_time() - start)
        del before
        view.go_to(len(model.rows) // 2)
        start = process_time()
        for _ in range(KEYS):
            view.action_move(1)
            app.screen._compositor.render_strips()
        self.keys.append((process_time() - start) / KEYS)
        branch = model.branch("w")
        assert branch is not None
        start = process_time()
        page = [self.fresh[run], *self.jobs[:9]]
        assert branch.listing.refresh(branch.put(page), ListPosition(cursor="x"))
        model.touch()
        view.sync()
        app.screen._compositor.render_strips()
        self.joins.append(process_time() - start)


async def _measure(*taken: Taken) -> None:
    app = Host()
    async with app.run_test(size=(47, 40)):
        for run in range(RUNS + 1):
            for each in taken:
                await each.once(app, run)


def figures() -> list[Figure]:
    """Return the rows of the table that concern the tree."""
    few, many = Taken(FEW), Taken(MANY)
    asyncio.run(_measure(few, many))
    return [
        Figure(
            f"tree: {what}, {MANY:,} jobs (CPU)",
            median(ours[1:]),
            median(reference[1:]),
            goal,
            against=f"with {FEW:,}",
        )
        for what, ours, reference, goal in (
            ("first paint", many.paints, few.paints, 1.2),
            ("a key to its frame", many.keys, few.keys, 1.2),
            ("a new job joins and is painted", many.joins, few.joins, 1.5),
        )
    ]
