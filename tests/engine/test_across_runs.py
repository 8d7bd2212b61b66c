"""Every run of a workflow searched over sockets: all that matches, once, in order."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from chronotui.demo.faults import Failure, Faults
from chronotui.demo.routes import Dialect
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine import across_runs
from chronotui.engine.across_runs import AcrossRuns, Depth, RunList, SearchedRun
from chronotui.engine.retry import Retries
from chronotui.errors import LogsUnavailableError, UnreachableError
from chronotui.log.pattern import LineMatcher, compile_pattern
from chronotui.model import STDERR
from tests.engine.conftest import TIMING, Spoiled, until
from tests.exactness import client_of, identity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer
    from chronotui.model import LogLine, Workflow
    from chronotui.sources.chronoverse import Chronoverse
    from tests.conftest import MakeDemo

HOUR: Final = 3600.0


def made(
    demo: DemoServer, ago: float, lines: int = 500, word: str = "needle", every: int = 7
) -> ScriptedJob:
    """A run that ended long since; every so many lines has the word."""
    script = [
        ScriptLine(
            f"line {n} {word if n % every == 0 else 'hay'}",
            STDERR if n % 5 == 0 else "stdout",
            retained=0.0,
        )
        for n in range(lines)
    ]
    return demo.world.add_job(Script(script, starts_in=-ago, ends_after=1.0))


def expected(demo: DemoServer, job: ScriptedJob, typed: str) -> list[tuple[Any, ...]]:
    matches = LineMatcher(compile_pattern(typed))
    return [
        (line.attempt, line.sequence_num, line.stream, line.message)
        for line in demo.world.truth(job.id)
        if matches(line.message)
    ]


@pytest.fixture
async def client(demo: DemoServer) -> AsyncIterator[Chronoverse]:
    client = client_of(demo)
    yield client
    await client.aclose()


async def scripted(client: Chronoverse) -> Workflow:
    page = await client.workflows(query="scripted")
    return page.items[0]


def ask() -> Any:
    return Retries(timing=TIMING).ask


async def everything(
    search: AcrossRuns,
) -> tuple[list[SearchedRun], dict[str, list[LogLine]]]:
    """Return the runs in the order they were told, and their lines."""
    runs: list[SearchedRun] = []
    lines: dict[str, list[LogLine]] = {}
    async with aclosing(search.found()) as found:
        async for run, new in found:
            lines.setdefault(run.job.id, []).extend(new)
            assert list(lines)[-1] == run.job.id
            if not new:
                runs.append(run)
    return runs, lines


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("typed", ["needle", r"ne+dle$", "line 1.* hay"])
async def test_all_that_matches_comes_once_the_newest_run_first(
    make_demo: MakeDemo, dialect: Dialect, typed: str
) -> None:
    demo = make_demo(dialect=dialect)
    client = client_of(demo)
    jobs = [made(demo, HOUR * n, lines=250 + 40 * n) for n in range(1, 8)]
    running = demo.world.add_job(Script(["a needle"], starts_in=-60.0))
    search = AcrossRuns(
        client, await scripted(client), compile_pattern(typed), ask=ask()
    )
    runs, lines = await everything(search)
    await client.aclose()
    assert [run.job.id for run in runs] == [running.id, *(job.id for job in jobs)]
    for job in jobs:
        assert [identity(line) for line in lines[job.id]] == expected(demo, job, typed)
    assert [len(lines[run.job.id]) for run in runs] == [run.matches for run in runs]
    assert not any(run.problem for run in runs)
    assert (search.listed, search.ended) == (8, 8)


async def test_a_run_whose_lines_can_be_counted_costs_a_page_and_a_download(
    demo: DemoServer, client: Chronoverse
) -> None:
    for n in range(1, 6):
        made(demo, HOUR * n)
    search = AcrossRuns(
        client, await scripted(client), compile_pattern("needle"), ask=ask()
    )
    await everything(search)
    assert demo.requests.count("raw") == demo.requests.count("logs") == 5


@pytest.mark.parametrize("depth", [Depth.COUNT, Depth.FIRST])
async def test_counts_and_names(
    demo: DemoServer, client: Chronoverse, depth: Depth
) -> None:
    with_it = made(demo, HOUR)
    without = made(demo, 2 * HOUR, word="pin")
    search = AcrossRuns(
        client, await scripted(client), compile_pattern("needle"), depth, ask=ask()
    )
    runs, lines = await everything(search)
    matches = {run.job.id: run.matches for run in runs}
    count = len(expected(demo, with_it, "needle"))
    assert matches == {
        with_it.id: count if depth is Depth.COUNT else 1,
        without.id: 0,
    }
    assert not any(lines.values())


@pytest.mark.parametrize(
    "faults",
    [
        {"raw_fails_after": 20_000},
        {"raw_cut_after": 20_000},
        {"cut_clean": 170},
        {"cut_clean": 0},
    ],
    ids=["trailer", "cut", "short without a word", "nothing"],
)
async def test_what_a_download_lacks_comes_from_the_pages_once(
    make_demo: MakeDemo, faults: dict[str, Any]
) -> None:
    demo = make_demo(faults=Faults(retention_lag=(0.0, 0.05), **faults))
    client = client_of(demo)
    jobs = [made(demo, HOUR * n) for n in range(1, 4)]
    search = AcrossRuns(
        client, await scripted(client), compile_pattern("needle"), ask=ask()
    )
    runs, lines = await everything(search)
    await client.aclose()
    for job in jobs:
        found = [identity(line) for line in lines[job.id]]
        assert found == expected(demo, job, "needle")
    assert not any(run.problem for run in runs)


async def test_lines_left_out_in_the_middle_of_a_download_are_found(
    demo: DemoServer, client: Chronoverse
) -> None:
    job = made(demo, HOUR, every=2)
    spoiled: Any = Spoiled(client, lambda lines: [*lines[:100], *lines[300:]])
    search = AcrossRuns(
        spoiled, await scripted(client), compile_pattern("needle"), ask=ask()
    )
    _runs, lines = await everything(search)
    found = [identity(line) for line in lines[job.id]]
    assert sorted(found) == sorted(expected(demo, job, "needle"))


async def test_a_retried_run_and_doubled_numbers_are_read_whole(
    demo: DemoServer, client: Chronoverse
) -> None:
    script = [
        ScriptLine(f"{attempt}.{n} needle", attempt=attempt, retained=0.0)
        for attempt in (1, 2)
        for n in range(150)
    ]
    retried = demo.world.add_job(Script(script, starts_in=-HOUR, ends_after=1.0))
    script = [
        ScriptLine(
            f"{n} needle",
            STDERR if n % 20 == 7 else "stdout",
            with_previous=n % 20 == 7,
            retained=0.0,
        )
        for n in range(300)
    ]
    doubled = demo.world.add_job(Script(script, starts_in=-HOUR, ends_after=1.0))
    search = AcrossRuns(
        client, await scripted(client), compile_pattern("needle"), ask=ask()
    )
    _runs, lines = await everything(search)
    for job in (retried, doubled):
        found = [identity(line) for line in lines[job.id]]
        assert found == expected(demo, job, "needle")


async def test_a_retried_run_that_goes_on_is_not_said_to_be_read_whole(
    demo: DemoServer, client: Chronoverse
) -> None:
    script = [ScriptLine(f"1.{n} needle", retained=0.0) for n in range(250)]
    retried = demo.world.add_job(Script(script, starts_in=-300.0))
    retried.retry()
    retried.write(*[ScriptLine(f"2.{n} needle", retained=0.0) for n in range(20)])
    pattern = compile_pattern("needle")
    search = AcrossRuns(client, await scripted(client), pattern, ask=ask())
    (run,), _lines = await everything(search)
    assert run.matches == 270
    assert "may be older" in run.problem


async def test_a_run_that_cannot_be_read_is_named_and_the_others_are_told(
    demo: DemoServer, client: Chronoverse
) -> None:
    jobs = [made(demo, HOUR * n) for n in range(1, 5)]
    workflow = await scripted(client)
    demo.faults.refuse(412, route="logs", times=1)
    search = AcrossRuns(client, workflow, compile_pattern("needle"), ask=ask())
    runs, _lines = await everything(search)
    unread = [run for run in runs if run.problem]
    assert len(runs) == len(jobs)
    assert len(unread) == 1
    assert isinstance(unread[0].error, LogsUnavailableError)
    assert all(run.matches for run in runs if run is not unread[0])


async def test_a_server_that_is_gone_ends_the_search(demo: DemoServer) -> None:
    client = client_of(demo)
    for n in range(1, 5):
        made(demo, HOUR * n)
    workflow = await scripted(client)
    demo.faults.fail_on = frozenset({"logs", "raw"})
    demo.faults.fail_with = (Failure.RESET,)
    demo.faults.fail_rate = 1.0
    search = AcrossRuns(client, workflow, compile_pattern("needle"), ask=ask())
    with pytest.raises(UnreachableError):
        await everything(search)
    await client.aclose()


async def test_an_ended_run_with_nothing_retained_tells_nothing(
    demo: DemoServer, client: Chronoverse
) -> None:
    made(demo, HOUR, lines=0)
    search = AcrossRuns(
        client, await scripted(client), compile_pattern("needle"), ask=ask()
    )
    ((run,), _lines) = await everything(search)
    assert run.is_empty
    assert not run.problem


async def test_a_reader_that_stops_holds_the_search_back_and_can_leave_it(
    demo: DemoServer, client: Chronoverse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(across_runs, "WAITING_BYTES", 2000)
    monkeypatch.setattr(across_runs, "AHEAD", 3)
    for n in range(1, 9):
        made(demo, HOUR * n, lines=400, every=1)
    held: list[SearchedRun] = []
    put = SearchedRun.put

    async def counted(run: SearchedRun, lines: Any) -> None:
        if run not in held:
            held.append(run)
        await put(run, lines)

    monkeypatch.setattr(SearchedRun, "put", counted)
    search = AcrossRuns(
        client, await scripted(client), compile_pattern("needle"), ask=ask()
    )
    search._ahead = asyncio.Semaphore(3)
    async with aclosing(search.found()) as found:
        await anext(found)
        await until(lambda: search.listed == 3)
        await asyncio.sleep(0)
        assert search.listed == 3
        assert all(run._size < 400 * 300 for run in held)
    assert all(run.is_over for run in held)


class Counting:
    """A client that counts the requests under way; downloads come from threads."""

    def __init__(self, client: Chronoverse) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._now = self.most = 0

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._client, name)
        if name not in {"jobs", "log_page"}:
            return asked

        async def counted(*arguments: Any, **options: Any) -> Any:
            with self._one():
                return await asked(*arguments, **options)

        return counted

    @contextmanager
    def download(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        with self._one(), self._client.download(*arguments, **options) as answer:
            yield answer

    @contextmanager
    def _one(self) -> Iterator[None]:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1


async def test_four_requests_are_made_at_a_time(
    demo: DemoServer, client: Chronoverse
) -> None:
    for n in range(1, 25):
        made(demo, HOUR * n, lines=300 if n % 3 else 20)
    workflow = await scripted(client)
    demo.faults.latency = (0.02, 0.02)
    counting: Any = Counting(client)
    search = AcrossRuns(counting, workflow, compile_pattern("needle"), ask=ask())
    runs, _lines = await everything(search)
    assert len(runs) == 24
    assert counting.most == 4


async def test_only_some_runs_are_listed(demo: DemoServer, client: Chronoverse) -> None:
    jobs = [made(demo, HOUR * n, lines=1) for n in range(1, 31)]
    workflow = await scripted(client)
    listed = RunList(client, workflow, ask=ask())
    at_once = await asyncio.gather(*(listed.at(place) for place in (25, 3, 11, 29, 30)))
    assert [run and run.id for run in at_once] == [
        jobs[25].id,
        jobs[3].id,
        jobs[11].id,
        jobs[29].id,
        None,
    ]
    assert (listed.known, listed.is_over) == (30, True)
    middle = await client.job(workflow.id, jobs[9].id)
    since = RunList(client, workflow, ask=ask(), since=middle.created_at)
    assert await since.at(10) is None
    assert since.known == 10
