"""The transport for one server: which connection an exchange has, and what ends it."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from chronotui.sources.direct_transport import DirectTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sources.conftest import Answer, MakePeer, Received

WAITS = {"connect": 60.0, "read": 60.0, "write": 60.0}
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\none\r\n3\r\ntwo\r\n0\r\nX-Trailer: x\r\n\r\n"
)


@asynccontextmanager
async def opened(keepalive_seconds: float = 60.0) -> AsyncIterator[DirectTransport]:
    transport = DirectTransport(
        context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        keepalive_seconds=keepalive_seconds,
        socket_options=[],
    )
    try:
        yield transport
    finally:
        await transport.aclose()


async def asked(
    transport: DirectTransport, url: str, content: bytes | None = None
) -> httpx.Response:
    request = httpx.Request(
        "GET" if content is None else "POST",
        url,
        content=content,
        extensions={"timeout": WAITS},
    )
    answer = await transport.handle_async_request(request)
    answer.request = request
    return answer


async def read(
    transport: DirectTransport, url: str, content: bytes | None = None
) -> bytes:
    answer = await asked(transport, url, content)
    try:
        return await answer.aread()
    finally:
        await answer.aclose()


async def test_one_connection_serves_one_exchange_after_the_other(
    make_peer: MakePeer, answer: Answer
) -> None:
    peer = await make_peer(lambda one, _: answer(200, one.target))
    async with opened() as transport:
        for n in range(5):
            assert await read(transport, f"{peer.url}/a?n={n}") == b"/a?n=%d" % n
        assert peer.connections == 1


async def test_exchanges_at_once_have_a_connection_each_and_leave_it_for_later(
    make_peer: MakePeer, answer: Answer
) -> None:
    here = asyncio.Barrier(3)

    async def together(one: Received, _: object) -> bytes:
        await here.wait()
        return answer(200, one.path)

    peer = await make_peer(together)
    async with opened() as transport:
        for _ in range(2):
            bodies = await asyncio.gather(
                *(read(transport, f"{peer.url}/{n}") for n in range(3))
            )
            assert bodies == [b"/0", b"/1", b"/2"]
        assert peer.connections == 3


@pytest.mark.parametrize("headers", [(), ("Connection: close",)])
async def test_what_may_not_be_used_again_is_not(
    make_peer: MakePeer, answer: Answer, headers: tuple[str, ...]
) -> None:
    """An answer that was not read to its end, and one that says so."""
    peer = await make_peer(lambda *_: answer(200, b"x" * 100_000, *headers))
    async with opened() as transport:
        first = await asked(transport, peer.url)
        if headers:
            assert len(await first.aread()) == 100_000
        await first.aclose()
        assert len(await read(transport, peer.url)) == 100_000
        assert peer.connections == 2


async def test_idle_connections_end_with_their_time(
    make_peer: MakePeer, answer: Answer
) -> None:
    peer = await make_peer(lambda *_: answer(200, b"x"))
    async with opened(keepalive_seconds=-1.0) as transport:
        for _ in range(3):
            assert await read(transport, peer.url) == b"x"
        assert peer.connections == 3
        assert len(transport._connections) == 1


async def test_a_connection_its_peer_has_left_is_not_asked(
    make_peer: MakePeer, answer: Answer
) -> None:
    peer = await make_peer(lambda *_: answer(200, b"x"))
    async with opened() as transport:
        assert await read(transport, peer.url) == b"x"
        peer.hang_up()
        await asyncio.sleep(0)
        assert await read(transport, peer.url) == b"x"
        assert (peer.connections, len(peer.received)) == (2, 2)


async def test_what_comes_before_an_answer_is_passed_over(
    make_peer: MakePeer, answer: Answer
) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    peer = await make_peer(lambda *_: early + answer(200, b"x"))
    async with opened() as transport:
        assert await read(transport, peer.url) == b"x"


async def test_a_chunked_answer_leaves_its_connection_for_the_next(
    make_peer: MakePeer,
) -> None:
    peer = await make_peer(lambda *_: CHUNKED)
    async with opened() as transport:
        for _ in range(2):
            assert await read(transport, peer.url) == b"onetwo"
        assert peer.connections == 1


async def test_content_is_sent_with_its_length(
    make_peer: MakePeer, answer: Answer
) -> None:
    peer = await make_peer(lambda one, _: answer(200, one.body))
    async with opened() as transport:
        assert await read(transport, peer.url, b"y" * 300_000) == b"y" * 300_000


@pytest.mark.parametrize(
    "said",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        None,
    ],
)
async def test_what_is_no_answer_is_told_as_such(
    make_peer: MakePeer, said: bytes | None
) -> None:
    peer = await make_peer(lambda *_: said)
    async with opened() as transport:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await asked(transport, peer.url)
        assert not transport._connections


async def test_who_is_cancelled_leaves_no_connection(make_peer: MakePeer) -> None:
    came = asyncio.Event()

    async def silent(*_: object) -> bytes:
        came.set()
        await asyncio.Event().wait()
        return b""

    peer = await make_peer(silent)
    async with opened() as transport:
        waiting = asyncio.create_task(asked(transport, peer.url))
        await came.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not transport._connections
