"""Streamed answers, piece by piece, and the ways they break."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from chronotui.demo.connection import Connection
    from chronotui.demo.failure import StreamTrouble
    from chronotui.demo.message import Streamed

_SLICE_SECONDS: Final = 0.02
_TORN: Final = b'event: log\ndata: {"timestamp":"2026-'


async def send_stream(
    connection: Connection, answer: Streamed, trouble: StreamTrouble
) -> None:
    """Send an answer piece by piece, as far as its trouble lets it."""
    headers = [*answer.headers, ("Content-Type", answer.content_type)]
    begin = partial(connection.begin_stream, headers, to_close=trouble.to_close)
    timers = _set_timers(connection, trouble)
    left = trouble.cut_bytes
    passed = answer.pieces
    if trouble.held_back.headers:
        passed = _at_the_end(passed, begin)
    else:
        begin()
        if trouble.held_back.frames:
            passed = _in_lumps(passed, trouble.held_back.frames)
    try:
        async with aclosing(passed) as pieces:
            async for some in pieces:
                data = connection.stream_framed(_split(some, trouble.split_bytes))
                if left is not None:
                    left -= len(data)
                    if left <= 0:
                        data = data[: len(data) + left]
                        await write_paced(connection, data, trouble.bytes_per_second)
                        connection.break_off(reset=trouble.reset)
                        return
                await write_paced(connection, data, trouble.bytes_per_second)
                if connection.closed:
                    return
        connection.end()
    finally:
        for timer in timers:
            timer.cancel()


def _set_timers(
    connection: Connection, trouble: StreamTrouble
) -> list[asyncio.TimerHandle]:
    loop = asyncio.get_running_loop()
    timers = []
    if trouble.cut_seconds is not None:

        def tear() -> None:
            begun = not trouble.held_back.headers
            torn = connection.stream_torn(_TORN) if begun else b""
            connection.break_off(torn, reset=trouble.reset)

        timers.append(loop.call_later(trouble.cut_seconds, tear))
    if trouble.silent_seconds is not None:
        timers.append(loop.call_later(trouble.silent_seconds, connection.mute))
    return timers


async def write_paced(connection: Connection, data: bytes, rate: float | None) -> None:
    """Write bytes, no faster than ``rate`` a second."""
    if rate is None:
        await connection.write(data)
        return
    size = max(1, int(rate * _SLICE_SECONDS))
    for start in range(0, len(data), size):
        await connection.write(data[start : start + size])
        await asyncio.sleep(size / rate)


def _split(pieces: Sequence[bytes], size: int | None) -> Sequence[bytes]:
    if size is None:
        return pieces
    whole = b"".join(pieces)
    return [whole[start : start + size] for start in range(0, len(whole), size)]


async def _at_the_end(
    pieces: AsyncGenerator[Sequence[bytes], None], begin: Callable[[], None]
) -> AsyncGenerator[Sequence[bytes], None]:
    """Begin, and yield everything, once there is nothing to come."""
    async with aclosing(pieces):
        held = [piece async for some in pieces for piece in some]
    begin()
    yield held


async def _in_lumps(
    pieces: AsyncGenerator[Sequence[bytes], None], seconds: float
) -> AsyncGenerator[Sequence[bytes], None]:
    """Yield what came, every so many seconds and at the end."""
    loop = asyncio.get_running_loop()
    held: list[bytes] = []
    due = loop.time() + seconds
    async with aclosing(pieces):
        coming = loop.create_task(anext(pieces, None))
        try:
            while True:
                await asyncio.wait({coming}, timeout=due - loop.time())
                if coming.done():
                    some = coming.result()
                    if some is None:
                        break
                    held += some
                    coming = loop.create_task(anext(pieces, None))
                if loop.time() >= due:
                    due = loop.time() + seconds
                    if held:
                        yield held
                        held = []
        finally:
            coming.cancel()
            await asyncio.wait({coming})
    yield held
