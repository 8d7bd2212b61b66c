"""The board with 5,000 jobs in 300 workflows, against the tree, and a small board."""

from __future__ import annotations

import asyncio
from statistics import median
from time import process_time
from typing import TYPE_CHECKING, Final

from textual.app import App

from chronotui.model import Job, JobStatus, Workflow, WorkflowKind
from chronotui.tree.board import BoardRows
from chronotui.tree.board_row import BoardFacts, Newest
from chronotui.tree.row import RowTimes
from chronotui.ui.desk.board_list import BoardList
from chronotui.ui.tree import JobTree
from tests.benchmarks.bench_tree import KEYS, NOW, jobs, model_of
from tests.benchmarks.measure import Figure

if TYPE_CHECKING:
    from textual.app import ComposeResult

WORKFLOWS: Final = 300
EACH: Final = 17
FEW_WORKFLOWS: Final = 20
RUNS: Final = 12
SAYS: Final = Newest("Loading batch 118 of 400", lines=1_204, rate=4.0)


class HeldJobs:
    """What was read of so many workflows."""

    def __init__(self, workflows: int) -> None:
        owners = [f"w{number}" for number in range(workflows)]
        self.held = {each: tuple(jobs(EACH, each)) for each in owners}
        self.workflows = owners

    def workflow(self, workflow_id: str) -> Workflow:
        return Workflow(workflow_id, f"report-{workflow_id}", WorkflowKind.CONTAINER)

    def jobs(self, workflow_id: str) -> tuple[Job, ...]:
        return self.held[workflow_id]

    def has_failed_lately(self, job: Job) -> bool:
        return job.status == JobStatus.FAILED


class Board(App[None]):
    """Shows a board, after its own first frame."""

    def __init__(self, workflows: int) -> None:
        super().__init__()
        self.held, self.rows = HeldJobs(workflows), BoardRows()
        self.rows.take(self.held)

    def compose(self) -> ComposeResult:
        yield BoardList(
            self.rows, self.facts, lambda: RowTimes(NOW, ages=False), lambda: None
        )

    def facts(self, job: Job) -> BoardFacts:
        workflow = self.held.workflow(job.workflow_id)
        facts = BoardFacts(workflow, self.rows.short_id(job), usual=60.0, age=5.0)
        runs = job.status == JobStatus.RUNNING
        return facts._replace(newest=SAYS) if runs else facts

    def key(self) -> float:
        """Press a key some times; return the CPU seconds of each."""
        view = self.query_one(BoardList)
        view.go_to(len(self.rows) // 2)
        start = process_time()
        for _ in range(KEYS):
            view.action_move(1)
            self.screen._compositor.render_strips()
        return (process_time() - start) / KEYS

    def join(self, run: int) -> float:
        """Have a workflow read again, with a new job; return the CPU seconds."""
        view = self.query_one(BoardList)
        owner = self.held.workflows[run % len(self.held.workflows)]
        fresh = jobs(EACH + run + 1, owner)[-1:]
        self.held.held[owner] = (*fresh, *self.held.held[owner][:-1])
        start = process_time()
        self.rows.take(self.held)
        view.sync()
        self.screen._compositor.render_strips()
        return process_time() - start


class Tree(App[None]):
    """Shows the tree with as many jobs."""

    def compose(self) -> ComposeResult:
        yield JobTree(model_of(jobs(WORKFLOWS * EACH, "w")), now=lambda: NOW)

    def key(self) -> float:
        view = self.query_one(JobTree)
        view.go_to(len(view.model.rows) // 2)
        start = process_time()
        for _ in range(KEYS):
            view.action_move(1)
            self.screen._compositor.render_strips()
        return (process_time() - start) / KEYS


async def _keys() -> tuple[list[float], list[float], list[float], list[float]]:
    many, few, tree = Board(WORKFLOWS), Board(FEW_WORKFLOWS), Tree()
    keys: tuple[list[float], list[float], list[float], list[float]] = ([], [], [], [])
    async with many.run_test(size=(120, 40)):
        for run in range(RUNS):
            keys[0].append(many.key())
            keys[3].append(many.join(run))
    async with few.run_test(size=(120, 40)):
        keys[1].extend(few.key() for _ in range(RUNS))
    async with tree.run_test(size=(120, 40)):
        keys[2].extend(tree.key() for _ in range(RUNS))
    return keys


def figures() -> list[Figure]:
    """Return the rows of the table that concern the board."""
    many, few, tree, joins = (median(each[1:]) for each in asyncio.run(_keys()))
    count = f"{WORKFLOWS * EACH:,} jobs in {WORKFLOWS} workflows"
    return [
        Figure(
            f"board: a key to its frame, {count} (CPU)", many, tree, 2.0, "the tree"
        ),
        Figure(
            "board: a key to its frame (CPU)",
            many,
            few,
            1.2,
            against=f"with {FEW_WORKFLOWS * EACH} jobs",
        ),
        Figure(f"board: a job joins, {count} (CPU)", joins, many, None, "a key"),
    ]
