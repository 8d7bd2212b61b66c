"""One HTTP/1.1 connection: h11 over an asyncio transport."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from http.client import responses
from typing import TYPE_CHECKING, Final

import h11

from chronotui.demo.message import JSON, Answer, Request, read_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from chronotui.demo.message import Headers

_GZIP_FROM: Final = 512
_HIGH_WATER: Final = 1 << 20


class Connection(asyncio.Protocol):
    """Reads requests one after the other and lets ``serve`` answer each.

    Args:
        serve: Answers a request on this connection.
        idle_seconds: An idle connection is closed after this time.
        connections: Where open connections are kept.
    """

    def __init__(
        self,
        serve: Callable[[Request, Connection], Awaitable[None]],
        idle_seconds: float,
        connections: set[Connection],
    ) -> None:
        self._serve = serve
        self._idle_seconds = idle_seconds
        self._connections = connections
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 16)
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._loop = asyncio.get_running_loop()
        self._muted = False
        self._chunked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start with an empty connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        self._connections.add(self)
        self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop whatever was being answered."""
        del exc
        self._connections.discard(self)
        self._room.set()
        self._stir()
        if self._task is not None:
            self._task.cancel()

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._transport.is_closing()

    def pause_writing(self) -> None:
        """Hold ``write`` back until the peer has read."""
        self._room.clear()

    def resume_writing(self) -> None:
        """Let ``write`` go on."""
        self._room.set()

    def eof_received(self) -> bool:
        """Treat a half-closed peer as gone."""
        return False

    def data_received(self, data: bytes) -> None:
        """Take bytes; a request that is whole is answered."""
        self._http.receive_data(data)
        self._advance()

    def _advance(self) -> None:
        try:
            while self._task is None or self._task.done():
                event = self._http.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return
                if isinstance(event, h11.ConnectionClosed):
                    self._transport.close()
                    return
                self._take(event)
        except h11.RemoteProtocolError:
            self._transport.close()

    def _take(self, event: object) -> None:
        if isinstance(event, h11.Request):
            self._stir()
            self._request = event
            self._body.clear()
        elif isinstance(event, h11.Data):
            self._body += event.data
        elif isinstance(event, h11.EndOfMessage) and self._request is not None:
            request = read_request(
                self._request.method.decode(),
                self._request.target.decode(),
                self._request.headers,
                bytes(self._body),
            )
            self._task = self._loop.create_task(self._answer(request))
            self._task.add_done_callback(self._settle)

    def _settle(self, task: asyncio.Task[None]) -> None:
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
            self._rest()
            self._advance()
        else:
            self._transport.close()

    def _rest(self) -> None:
        self._idle = self._loop.call_later(self._idle_seconds, self._transport.close)

    def _stir(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def whole(self, request: Request, answer: Answer) -> bytes:
        """Frame a whole answer; JSON is compressed if that was asked for."""
        if answer.status < 200:
            return b"HTTP/1.1 %d %b\r\n\r\n" % (
                answer.status,
                responses.get(answer.status, "").encode(),
            )
        body, headers = answer.body, list(answer.headers)
        if answer.status in {204, 304}:
            body = b""
        if answer.content_type:
            headers.append(("Content-Type", answer.content_type))
        wanted = "gzip" in request.headers.get("accept-encoding", "")
        if answer.content_type == JSON and wanted:
            headers.append(("Vary", "Accept-Encoding"))
            if len(body) >= _GZIP_FROM:
                body = zlib.compress(body, 1, wbits=31)
                headers.append(("Content-Encoding", "gzip"))
        if answer.status not in {204, 304}:
            headers.append(("Content-Length", str(len(body))))
        head = self._framed(h11.Response(status_code=answer.status, headers=headers))
        if body and request.method != "HEAD":
            body = self._framed(h11.Data(data=body))
        return head + body + self._framed(h11.EndOfMessage())

    def send_half(self, answer: Answer) -> None:
        """Send the head of an answer and half of its body, and break off."""
        headers = [("Content-Length", str(len(answer.body) + 1))]
        if answer.content_type:
            headers.append(("Content-Type", answer.content_type))
        self.begin(answer.status, headers)
        self.break_off(answer.body[: len(answer.body) // 2])

    def begin(self, status: int, headers: Headers) -> None:
        """Send the head of an answer."""
        self._write(self._framed(h11.Response(status_code=status, headers=headers)))

    def begin_stream(self, headers: Headers, *, to_close: bool) -> None:
        """Send the head of a good answer of unknown length.

        It is chunked, unless its end is to be that of the connection, as it is for
        a peer that speaks HTTP/1.0.
        """
        self._chunked = not to_close and self._http.their_http_version == b"1.1"
        if to_close:
            headers = [*headers, ("Connection", "close")]
            lines = [f"{name}: {value}\r\n" for name, value in headers]
            self._write(f"HTTP/1.1 200 OK\r\n{''.join(lines)}\r\n".encode())
        else:
            self.begin(200, [*headers, ("Transfer-Encoding", "chunked")])

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

    def end(self) -> None:
        """End a streamed answer; one that is not chunked ends with the connection."""
        if self._chunked:
            self._write(self._framed(h11.EndOfMessage()))
        else:
            self._transport.close()

    def _framed(self, event: h11.Event) -> bytes:
        return self._http.send(event) or b""

    async def write(self, data: bytes) -> None:
        """Write bytes as they are, then wait until the peer has room for more."""
        self._write(data)
        if not self._room.is_set():
            await self._room.wait()

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

        Args:
            data: Sent as it is.
            reset: End with a TCP reset, which may take ``data`` along.
        """
        self._write(data)
        if reset:
            self.reset()
        else:
            self._transport.close()

    def reset(self) -> None:
        """Break off with a TCP reset."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            linger = struct.pack("ii", 1, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._transport.abort()
