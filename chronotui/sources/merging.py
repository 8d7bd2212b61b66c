"""Many small HTTP chunks made one: sans-IO, a network read at a time.

A live stream comes with a chunk for each event, and reading a chunk costs h11 and
what lies above it as much as decoding ten log lines. What was received together is
therefore handed on as one chunk. Everything else passes unchanged, and what is
malformed is left for h11 to refuse.
"""

from __future__ import annotations

import re
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Final

import httpcore
import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from chronotui.sources.address import Proxy

_MAX_HEAD: Final = 65536
_MAX_SIZE_LINE: Final = 1024

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


class ChunkMerger:
    """Rewrites the bytes of one connection's answers, one answer after the other."""

    def __init__(self) -> None:
        self._pending = b""
        self._left = 0
        self._in_body = False
        self._passes = False

    def begin(self) -> None:
        """Expect the head of an answer next; call it when a request is sent."""
        self._pending = b""
        self._left = 0
        self._in_body = False
        self._passes = False

    def feed(self, data: bytes) -> bytes:
        """Take what was received; return what to hand on, b"" if nothing yet."""
        if self._passes:
            return data
        data = self._pending + data
        self._pending = b""
        if self._in_body:
            return self._merge(data, 0)
        return self._find_body(data)

    def _find_body(self, data: bytes) -> bytes:
        """Hand on the head of a chunked answer; leave any other answer alone."""
        end = data.find(b"\r\n\r\n")
        if end < 0 and len(data) <= _MAX_HEAD:
            self._pending = data
            return b""
        is_final = end >= 0 and _FINAL_STATUS.match(data) is not None
        if is_final and _CHUNKED.search(data, 0, end + 2) is not None:
            self._in_body = True
            return data[: end + 4] + self._merge(data, end + 2)
        self._passes = True
        return data

    def _merge(self, data: bytes, place: int) -> bytes:
        """Join the contents of all chunks there are, whole or only begun."""
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
                self._passes = True
                break
            place = chunk.end()
        merged = b"".join(parts)
        handed_on = b"%x\r\n%s\r\n" % (len(merged), merged) if merged else b""
        return handed_on + self._leave(data[place:])

    def _leave(self, rest: bytes) -> bytes:
        """Keep the beginning of a size line; pass what ends or breaks the body."""
        is_begun = rest[:2] == b"\r\n"[: len(rest)]
        is_short = b"\r\n" not in rest[2:] and len(rest) < _MAX_SIZE_LINE
        if is_begun and is_short and not self._passes:
            self._pending = rest
            return b""
        self._passes = True
        return rest[2:] if is_begun else _REFUSED + rest


# A network backend for httpcore that merges the small chunks of live streams.

# anyio loads its asyncio half at the first request, which would hold up the event loop.
with suppress(ImportError):
    import_module("anyio._backends._asyncio")

_MAX_CONNECTIONS: Final = 100


class StaleConnectionError(httpcore.ReadError):
    """A connection used before turned out to be closed, with no answer begun."""


class MergingTransport(httpx.AsyncHTTPTransport):
    """The transport of httpx over a pool whose connections merge chunks.

    httpx offers no way to hand a backend to its pool, so the pool is replaced; if a
    later httpx names it otherwise, streams are only read more slowly.

    Args:
        context: For TLS.
        proxy: What every connection goes through, None for nothing.
        keepalive_seconds: How long idle connections are kept.
        socket_options: For every connection.
    """

    def __init__(
        self,
        *,
        context: ssl.SSLContext,
        proxy: Proxy | None,
        keepalive_seconds: float,
        socket_options: Iterable[tuple[int, int, int]],
    ) -> None:
        super().__init__(verify=context, trust_env=False)
        # A proxy's pool does not hand socket options on; the backend has them.
        backend = _MergingBackend(list(socket_options))
        if proxy is None:
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=context,
                max_connections=_MAX_CONNECTIONS,
                keepalive_expiry=keepalive_seconds,
                network_backend=backend,
            )
            return
        self._pool = httpcore.AsyncHTTPProxy(
            proxy_url=proxy.url,
            proxy_auth=proxy.credentials,
            ssl_context=context,
            proxy_ssl_context=context if proxy.is_encrypted else None,
            max_connections=_MAX_CONNECTIONS,
            keepalive_expiry=keepalive_seconds,
            network_backend=backend,
        )


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
        stream = await self._inner.connect_tcp(
            host,
            port,
            timeout,
            local_address,
            socket_options or self._socket_options,
        )
        return _MergingStream(stream)

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
