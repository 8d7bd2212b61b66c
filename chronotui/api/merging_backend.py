"""A network backend for httpcore that merges the small chunks of live streams."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Final

import httpcore
import httpx

from chronotui.api.chunk_merger import ChunkMerger

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from chronotui.api.proxies import Proxy

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
