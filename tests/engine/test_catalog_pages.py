from __future__ import annotations

from collections import Counter

from chronotui.engine.catalog import CatalogSettings
from chronotui.engine.list_readers import (
    EMPTY_PAGES,
    SKIPPED_PAGES,
    JobReader,
    WorkflowReader,
)
from chronotui.engine.timing import Backoff
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
from chronotui.tree.branch import Branch
from chronotui.tree.listing import Loading
from chronotui.tree.model import TreeModel

PAGE = 2


class Scripted:
    """A server in memory: lists by offset, or cursors that lead in circles."""

    def __init__(self) -> None:
        self.listed: list[Job] = []
        self.flows: list[Workflow] = []
        self.circle = False
        self.empty_pages = 0
        self.hidden_pages = 0
        self.alone: dict[str, Job] = {}
        self.asked: Counter[str] = Counter()

    def add(self, number: int, status: str = "COMPLETED") -> Job:
        made = Job(f"job-{number}", "w", JobStatus(status), Trigger.AUTOMATIC)
        self.listed.insert(0, made)
        self.alone[made.id] = made
        return made

    def allow_sign_in(self) -> None:
        raise AssertionError("reading lists signs nobody in")

    async def jobs(
        self,
        workflow_id: str,
        *,
        cursor: str | None = None,
        only: JobFilter = EVERYTHING,
    ) -> Page[Job]:
        self.asked["jobs"] += 1
        if self.empty_pages:
            self.empty_pages -= 1
            return Page((), f"{cursor or 0}+")
        if self.circle:
            return Page(tuple(self.listed[:PAGE]), "again")
        begin = int((cursor or "0").rstrip("+"))
        end = begin + PAGE
        more = str(end) if end < len(self.listed) else None
        return Page(tuple(self.listed[begin:end]), more)

    async def workflows(
        self,
        *,
        cursor: str | None = None,
        query: str | None = None,
        terminated: bool = False,
    ) -> Page[Workflow]:
        self.asked["workflows"] += 1
        if self.hidden_pages:
            self.hidden_pages -= 1
            return Page((), f"{self.hidden_pages}+0", hidden=PAGE)
        begin = int((cursor or "0").rpartition("+")[2])
        more = str(begin + PAGE) if begin + PAGE < len(self.flows) else None
        return Page(tuple(self.flows[begin : begin + PAGE]), more)

    async def workflow(self, workflow_id: str) -> Workflow:
        raise NotFoundError("")

    async def job(self, workflow_id: str, job_id: str) -> Job:
        self.asked["job"] += 1
        try:
            return self.alone[job_id]
        except KeyError:
            raise NotFoundError("No such job.") from None

    async def reread(self, job: Job) -> Job:
        return await self.job(job.workflow_id, job.id)


def backoff() -> Backoff:
    return Backoff(first=1, factor=2, cap=8, after_cap=60, chance=lambda: 1.0)


def job_reader(server: Scripted) -> tuple[JobReader, Branch]:
    flow = Workflow("w", "flow", WorkflowKind.CONTAINER)
    branch = Branch(flow, JobFilter())
    return JobReader(server, branch, backoff()), branch


async def read_on(reader: JobReader, times: int) -> None:
    for _ in range(times):
        reader.wants_more = True
        await reader.read()


async def test_cursors_in_a_circle_end_the_list_and_are_said() -> None:
    server = Scripted()
    server.circle = True
    server.add(1)
    reader, branch = job_reader(server)
    await read_on(reader, 5)
    assert branch.listing.looped
    assert list(branch.listing.ids) == ["job-1"]
    assert server.asked["jobs"] == 2
    await reader.read()
    await reader.read()
    assert server.asked["jobs"] == 4


async def test_circles_without_anything_known_end_the_reading_again() -> None:
    server = Scripted()
    for number in range(4):
        server.add(number)
    reader, branch = job_reader(server)
    await reader.read()
    server.listed = []
    server.add(9)
    server.circle = True
    await reader.read()
    assert list(branch.listing.ids) == ["job-9"]


async def test_empty_pages_with_cursors_are_passed_over_at_once() -> None:
    server = Scripted()
    server.add(1)
    server.empty_pages = 3
    reader, branch = job_reader(server)
    await reader.read()
    assert list(branch.listing.ids) == ["job-1"]
    assert server.asked["jobs"] == 4


