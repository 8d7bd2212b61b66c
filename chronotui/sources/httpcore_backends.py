"""What httpcore reads from, made faster for streams and for bulk bodies.

httpx connects, encrypts, proxies, sends and reads the head of an answer; how the bytes
of a chunked body (RFC 9112, 7.1) are taken from the socket is decided here. Reading a
chunk costs h11 and what lies above it as much as decoding ten log lines. So what a live
stream received together is handed on as one chunk, and the body of a raw download is
taken over whole, past h11 (measured in ``tests/benchmarks``).

httpx offers no way to hand a backend to its pool, so the pool is replaced; if a later
httpx names it otherwise, bodies are only read more slowly.
"""

from __future__ import annotations

import re
import ssl
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

import httpcore
import httpx

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator

    from chronotui.sources.address import Proxy

# anyio loads its asyncio half at the first request, which would hold up the event loop.
with suppress(ImportError):
    import_module("anyio._backends._asyncio")

PIECE_BYTES: Final = 64 * 1024
"""Bytes of a bulk body asked of the network at once.

Memory for larger pieces is asked of the system anew each time, and cleared by it."""

_MAX_CONNECTIONS: Final = 100
_MAX_HEAD: Final = 65536
_MOST_BULK_HEAD: Final = 128 * 1024
_MAX_SIZE_LINE: Final = 1024
_MOST_FRAMING: Final = 16 * 1024
"""Longest size line, and longest trailer section, that is waited for."""

_HEAD_END: Final = re.compile(rb"\n\r?\n")
_FINAL_STATUS: Final = re.compile(rb"HTTP/1\.1 [2-5]\d\d[ \r]")
_CHUNKED: Final = re.compile(
    rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE
)
_NEXT_CHUNK: Final = re.compile(
    rb"\r\n([0-9A-Fa-f]{1,15})(?:[ \t]*|;[^\r\n]{0,900})\r\n"
)
"""The end of a chunk, or of the head, and the size line of the next chunk."""

_REFUSED: Final = b"\x00"
"""Put where a chunk does not end as it must: no size line begins with it."""


class _Chunks:
    """Takes the contents of all chunks there are, whole or only begun.

    Attributes:
        at_last: Whether the size line of the last chunk, which is empty, has come.
    """

    def __init__(self) -> None:
        self.at_last = False
        self._left = 0

    def take(self, data: bytes, place: int) -> tuple[bytes, int]:
        """Return the content from a place on, and where it ends.

        There stands the framing that has not come whole, is broken, or is the last.
        """
        parts: list[bytes] = []
        while True:
            if self._left:
                content = data[place : place + self._left]
                parts.append(content)
                place += len(content)
                self._left -= len(content)
            chunk = None if self._left else _NEXT_CHUNK.match(data, place)
            if chunk is None:
                break
            self._left = int(chunk[1], 16)
            if not self._left:
                self.at_last = True
                break
            place = chunk.end()
        return b"".join(parts), place


def _is_begun(framing: bytes, longest: int) -> bool:
    """Whether framing may go on: the end of a chunk and a part of a size line."""
    return (
        framing[:2] == b"\r\n"[: len(framing)]
        and b"\r\n" not in framing[2:]
        and len(framing) < longest
    )


class ChunkMerger:
    """Rewrites the bytes of one connection's answers, one answer after the other.

    What is no chunked answer passes unchanged, and what is malformed is left for h11
    to refuse.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Expect the head of an answer next; call it when a request is sent."""
        self._pending = b""
        self._chunks: _Chunks | None = None
        self._passes = False

    def feed(self, data: bytes) -> bytes:
        """Take what was received; return what to hand on, b"" if nothing yet."""
        if self._passes:
            return data
        data = self._pending + data
        self._pending = b""
        if self._chunks is not None:
            return self._merge(self._chunks, data, 0)
        return self._find_body(data)

    def _find_body(self, data: bytes) -> bytes:
        """Hand on the head of a chunked answer; leave any other answer alone."""
        end = data.find(b"\r\n\r\n")
        if end < 0 and len(data) <= _MAX_HEAD:
            self._pending = data
            return b""
        is_final = end >= 0 and _FINAL_STATUS.match(data) is not None
        if is_final and _CHUNKED.search(data, 0, end + 2) is not None:
            self._chunks = _Chunks()
            return data[: end + 4] + self._merge(self._chunks, data, end + 2)
        self._passes = True
        return data

    def _merge(self, chunks: _Chunks, data: bytes, place: int) -> bytes:
        merged, place = chunks.take(data, place)
        handed_on = b"%x\r\n%s\r\n" % (len(merged), merged) if merged else b""
        rest = data[place:]
        if not chunks.at_last and _is_begun(rest, _MAX_SIZE_LINE):
            self._pending = rest
            return handed_on
        self._passes = True
        if rest[:2] == b"\r\n"[: len(rest)]:
            return handed_on + rest[2:]
        return handed_on + _REFUSED + rest


