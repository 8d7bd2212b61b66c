"""HTTP/1.1 as the demo speaks it: requests, answers, streamed answers, connections.

It is written by hand, so that the peer of the tests shares no parser with the client,
and a program that starts a demo loads next to nothing for it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import zlib
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

PLAIN: Final = "text/plain; charset=utf-8"
JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"

REASONS: Final = {status.value: status.phrase for status in HTTPStatus}

_HEAD_LIMIT: Final = 1 << 16
_HTTP_1_1: Final = "HTTP/1.1"
_BODILESS: Final = frozenset({204, 304})
_GZIP_FROM: Final = 512
_HIGH_WATER: Final = 1 << 20
_SLICE_SECONDS: Final = 0.02
_TORN: Final = b'event: log\ndata: {"timestamp":"2026-'

Headers: TypeAlias = list[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """What a client asked; header names are in lower case, the path is decoded."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    version: str = _HTTP_1_1

    @property
    def cookies(self) -> dict[str, str]:
        parts = self.headers.get("cookie", "").split(";")
        pairs = (part.partition("=") for part in parts)
        return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}

    def json(self) -> dict[str, Any]:
        """Return the body's JSON object."""
        try:
            value = json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if not isinstance(value, dict):
            raise ValueError("not an object")  # noqa: TRY004
        return value


def parse_request(received: bytearray) -> tuple[Request, int] | None:
    """Read the first request of some bytes, and its size; None until it is whole.

    Raises:
        ValueError: This is no HTTP/1.
    """
    head, end, rest = received.partition(b"\r\n\r\n")
    if not end:
        if len(received) > _HEAD_LIMIT:
            raise ValueError("a head without an end")
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, version = first.split(" ")
    if version not in {_HTTP_1_1, "HTTP/1.0"}:
        raise ValueError(version)
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    size = int(headers.get("content-length", "0"))
    if len(rest) < size:
        return None
    parts = urlsplit(target)
    request = Request(
        method,
        unquote(parts.path),
        dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers,
        bytes(rest[:size]),
        version,
    )
    return request, len(head) + len(end) + size


@dataclass
class DemoAnswer:
    status: int
    body: bytes = b""
    content_type: str = ""
    headers: Headers = field(default_factory=list)


@dataclass
class Streamed:
    """A good answer that goes on; each piece of bytes is an HTTP chunk of its own."""

    pieces: AsyncGenerator[Sequence[bytes], None]
    content_type: str
    headers: Headers = field(default_factory=list)
    status: int = 200


def plain(status: int, words: str) -> DemoAnswer:
    """Answer with one line of text, as errors are (WIRE.md "Errors")."""
    nosniff = [("X-Content-Type-Options", "nosniff")]
    return DemoAnswer(status, f"{words}\n".encode(), PLAIN, nosniff)


def json_text(text: str, *, cache: str = "") -> DemoAnswer:
    headers = [("Cache-Control", cache)] if cache else []
    return DemoAnswer(200, text.encode(), JSON, headers)


def json_value(value: object, *, status: int = 200) -> DemoAnswer:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return DemoAnswer(status, text.encode(), JSON)


class HeldBackStream(NamedTuple):
    """How a proxy holds a live stream back.

    Attributes:
        headers: Nothing at all is passed on, the headers included, until the stream
            ends; if it breaks off, what was held is thrown away.
        frames: Seconds from one lump of frames to the next; 0 passes them at once.
    """

    headers: bool = False
    frames: float = 0.0


class StreamTrouble(NamedTuple):
    """What happens to one streamed answer; None for nothing of the kind.

    Attributes:
        cut_bytes: It breaks off after so many bytes of body, framing included.
        cut_seconds: It breaks off, in mid-frame, after so long.
        silent_seconds: It says nothing more after so long, and stays open.
        reset: It breaks off with a TCP reset.
        split_bytes: Its HTTP chunks have this size, wherever that splits them.
        bytes_per_second: It is no faster than this.
        held_back: A proxy holds it back.
        to_close: Its end is the end of the connection, as in HTTP/1.0.
    """

    cut_bytes: int | None = None
    cut_seconds: float | None = None
    silent_seconds: float | None = None
    reset: bool = False
    split_bytes: int | None = None
    bytes_per_second: float | None = None
    held_back: HeldBackStream = HeldBackStream()
    to_close: bool = False


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
                        await write_paced(connection, data, trouble.bytes_per_second)
                        connection.break_off(reset=trouble.reset)
                        return
                await write_paced(connection, data, trouble.bytes_per_second)
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


async def write_paced(
    connection: ServerConnection, data: bytes, rate: float | None
) -> None:
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
        self._received = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._loop = asyncio.get_running_loop()
        self._muted = False
        self._version = _HTTP_1_1
        self._keeps_open = True
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
        self._received += data
        if self._task is None:
            self._take()

    def _take(self) -> None:
        try:
            parsed = parse_request(self._received)
        except ValueError:
            self._transport.close()
            return
        if parsed is None:
            return
        request, size = parsed
        del self._received[:size]
        self._stop_idle()
        self._version = request.version
        wish = request.headers.get("connection", "").lower()
        self._keeps_open = request.version == _HTTP_1_1 and wish != "close"
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
        if self._keeps_open:
            self._task = None
            self._start_idle()
            self._take()
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
            self._keeps_open = False
            return self._head(answer.status, [])
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
        if not self._keeps_open:
            headers.append(("Connection", "close"))
        head = self._head(answer.status, headers)
        return head if request.method == "HEAD" else head + body

    def send_half(self, answer: DemoAnswer) -> None:
        """Send the head of an answer and half of its body, and break off."""
        headers = [("Content-Length", str(len(answer.body) + 1))]
        if answer.content_type:
            headers.append(("Content-Type", answer.content_type))
        self._write(self._head(answer.status, headers))
        self.break_off(answer.body[: len(answer.body) // 2])

    def begin_stream(self, headers: Headers, *, to_close: bool) -> None:
        """Send the head of a good answer of unknown length.

        It is chunked, unless its end is to be that of the connection, as it is for
        a peer that speaks HTTP/1.0.
        """
        self._chunked = not to_close and self._version == _HTTP_1_1
        how = ("Transfer-Encoding", "chunked")
        if not self._chunked:
            self._keeps_open = False
            how = ("Connection", "close")
        self._write(self._head(200, [*headers, how]))

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
            self._write(b"0\r\n\r\n")
        else:
            self._transport.close()

    @staticmethod
    def _head(status: int, headers: Headers) -> bytes:
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
        reason = REASONS.get(status, "")
        return f"{_HTTP_1_1} {status} {reason}\r\n{lines}\r\n".encode("latin-1")

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
