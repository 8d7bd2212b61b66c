"""A scripted HTTP peer on loopback: each test says byte by byte what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import pytest

from chronotui.sources.chronoverse import open_chronoverse
from chronotui.sources.protocol import NoAuth

if TYPE_CHECKING:
    import ssl

    from chronotui.sources.chronoverse import Chronoverse


@dataclass
class Received:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


Script: TypeAlias = Callable[
    [Received, asyncio.StreamWriter], Awaitable[bytes | None] | bytes | None
]
"""Answers a request with bytes, or with None to hang up."""


@dataclass
class Peer:
    """A server that answers as scripted and remembers what it was asked."""

    script: Script
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    url: str = ""
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        self._writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._answer_one(reader, writer):
                pass
        writer.close()

    async def _answer_one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ")
        pairs = [line.split(": ", 1) for line in lines if line]
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Received(method, target, headers, body)
        self.received.append(request)
        reply = self.script(request, writer)
        if reply is not None and not isinstance(reply, bytes):
            reply = await reply
        if reply is None:
            return False
        writer.write(reply)
        await writer.drain()
        return True

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()

    def cut(self) -> None:
        """Reset every connection, as a dying proxy does."""
        for writer in self._writers:
            writer.transport.abort()


MakePeer: TypeAlias = Callable[..., Awaitable[Peer]]


@pytest.fixture
async def make_peer() -> AsyncIterator[MakePeer]:
    servers: list[asyncio.Server] = []
    peers: list[Peer] = []

    async def make(script: Script, *, tls: ssl.SSLContext | None = None) -> Peer:
        peer = Peer(script)
        server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        peer.url = f"http{'s' if tls else ''}://127.0.0.1:{port}"
        servers.append(server)
        peers.append(peer)
        return peer

    yield make
    for server in servers:
        server.close()
    for peer in peers:
        peer.hang_up()
    await asyncio.sleep(0)


OpenClient: TypeAlias = Callable[..., "Chronoverse"]


@pytest.fixture
async def client_for() -> AsyncIterator[OpenClient]:
    opened: list[Chronoverse] = []

    def open_one(url: str, auth: object = None, **options: object) -> Chronoverse:
        chosen = NoAuth() if auth is None else auth
        client = open_chronoverse(url, chosen, **options)  # type: ignore[arg-type]
        opened.append(client)
        return client

    yield open_one
    for client in opened:
        await client.aclose()


Answer: TypeAlias = Callable[..., bytes]


@pytest.fixture
def answer() -> Answer:
    """Make the bytes of an answer."""

    def make(
        status: int = 200,
        body: bytes | str = b"",
        *headers: str,
        kind: str = "application/json",
    ) -> bytes:
        content = body.encode() if isinstance(body, str) else body
        lines = [
            f"HTTP/1.1 {status} Whatever",
            f"Content-Type: {kind}",
            f"Content-Length: {len(content)}",
            *headers,
        ]
        return "\r\n".join([*lines, "", ""]).encode() + content

    return make
