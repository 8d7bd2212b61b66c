"""What the doctor finds out by asking a server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.scripts import Script, ScriptLine
from chronotui.demo.wire import HeldBackStream
from chronotui.engine import diagnosis
from chronotui.engine.diagnosis import CheckResult, diagnose
from chronotui.storage.settings import AuthSettings, Profile, Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from chronotui.demo.server import DemoServer
    from chronotui.engine.client import SecretQuestion
    from tests.conftest import MakeDemo


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge a stream sooner than people are told."""
    monkeypatch.setattr(diagnosis, "FOLLOW_SECONDS", 1.5)
    monkeypatch.setattr(diagnosis, "LEAST_SECONDS", 1.0)
    monkeypatch.setattr(diagnosis, "HEADER_SECONDS", 1.0)


def profile_of(demo: DemoServer, password: str = "") -> Profile:
    secret = Secret(password or demo.password)
    auth = AuthSettings(email=demo.email, password=secret)
    return Profile(name="demo", url=demo.url, auth=auth)


async def findings_of(
    profile: Profile, environ: dict[str, str] | None = None
) -> dict[str, CheckResult]:
    found = await diagnose(profile, ask=None, environ=environ or {})
    return {one.check: one for one in found}


def printing(demo: DemoServer, rate: float = 20.0) -> None:
    """Have one job that prints all the time, and no other."""
    lines = [ScriptLine(f"line {number}") for number in range(5000)]
    demo.world.add_job(Script(lines, rate=rate, ends_after=None))


@pytest.fixture
def lone(make_demo: MakeDemo) -> DemoServer:
    """A server on which nothing runs of itself."""
    return make_demo(plans=[])


async def test_a_stream_is_followed_beside_the_pages(lone: DemoServer) -> None:
    lone.faults.retention_lag = (0.5, 0.6)
    printing(lone)
    found = await findings_of(profile_of(lone))
    assert list(found) == ["server", "sign-in", "stream"]
    assert {one.result for one in found.values()} == {"ok"}
    assert found["server"].found.startswith(f"{lone.url} answers in ")
    assert found["sign-in"].found == f"session {lone.email}, 1 workflow"
    said = found["stream"].found
    assert said.startswith("scripted ")
    assert "headers in " in said
    assert ", connected after " in said
    assert " live, 0." in said or " live, 1." in said
    assert said.endswith(" s ahead of the pages")


@pytest.mark.usefixtures("briefly")
@pytest.mark.parametrize(
    ("held", "words"),
    [
        (
            HeldBackStream(headers=True),
            "its headers did not come within 1 s while pages are",
        ),
        (
            HeldBackStream(frames=60.0),
            "then nothing for 1.5 s; something between holds",
        ),
        (HeldBackStream(frames=1.2), "long after its headers; something between holds"),
    ],
)
async def test_a_stream_that_is_held_back_is_named(
    lone: DemoServer,
    monkeypatch: pytest.MonkeyPatch,
    held: HeldBackStream,
    words: str,
) -> None:
    monkeypatch.setattr(diagnosis, "FIRST_EVENT_SECONDS", 0.5)
    if not held.headers:  # on a busy machine they may take their time
        monkeypatch.setattr(diagnosis, "HEADER_SECONDS", 20.0)
    lone.faults.held_back = held
    printing(lone)
    stream = (await findings_of(profile_of(lone)))["stream"]
    assert (stream.result, stream.exit_code) == ("warning", 0)
    assert words in stream.found
    assert "a proxy that buffers answers" in stream.found


async def test_lines_that_come_in_lumps_are_named(lone: DemoServer) -> None:
    lone.faults.retention_lag = (2.0, 2.0)
    lone.faults.buffer_seconds = 1.5
    printing(lone)
    stream = (await findings_of(profile_of(lone)))["stream"]
    assert stream.result == "warning"
    assert "lines come in lumps, up to 1." in stream.found


async def test_pages_that_are_ahead_of_the_stream_are_named(lone: DemoServer) -> None:
    lone.faults.live_dropped = 1.0
    printing(lone)
    stream = (await findings_of(profile_of(lone)))["stream"]
    assert stream.result == "warning"
    assert "pages are ahead of the stream: " in stream.found
    assert "lines written meanwhile did not come live" in stream.found


@pytest.mark.usefixtures("briefly")
async def test_pages_that_fail_are_the_finding(lone: DemoServer) -> None:
    printing(lone)
    lone.faults.refuse(500, route="logs", times=-1)
    stream = (await findings_of(profile_of(lone)))["stream"]
    assert (stream.result, stream.exit_code) == ("FAILED", 5)
    assert "The server failed (500)" in stream.found


