"""The client against the demo server over real sockets, in both dialects."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.faults import Failure, Faults
from chronotui.demo.lines import downward
from chronotui.demo.routes import Dialect
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.errors import (
    ChronotuiError,
    DownloadNeedsSessionError,
    LogsUnavailableError,
    NotFoundError,
    NotSignedInError,
    RequestRefusedError,
)
from chronotui.model import (
    STDERR,
    STDOUT,
    Connected,
    Job,
    JobFilter,
    JobStatus,
    LiveLines,
    LogLine,
    RawFormat,
    StreamEnded,
    StreamFailed,
    Trigger,
    Workflow,
    WorkflowKind,
)
from chronotui.sources.protocol import (
    Auth,
    BearerAuth,
    CookieAuth,
    NoAuth,
    SessionAuth,
    SessionCookies,
)

if TYPE_CHECKING:
    from chronotui.demo.lines import DemoJob, TrueLine
    from chronotui.demo.server import DemoServer
    from chronotui.sources.chronoverse import Chronoverse
    from tests.conftest import MakeDemo
    from tests.sources.conftest import OpenClient

HOSTILE = (
    "plain",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J",
    "nul \x00 bell \x07 tab \t cr \r50%\r100%",
    "rtl \u202e zero\u200bwidth \u2028 \u2029",
    "日本語 🐍 [red]markup[/] [/]",
    '{"level":"error","message":"event: log\\ndata: {}"}',
    "__CV_HL_START_x__fake__CV_HL_END_x__",
    "x" * 65_535,
)


@pytest.fixture(params=list(Dialect), ids=lambda dialect: dialect.name.lower())
def server(request: pytest.FixtureRequest, make_demo: MakeDemo) -> DemoServer:
    return make_demo(dialect=request.param, lines=1000)


def auth_for(server: DemoServer) -> Auth:
    async def password() -> str:
        return server.password

    async def token() -> str:
        return server.token

    async def session() -> str:
        return server.open_session()[0]

    if server.dialect is Dialect.CURRENT:
        return SessionAuth(server.email, password)
    return BearerAuth(token, session)


@pytest.fixture
def client(server: DemoServer, client_for: OpenClient) -> Chronoverse:
    return client_for(server.url, auth_for(server))


async def all_workflows(client: Chronoverse, **filters: bool) -> list[Workflow]:
    page = await client.workflows(**filters)  # type: ignore[arg-type]
    found = list(page.items)
    while page.cursor is not None:
        page = await client.workflows(cursor=page.cursor, **filters)  # type: ignore[arg-type]
        found.extend(page.items)
    return found


async def all_jobs(
    client: Chronoverse, workflow_id: str, status: JobStatus | None = None
) -> list[Job]:
    page = await client.jobs(workflow_id, only=JobFilter(status))
    found = list(page.items)
    while page.cursor is not None:
        page = await client.jobs(
            workflow_id, only=JobFilter(status), cursor=page.cursor
        )
        found.extend(page.items)
    return found


async def all_lines(client: Chronoverse, job: DemoJob) -> list[LogLine]:
    page = await client.log_page(job.workflow_id, job.id)
    found = list(page.lines)
    while page.cursor is not None:
        page = await client.log_page(job.workflow_id, job.id, cursor=page.cursor)
        found.extend(page.lines)
    return found


def as_true(server: DemoServer, job_id: str, line: TrueLine, digits: int) -> LogLine:
    """Tell what a client should read for a line of the truth."""
    current = server.dialect is Dialect.CURRENT
    unit = 10 ** (9 - digits)
    return LogLine(
        attempt=line.attempt if current else 0,
        sequence_num=line.sequence_num,
        stream=line.stream,
        time_ns=line.time_ns // unit * unit,
        message=line.message,
        event_id=line.event_id(job_id) if current else "",
        retained=digits == 3,
    )


async def test_finds_every_workflow_and_job(
    server: DemoServer, client: Chronoverse
) -> None:
    workflows = await all_workflows(client)
    assert all(one.terminated_at is None for one in workflows)
    ended = await all_workflows(client, terminated=True)
    assert ended
    assert all(one.terminated_at is not None for one in ended)
    workflows += ended
    assert {w.id for w in workflows} == {w.id for w in server.world.workflows}
    assert {w.kind for w in workflows} == {
        WorkflowKind.HEARTBEAT,
        WorkflowKind.CONTAINER,
    }
    chosen = workflows[0]
    alone = await client.workflow(chosen.id)
    assert (alone.id, alone.name, alone.kind) == (chosen.id, chosen.name, chosen.kind)
    json.loads(alone.payload)
    jobs = await all_jobs(client, chosen.id)
    assert len({job.id for job in jobs}) == len(jobs) > 0
    assert all(job.workflow_id == chosen.id for job in jobs)
    times = [job.created_at for job in jobs if job.created_at is not None]
    assert times == sorted(times, reverse=True)
    assert all(moment.tzinfo is not None for moment in times)
    one = await client.job(chosen.id, jobs[-1].id)
    assert (one.id, one.status) == (jobs[-1].id, jobs[-1].status)
    assert one.attempts is None


async def test_filters_by_every_state_it_can_meet(
    server: DemoServer, client: Chronoverse
) -> None:
    for outcome in ("COMPLETED", "FAILED", "CANCELED"):
        server.world.add_job(Script(starts_in=-9, ends_after=1.0, outcome=outcome))
    waiting = server.world.add_job(Script(starts_in=None))
    workflow_id = waiting.workflow_id
    for status in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED):
        assert [j.status for j in await all_jobs(client, workflow_id, status)] == [
            status
        ]
    manual = await client.jobs(workflow_id, only=JobFilter(trigger=Trigger.MANUAL))
    assert len(manual.items) == 4
    assert not (
        await client.jobs(workflow_id, only=JobFilter(trigger=Trigger.AUTOMATIC))
    ).items
    if server.dialect is Dialect.CURRENT:
        assert await all_jobs(client, workflow_id, JobStatus.QUEUED) is not None
    else:
        with pytest.raises(RequestRefusedError, match="QUEUED"):
            await all_jobs(client, workflow_id, JobStatus.QUEUED)


async def test_searches_names(client: Chronoverse) -> None:
    name = (await client.workflows()).items[0].name
    found = await client.workflows(query=name.split("-", maxsplit=1)[0])
    assert name in {workflow.name for workflow in found.items}
    assert not (await client.workflows(query="no such name anywhere")).items


async def test_retained_lines_are_the_truth(
    server: DemoServer, client: Chronoverse
) -> None:
    lines = [
        ScriptLine(text, (STDOUT, STDERR)[n % 2]) for n, text in enumerate(HOSTILE)
    ]
    lines += [ScriptLine(f"line {n}") for n in range(250)]
    lines += [ScriptLine("again", attempt=2), ScriptLine("and again", STDERR)]
    job = server.world.add_job(Script(lines, starts_in=-60, ends_after=1.0, rate=50))
    found = await all_lines(client, job)
    truth = server.world.truth(job.id)
    if server.dialect is Dialect.CURRENT:
        truth.sort(key=lambda line: downward(line.place(interleaved=True)))
    assert found == [as_true(server, job.id, line, digits=3) for line in truth]


async def test_live_lines_are_the_truth(
    server: DemoServer, client: Chronoverse
) -> None:
    job = server.world.add_job()
    seen: list[LogLine] = []
    async with client.live(job.workflow_id, job.id) as stream:
        assert await anext(stream) == (Connected(),)
        job.write(*HOSTILE, ScriptLine("oops", STDERR))
        truth = server.world.truth(job.id)
        while len(seen) < len(truth):
            for event in await asyncio.wait_for(anext(stream), 30):
                assert isinstance(event, LiveLines)
                assert event.unreadable == 0
                seen.extend(event.lines)
        assert seen == [as_true(server, job.id, line, digits=9) for line in truth]
        if server.dialect is Dialect.DOCUMENTED:
            job.end()
            assert await asyncio.wait_for(anext(stream), 30) == (StreamEnded(),)
            with pytest.raises(StopAsyncIteration):
                await asyncio.wait_for(anext(stream), 30)


async def test_a_stream_that_cannot_be_says_why(
    server: DemoServer, client: Chronoverse
) -> None:
    ended = server.world.add_job(Script(["x"], starts_in=-9, ends_after=1.0))
    for job_id in (ended.id, "7d3c6a30-0000-4000-8000-000000000000"):
        async with client.live(ended.workflow_id, job_id) as stream:
            events = [event async for batch in stream for event in batch]
        failed = events[-1]
        assert isinstance(failed, StreamFailed)
        assert failed.reason


async def test_search_finds_what_the_server_marks(
    server: DemoServer, client: Chronoverse
) -> None:
    lines: list[ScriptLine | str] = [
        "a needle here",
        ScriptLine("needle and needle", STDERR),
        "hay",
    ]
    job = server.world.add_job(Script(lines, starts_in=-60, ends_after=1.0))
    found = await client.search_logs(job.workflow_id, job.id, query="needle")
    hits = dict(
        zip((line.message for line in found.lines), found.highlights, strict=True)
    )
    assert set(hits) >= {"a needle here", "needle and needle"}
    for message, ranges in hits.items():
        assert "__CV_HL" not in message
        assert all(message[a:b].lower() == "needle" for a, b in ranges)
    streamed = await client.search_logs(job.workflow_id, job.id, stream=STDERR)
    assert [line.message for line in streamed.lines] == ["needle and needle"]


@pytest.mark.parametrize("raw_format", list(RawFormat))
async def test_the_raw_download_is_the_whole_log(
    server: DemoServer, client: Chronoverse, raw_format: RawFormat
) -> None:
    job = server.world.add_job(
        Script(["one", "two", "three"], starts_in=-60, ends_after=1.0)
    )

    def read() -> tuple[RawFormat, str | None, bytes]:
        with client.download(job.workflow_id, job.id, format=raw_format) as download:
            return download.format, download.file_name, b"".join(download.chunks())

    sent, name, body = await asyncio.to_thread(read)
    if server.dialect is Dialect.DOCUMENTED:
        assert sent is RawFormat.TXT
    else:
        assert sent is raw_format
    assert name == f"{job.id}-logs.{sent}"
    if sent is RawFormat.TXT:
        assert body == b"one\ntwo\nthree\n"
    else:
        assert all(f'"{word}"'.encode() in body for word in ("one", "two", "three"))


async def test_a_running_job_cannot_be_downloaded(
    server: DemoServer, client: Chronoverse
) -> None:
    job = server.world.add_job()

    def read() -> None:
        with client.download(job.workflow_id, job.id, format=RawFormat.TXT):
            pass

    with pytest.raises(RequestRefusedError):
        await asyncio.to_thread(read)


async def test_what_is_not_there_is_said(
    server: DemoServer, client: Chronoverse
) -> None:
    absent = "7d3c6a30-0000-4000-8000-000000000000"
    with pytest.raises(NotFoundError):
        await client.workflow(absent)
    with pytest.raises(NotFoundError):
        await client.job(server.world.workflows[0].id, absent)
    with pytest.raises(NotFoundError):
        await client.workflow("..")


async def test_no_log_by_policy_is_said(
    server: DemoServer, client: Chronoverse
) -> None:
    beats = next(
        one
        for one in (await client.workflows()).items
        if one.kind == WorkflowKind.HEARTBEAT
    )
    job = (await client.jobs(beats.id)).items[0]
    with pytest.raises(LogsUnavailableError) as refused:
        await client.log_page(beats.id, job.id)
    assert "“" in refused.value.sentence


async def test_behind_a_prefix_and_a_port_forward(
    make_demo: MakeDemo, client_for: OpenClient
) -> None:
    server = make_demo(prefix="/api/v1", public_url="https://chrono.example.com/api/v1")
    client = client_for(server.url + "/", auth_for(server))
    assert (await client.workflows()).items
    await client.workflows()
    await client.sign_out()
    assert client.requests["logout"] == 1


async def test_signing_out_ends_the_session_on_the_server(
    demo: DemoServer, client_for: OpenClient
) -> None:
    session, csrf = demo.open_session()

    async def never() -> str:
        raise NotSignedInError("nobody there")

    saved = SessionCookies(session, csrf)
    client = client_for(demo.url, SessionAuth(demo.email, never, saved))
    await client.workflows()
    await client.sign_out()
    other = client_for(demo.url, SessionAuth(demo.email, never, saved))
    with pytest.raises(NotSignedInError):
        await other.workflows()


async def test_each_way_to_sign_in_is_refused_with_words(
    server: DemoServer, client_for: OpenClient
) -> None:
    async def wrong() -> str:
        return "wrong-password"

    ways: list[Auth] = [
        SessionAuth(server.email, wrong), BearerAuth(wrong), CookieAuth(wrong), NoAuth()
    ]  # fmt: skip
    for auth in ways:
        client = client_for(server.url, auth)
        with pytest.raises(NotSignedInError) as refused:
            await client.sign_in()
        assert refused.value.next_step
        with pytest.raises(NotSignedInError):
            await client.workflows()


async def test_each_way_to_sign_in_is_taken(
    server: DemoServer, client_for: OpenClient
) -> None:
    client = client_for(server.url, auth_for(server))
    await client.sign_in()
    await client.workflows()
    await client.sign_out()
    await client.sign_out()
    if server.dialect is Dialect.CURRENT:

        async def session() -> str:
            return server.open_session()[0]

        cookie = client_for(server.url, CookieAuth(session))
        await cookie.sign_in()
        await cookie.sign_out()


async def test_a_token_alone_reads_pages_and_not_the_download(
    documented_demo: DemoServer, client_for: OpenClient
) -> None:
    async def token() -> str:
        return documented_demo.token

    client = client_for(documented_demo.url, BearerAuth(token))
    job = documented_demo.world.add_job(Script(["x"], starts_in=-9, ends_after=1.0))
    assert (await client.log_page(job.workflow_id, job.id)).lines

    def read() -> None:
        with client.download(job.workflow_id, job.id, format=RawFormat.TXT):
            pass

    with pytest.raises(DownloadNeedsSessionError):
        await asyncio.to_thread(read)
    assert (await client.log_page(job.workflow_id, job.id)).lines


async def test_a_session_of_two_breaths_never_asks_a_person(
    make_demo: MakeDemo, client_for: OpenClient
) -> None:
    session_seconds = 0.4  # a loaded machine takes a while between login and request
    server = make_demo(session_seconds=session_seconds)
    client = client_for(server.url, auth_for(server))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while client.requests["login"] < 3:
        await asyncio.gather(*[client.workflows() for _ in range(3)])
        await asyncio.sleep(session_seconds / 20)
    sessions = (loop.time() - begun) / session_seconds
    assert client.requests["login"] <= 4 * sessions


HARMLESS = {
    Failure.WRONG_TYPE, Failure.NO_TYPE, Failure.WRONG_FIELDS, Failure.STRANGE_WORDS,
    Failure.NOT_UTF8,
}  # fmt: skip
"""Answers that may be read all the same."""


async def use_everything(client: Chronoverse, job: DemoJob) -> list[ChronotuiError]:
    """Send every kind of request and return the errors that came of it."""

    async def watch() -> None:
        # Silence is no failure of a stream, not even before its headers.
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(3.0),
                client.live(job.workflow_id, job.id) as stream,
            ):
                async for _ in stream:
                    pass

    def read() -> None:
        with client.download(job.workflow_id, job.id, format=RawFormat.TXT) as raw:
            for _ in raw.chunks():
                pass

    where = (job.workflow_id, job.id)
    outcomes = await asyncio.gather(
        client.workflows(),
        client.workflow(job.workflow_id),
        client.jobs(job.workflow_id),
        client.job(*where),
        client.log_page(*where),
        client.search_logs(*where, query="x"),
        watch(),
        asyncio.to_thread(read),
        return_exceptions=True,
    )
    failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    ours = [error for error in failed if isinstance(error, ChronotuiError)]
    assert ours == failed
    return ours


@pytest.mark.parametrize("failure", list(Failure), ids=lambda failure: failure.name)
async def test_every_failure_becomes_an_answer_or_one_of_our_errors(
    make_demo: MakeDemo,
    client_for: OpenClient,
    failure: Failure,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chronotui.sources.download._SILENCE_SECONDS", 0.2)
    server = make_demo(faults=Faults(retention_lag=(0, 0)))
    job = server.world.add_job(Script(["x"], starts_in=-9, ends_after=1.0))
    client = client_for(server.url, auth_for(server), timeout_seconds=0.3)
    await client.workflows()
    server.faults.fail_rate, server.faults.fail_with = 1.0, (failure,)
    told = await use_everything(client, job)
    for error in told:
        assert len(error.sentence) > 10
        assert str(error).isprintable()
    assert told or failure in HARMLESS
    server.faults.fail_rate = 0.0
    assert (await client.workflows()).items
