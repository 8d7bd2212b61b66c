"""TLS as the profile wants it; building a context takes tens of milliseconds.

Build it in a thread: reading the certificates of the world blocks.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import threading
from functools import cached_property
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpcore
import httpx

from chronotui import __version__
from chronotui.errors import ConfigError
from chronotui.sources.address import Proxy, proxy_for
from chronotui.sources.merging import MergingTransport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chronotui.sources.address import Address
    from chronotui.sources.protocol import TlsSettings


def build_context(settings: TlsSettings) -> ssl.SSLContext:
    """Make the context for an https server. Blocks; call it in a thread.

    Raises:
        ConfigError: A file is missing, unreadable or not what it should be; the
            sentence names the key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif settings.ca_file:
        _load_authorities(context, settings.ca_file)
    else:
        _load_usual_authorities(context)
    if settings.client_cert:
        _load_client(context, settings.client_cert, settings.client_key)
    return context


def empty_context() -> ssl.SSLContext:
    """Return a context that trusts nobody, for addresses that never use TLS."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _load_usual_authorities(context: ssl.SSLContext) -> None:
    """Trust what the machine trusts (company authorities) and what certifi ships."""
    import certifi  # noqa: PLC0415  # only https without ca_file needs it

    context.load_default_certs()
    context.load_verify_locations(cafile=certifi.where())


def _load_authorities(context: ssl.SSLContext, path: str | Path) -> None:
    file = Path(path).expanduser()
    try:
        context.load_verify_locations(cafile=file)
    except ssl.SSLError:
        raise ConfigError(
            f"ca_file {file} holds no certificates in PEM form.",
            next_step="Correct ca_file in the profile.",
        ) from None
    except OSError as error:
        raise _unreadable("ca_file", file, error) from None


def _load_client(
    context: ssl.SSLContext, cert: str | Path, key: str | Path | None
) -> None:
    cert_file = Path(cert).expanduser()
    key_file = Path(key).expanduser() if key else None
    _check_readable("client_cert", cert_file)
    if key_file is not None:
        _check_readable("client_key", key_file)
    try:
        context.load_cert_chain(cert_file, key_file, password=_no_passphrase)
    except ssl.SSLError:
        raise ConfigError(
            f"client_cert {cert_file} and its key do not fit together or are not in "
            "PEM form.",
            next_step="Correct client_cert and client_key in the profile.",
        ) from None


def _check_readable(key: str, file: Path) -> None:
    try:
        file.open("rb").close()
    except OSError as error:
        raise _unreadable(key, file, error) from None


def _no_passphrase() -> str:
    """Refuse instead of letting OpenSSL ask on the terminal under the desk.

    Raises:
        ConfigError: Always.
    """
    raise ConfigError(
        "client_key is locked with a passphrase, which chronotui cannot ask for.",
        next_step="Give a key without one, readable by you alone.",
    )


def _unreadable(key: str, file: Path, error: OSError) -> ConfigError:
    reason = error.strerror or "it cannot be read"
    return ConfigError(
        f"{key} {file} cannot be read: {reason}.",
        next_step=f"Correct {key} in the profile.",
    )


# A chunked HTTP body taken out of its framing, many chunks at a time (RFC 9112, 7.1).
#
# For bulk transfers: what one read of the network brought is cut with a few searches,
# where a general parser makes an event of each chunk.

_MOST_FRAMING: Final = 16 * 1024
"""Longest size line, and longest trailer section, that is waited for."""

_HEX: Final = frozenset(b"0123456789abcdefABCDEF")


class ChunkedBody:
    """Takes the bytes of a chunked body as they come.

    Attributes:
        ended: Whether the last chunk and the trailer section have come.
    """

    def __init__(self) -> None:
        self.ended = False
        self._held = b""
        self._left = 0
        self._closing = False
        self._last = False

    def feed(self, data: bytes) -> bytes:
        """Return the content in the next bytes of the body.

        Raises:
            ValueError: The framing is broken.
        """
        if self._held:
            data, self._held = self._held + data, b""
        if self._left > len(data):
            self._left -= len(data)
            return data
        pieces: list[bytes] = []
        place = 0
        while place < len(data) and not self.ended:
            if self._left:
                piece = data[place : place + self._left]
                self._left -= len(piece)
                self._closing = not self._left
                pieces.append(piece)
                place += len(piece)
                continue
            after = self._framing(data, place)
            if after < 0:
                self._hold(data[place:])
                break
            place = after
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _hold(self, rest: bytes) -> None:
        if len(rest) > _MOST_FRAMING:
            raise ValueError("endless framing")
        self._held = rest

    def _framing(self, data: bytes, place: int) -> int:
        """Read the framing at a place; return what follows it, -1 to wait for more."""
        if self._closing:
            return self._end_chunk(data, place)
        end = data.find(b"\r\n", place)
        if end < 0:
            return -1
        line = data[place:end]
        if self._last:
            # The trailer section: fields up to an empty line.
            self.ended = not line
        else:
            self._begin_chunk(line)
        return end + 2

    def _end_chunk(self, data: bytes, place: int) -> int:
        found = data[place : place + 2]
        if found == b"\r\n":
            self._closing = False
            return place + 2
        if found == b"\r":
            return -1
        raise ValueError("a chunk is longer than it said")

    def _begin_chunk(self, line: bytes) -> None:
        size = line.partition(b";")[0].strip(b" \t")
        if not size or len(size) > 16 or not _HEX.issuperset(size):
            raise ValueError("a chunk without its size")
        self._left = int(size, 16)
        self._last = not self._left


# Bulk bodies read straight from the socket, past the general HTTP parser.
#
# A body of hundreds of megabytes costs h11 and the layers above it more than the
# network and the disk do. httpx still connects, encrypts, proxies, sends and reads
# the head of the answer; the body is then taken over (measured in
# ``tests/benchmarks``).

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


# Clients of httpx as every request needs them: sockets, limits, no cookie jar.

KEEPALIVE_SECONDS: Final = 20.0
"""Idle connections are let go before the server does, at 30 s (WIRE.md "Proxies")."""

_PROBE_AFTER_SECONDS: Final = 15
_PROBE_EVERY_SECONDS: Final = 5
_PROBES: Final = 4
_UNACKNOWLEDGED_MS: Final = 35_000
"""A dead peer is told from a quiet one within about 35 s (WIRE.md "Live stream")."""

_HEADERS: Final = {
    "Accept": "application/json",
    "User-Agent": f"chronotui/{__version__}",
}


def socket_options() -> list[tuple[int, int, int]]:
    """Return the TCP keep-alive options this platform knows."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    wanted = (
        ("TCP_KEEPIDLE", _PROBE_AFTER_SECONDS),
        ("TCP_KEEPINTVL", _PROBE_EVERY_SECONDS),
        ("TCP_KEEPCNT", _PROBES),
        ("TCP_USER_TIMEOUT", _UNACKNOWLEDGED_MS),
    )
    for name, value in wanted:
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options