@pytest.mark.usefixtures("briefly")
async def test_a_stream_the_server_refuses_is_told_in_its_words(
    lone: DemoServer,
) -> None:
    printing(lone)
    lone.faults.refuse(
        200, "text/event-stream", route="events",
        body="event: connected\ndata: {}\n\nevent: error\ndata: breaker is open\n\n",
    )  # fmt: skip
    stream = (await findings_of(profile_of(lone)))["stream"]
    assert stream.result == "warning"
    assert "then the server's error: “breaker is open”" in stream.found


@pytest.mark.usefixtures("briefly")
async def test_a_job_that_prints_nothing_is_no_trouble(lone: DemoServer) -> None:
    lone.world.add_job(Script([ScriptLine("once")], starts_in=-60, ends_after=None))
    stream = (await findings_of(profile_of(lone)))["stream"]
    assert stream.result == "ok"
    assert "no line was printed in 1.5 s" in stream.found


async def test_nothing_to_follow_is_said(lone: DemoServer) -> None:
    stream = (await findings_of(profile_of(lone)))["stream"]
    assert stream == CheckResult(
        "stream", "ok", "no job with a log runs: nothing to follow"
    )


async def test_a_refused_sign_in_ends_it_with_its_exit_code(demo: DemoServer) -> None:
    found = await findings_of(profile_of(demo, "wrong-password"))
    assert list(found) == ["server", "sign-in"]
    assert found["sign-in"].exit_code == 3
    assert "was refused (400)" in found["sign-in"].found


async def test_the_clock_stands_still_while_a_password_is_typed(
    demo: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "MOST_SECONDS", 2.0)
    monkeypatch.setattr(diagnosis, "SEARCHED_WORKFLOWS", 0)
    profile = Profile(name="d", url=demo.url, auth=AuthSettings(email=demo.email))

    async def typed(_question: SecretQuestion) -> str:
        await asyncio.sleep(2.2)
        return demo.password

    found = await diagnose(profile, ask=typed, environ={})
    assert [one.result for one in found] == ["ok", "ok", "ok"]


@asynccontextmanager
async def answering(*headers: str, silent: bool = False) -> AsyncIterator[Profile]:
    """A server without a sign-in and without workflows."""
    head = ["HTTP/1.1 200 OK", "Content-Type: application/json", *headers]
    reply = "\r\n".join([*head, "Content-Length: 16", "", '{"workflows":[]}'])
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                if not silent:
                    writer.write(reply.encode())

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield Profile(name="still", url=url, auth=AuthSettings(method="none"))
    server.close()
    for writer in writers:
        writer.close()
        await writer.wait_closed()


def date(ahead: float) -> str:
    """Return the header of a server whose clock is so many seconds ahead."""
    now = datetime.now(UTC) + timedelta(seconds=ahead)
    return f"Date: {format_datetime(now, usegmt=True)}"


@pytest.mark.parametrize(
    ("ahead", "result", "words"),
    [
        (0.0, "ok", "within 2 s of the server's"),
        (120.0, "warning", "s behind the server's clock: ages and running times"),
        (-7200.0, "warning", "s ahead of the server's clock: ages and running times"),
    ],
)
async def test_clocks_that_differ_are_named(
    ahead: float, result: str, words: str
) -> None:
    async with answering(date(ahead)) as profile:
        clock = (await findings_of(profile))["clock"]
    assert clock.result == result
    assert words in clock.found
    assert not ahead or f"{round(abs(ahead), -1):,.0f}"[:2] in clock.found


@pytest.mark.parametrize(
    "headers",
    [(), ("Date: soon",), (date(900.0), "Age: 900")],
    ids=["none", "unreadable", "from a cache"],
)
async def test_a_date_that_tells_nothing_is_left_out(headers: tuple[str, ...]) -> None:
    async with answering(*headers) as profile:
        assert list(await findings_of(profile)) == ["server", "sign-in", "stream"]


async def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "MOST_SECONDS", 0.2)
    async with answering(silent=True) as profile:
        found = await diagnose(profile, ask=None, environ={})
    assert found == [CheckResult("server", "FAILED", "no answer within 0 s", 5)]


async def test_each_variable_of_a_proxy_is_a_row() -> None:
    async with answering() as profile:
        found = await findings_of(profile, {"http_proxy": "p.test:1"})
    assert found["http_proxy"].found == "not used: 127.0.0.1 is this machine"
    far = Profile(name="far", url="http://a.test", auth=AuthSettings(method="none"))
    found = await findings_of(far, {"HTTP_PROXY": "http://p.test:1"})
    assert found["HTTP_PROXY"].result == "warning"
    assert list(found) == ["HTTP_PROXY", "server"]


async def test_a_url_that_cannot_be_used_is_a_finding() -> None:
    wrong = Profile(name="w", url="http://", auth=AuthSettings(method="none"))
    found = await findings_of(wrong)
    assert found["server"].exit_code == 2
