"""The raw download: formats, names, cuts, and being stopped."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.errors import (
    CancelledByUserError,
    DownloadNeedsSessionError,
    FailedAnswerError,
    NotSignedInError,
    RequestRefusedError,
    UnreachableError,
    UnreadableAnswerError,
)
from chronotui.model import RawFormat
from chronotui.sources.download import file_name_hint
from chronotui.sources.protocol import BearerAuth, SessionAuth, SessionCookies

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.sources.chronoverse import Chronoverse
    from chronotui.sources.download import RawDownload
    from tests.sources.conftest import Answer, MakePeer, OpenClient, Received


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def ask(client: Chronoverse, raw_format: RawFormat = RawFormat.TXT) -> RawDownload:
    return client.download("w", "j", format=raw_format)


def read(client: Chronoverse, raw_format: RawFormat = RawFormat.TXT) -> bytes:
    with ask(client, raw_format) as download:
        return b"".join(download.chunks())


async def secret() -> str:
    return "t0ken"


async def other_secret() -> str:
    return "c00kie"


async def test_asks_as_told_and_gives_the_bytes_as_they_are(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    body = bytes(range(256)) * 500

    def script(_request: object, _writer: object) -> bytes:
        parts = [body[n : n + 999] for n in range(0, len(body), 999)]
        return CHUNKED + b"".join(map(chunk, parts)) + b"0\r\n\r\n"

    peer = await make_peer(script)
    client = client_for(peer.url)

    def save() -> bytes:
        with client.download(
            "w", "j", format=RawFormat.JSONL, stream="stderr", query="a b"
        ) as download:
            assert download.format is RawFormat.TXT
            assert download.file_name is None
            return b"".join(download.chunks())

    assert await asyncio.to_thread(save) == body
    (request,) = peer.received
    assert request.target == (
        "/workflows/w/jobs/j/logs/raw?format=jsonl&stream=stderr&q=a%20b"
    )
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("media", "raw_format"),
    [
        ("text/plain", RawFormat.TXT), ("text/plain; charset=utf-8", RawFormat.TXT),
        ("application/json", RawFormat.JSON), ("Application/JSON; x=y", RawFormat.JSON),
        ("application/x-ndjson", RawFormat.JSONL), ("", RawFormat.TXT),
        ("application/jsonl", RawFormat.JSONL),
        ("application/octet-stream", RawFormat.TXT),
    ],
)  # fmt: skip
async def test_the_content_type_says_what_came(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer, media: str,
    raw_format: RawFormat,
) -> None:  # fmt: skip
    name = 'Content-Disposition: attachment; filename="../j-logs.txt"'
    peer = await make_peer(lambda *_: answer(200, "x", name, kind=media))
    client = client_for(peer.url)

    def head() -> tuple[RawFormat, str | None]:
        with ask(client, RawFormat.JSON) as download:
            return download.format, download.file_name

    assert await asyncio.to_thread(head) == (raw_format, "../j-logs.txt")


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ((400, "job is not completed", "text/plain"), RequestRefusedError),
        ((401, "no session", "text/plain"), NotSignedInError),
        ((500, "", "text/plain"), FailedAnswerError),
        ((502, "<html>", "text/html"), FailedAnswerError),
        ((200, "<html>", "text/html"), NotSignedInError),
        ((200, "GIF", "image/gif"), UnreadableAnswerError),
        ((302, "", "text/plain"), UnreadableAnswerError),
    ],
)
async def test_what_is_no_download_is_said(
    make_peer: MakePeer,
    client_for: OpenClient,
    answer: Answer,
    reply: tuple[int, str, str],
    told: type[Exception],
) -> None:
    status, body, media = reply
    peer = await make_peer(lambda *_: answer(status, body, kind=media))
    client = client_for(peer.url)
    with pytest.raises(told):
        await asyncio.to_thread(read, client)


async def test_a_page_in_a_log_is_no_sign_in_page(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    peer = await make_peer(lambda *_: answer(200, "<html>", kind="text/plain"))
    assert await asyncio.to_thread(read, client_for(peer.url)) == b"<html>"


async def test_a_token_alone_is_told_apart_at_the_download(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    peer = await make_peer(lambda *_: answer(401, "no session", kind="text/plain"))
    client = client_for(peer.url, BearerAuth(secret))
    with pytest.raises(DownloadNeedsSessionError):
        await asyncio.to_thread(read, client)
    assert client.requests == {"server_check": 1, "download": 1}


async def test_a_token_with_a_session_sends_both_here(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    def script(request: Received, _writer: object) -> bytes:
        if request.path == "/workflows":
            return answer(401, "no token", kind="text/plain")
        return answer(200, "log", kind="text/plain")

    peer = await make_peer(script)
    client = client_for(peer.url, BearerAuth(secret, other_secret))
    assert await asyncio.to_thread(read, client) == b"log"
    assert "authorization" not in peer.received[0].headers
    headers = peer.received[1].headers
    assert headers["authorization"] == "Bearer t0ken"
    assert headers["cookie"] == "session=c00kie"


def script_for_sessions(answer: Answer) -> Callable[[Received, object], bytes]:
    def script(request: Received, _writer: object) -> bytes:
        if request.path == "/auth/login":
            return answer(201, b"", "Set-Cookie: session=new; Path=/")
        if request.headers.get("cookie") != "session=new":
            return answer(401, "expired", kind="text/plain")
        return answer(200, "{}" if "raw" not in request.path else "log")

    return script


async def test_an_expired_session_is_renewed_on_the_clients_loop(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    loops: list[object] = []

    async def password() -> str:
        loops.append(asyncio.get_running_loop())
        return "pw"

    peer = await make_peer(script_for_sessions(answer))
    auth = SessionAuth("me", password, SessionCookies("old"))
    client = client_for(peer.url, auth)
    await client.workflows()
    assert await asyncio.to_thread(read, client) == b"log"
    client._signed_in.credentials.forget()
    assert await asyncio.to_thread(read, client) == b"log"
    assert loops == [asyncio.get_running_loop()] * 2


async def test_a_download_may_be_the_first_request_of_all(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    peer = await make_peer(script_for_sessions(answer))
    client = client_for(peer.url, SessionAuth("me", secret))
    assert await asyncio.to_thread(read, client) == b"log"
    assert client.requests == {"server_check": 1, "login": 1, "download": 1}


async def test_downloading_on_the_event_loop_is_a_mistake_that_is_said(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    peer = await make_peer(script_for_sessions(answer))
    client = client_for(peer.url, SessionAuth("me", secret))
    with pytest.raises(RuntimeError, match="thread"):
        read(client)


async def test_a_download_cut_in_the_middle_is_a_broken_connection(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    def script(_request: object, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + chunk(b"first"))

    client = client_for((await make_peer(script)).url)
    got: list[bytes] = []

    def save() -> None:
        with ask(client) as download:
            got.extend(download.chunks())

    with pytest.raises(UnreachableError, match="broke off"):
        await asyncio.to_thread(save)
    assert got == [b"first"]


async def stalled(_request: object, writer: asyncio.StreamWriter) -> None:
    writer.write(CHUNKED + chunk(b"first"))
    await asyncio.Event().wait()


async def silent(_request: object, _writer: object) -> None:
    await asyncio.Event().wait()


async def test_abort_wakes_a_thread_that_waits_for_bytes(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    client = client_for((await make_peer(stalled)).url)
    waiting = threading.Event()
    download = ask(client)

    def save() -> None:
        with download:
            for _ in download.chunks():
                waiting.set()

    task = asyncio.create_task(asyncio.to_thread(save))
    await asyncio.to_thread(waiting.wait, 30)
    download.abort()
    with pytest.raises(CancelledByUserError):
        await asyncio.wait_for(task, 30)


async def test_abort_wakes_a_thread_that_waits_for_the_head(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    asked = asyncio.Event()

    async def script(_request: object, _writer: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    download = ask(client_for((await make_peer(script)).url))
    task = asyncio.create_task(asyncio.to_thread(download.__enter__))
    await asyncio.wait_for(asked.wait(), 30)
    download.abort()
    with pytest.raises(CancelledByUserError):
        await asyncio.wait_for(task, 30)


async def test_abort_wakes_a_thread_that_waits_for_a_password(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    peer = await make_peer(script_for_sessions(answer))
    asked = asyncio.Event()

    async def password() -> str:
        asked.set()
        await asyncio.Event().wait()
        return "never"

    client = client_for(peer.url, SessionAuth("me", password))
    waiting = asyncio.create_task(client.workflows())
    await asyncio.wait_for(asked.wait(), 30)
    waiting.cancel()
    download = ask(client)
    task = asyncio.create_task(asyncio.to_thread(download.__enter__))
    await asyncio.wait_for(asked.wait(), 30)
    download.abort()
    with pytest.raises(CancelledByUserError):
        await asyncio.wait_for(task, 30)


async def test_abort_before_the_start_prevents_it(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    peer = await make_peer(silent)
    download = ask(client_for(peer.url))
    download.abort()
    with pytest.raises(CancelledByUserError):
        await asyncio.to_thread(download.__enter__)
    assert peer.connections == 0


async def test_abort_after_the_end_does_nothing(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    peer = await make_peer(lambda *_: answer(200, "log", kind="text/plain"))
    download = ask(client_for(peer.url))

    def save() -> bytes:
        with download:
            return b"".join(download.chunks())

    assert await asyncio.to_thread(save) == b"log"
    download.abort()


async def test_secrets_follow_no_redirect_elsewhere(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    other = await make_peer(lambda *_: answer(200, "x"))
    peer = await make_peer(lambda *_: answer(307, "", f"Location: {other.url}/x"))
    client = client_for(peer.url, BearerAuth(secret))
    with pytest.raises(FailedAnswerError, match="another address"):
        await asyncio.to_thread(read, client)
    assert other.connections == 0


async def test_chunks_belong_into_the_block(client_for: OpenClient) -> None:
    download = ask(client_for("http://127.0.0.1:1"))
    with pytest.raises(RuntimeError):
        next(download.chunks())


# File names the server proposes.


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="job-1-logs.txt"', "job-1-logs.txt"),
        ("attachment; filename=job.txt", "job.txt"),
        ("attachment; filename=\"a.txt\"; filename*=UTF-8''%E6%97%A5.txt", "日.txt"),
        ("attachment; filename*=utf-8'de'na%20me.txt", "na me.txt"),
        ('attachment; filename="../../etc/passwd"', "../../etc/passwd"),
        ('attachment; filename="a\\"b.txt"', 'a"b.txt'),
        ("attachment; FILENAME=x", "x"),
        ("attachment", None),
        ("", None),
        ('attachment; filename=""', None),
        ("inline; filename*=nonsense''%FF.txt", "ÿ.txt"),
    ],
)
def test_reads_the_name(header: str, name: str | None) -> None:
    assert file_name_hint(header) == name


def test_a_name_has_an_end() -> None:
    assert file_name_hint(f'attachment; filename="{"x" * 9999}"') == "x" * 255


@given(st.text(alphabet="atchmen; =\"'*%filUTF-8\\0", max_size=80))
def test_no_header_breaks_it(header: str) -> None:
    file_name_hint(header)