async def test_thousands_of_hidden_workflows_in_a_row_do_not_end_the_list() -> None:
    server, tree = Scripted(), TreeModel()
    server.flows = [
        Workflow(f"w{number}", "flow", WorkflowKind.CONTAINER) for number in range(3)
    ]
    server.hidden_pages = 900
    reader = WorkflowReader(server, tree, backoff())
    rounds = 0
    while not tree.workflows.complete:
        asked = server.asked["workflows"]
        reader.wants_more = True
        await reader.read()
        rounds += 1
        assert server.asked["workflows"] - asked <= (SKIPPED_PAGES + 1) * EMPTY_PAGES
    assert not tree.workflows.looped
    assert list(tree.workflows.ids) == ["w0", "w1", "w2"]
    assert rounds < 20


async def test_reading_again_catches_up_until_it_meets_what_is_known() -> None:
    server = Scripted()
    for number in range(4):
        server.add(number)
    reader, branch = job_reader(server)
    await reader.read()
    for number in range(4, 11):
        server.add(number)
    await reader.read()
    assert list(branch.listing.ids) == [f"job-{n}" for n in range(10, 1, -1)]
    await read_on(reader, 3)
    assert list(branch.listing.ids) == [f"job-{n}" for n in range(10, -1, -1)]


async def test_too_far_behind_the_list_begins_again() -> None:
    server = Scripted()
    server.add(0)
    reader, branch = job_reader(server)
    await reader.read()
    for number in range(1, 101):
        server.add(number)
    await reader.read()
    assert list(branch.listing.ids) == [f"job-{n}" for n in range(100, 60, -1)]
    await read_on(reader, 40)
    assert len(branch.listing) == 101
    assert branch.listing.complete


async def test_a_vanished_running_job_is_forgotten() -> None:
    server = Scripted()
    running = server.add(0, "RUNNING")
    reader, branch = job_reader(server)
    await reader.read()
    server.listed = []
    del server.alone[running.id]
    await reader.read()
    assert len(branch.jobs) == 0
    assert len(branch.listing) == 0


async def test_unfinished_jobs_beyond_the_page_take_turns() -> None:
    server = Scripted()
    for number in range(10):
        server.add(number, "RUNNING")
    reader, branch = job_reader(server)
    await read_on(reader, 5)
    assert len(branch.listing) == 10
    for number in range(8):
        old = server.alone[f"job-{number}"]
        ended = Job(old.id, "w", JobStatus.FAILED, Trigger.AUTOMATIC)
        server.alone[old.id] = ended
    for rounds in range(1, 4):
        await reader.read()
        assert sum(job.status == "FAILED" for job in branch.jobs) == min(3 * rounds, 8)
        assert server.asked["job"] == min(3 * rounds, 8)
    assert list(branch.jobs.unfinished) == ["job-9", "job-8"]


async def test_a_failed_reading_leaves_nothing_loading() -> None:
    class Failing(Scripted):
        async def jobs(self, *args: object, **more: object) -> Page[Job]:
            raise NotFoundError("gone")

    reader, branch = job_reader(Failing())
    try:
        await reader.read()
    except NotFoundError as problem:
        branch.listing.fail(problem)
    assert branch.listing.loading is Loading.NOTHING
    assert not branch.listing.answered


async def test_a_list_of_workflows_is_now_and_then_read_as_far_as_it_is_loaded() -> (
    None
):
    server = Scripted()
    flows = [Workflow(f"w{n}", f"flow-{n}", WorkflowKind.CONTAINER) for n in range(6)]
    server.flows = flows
    tree = TreeModel()
    reader = WorkflowReader(server, tree, backoff())
    for _ in range(3):
        reader.wants_more = True
        await reader.read()
    assert len(tree.workflows) == 6
    server.flows = [flow for flow in flows if flow.id != "w3"]
    asked = []
    for _ in range(4):
        before = server.asked["workflows"]
        await reader.read()
        asked.append(server.asked["workflows"] - before)
    assert asked == [1, 1, 1, 3]
    assert "w3" not in tree.workflows


def test_a_quiet_list_is_asked_less_often() -> None:
    settings = CatalogSettings(poll_seconds=5.0)
    assert settings.pause(active=True) == 5.0
    assert settings.pause(active=False) == 15.0
