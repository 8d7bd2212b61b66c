"""No secret goes to a server that is not Chronoverse, nor before that was looked at."""

from __future__ import annotations

import asyncio
import http.server
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from chronotui.errors import (
    ChronotuiError,
    FailedAnswerError,
    NotFoundError,
    NotSignedInError,
    OverloadedError,
    UnreachableError,
    UnreadableAnswerError,
)
from chronotui.model import RawFormat
from chronotui.sources.protocol import (
    Auth,
    BearerAuth,
    CookieAuth,
    NoAuth,
    SessionAuth,
    SessionCookies,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sources.conftest import Answer, MakePeer, OpenClient, Received

SECRET = "pa55w0rd"
PLAIN = "text/plain; charset=utf-8"
PAGE = "<!DOCTYPE html><html><body>Welcome</body></html>"


async def secret() -> str:
    return SECRET


AUTHS: list[Auth] = [
    SessionAuth("me@example.com", secret),
    BearerAuth(secret),
    CookieAuth(secret),
]
NAMED = {
    "a web page": ((200, PAGE, "text/html"), "a web page came (200)"),
    "a page of no type": ((200, PAGE, "text/plain"), "a web page came (200)"),
    "gitea": ((404, PAGE, "text/html"), "a web page came (404)"),
    "a page that refuses": ((401, PAGE, "text/html"), "a web page came (401)"),
    "http.server": ((501, PAGE, "text/html"), "a web page came (501)"),
    "no such method": ((501, "no", PLAIN), "it answers 501 when asked"),
    "a bucket": ((403, "<Error/>", "application/xml"), "it answers 403 when asked"),
    "a mesh's policy": ((403, "RBAC: access denied", PLAIN), "it answers 403 when"),
    "a gateway": (
        (401, '{"message":"no"}', "application/json"),
        "answers 401 in a form",
    ),
    "nothing to tell": ((200, "{}", "application/json"), "no list of workflows"),
    "other data": ((200, '{"ok":true}', "application/json"), "no list of workflows"),
    "a list": ((200, "[]", "application/json"), "no list of workflows"),
    "words": ((200, "hello", PLAIN), "no list of workflows"),
    "another list": ((200, '{"workflows":"3"}', "application/json"), "no list of w"),
    "a cut list": ((200, '{"workflows":[{"id', "application/json"), "no list of w"),
    "a refusal": ((400, "bad", PLAIN), "it answers 400 when asked"),
    "not allowed so": ((405, "no", PLAIN), "it answers 405 when asked"),
    "nothing": ((204, "", PLAIN), "no list of workflows"),
    "unchanged": ((304, "", PLAIN), "it answers 304 when asked"),
}


def nothing_leaked(received: list[Received]) -> bool:
    told = repr([(one.target, one.headers, one.body) for one in received])
    return SECRET not in told


async def refused_by_all(
    client_for: OpenClient, url: str, auth: Auth
) -> ChronotuiError:
    """Ask with every kind of request; return what the first one says."""
    client = client_for(url, auth)
    with pytest.raises(ChronotuiError) as caught:
        await client.workflows()
    with pytest.raises(type(caught.value)):
        async with client.live("w", "j"):
            pass
    with pytest.raises(type(caught.value)):
        await client.sign_in()
    download = client.download("w", "j", format=RawFormat.TXT)
    with pytest.raises(type(caught.value)):
        await asyncio.to_thread(download.__enter__)
    return caught.value


@pytest.mark.parametrize("auth", AUTHS, ids=lambda auth: type(auth).__name__)
@pytest.mark.parametrize(("reply", "seen"), NAMED.values(), ids=NAMED)
async def test_another_server_is_named_and_gets_no_secret(
    *,
    make_peer: MakePeer,
    client_for: OpenClient,
    answer: Answer,
    auth: Auth,
    reply: tuple[int, str, str],
    seen: str,
) -> None:
    status, body, kind = reply
    peer = await make_peer(lambda *_: answer(status, body, kind=kind))
    error = await refused_by_all(client_for, f"{peer.url}/api", auth)
    assert type(error) is UnreadableAnswerError
    assert f"{peer.url}/api is not Chronoverse: " in error.sentence
    assert seen in error.sentence
    assert "a prefix such as /api? No secret was sent" in error.next_step
    assert (error.route, error.answer and error.answer.status) == (
        "server_check",
        status,
    )
    assert nothing_leaked(peer.received)
    assert {one.path for one in peer.received} == {"/api/workflows"}


@pytest.mark.parametrize(
    "challenge",
    ['Basic realm="x"', "Negotiate", "NTLM", 'Digest realm="x", nonce="y"',
     'Bearer, Basic realm="nginx"'],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["text/html", PLAIN, "application/json"])
async def test_a_sign_in_of_its_own_is_named(
    *,
    make_peer: MakePeer,
    client_for: OpenClient,
    answer: Answer,
    challenge: str,
    kind: str,
) -> None:
    peer = await make_peer(
        lambda *_: answer(401, "no", f"WWW-Authenticate: {challenge}", kind=kind)
    )
    error = await refused_by_all(client_for, peer.url, AUTHS[0])
    assert "it asks for a sign-in of its own (HTTP " in error.sentence
    assert nothing_leaked(peer.received)


@pytest.mark.parametrize("kind", [PLAIN, "application/json"])
async def test_a_wrong_path_is_a_wrong_path(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer, kind: str
) -> None:
    peer = await make_peer(lambda *_: answer(404, "404 page not found", kind=kind))
    error = await refused_by_all(client_for, peer.url, AUTHS[0])
    assert type(error) is NotFoundError
    assert f"no Chronoverse at {peer.url}: no list of workflows (404)" in error.sentence
    assert error.route == "server_check"
    assert nothing_leaked(peer.received)


async def test_a_login_page_behind_a_redirect_is_named(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    def grafana(request: Received, _writer: object) -> bytes:
        if request.path == "/login":
            return answer(200, PAGE, kind="text/html")
        return answer(302, "", "Location: /login")

    peer = await make_peer(grafana)
    error = await refused_by_all(client_for, peer.url, AUTHS[0])
    assert "a web page came (200)" in error.sentence
    assert nothing_leaked(peer.received)


PASSING: list[tuple[int, str, type[ChronotuiError]]] = [
    (500, PLAIN, FailedAnswerError),
    (502, "text/html", FailedAnswerError),
    (503, "text/html", FailedAnswerError),
    (504, PLAIN, FailedAnswerError),
    (429, PLAIN, OverloadedError),
    (408, PLAIN, FailedAnswerError),
]


@pytest.mark.parametrize(("status", "kind", "expected"), PASSING)
async def test_a_failing_server_is_not_judged_and_asked_again(
    *,
    make_peer: MakePeer,
    client_for: OpenClient,
    answer: Answer,
    status: int,
    kind: str,
    expected: type[ChronotuiError],
) -> None:
    fails = [True]

    def script(request: Received, _writer: object) -> bytes:
        if fails[0]:
            return answer(status, PAGE if "html" in kind else "down", kind=kind)
        if request.headers.get("authorization") is None:
            return answer(401, "no token", kind=PLAIN)
        return answer(200, "{}")

    peer = await make_peer(script)
    client = client_for(peer.url, BearerAuth(secret))
    for _ in range(2):
        with pytest.raises(expected, match=str(status)):
            await client.workflows()
    assert nothing_leaked(peer.received)
    fails[0] = False
    await client.workflows()
    await client.workflows()
    assert client.requests == {"server_check": 3, "workflows": 2}


async def test_silence_is_no_verdict(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    async def silence(*_: object) -> None:
        await asyncio.sleep(30)

    peer = await make_peer(silence)
    client = client_for(peer.url, BearerAuth(secret), timeout_seconds=0.1)
    with pytest.raises(UnreachableError, match="did not answer in time"):
        await client.workflows()
    assert nothing_leaked(peer.received)


@pytest.mark.parametrize(
    ("reply", "header"),
    [
        ((401, "session token not found", PLAIN), "X-A: b"),
        ((401, "no", PLAIN), "WWW-Authenticate: Bearer"),
        ((200, '{"workflows":[],"cursor":""}', "application/json"), "X-A: b"),
    ],
)
async def test_what_chronoverse_answers_is_good_enough(
    make_peer: MakePeer,
    client_for: OpenClient,
    answer: Answer,
    reply: tuple[int, str, str],
    header: str,
) -> None:
    def script(request: Received, _writer: object) -> bytes:
        if request.headers.get("authorization") is None:
            return answer(reply[0], reply[1], header, kind=reply[2])
        return answer(200, "{}")

    client = client_for((await make_peer(script)).url, BearerAuth(secret))
    await client.workflows()
    await client.workflows()
    assert client.requests == {"server_check": 1, "workflows": 2}


async def test_nobody_is_asked_for_a_password_for_another_server(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    asked: list[str] = []

    async def password() -> str:
        asked.append("password")
        return SECRET

    peer = await make_peer(lambda *_: answer(404, PAGE, kind="text/html"))
    client = client_for(peer.url, SessionAuth("me", password))
    with pytest.raises(UnreadableAnswerError):
        await client.sign_in()
    assert not asked


async def test_a_kept_session_goes_to_its_server_unchecked_and_a_password_does_not(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    replies = [answer(200, "{}"), answer(401, "ended", kind=PLAIN)]
    peer = await make_peer(
        lambda *_: replies.pop(0) if replies else answer(404, PAGE, kind="text/html")
    )
    auth = SessionAuth("me", secret, SessionCookies("kept"))
    client = client_for(peer.url, auth)
    await client.workflows()
    assert client.requests == {"workflows": 1}
    with pytest.raises(UnreadableAnswerError, match="not Chronoverse"):
        await client.workflows()
    assert nothing_leaked(peer.received)


async def test_a_401_that_is_a_web_page_ends_no_session(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    ended: list[object] = []
    peer = await make_peer(lambda *_: answer(401, PAGE, kind="text/html"))
    auth = SessionAuth("me", secret, SessionCookies("kept"), on_session=ended.append)
    with pytest.raises(NotSignedInError):
        await client_for(peer.url, auth).workflows()
    assert (len(peer.received), ended) == (1, [])


async def test_without_secrets_nothing_is_looked_at_first(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    client = client_for((await make_peer(lambda *_: answer(200, "{}"))).url, NoAuth())
    await client.workflows()
    assert client.requests == {"workflows": 1}


@contextmanager
def pythons_own_server() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.requestline)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


async def test_pythons_own_server_is_named(client_for: OpenClient) -> None:
    with pythons_own_server() as (url, asked):
        client = client_for(url, AUTHS[0])
        with pytest.raises(UnreadableAnswerError, match=r"a web page came \(404\)"):
            await client.workflows()
        await client.aclose()
    assert set(asked) == {"GET /workflows HTTP/1.1"}
