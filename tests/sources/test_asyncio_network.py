"""Connections as httpcore takes them, against sockets that do what they like."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpcore
import pytest

from chronotui.sources.asyncio_network import (
    MOST_UNREAD,
    AsyncioBackend,
    AsyncioStream,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BODY = bytes(range(256)) * 20_000
HOST = "127.0.0.1"


@asynccontextmanager
async def connected() -> AsyncIterator[
    tuple[AsyncioStream, asyncio.StreamReader, asyncio.StreamWriter]
]:
    """Give a connection with what its peer reads and writes."""
    peers: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    peers = asyncio.Queue()
    server = await asyncio.start_server(lambda *peer: peers.put_nowait(peer), HOST, 0)
    port = server.sockets[0].getsockname()[1]
    stream = await AsyncioBackend().connect_tcp(HOST, port, 60)
    assert isinstance(stream, AsyncioStream)
    reader, writer = await peers.get()
    try:
        yield stream, reader, writer
    finally:
        await stream.aclose()
        writer.transport.abort()
        server.close()
        await server.wait_closed()


def closed_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


async def test_all_is_read_in_order_and_no_more_is_held_than_wanted() -> None:
    async with connected() as (stream, _, writer):
        writer.write(BODY)
        writer.write_eof()
        read = [await stream.read(1000, 60)]
        while read[-1]:
            assert len(stream._unread) <= 2 * MOST_UNREAD
            await asyncio.sleep(0)
            read.append(await stream.read(1 << 20, 60))
        assert b"".join(read) == BODY
        assert stream.get_extra_info("is_readable")


async def test_what_was_received_is_told_before_anybody_reads() -> None:
    async with connected() as (stream, _, writer):
        assert not stream.get_extra_info("is_readable")
        writer.write(b"x")
        assert stream.get_extra_info("is_readable")
        assert await stream.read(10, 60) == b"x"
        peer = stream.get_extra_info("server_addr")
        assert peer == writer.get_extra_info("sockname")


async def test_silence_is_a_time_out_and_loses_nothing() -> None:
    async with connected() as (stream, reader, writer):
        with pytest.raises(httpcore.ReadTimeout):
            await stream.read(10, 0.01)
        await stream.write(b"asked", 60)
        assert await reader.readexactly(5) == b"asked"
        writer.write(b"answered")
        assert await stream.read(100, 60) == b"answered"


async def test_a_peer_that_reads_nothing_is_a_time_out() -> None:
    async with connected() as (stream, _, _writer):
        with pytest.raises(httpcore.WriteTimeout):
            await stream.write(BODY * 10, 0.01)


async def test_a_peer_that_reads_late_gets_all() -> None:
    async with connected() as (stream, reader, _):
        writing = asyncio.create_task(stream.write(BODY, 60))
        await asyncio.sleep(0)
        assert await reader.readexactly(len(BODY)) == BODY
        await writing


async def test_a_connection_that_was_reset_is_neither_read_nor_written() -> None:
    async with connected() as (stream, _, writer):
        own = writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        with pytest.raises(httpcore.ReadError) as caught:
            await stream.read(10, 60)
        assert isinstance(caught.value.__cause__, ConnectionResetError)
        with pytest.raises(httpcore.WriteError):
            await stream.write(b"x", 60)


async def test_every_address_of_a_name_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = socket.create_server((HOST, 0))
    ports = [closed_port(), server.getsockname()[1]]

    async def found(*_: object, **__: object) -> list[Any]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
        return [(*kind, (HOST, port)) for port in ports]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
    stream = await AsyncioBackend().connect_tcp("two.test", 80, 60)
    assert stream.get_extra_info("server_addr") == (HOST, ports[1])
    await stream.aclose()
    server.close()
    ports[:] = [closed_port(), closed_port()]
    with pytest.raises(httpcore.ConnectError) as caught:
        await AsyncioBackend().connect_tcp("two.test", 80, 60)
    cause = caught.value.__cause__
    assert cause is not None
    assert isinstance(cause.__cause__, ExceptionGroup)
    refused = [getattr(each, "errno", None) for each in cause.__cause__.exceptions]
    assert refused == [errno.ECONNREFUSED] * 2
