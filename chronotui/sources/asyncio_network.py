"""Connections of asyncio as httpcore takes them, without a layer between.

httpcore reaches asyncio by way of anyio, which goes round the loop once more before
each read and write, and tells the selector anew at each read what it waits for. Asking
for a page costs a fifth less without that (``tests/benchmarks``).
"""

from __future__ import annotations

import asyncio
import select
import socket
from asyncio.staggered import staggered_race
from functools import partial
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any, Final, cast

import httpcore

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

MOST_UNREAD: Final = 256 * 1024
"""Bytes received and not read, beyond which no more are received."""

STAGGER_SECONDS: Final = 0.25
"""After so long the next address of a name is tried as well (RFC 8305)."""


class AsyncioBackend(httpcore.AsyncNetworkBackend):
    """Connects to the first address of a name that answers."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
        local_address: str | None = None,  # noqa: ARG002  # never asked for
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                connected = await _connected(host, port)
                for option in socket_options or ():
                    connected.setsockopt(*option)
                loop = asyncio.get_running_loop()
                _, stream = await loop.create_connection(AsyncioStream, sock=connected)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        return stream

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _connected(host: str, port: int) -> socket.socket:
    """Return a connected socket.

    Raises:
        OSError: The name is not known, or no address of it takes a connection.
    """
    loop = asyncio.get_running_loop()
    by_family: dict[int, list[Any]] = {}
    for found in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        by_family.setdefault(found[0], []).append(partial(_connect, *found))
    in_turn = filter(None, chain.from_iterable(zip_longest(*by_family.values())))
    connected: socket.socket | None
    connected, _, errors = await staggered_race(in_turn, STAGGER_SECONDS)
    if connected is None:
        failed = [error for error in errors if isinstance(error, Exception)]
        raise OSError("no address takes a connection") from ExceptionGroup(
            "one each", failed
        )
    return connected


async def _connect(
    family: int, kind: int, protocol: int, _name: str, address: tuple[Any, ...]
) -> socket.socket:
    connected = socket.socket(family, kind, protocol)
    try:
        connected.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connected, address)
    except BaseException:
        connected.close()
        raise
    return connected


class AsyncioStream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """A connection, and what it received that nobody has read yet."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._unread = b""
        self._is_over = False
        self._error: Exception | None = None
        self._is_paused = self._is_stuffed = False
        self._waiting: set[asyncio.Future[None]] = set()

    # As the transport calls it.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if len(self._unread) > MOST_UNREAD and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._is_over = True
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._is_over, self._error = True, error
        self._wake()

    def pause_writing(self) -> None:
        self._is_stuffed = True

    def resume_writing(self) -> None:
        self._is_stuffed = False
        self._wake()

    def _wake(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def _until(
        self, is_so: Callable[[], bool], seconds: float | None, late: type[Exception]
    ) -> None:
        """Wait until something is so; raise ``late`` where that takes too long."""
        if is_so():
            return
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                while not is_so():
                    waiting = loop.create_future()
                    self._waiting.add(waiting)
                    try:
                        await waiting
                    finally:
                        self._waiting.discard(waiting)
        except TimeoutError as error:
            raise late from error

    # As httpcore calls it.

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
    ) -> bytes:
        await self._until(
            lambda: bool(self._unread) or self._is_over, timeout, httpcore.ReadTimeout
        )
        if self._error is not None and not self._unread:
            raise httpcore.ReadError(str(self._error)) from self._error
        read, self._unread = self._unread[:max_bytes], self._unread[max_bytes:]
        if self._is_paused and len(self._unread) <= MOST_UNREAD:
            self._is_paused = False
            self._transport.resume_reading()
        return read

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
    ) -> None:
        if self._is_over:
            raise httpcore.WriteError("the connection is over") from self._error
        self._transport.write(buffer)
        await self._until(
            lambda: not self._is_stuffed or self._is_over,
            timeout,
            httpcore.WriteTimeout,
        )

    async def aclose(self) -> None:
        self._transport.abort()
        # The loop closes the socket in its next turn.
        await asyncio.sleep(0)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
    ) -> httpcore.AsyncNetworkStream:
        plain = self._transport
        try:
            async with asyncio.timeout(timeout):
                encrypted = await asyncio.get_running_loop().start_tls(
                    plain, self, ssl_context, server_hostname=server_hostname
                )
        except BaseException as error:
            plain.abort()
            if isinstance(error, TimeoutError):
                raise httpcore.ConnectTimeout from error
            if isinstance(error, OSError):
                raise httpcore.ConnectError(str(error)) from error
            raise
        self.connection_made(cast("asyncio.Transport", encrypted))
        return self

    def get_extra_info(self, info: str) -> object:
        if info == "is_readable":
            return self._is_readable
        names = {"client_addr": "sockname", "server_addr": "peername"}
        return self._transport.get_extra_info(names.get(info, info))

    @property
    def _is_readable(self) -> bool:
        """Whether something came that nobody asked for, the end of it all perhaps."""
        if self._unread or self._is_over:
            return True
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket"), select.POLLIN)
        return bool(poll.poll(0))
