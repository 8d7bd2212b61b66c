"""Streamed answers, piece by piece, and the ways they break."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.demo.connection import Connection
    from chronotui.demo.failure import StreamTrouble
    from chronotui.demo.message import Streamed

_SLICE_SECONDS: Final = 0.02
_TORN: Final = b'80\r\nevent: log\ndata: {"timestamp":"2026-'


async def send_stream(
    connection: Connection, answer: Streamed, trouble: StreamTrouble
) -> None:
    """Send an answer piece by piece, as far as its trouble lets it."""
    headers = [*answer.headers, ("Content-Type", answer.content_type)]
    connection.begin(answer.status, headers, chunked=True)
    timers = _set_timers(connection, trouble)
    left = trouble.cut_bytes
    try:
        async with aclosing(answer.pieces) as pieces:
            async for some in pieces:
                data = chunks(_split(some, trouble.split_bytes))
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
            connection.break_off(_TORN, reset=trouble.reset)

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


def chunks(pieces: Sequence[bytes]) -> bytes:
    """Frame each piece as an HTTP chunk of its own."""
    return b"".join(
        [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece]
    )