class ChunkedBody:
    """Takes a chunked body out of its framing, as its bytes come.

    Attributes:
        ended: Whether the last chunk and the trailer section have come.
    """

    def __init__(self) -> None:
        self.ended = False
        self._held = b"\r\n"
        self._chunks = _Chunks()

    def feed(self, data: bytes) -> bytes:
        """Return the content in the next bytes of the body.

        Raises:
            ValueError: The framing is broken.
        """
        data = self._held + data
        content, place = self._chunks.take(data, 0)
        self._held = data[place:]
        if self._chunks.at_last:
            trailer = self._held[2:].partition(b"\r\n")[2]
            self.ended = trailer.startswith(b"\r\n") or b"\r\n\r\n" in trailer
            if len(trailer) > _MOST_FRAMING and not self.ended:
                raise ValueError("endless framing")
        elif self._held and not _is_begun(self._held, _MOST_FRAMING):
            raise ValueError("the framing of a chunk is broken")
        return content


def _pool_settings(
    backend: object, context: ssl.SSLContext, proxy: Proxy | None
) -> dict[str, Any]:
    settings = {"network_backend": backend, "ssl_context": context}
    if proxy is None:
        return settings
    return settings | {
        "proxy_url": proxy.url,
        "proxy_auth": proxy.credentials,
        "proxy_ssl_context": context if proxy.is_encrypted else None,
    }


class MergingTransport(httpx.AsyncHTTPTransport):
    """The transport of httpx over connections that merge chunks.

    A proxy's pool does not hand ``socket_options`` on; the backend has them.
    """

    def __init__(
        self,
        *,
        context: ssl.SSLContext,
        proxy: Proxy | None,
        keepalive_seconds: float,
        socket_options: list[tuple[int, int, int]],
    ) -> None:
        super().__init__(verify=context, trust_env=False)
        make = httpcore.AsyncHTTPProxy if proxy else httpcore.AsyncConnectionPool
        backend = _MergingBackend(socket_options)
        self._pool = make(
            **_pool_settings(backend, context, proxy),
            max_connections=_MAX_CONNECTIONS,
            keepalive_expiry=keepalive_seconds,
        )


class BulkTransport(httpx.HTTPTransport):
    """The blocking transport of httpx over connections that can be taken over."""

    def __init__(
        self,
        *,
        context: ssl.SSLContext,
        proxy: Proxy | None,
        socket_options: list[tuple[int, int, int]],
    ) -> None:
        super().__init__(verify=context, trust_env=False)
        make = httpcore.HTTPProxy if proxy else httpcore.ConnectionPool
        self._pool = make(
            **_pool_settings(_BulkBackend(socket_options), context, proxy)
        )


class StaleConnectionError(httpcore.ReadError):
    """A connection used before turned out to be closed, with no answer begun."""


