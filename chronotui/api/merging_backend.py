"""A network backend for httpcore that merges the small chunks of live streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpcore
import httpx

from chronotui.api.chunk_merger import ChunkMerger

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable


class MergingTransport(httpx.AsyncHTTPTransport):
    """The transport of httpx over a pool whose connections merge chunks.

    httpx offers no way to hand a backend to its pool, so the pool is replaced; if a
    later httpx names it otherwise, streams are only read more slowly.
    """

    def __init__(
        self,
        *,
        context: ssl.SSLContext,
        keepalive_seconds: float,
        socket_options: Iterable[tuple[int, int, int]],
    ) -> None:
        super().__init__(verify=context, trust_env=False)
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=keepalive_seconds,
            socket_options=list(socket_options),
            network_backend=_MergingBackend(),
        )


class _MergingBackend(httpcore.AsyncNetworkBackend):
    """Connects as httpcore does and wraps what it gets."""

    def __init__(self) -> None:
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._inner.connect_tcp(
            host, port, timeout, local_address, socket_options
        )
        return _MergingStream(stream)

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class _MergingStream(httpcore.AsyncNetworkStream):
    """A connection whose answers come with their chunks merged."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._merger = ChunkMerger()

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
    ) -> bytes:
        while True:
            received = await self._stream.read(max_bytes, timeout)
            if not received:
                return b""
            merged = self._merger.feed(received)
            if merged:
                return merged

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
    ) -> None:
        self._merger.begin()
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
