"""One HTTP/1.1 connection of the demo server: h11 over an asyncio transport.

h11 reads the requests and frames the answers. What the faults break, it would not
send: that, and the chunks of a stream, are written past it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

from chronotui.demo.wire import JSON, REASONS, Request

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from chronotui.demo.wire import DemoAnswer, Headers, Streamed, StreamTrouble

_HEAD_LIMIT: Final = 1 << 16
_BODILESS: Final = frozenset({204, 304})
_GZIP_FROM: Final = 512
_HIGH_WATER: Final = 1 << 20
_SLICE_SECONDS: Final = 0.02
_TORN: Final = b'event: log\ndata: {"timestamp":"2026-'


async def send_stream(
    connection: ServerConnection, answer: Streamed, trouble: StreamTrouble
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
                        await connection.write(data, trouble.bytes_per_second)
                        connection.break_off(reset=trouble.reset)
                        return
                await connection.write(data, trouble.bytes_per_second)
                if connection.closed:
                    return
        connection.end_stream()
    finally:
        for timer in timers:
            timer.cancel()


def _set_timers(
    connection: ServerConnection, trouble: StreamTrouble
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


class ServerConnection(asyncio.Protocol):
    """Reads requests one after the other and lets ``serve`` answer each.

    Args:
        serve: Answers a request on this connection.
        idle_seconds: An idle connection is closed after this time.
        connections: Where open connections are kept.
    """

    def __init__(
        self,
        serve: Callable[[Request, ServerConnection], Awaitable[None]],
        idle_seconds: float,
        connections: set[ServerConnection],
    ) -> None:
        self._serve = serve
        self._idle_seconds = idle_seconds
        self._connections = connections
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_LIMIT)
        self._head: h11.Request | None = None
        self._body = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._loop = asyncio.get_running_loop()
        self._muted = False
        self._chunked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        self._connections.add(self)
        self._start_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._connections.discard(self)
        self._room.set()
        self._stop_idle()
        if self._task is not None:
            self._task.cancel()

    @property
    def closed(self) -> bool:
        return self._transport.is_closing()

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def eof_received(self) -> bool:
        """Treat a half-closed peer as gone."""
        return False

    def data_received(self, data: bytes) -> None:
        self._http.receive_data(data)
        self._advance()

    def _advance(self) -> None:
        """Take what has come, until a request is whole or more is needed."""
        try:
            while self._task is None:
                event = self._http.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return
                self._take(event)
        except (h11.RemoteProtocolError, ValueError):
            self._transport.close()

    def _take(self, event: object) -> None:
        if isinstance(event, h11.Request):
            self._stop_idle()
            self._head = event
            self._body.clear()
        elif isinstance(event, h11.Data):
            self._body += event.data
        elif isinstance(event, h11.EndOfMessage) and self._head is not None:
            request = _read_request(self._head, bytes(self._body))
            self._task = self._loop.create_task(self._answer(request))
            self._task.add_done_callback(self._report_bug)

    def _report_bug(self, task: asyncio.Task[None]) -> None:
        """Break off and report an answer that failed by a mistake of ours."""
        if task.cancelled() or task.exception() is None:
            return
        self._transport.abort()
        report = {"message": "an answer failed", "exception": task.exception()}
        self._loop.call_exception_handler(report)

    async def _answer(self, request: Request) -> None:
        await self._serve(request, self)
        if self.closed:
            return
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self._task = None
            self._start_idle()
            self._advance()
        else:
            self._transport.close()

    def _start_idle(self) -> None:
        self._idle = self._loop.call_later(self._idle_seconds, self._transport.close)

    def _stop_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def whole(self, request: Request, answer: DemoAnswer) -> bytes:
        """Frame a whole answer; JSON is compressed if that was asked for.

        One with a status below 200 is a bare line, after which the connection ends.
        """
        if answer.status < 200:
            return _unframed_head(answer.status, [])
        body, headers = answer.body, list(answer.headers)
        if answer.content_type:
            headers.append(("Content-Type", answer.content_type))
        wanted = "gzip" in request.headers.get("accept-encoding", "")
        if answer.content_type == JSON and wanted:
            headers.append(("Vary", "Accept-Encoding"))
            if len(body) >= _GZIP_FROM:
                body = zlib.compress(body, 1, wbits=31)
                headers.append(("Content-Encoding", "gzip"))
        if answer.status in _BODILESS:
            body = b""
        else:
            headers.append(("Content-Length", str(len(body))))
        framed = self._frame_head(answer.status, headers)
        if body and request.method != "HEAD":
            framed += self._frame(h11.Data(data=body))
        return framed + self._frame(h11.EndOfMessage())

    def send_half(self, answer: DemoAnswer) -> None:
        """Send the head of an answer and half of its body, and break off."""
        headers = [("Content-Length", str(len(answer.body) + 1))]
        if answer.content_type:
            headers.append(("Content-Type", answer.content_type))
        self._write(self._frame_head(answer.status, headers))
        self.break_off(answer.body[: len(answer.body) // 2])

    def begin_stream(self, headers: Headers, *, to_close: bool) -> None:
        """Send the head of a good answer of unknown length.

        It is chunked, unless its end is to be that of the connection, as it is for
        a peer that speaks HTTP/1.0.
        """
        self._chunked = not to_close and self._http.their_http_version != b"1.0"
        if self._chunked:
            how = ("Transfer-Encoding", "chunked")
            self._write(self._frame_head(200, [*headers, how]))
        else:
            how = ("Connection", "close")
            self._write(_unframed_head(200, [*headers, how]))

    def stream_framed(self, pieces: Sequence[bytes]) -> bytes:
        """Frame pieces of a streamed answer, each as an HTTP chunk of its own."""
        if not self._chunked:
            return b"".join(pieces)
        return b"".join(
            [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece]
        )

    def stream_torn(self, piece: bytes) -> bytes:
        """Frame the beginning of a piece whose end is never sent."""
        return b"80\r\n" + piece if self._chunked else piece

    def end_stream(self) -> None:
        if self._chunked:
            self._write(self._frame(h11.EndOfMessage()))
        else:
            self._transport.close()

    def _frame_head(self, status: int, headers: Headers) -> bytes:
        reason = REASONS.get(status, "")
        lines = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in headers]
        return self._frame(
            h11.Response(status_code=status, headers=lines, reason=reason)
        )

    def _frame(self, event: h11.Event) -> bytes:
        return self._http.send(event) or b""

    async def write(self, data: bytes, rate: float | None = None) -> None:
        """Write bytes as they are, as the peer has room for them.

        Args:
            rate: Bytes a second, at most.
        """
        if rate is None:
            self._write(data)
            if not self._room.is_set():
                await self._room.wait()
            return
        size = max(1, int(rate * _SLICE_SECONDS))
        for start in range(0, len(data), size):
            await self.write(data[start : start + size])
            await asyncio.sleep(size / rate)

    def _write(self, data: bytes) -> None:
        if data and not self._muted and not self._transport.is_closing():
            self._transport.write(data)

    async def wait_closed(self) -> None:
        """Wait, silent, until the peer is gone."""
        while not self.closed:
            self._room.clear()
            await self._room.wait()

    def mute(self) -> None:
        """Fall silent without closing, as a peer does whose network is gone."""
        self._muted = True

    def break_off(self, data: bytes = b"", *, reset: bool = False) -> None:
        """Write what may be the middle of something, and end the connection.

        A TCP reset may take ``data`` along.
        """
        self._write(data)
        if reset:
            self.reset()
        else:
            self._transport.close()

    def reset(self) -> None:
        sock = self._transport.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            linger = struct.pack("ii", 1, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._transport.abort()


def _read_request(head: h11.Request, body: bytes) -> Request:
    """Make a request of what came; raises ValueError if its target is no address."""
    parts = urlsplit(head.target.decode())
    pairs = tuple(parse_qsl(parts.query, keep_blank_values=True))
    headers = {
        name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers
    }
    method, path = head.method.decode(), unquote(parts.path)
    return Request(method, path, dict(pairs), headers, body, pairs)


def _unframed_head(status: int, headers: Headers) -> bytes:
    """Return a head that h11 would refuse, or send with a framing of its own."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    head = f"HTTP/1.1 {status} {REASONS.get(status, '')}\r\n{lines}\r\n"
    return head.encode("latin-1")