class Connections:
    """Makes asynchronous and blocking clients for one server.

    The TLS context is built once, at the first need. Making a client may block for
    tens of milliseconds on https; do it in a thread.
    """

    def __init__(
        self, address: Address, tls: TlsSettings, timeout_seconds: float
    ) -> None:
        self._address = address
        self._tls = tls
        self._timeout = httpx.Timeout(timeout_seconds)
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    @property
    def blocks(self) -> bool:
        """Whether making the next client takes its time."""
        return self._context is None and self._is_encrypted

    @cached_property
    def proxy(self) -> Proxy | None:
        """The environment's proxy to this server, None for none.

        Raises:
            ConfigError: It cannot be used.
        """
        return proxy_for(self._address, os.environ)

    def make_async(self) -> httpx.AsyncClient:
        """Make the client for the event loop.

        Raises:
            ConfigError: The TLS settings, or the environment's proxy, cannot be used.
        """
        transport = MergingTransport(
            context=self._shared_context(),
            proxy=self.proxy,
            keepalive_seconds=KEEPALIVE_SECONDS,
            socket_options=socket_options(),
        )
        return httpx.AsyncClient(
            transport=transport,
            timeout=self._timeout,
            headers=_HEADERS,
            cookies=_no_cookies(),
            trust_env=False,
        )

    def make_blocking(self) -> httpx.Client:
        """Make a client for one blocking download.

        Raises:
            ConfigError: The TLS settings, or the environment's proxy, cannot be used.
        """
        transport = BulkTransport(
            context=self._shared_context(),
            proxy=self.proxy,
            socket_options=socket_options(),
        )
        return httpx.Client(
            transport=transport,
            timeout=self._timeout,
            headers=_HEADERS,
            cookies=_no_cookies(),
            trust_env=False,
        )

    @property
    def _is_encrypted(self) -> bool:
        """Whether the server or the proxy is spoken to over TLS."""
        proxy = self.proxy
        return self._address.is_encrypted or (proxy is not None and proxy.is_encrypted)

    def _shared_context(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = (
                    build_context(self._tls) if self._is_encrypted else empty_context()
                )
            return self._context


def _no_cookies() -> CookieJar:
    """Return a jar that takes nothing: cookies are read from the login alone."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))
