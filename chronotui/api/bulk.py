"""Bulk bodies read straight from the socket, past the general HTTP parser.

A body of hundreds of megabytes costs h11 and the layers above it more than the network
and the disk do. httpx still connects, encrypts, proxies, sends and reads the head of
the answer; the body is then taken over (measured in ``tests/benchmarks``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import httpcore
import httpx

from chronotui.core.chunked_body import ChunkedBody

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

    from chronotui.api.proxies import Proxy

PIECE_BYTES: Final = 256 * 1024
"""Bytes asked of the network at once."""

_MOST_HEAD: Final = 128 * 1024
"""A head that is longer is left to the parser."""

_HEAD_END: Final = re.compile(rb"\n\r?\n")


class BulkTransport(httpx.HTTPTransport):
    """The blocking transport of httpx over connections that can be taken over.

    httpx offers no way to hand a backend to its pool, so the pool is replaced; if a
    later httpx names it otherwise, bodies are only read more slowly.

    Args:
        context: For TLS.
        proxy: What every connection goes through, None for nothing.
        socket_options: For every connection.
    """

    def __init__(
        self,
        *,
        context: ssl.SSLContext,
        proxy: Proxy | None,
        socket_options: Iterable[tuple[int, int, int]],
    ) -> None:
        super().__init__(verify=context, trust_env=False)
        # A proxy's pool does not hand socket options on; the backend has them.
        backend = _BulkBackend(list(socket_options))
        if proxy is None:
            self._pool = httpcore.ConnectionPool(
                ssl_context=context,
                network_backend=backend,
            )
            return
        self._pool = httpcore.HTTPProxy(
            proxy_url=proxy.url,
            proxy_auth=proxy.credentials,
            ssl_context=context,
            proxy_ssl_context=context if proxy.is_encrypted else None,
            network_backend=backend,
        )


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
        return _BulkStream(
            super().connect_tcp(
                host,
                port,
                timeout,
                local_address,
                socket_options or self._socket_options,
            )
        )


class _BulkStream(httpcore.NetworkStream):
    """A connection that gives the head of an answer alone at first.

    The parser above must not have taken any of the body when it is taken over.
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
        self._head = (self._head + data)[:_MOST_HEAD]
        end = _HEAD_END.search(self._head)
        if end is None:
            return data
        # A head of 1xx is followed by another one.
        status = self._head.partition(b" ")[2]
        self._in_head = status.startswith(b"1")
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
        while True:
            if received:
                yield received
            try:
                received = self._stream.read(PIECE_BYTES, self._seconds)
            except httpcore.TimeoutException as silence:
                raise httpx.ReadTimeout("nothing came for a long time") from silence
            except httpcore.NetworkError as broken:
                raise httpx.ReadError("the connection broke") from broken
            if not received:
                return
