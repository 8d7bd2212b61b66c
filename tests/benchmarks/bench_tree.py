"""The job tree with a hundred thousand jobs, against itself with a thousand.

And the tree of an app with ten thousand runs, against itself with a hundred.
"""

from __future__ import annotations

import asyncio
import gc
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median
from time import process_time
from typing import TYPE_CHECKING, Final
from uuid import UUID

from textual.app import App

from chronotui.model import Job, JobStatus, Trigger, Workflow, WorkflowKind
from chronotui.tree.filters import RUN_STATUSES, TreeSubject
from chronotui.tree.listing import ListPosition
from chronotui.tree.model import TreeModel
from chronotui.ui.tree import JobTree
from tests.benchmarks.measure import Figure

if TYPE_CHECKING:
    from textual.app import ComposeResult

FEW = 1_000
MANY = 100_000
FEW_RUNS: Final = 100
MANY_RUNS: Final = 10_000
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


APP: Final = Workflow(
    "app", "Nightly ETL", WorkflowKind("workflow"), labels=("workflow", "dify 1.14.2")
)


def app_runs(count: int, newest: datetime, *, apart: timedelta) -> list[Job]:
    """Return runs of an app, newest first; half a minute apart they fill days."""
    rng = Random(count)
    return [
        Job(
            id=str(UUID(int=rng.getrandbits(128), version=4)),
            workflow_id=APP.id,
            status=rng.choice(RUN_STATUSES),
            trigger=Trigger(""),
            run_id=str(UUID(int=rng.getrandbits(128), version=4)),
            by="nightly-etl",
            created_at=newest - number * apart,
            completed_at=newest - number * apart + timedelta(seconds=5),
        )
        for number in range(count)
    ]


def model_of_runs(listed: list[Job]) -> TreeModel:
    model = TreeModel(TreeSubject("run", "runs", "app", "apps", runs=True), zone=UTC)
    model.workflows.extend(model.put_workflows([APP]), None)
    branch = model.branch(APP.id)
    assert branch is not None
    branch.listing.extend(branch.put(listed), ListPosition(cursor="on"))
    branch.listing.total = 2 * len(listed)
    model.touch()
    return model


class Host(App[None]):
    """Shows one tree, after its own first frame."""

    def compose(self) -> ComposeResult:
        yield JobTree(now=lambda: NOW)


class Taken:
    """What was measured with trees of one size, in seconds of CPU."""

    def __init__(self) -> None:
        self.paints: list[float] = []
        self.keys: list[float] = []
        self.joins: list[float] = []

    def model(self) -> TreeModel:
        """Return a tree nobody has seen yet."""
        raise NotImplementedError

    def join(self, model: TreeModel, run: int) -> None:
        """Let the beginning of its list be read again, with something new."""
        raise NotImplementedError

    async def once(self, app: Host, run: int) -> None:
        """Show a tree for the first time, scroll it, let a new job arrive."""
        view = app.query_one(JobTree)
        model = self.model()
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
        start = process_time()
        self.join(model, run)
        model.touch()
        view.sync()
        app.screen._compositor.render_strips()
        self.joins.append(process_time() - start)


class TakenJobs(Taken):
    """A workflow's jobs."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.jobs = jobs(count, "w")
        self.fresh = jobs(count + RUNS + 1, "w")[-RUNS - 1 :]

    def model(self) -> TreeModel:
        return model_of(self.jobs)

    def join(self, model: TreeModel, run: int) -> None:
        branch = model.branch("w")
        assert branch is not None
        page = [self.fresh[run], *self.jobs[:9]]
        assert branch.listing.refresh(branch.put(page), ListPosition(cursor="x"))


class TakenRuns(Taken):
    """An app's runs, with as many days in both trees."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.runs = app_runs(count, NOW, apart=timedelta(days=4) / count)
        later = NOW + timedelta(seconds=9)
        self.fresh = app_runs(RUNS + 1, later, apart=timedelta())

    def model(self) -> TreeModel:
        return model_of_runs(self.runs)

    def join(self, model: TreeModel, run: int) -> None:
        branch = model.branch(APP.id)
        assert branch is not None
        assert branch.merge([self.fresh[run], *self.runs[:9]]) == 1


async def _measure(*taken: Taken) -> None:
    app = Host()
    async with app.run_test(size=(47, 40)):
        for run in range(RUNS + 1):
            for each in taken:
                await each.once(app, run)


def figures() -> list[Figure]:
    """Return the rows of the table that concern the tree."""
    few, many = TakenJobs(FEW), TakenJobs(MANY)
    few_runs, many_runs = TakenRuns(FEW_RUNS), TakenRuns(MANY_RUNS)
    asyncio.run(_measure(few, many))
    asyncio.run(_measure(few_runs, many_runs))
    jobs_of, runs_of = (few, many, 1.5), (few_runs, many_runs, 1.2)
    return [
        Figure(
            f"tree: {what} (CPU)",
            median(getattr(many, part)[1:]),
            median(getattr(few, part)[1:]),
            goal if part == "joins" else 1.2,
            against=f"with {less:,}",
        )
        for kind, count, less, (few, many, goal) in (
            ("job", MANY, FEW, jobs_of),
            ("run", MANY_RUNS, FEW_RUNS, runs_of),
        )
        for part, what in (
            ("paints", f"first paint, {count:,} {kind}s"),
            ("keys", f"a key to its frame, {count:,} {kind}s"),
            ("joins", f"a new {kind} joins and is painted, {count:,} {kind}s"),
        )
    ]
