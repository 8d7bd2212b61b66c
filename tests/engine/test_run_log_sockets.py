"""Runs of a demo app watched over sockets, on a clock moved by hand."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest

from chronotui.demo.clock import SECOND, DemoClock
from chronotui.demo.dify_events import EventHabits
from chronotui.demo.dify_runs import FOREVER, AppPerson, AppRow, AppRun, AppStep
from chronotui.demo.dify_server import DifyDemo
from chronotui.engine.catalog import CatalogSettings
from chronotui.engine.run_log import RunLog
from chronotui.engine.session import Session
from chronotui.engine.timing import Clock, WatchSettings
from chronotui.sources.protocol import DIFY, BearerAuth
from tests.engine.conftest import TIMING, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chronotui.sources.protocol import RunSource

START = 1_795_200_000.0
SETTINGS = WatchSettings(poll_seconds=0.1, timing=TIMING)
TOKEN = "hand-in-the-form"

NIGHTLY = AppPerson(str(uuid.UUID(int=1)), "service-api", "nightly-etl")
VISITOR = AppPerson(str(uuid.UUID(int=2)), "browser", "visitor")
OWNER = AppPerson(str(uuid.UUID(int=3)), "account", "Mira", "mira@example.com")


def a_step(number: int, **told: Any) -> AppStep:
    known: dict[str, Any] = {
        "kind": "code",
        "title": f"Step {number}",
        "begins": float(number),
        "seconds": 1.0,
        "outputs": {"n": number},
    }
    return AppStep(str(uuid.UUID(int=number)), f"n{number}", **{**known, **told})


STEPS = (
    a_step(0),
    a_step(1, kind="llm", chunks=("Hel", "lo\n", "world")),
    a_step(2, status="failed", error="503\nService Unavailable"),
)


def a_run(number: int = 9, **told: Any) -> AppRun:
    known = {"begins": START, "seconds": 5.0, "outputs": {"rows": 42}, "steps": STEPS}
    return AppRun(str(uuid.UUID(int=number)), **{**known, **told})


def demo_of(*runs: AppRun, by: AppPerson = NIGHTLY, **options: Any) -> DifyDemo:
    role = "account" if by.is_account else "end_user"
    rows = [
        AppRow(str(uuid.UUID(int=100 + n)), run.begins, run, by, role=role)
        for n, run in enumerate(runs)
    ]
    clock = DemoClock(start_ns=int((START + 0.5) * SECOND), speed=0.0)
    return DifyDemo(rows=rows, clock=clock, **options)


@asynccontextmanager
async def client_of(demo: DifyDemo) -> AsyncIterator[RunSource]:
    async def key() -> str:
        return demo.key

    client = cast("RunSource", DIFY.load_opener()(demo.url, BearerAuth(key)))
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def watched(demo: DifyDemo, streams: int = 1) -> AsyncIterator[RunLog]:
    """Watch the newest run of a server that is asked nothing it must not be.

    Args:
        streams: How many the server may count at once: it notices late that one is
            closed.
    """
    with demo:
        async with client_of(demo) as client:
            app = (await client.workflows()).items[0]
            job = (await client.jobs(app.id)).items[0]
            clock = Clock(wall=lambda: demo.clock.now_ns() / SECOND)
            log = RunLog(client, app, job, settings=SETTINGS, clock=clock)
            watching = asyncio.create_task(log.watch())
            try:
                yield log
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
        load = demo.load
        assert (load.people_made, load.people_changed, load.changes) == ([], [], [])
        assert load.most.get("events", 0) <= streams


def texts(log: RunLog) -> list[str]:
    return [line.message for line in log.store.lines(0, len(log.store))]


def advance(demo: DifyDemo, seconds: float) -> None:
    demo.clock.advance(seconds)


def is_live(log: RunLog) -> bool:
    return str(log.state.connection.kind) in {"LIVE", "QUIET"}


def has_ended(log: RunLog) -> bool:
    return log.state.job.has_ended and str(log.state.connection.kind) == "ENDED"


SEEN = [
    "· The run began.",
    "✓ Step 0 (code)  1.0 s",
    "✓ Step 1 (llm)  1.0 s",
    "✗ Step 2 (code)  1.0 s  503",
    "  Service Unavailable",
    "Hello",
    "world",
]


async def test_a_run_is_seen_from_its_begin_to_its_end() -> None:
    demo = demo_of(a_run())
    async with watched(demo) as log:
        await until(lambda: is_live(log) and texts(log))
        for _ in range(9):
            advance(demo, 0.5)
            await asyncio.sleep(0.02)
        await until(lambda: has_ended(log) and "Outputs" in texts(log))
        assert texts(log)[:7] == SEEN
        assert log.state.observed == (5, ())


async def test_a_run_stopped_by_somebody_is_not_called_failed() -> None:
    demo = demo_of(a_run(final="stopped"))
    async with watched(demo) as log:
        await until(lambda: is_live(log) and texts(log))
        advance(demo, 20)
        await until(lambda: has_ended(log))
        assert log.state.job.status == "CANCELED"


async def test_a_stream_that_hangs_is_left_when_the_state_says_so() -> None:
    demo = demo_of(a_run(), habits=EventHabits(hangs=True))
    async with watched(demo) as log:
        await until(lambda: is_live(log) and texts(log))
        advance(demo, 20)
        await until(lambda: has_ended(log) and "Outputs" in texts(log))
        assert texts(log)[:7] == SEEN


async def test_a_server_that_says_all_again_doubles_nothing() -> None:
    habits = EventHabits(replays=True, idle_seconds=0.3, ping_seconds=0.1)
    demo = demo_of(a_run(seconds=FOREVER), habits=habits)
    async with watched(demo) as log:
        await until(lambda: is_live(log) and texts(log))
        advance(demo, 4)
        await until(lambda: texts(log) == SEEN)
        streams = demo.requests.count("events")
        await until(lambda: demo.requests.count("events") >= streams + 3)
        await until(lambda: is_live(log))
        assert texts(log) == SEEN
        assert any("was away" in words for words in log.record.unseen)


async def test_who_comes_late_sees_the_states_of_steps_and_is_told_so() -> None:
    demo = demo_of(a_run(seconds=FOREVER))
    advance(demo, 3)
    async with watched(demo) as log:
        await until(lambda: is_live(log) and len(texts(log)) == 4)
        assert texts(log)[3] == "✗ Step 2 (code)  1.0 s"
        late, blind = log.record.unseen
        assert late.startswith("attached late: ")
        assert blind == "3 steps are known by state only"


async def test_a_run_that_publishes_nothing_is_told_by_snapshots() -> None:
    habits = EventHabits(ping_seconds=0.05)
    demo = demo_of(a_run(streaming=False, seconds=FOREVER), habits=habits)
    async with watched(demo, streams=2) as log:
        await until(lambda: texts(log))
        advance(demo, 4)
        await until(lambda: len(texts(log)) == 4)
        assert texts(log)[1] == "✓ Step 0 (code)  1.0 s"
        await until(lambda: str(log.state.connection.kind) == "WAITING")
        assert "told only when asked" in log.state.connection.reason


async def test_a_paused_run_goes_on_and_its_token_is_nowhere() -> None:
    steps = (a_step(0), a_step(1, kind="human-input", seconds=9.0, form_token=TOKEN))
    demo = demo_of(a_run(steps=steps, seconds=12.0, pause=(1.0, 8.0)))
    async with watched(demo) as log:
        await until(lambda: is_live(log) and texts(log))
        advance(demo, 2)
        await until(lambda: "⏸ Step 1 (human-input)" in "\n".join(texts(log)))
        assert any(line.startswith("⏸ A person is asked") for line in texts(log))
        await until(lambda: log.state.job.status == "PAUSED")
        advance(demo, 8)
        await until(lambda: "· The run goes on." in texts(log))
        advance(demo, 8)
        await until(lambda: has_ended(log))
        await until(lambda: "✓ Step 1 (human-input)" in "\n".join(texts(log)))
        assert TOKEN not in str(log.record.as_json()) + str(texts(log))


@pytest.mark.parametrize(
    ("by", "version", "why"),
    [
        (VISITOR, "1.14.2", "it was run by a web-app user"),
        (OWNER, "1.14.2", "it was run by an account"),
        (NIGHTLY, "1.13.0", "the server is 1.13.0, events need 1.14.0"),
    ],
)
async def test_events_of_others_are_never_asked_for(
    by: AppPerson, version: str, why: str
) -> None:
    demo = demo_of(a_run(), by=by, version=version)
    async with watched(demo) as log:
        await until(lambda: str(log.state.connection.kind) == "WAITING")
        assert log.state.connection.reason == why
        advance(demo, 20)
        await until(lambda: has_ended(log) and texts(log))
        assert texts(log)[0] == "Outputs"
        assert demo.requests.count("events") == 0


async def test_a_session_watches_one_run_at_a_time() -> None:
    runs = (a_run(8, seconds=FOREVER), a_run(9, seconds=FOREVER))
    demo = demo_of(*runs)
    with demo:
        async with client_of(demo) as client:
            session = Session(
                client,
                tree=CatalogSettings(),
                watch=SETTINGS,
                memory_bytes=1 << 20,
                kind=DIFY,
            )
            app = (await client.workflows()).items[0]
            first, second = (await client.jobs(app.id)).items
            one = session.open(app, first)
            await until(lambda: isinstance(one.log, RunLog) and is_live(one.log))
            other = session.open(app, second)
            await until(lambda: isinstance(other.log, RunLog) and is_live(other.log))
            assert one.watching is None
            await until(lambda: demo.load.open("events") == 1)
            assert session.open(app, first) is one  # its lines were kept
            await until(lambda: isinstance(one.log, RunLog) and is_live(one.log))
            read: list[str] = []
            assert session.details is not None
            session.details.read = lambda job: read.append(job.run_id)
            session.details.want(second)
            await until(lambda: read == [second.run_id])
            await session.close()
            await until(lambda: demo.load.open("events") == 0)