class _MergingBackend(httpcore.AsyncNetworkBackend):
    """Connects as httpcore does and wraps what it gets."""

    def __init__(self, socket_options: list[tuple[int, int, int]]) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._socket_options = socket_options

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        options = socket_options or self._socket_options
        return _MergingStream(
            await self._inner.connect_tcp(host, port, timeout, local_address, options)
        )

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class _MergingStream(httpcore.AsyncNetworkStream):
    """A connection whose answers come with their chunks merged.

    It also tells a connection that the server closed while it was idle from one that
    broke: only then is it right to send a request again without further thought.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._merger = ChunkMerger()
        self._is_used = False
        self._is_answered = False

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
    ) -> bytes:
        while True:
            received = await self._received(max_bytes, timeout)
            if not received:
                return b""
            self._is_answered = True
            merged = self._merger.feed(received)
            if merged:
                return merged

    async def _received(self, max_bytes: int, seconds: float | None) -> bytes:
        idled = self._is_used and not self._is_answered
        try:
            received = await self._stream.read(max_bytes, seconds)
        except httpcore.ReadError as error:
            if idled:
                raise StaleConnectionError from error
            raise
        if not received and idled:
            raise StaleConnectionError
        return received

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
    ) -> None:
        self._merger.begin()
        if self._is_answered:
            self._is_used, self._is_answered = True, False
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
    ) -> httpcore.AsyncNetworkStream:
        return _MergingStream(
            await self._stream.start_tls(ssl_context, server_hostname, timeout)
        )

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class _BulkBackend(httpcore.SyncBackend):
    """Connects as httpcore does and wraps what it gets."""

    def __init__(self, socket_options: list[tuple[int, int, int]]) -> None:
        self._socket_options = socket_options

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        options = socket_options or self._socket_options
        return _BulkStream(
            super().connect_tcp(host, port, timeout, local_address, options)
        )


class _BulkStream(httpcore.NetworkStream):
    """A connection that gives the head of an answer alone at first.

    The parser above must not have taken any of the body when it is taken over. A head
    that is too long is left to the parser.
    """

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._head = b""
        self._in_head = True
        self._held = b""
        self._seconds: float | None = None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._seconds = timeout
        if self._held:
            data, self._held = self._held[:max_bytes], self._held[max_bytes:]
        else:
            data = self._stream.read(max_bytes, timeout)
        if not self._in_head or not data:
            return data
        return self._head_of(data)

    def _head_of(self, data: bytes) -> bytes:
        """Return what of the data belongs to the head, and hold back the rest."""
        before = len(self._head)
        self._head = (self._head + data)[:_MOST_BULK_HEAD]
        end = _HEAD_END.search(self._head)
        if end is None:
            return data
        # A head of 1xx is followed by another one.
        self._in_head = self._head.partition(b" ")[2].startswith(b"1")
        self._head = b""
        length = end.end() - before
        self._held = data[length:] + self._held
        return data[:length]

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._in_head, self._head = True, b""
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _BulkStream(
            self._stream.start_tls(ssl_context, server_hostname, timeout)
        )

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)

    @property
    def gave_head_alone(self) -> bool:
        """Whether all of the body is still to come from here."""
        return not self._in_head

    def take_over(self) -> Iterator[bytes]:
        """Yield what the network brings from here on, until the peer closes."""
        received, self._held = self._held, b""
        read = self._reader()
        while True:
            if received:
                yield received
            try:
                received = read()
            except (httpcore.TimeoutException, TimeoutError) as silence:
                raise httpx.ReadTimeout("nothing came for a long time") from silence
            except (httpcore.NetworkError, OSError) as broken:
                raise httpx.ReadError("the connection broke") from broken
            if not received:
                return

    def _reader(self) -> Callable[[], bytes]:
        """Return what reads a piece: the socket itself where that is all there is.

        Its time-out is then set once. httpcore sets it before each read, a call of the
        system for which every other thread that waits gets its turn.
        """
        if isinstance(self._stream.get_extra_info("ssl_object"), ssl.SSLObject):
            # TLS within TLS, which its socket does not know of.
            return lambda: self._stream.read(PIECE_BYTES, self._seconds)
        own = cast("socket.socket", self._stream.get_extra_info("socket"))
        own.settimeout(self._seconds)
        return partial(own.recv, PIECE_BYTES)


def bulk_body(answer: httpx.Response) -> Iterator[bytes]:
    """Yield the body of an answer nobody has begun to read.

    Raises:
        httpx.HTTPError: The connection broke, or the framing is broken.
    """
    stream = answer.extensions.get("network_stream")
    chunked = answer.headers.get("transfer-encoding", "").strip().lower() == "chunked"
    encoded = "content-encoding" in answer.headers
    whole_head = isinstance(stream, _BulkStream) and stream.gave_head_alone
    if isinstance(stream, _BulkStream) and whole_head and chunked and not encoded:
        yield from _unchunked(stream.take_over())
    elif encoded:
        yield from answer.iter_bytes()
    else:
        yield from answer.iter_raw()


def _unchunked(received: Iterator[bytes]) -> Iterator[bytes]:
    body = ChunkedBody()
    for piece in received:
        try:
            content = body.feed(piece)
        except ValueError as broken:
            raise httpx.RemoteProtocolError(str(broken)) from broken
        if content:
            yield content
        if body.ended:
            return
    raise httpx.RemoteProtocolError("the body ended before its last chunk")
