"""The way to the server and back, over real sockets to a scripted peer."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from chronotui.errors import (
    ChronotuiError,
    ConfigError,
    FailedAnswerError,
    NotFoundError,
    NotSignedInError,
    OverloadedError,
    RequestRefusedError,
    UnreachableError,
    UnreadableAnswerError,
)
from chronotui.model import JobFilter, JobStatus, RawFormat, Trigger
from chronotui.sources.chronoverse import Chronoverse, open_chronoverse
from chronotui.sources.http import KEEPALIVE_SECONDS, MAX_JSON_BYTES, socket_options
from chronotui.sources.protocol import BearerAuth, SessionAuth, SessionCookies

if TYPE_CHECKING:
    from chronotui.sources.protocol import RequestEntry
    from tests.sources.conftest import Answer, MakePeer, OpenClient, Received

EMPTY = '{"workflows":[]}'


async def secret() -> str:
    return "pa$$w0rd"


async def test_keeps_the_prefix_and_encodes_what_it_sends(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    peer = await make_peer(lambda _request, _writer: answer(200, EMPTY))
    client = client_for(peer.url + "/api//")
    await client.workflows(cursor="a+/= é", query="x&y", terminated=True)
    await client.jobs("w/1", only=JobFilter(JobStatus.FAILED, Trigger.MANUAL))
    await client.log_page("w", "j", cursor="c", fresh=True)
    await client.search_logs("w", "j", query="a b", stream="stderr", cursor="d")
    cursor = "a%2B%2F%3D%20%C3%A9"
    assert [request.target for request in peer.received] == [
        f"/api/workflows?cursor={cursor}&query=x%26y&terminated=true",
        "/api/workflows/w%2F1/jobs?status=FAILED&trigger=MANUAL",
        "/api/workflows/w/jobs/j/logs?cursor=c",
        "/api/workflows/w/jobs/j/logs/search?cursor=d&stream=stderr&q=a%20b",
    ]
    assert peer.received[2].headers["cache-control"] == "no-cache"
    assert "cache-control" not in peer.received[1].headers
    assert "gzip" in peer.received[0].headers["accept-encoding"]
    assert "chronotui/" in peer.received[0].headers["user-agent"]
    assert client.requests["log_page"] == 1


async def test_reads_compressed_answers(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    body = gzip.compress(b'{"workflows":[{"id":"w","name":"etl"}]}')
    peer = await make_peer(lambda *_: answer(200, body, "Content-Encoding: gzip"))
    page = await client_for(peer.url).workflows()
    assert page.items[0].name == "etl"


async def test_logs_in_when_first_needed_and_keeps_its_own_cookies(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    def script(request: Received, _writer: object) -> bytes:
        if request.path == "/api/auth/login":
            return answer(
                201,
                b"",
                "Set-Cookie: session=s/1=; Domain=far.example.com; Secure; Path=/",
                "Set-Cookie: csrf=ab$1; Domain=far.example.com; Secure; Path=/",
            )
        if request.path == "/api/auth/logout":
            return answer(204)
        return answer(200, EMPTY, "Set-Cookie: session=stolen; Path=/")

    peer = await make_peer(script)
    kept: list[SessionCookies | None] = []
    auth = SessionAuth("me@example.com", secret, on_session=kept.append)
    client = client_for(peer.url + "/api", auth)
    await client.workflows()
    await client.workflows()
    await client.sign_out()
    check, login, first, second, logout = peer.received
    assert check.path == "/api/workflows"
    assert not {"cookie", "authorization"} & set(check.headers)
    assert json.loads(login.body) == {"email": "me@example.com", "password": "pa$$w0rd"}
    assert "cookie" not in login.headers
    assert first.headers["cookie"] == second.headers["cookie"] == "session=s/1="
    assert (logout.method, logout.headers["cookie"]) == (
        "POST",
        "session=s/1=; csrf=ab$1",
    )
    assert kept == [SessionCookies("s/1=", "ab$1"), None]


async def test_a_session_that_ends_is_renewed_once_for_all_requests(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    def script(request: Received, _writer: object) -> bytes:
        if request.path == "/auth/login":
            return answer(201, b"", "Set-Cookie: session=new; Path=/")
        if request.headers.get("cookie") == "session=new":
            return answer(200, EMPTY)
        return answer(401, "session expired", kind="text/plain")

    peer = await make_peer(script)
    auth = SessionAuth("me", secret, SessionCookies("old", "c"))
    client = client_for(peer.url, auth)
    await asyncio.gather(*[client.workflows() for _ in range(6)])
    assert client.requests == {"workflows": 12, "server_check": 1, "login": 1}


async def test_a_server_that_takes_no_session_is_not_asked_for_ever(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    def script(request: Received, _writer: object) -> bytes:
        if request.path == "/auth/login":
            return answer(201, b"", "Set-Cookie: session=new; Path=/")
        return answer(401, "no", kind="text/plain")

    client = client_for((await make_peer(script)).url, SessionAuth("me", secret))
    with pytest.raises(NotSignedInError):
        await client.workflows()
    assert client.requests["login"] <= 2


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ((401, "unknown"), (NotSignedInError, r"me was refused \(401\): “unknown”")),
        (
            (400, "failed to login user"),
            (NotSignedInError, r"refused \(400\): “failed"),
        ),
        (
            (404, "failed to login user"),
            (NotSignedInError, r"refused \(404\): “failed"),
        ),
        ((404, "no such User"), (NotSignedInError, r"refused \(404\)")),
        ((404, "404 page not found"), (NotFoundError, "There is no sign-in at")),
        ((404, "<html>user</html>"), (NotFoundError, "There is no sign-in at")),
        ((405, "no POST here"), (NotFoundError, "There is no sign-in at")),
        ((403, "<html>no</html>"), (NotFoundError, "There is no sign-in at")),
        ((403, "banned"), (NotSignedInError, r"refused \(403\): “banned”")),
        ((201, ""), (UnreadableAnswerError, "gave no session")),
        ((503, "busy"), (FailedAnswerError, "busy")),
    ],
)
async def test_what_can_go_wrong_at_the_login(
    make_peer: MakePeer,
    client_for: OpenClient,
    answer: Answer,
    reply: tuple[int, str],
    told: tuple[type[ChronotuiError], str],
) -> None:
    kind, words = told

    def script(request: Received, _writer: object) -> bytes:
        if request.path == "/workflows":
            return answer(401, "no session", kind="text/plain")
        return answer(*reply, kind="text/plain")

    peer = await make_peer(script)
    client = client_for(peer.url, SessionAuth("me", secret))
    with pytest.raises(kind, match=words) as caught:
        await client.workflows()
    assert caught.value.route == "login"
    assert caught.value.answer is None or caught.value.answer.status == reply[0]
    with pytest.raises(kind, match=words):
        await client.workflows()
    refused = kind is NotSignedInError
    assert client.requests["login"] == (1 if refused else 2)
    assert client.requests["server_check"] == 1
    with pytest.raises(kind, match=words):
        await client.sign_in()


async def test_secrets_follow_no_redirect_to_another_origin(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    other = await make_peer(lambda *_: answer(200, EMPTY))
    peer = await make_peer(lambda *_: answer(302, "", f"Location: {other.url}/x"))
    client = client_for(peer.url, BearerAuth(secret))
    with pytest.raises(FailedAnswerError, match="redirects to another address"):
        await client.workflows()
    with pytest.raises(FailedAnswerError, match="redirects to another address"):
        async with client.live("w", "j"):
            pass
    assert other.connections == 0


async def test_redirects_within_the_origin_are_followed(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    def script(request: Received, _writer: object) -> bytes:
        if request.path.endswith("/"):
            return answer(200, EMPTY)
        return answer(308, "", f"Location: {request.path}/")

    peer = await make_peer(script)
    client = client_for(peer.url, BearerAuth(secret))
    await client.workflows()
    assert [request.headers.get("authorization") for request in peer.received] == [
        None,
        None,
        "Bearer pa$$w0rd",
        "Bearer pa$$w0rd",
    ]


async def test_a_circle_of_redirects_ends(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    peer = await make_peer(lambda *_: answer(302, "", "Location: /workflows"))
    with pytest.raises(UnreadableAnswerError, match="circles"):
        await client_for(peer.url).workflows()
    assert len(peer.received) <= 6


async def test_a_connection_closed_while_idle_costs_nothing(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    hung_up: list[str] = []

    def script(request: Received, _writer: object) -> bytes | None:
        if len(peer.received) == 2:
            hung_up.append(request.path)
            return None
        return answer(200, EMPTY)

    peer = await make_peer(script)
    client = client_for(peer.url)
    await client.workflows()
    await client.workflows()
    assert hung_up
    assert len(peer.received) == 3


async def test_a_fresh_connection_that_breaks_is_not_tried_twice(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    peer = await make_peer(lambda *_: None)
    with pytest.raises(UnreachableError):
        await client_for(peer.url).workflows()
    assert len(peer.received) == 1


async def test_a_refused_connection_is_said() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        client = open_chronoverse(
            f"http://127.0.0.1:{held.getsockname()[1]}", BearerAuth(secret)
        )
        with pytest.raises(UnreachableError, match="refused the connection"):
            await client.workflows()
        await client.aclose()


async def test_a_name_nobody_knows_is_said(
    client_for: OpenClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unknown(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getaddrinfo", unknown)
    monkeypatch.delenv("http_proxy", raising=False)
    with pytest.raises(UnreachableError, match=r"chrono\.invalid cannot be found"):
        await client_for("http://chrono.invalid").workflows()


async def test_silence_ends_in_a_time_out_with_words(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    async def script(_request: object, _writer: object) -> bytes:
        await asyncio.Event().wait()
        return b""

    client = client_for((await make_peer(script)).url, timeout_seconds=0.05)
    with pytest.raises(UnreachableError, match="did not answer in time"):
        await client.workflows()


async def test_an_answer_that_trickles_for_ever_is_given_up(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    async def script(_request: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    client = client_for((await make_peer(script)).url, timeout_seconds=0.05)
    with pytest.raises(UnreachableError, match="did not answer in time"):
        await client.workflows()


async def test_a_cut_body_is_a_broken_connection(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    def script(_request: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"workflows"')

    client = client_for((await make_peer(script)).url)
    with pytest.raises(UnreachableError, match="broke off"):
        await client.workflows()


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ((200, "<html>Sign in</html>", "text/html"), (NotSignedInError, "web page")),
        ((200, "<!doctype html><p>", "text/plain"), (NotSignedInError, "web page")),
        ((200, "hello", "text/plain"), (UnreadableAnswerError, "no JSON")),
        ((200, "", "application/json"), (UnreadableAnswerError, "no JSON")),
        ((204, "", "application/json"), (UnreadableAnswerError, "no JSON")),
        ((502, "<html>", "text/html"), (FailedAnswerError, "proxy")),
        (
            (400, "invalid cursor", "text/plain"),
            (RequestRefusedError, "invalid cursor"),
        ),
        ((404, "no such", "text/plain"), (NotFoundError, "“no such”")),
        ((429, "slow", "text/plain"), (OverloadedError, "slow")),
    ],
)
async def test_statuses_and_pages_become_sentences(
    make_peer: MakePeer,
    client_for: OpenClient,
    answer: Answer,
    reply: tuple[int, str, str],
    told: tuple[type[Exception], str],
) -> None:
    kind, words = told
    status, body, media = reply
    peer = await make_peer(lambda *_: answer(status, body, kind=media))
    with pytest.raises(kind, match=words):
        await client_for(peer.url).workflows()


@pytest.mark.parametrize(
    "reply",
    [b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 banana\r\n\r\n", b"\x00" * 99,
     b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
)  # fmt: skip
async def test_what_is_no_http_is_said(
    make_peer: MakePeer, client_for: OpenClient, reply: bytes
) -> None:
    def script(_request: object, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)

    with pytest.raises(UnreachableError):
        await client_for((await make_peer(script)).url).workflows()


async def test_a_broken_encoding_is_said(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    peer = await make_peer(lambda *_: answer(200, "{}", "Content-Encoding: gzip"))
    with pytest.raises(UnreadableAnswerError, match="compressed"):
        await client_for(peer.url).workflows()


async def test_an_endless_answer_is_refused_even_compressed(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    bomb = gzip.compress(b" " * (MAX_JSON_BYTES + 1))
    peer = await make_peer(lambda *_: answer(200, bomb, "Content-Encoding: gzip"))
    with pytest.raises(UnreadableAnswerError, match="larger than 64 MiB"):
        await client_for(peer.url).workflows()


async def test_the_other_spelling_is_tried_once_and_remembered(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    def script(request: Received, _writer: object) -> bytes:
        if "status=CANCELLED" in request.target or "status=" not in request.target:
            return answer(200, EMPTY)
        return answer(400, "invalid status", kind="text/plain")

    peer = await make_peer(script)
    client = client_for(peer.url)
    await client.jobs("w", only=JobFilter(JobStatus.CANCELED))
    await client.jobs("w", only=JobFilter(JobStatus.CANCELED), cursor="x")
    await client.jobs("w", only=JobFilter(JobStatus.parse("cancelled")))
    words = [request.target.rpartition("status=")[2] for request in peer.received]
    assert words == ["CANCELED", "CANCELLED", "CANCELLED", "CANCELLED"]
    with pytest.raises(RequestRefusedError, match="does not filter by QUEUED") as no:
        await client.jobs("w", only=JobFilter(JobStatus.QUEUED))
    assert "invalid status" in no.value.sentence


async def test_a_refused_cursor_is_not_blamed_on_the_state(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    peer = await make_peer(lambda *_: answer(400, "invalid cursor", kind="text/plain"))
    client = client_for(peer.url)
    with pytest.raises(RequestRefusedError) as refused:
        await client.jobs("w", only=JobFilter(JobStatus.FAILED), cursor="old")
    assert "does not filter" not in refused.value.sentence


async def test_the_log_of_requests_holds_no_secret(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    def script(request: Received, _writer: object) -> bytes:
        if request.path == "/auth/login":
            return answer(201, "", "Set-Cookie: session=tops3cret; Path=/")
        return answer(404 if "w9" in request.path else 200, EMPTY)

    peer = await make_peer(script)
    entries: list[RequestEntry] = []
    client = client_for(peer.url, SessionAuth("me", secret), log=entries.append)
    await client.workflows()
    with pytest.raises(NotFoundError):
        await client.workflow("w9")
    assert [(entry.kind, entry.status) for entry in entries] == [
        ("server_check", 200),
        ("login", 201),
        ("workflows", 200),
        ("workflow", 404),
    ]
    told = repr(entries)
    assert "tops3cret" not in told
    assert "pa$$w0rd" not in told


async def test_a_failed_request_is_logged_with_its_problem(
    client_for: OpenClient, make_peer: MakePeer
) -> None:
    entries: list[RequestEntry] = []
    peer = await make_peer(lambda *_: None)
    with pytest.raises(UnreachableError):
        await client_for(peer.url, log=entries.append).workflows()
    assert [(entry.status, entry.problem) for entry in entries] == [
        (None, "RemoteProtocolError")
    ]


@pytest.mark.parametrize(
    "url", ["http://chrono:8080", "http://192.168.1.7", "http://localhost.evil.org"]
)
def test_secrets_over_plain_http_are_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ConfigError, match="plain http"):
        open_chronoverse(url, BearerAuth(secret))
    assert isinstance(
        open_chronoverse(url, BearerAuth(secret), insecure=True), Chronoverse
    )


def test_idle_connections_end_before_the_server_ends_them() -> None:
    assert KEEPALIVE_SECONDS < 30


def used_stream(client: Chronoverse) -> Any:
    """Dig out the one connection of a client."""
    transport: Any = client._http._transport
    return transport._pool.connections[0]._connection._network_stream


async def test_sockets_probe_their_peer(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    peer = await make_peer(lambda *_: answer(200, EMPTY))
    client = client_for(peer.url)
    await client.workflows()
    used = used_stream(client).get_extra_info("socket")
    wanted = {(level, option): value for level, option, value in socket_options()}
    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE) in wanted
    assert {key: used.getsockopt(*key) for key in wanted} == wanted


async def test_the_installed_httpx_takes_the_merging_pool(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    peer = await make_peer(lambda *_: answer(200, EMPTY))
    client = client_for(peer.url)
    await client.workflows()
    assert type(used_stream(client)).__name__ == "_MergingStream"


async def test_the_environments_proxy_is_used_beyond_this_machine(
    make_peer: MakePeer,
    client_for: OpenClient,
    answer: Answer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy = await make_peer(lambda *_: answer(200, EMPTY))
    peer = await make_peer(lambda *_: answer(200, EMPTY))
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    await client_for("http://chrono.invalid/api").workflows()
    assert [r.target for r in proxy.received] == ["http://chrono.invalid/api/workflows"]
    await client_for(peer.url).workflows()
    assert (proxy.connections, peer.connections) == (1, 1)


async def test_a_proxy_that_cannot_be_spoken_to_is_said(
    client_for: OpenClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    client = client_for("http://chrono.invalid/api")
    with pytest.raises(ConfigError, match="http_proxy names a SOCKS proxy"):
        await client.workflows()
    with pytest.raises(ConfigError, match="http_proxy names a SOCKS proxy"):
        await asyncio.to_thread(
            client.download("w", "j", format=RawFormat.TXT).__enter__
        )


async def test_a_reset_of_an_idle_connection_costs_nothing(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    def script(_request: object, writer: asyncio.StreamWriter) -> bytes | None:
        if len(peer.received) in {2, 4}:
            writer.transport.abort()
            return None
        return answer(200, EMPTY)

    peer = await make_peer(script)
    client = client_for(peer.url)
    for _ in range(3):
        await client.workflows()
    assert len(peer.received) == 5


async def test_a_client_can_be_used_again_after_it_was_closed(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    peer = await make_peer(lambda *_: answer(200, EMPTY))
    client = client_for(peer.url)
    await client.workflows()
    await client.aclose()
    await client.workflows()
    assert peer.connections == 2
