"""The transport of httpx for one server that is reached without a proxy.

A page costs httpcore more than everything else together: its pool, its locks and its
traces each go by way of anyio. One server needs no more than a list of connections
that are idle, and h11 for what is on them. Through a proxy httpcore is used
(`httpcore_backends`).
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

import h11
import httpcore
import httpx

from chronotui.sources.httpcore_backends import MergingBackend

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterator, Mapping

_READ_BYTES: Final = 64 * 1024
_MOST_HEAD: Final = 100 * 1024
"""Bytes of an answer's head, or of a chunk's, that are waited for."""

_ERRORS: Final[dict[type[Exception], type[httpx.TransportError]]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    h11.LocalProtocolError: httpx.LocalProtocolError,
    h11.RemoteProtocolError: httpx.RemoteProtocolError,
}


@contextmanager
def _told_by_httpx() -> Iterator[None]:
    try:
        yield
    except tuple(_ERRORS) as error:
        kind = next(told for seen, told in _ERRORS.items() if isinstance(error, seen))
        raise kind(str(error)) from error


class DirectTransport(httpx.AsyncBaseTransport):
    """Sends requests to one server, each on a connection of its own while it lasts."""

    def __init__(
        self,
        *,
        context: ssl.SSLContext,
        keepalive_seconds: float,
        socket_options: list[tuple[int, int, int]],
    ) -> None:
        self._context = context
        self._keepalive_seconds = keepalive_seconds
        self._backend = MergingBackend(socket_options)
        self._connections: set[_Connection] = set()
        self._idle: list[_Connection] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        waits = request.extensions.get("timeout", {})
        with _told_by_httpx():
            connection = await self._take_idle() or await self._connect(request, waits)
            try:
                head = await connection.ask(request, waits)
            except BaseException:
                await self._close(connection)
                raise
        return httpx.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=_Body(self, connection, waits.get("read")),
            extensions={
                "http_version": b"HTTP/" + head.http_version,
                "network_stream": connection.stream,
                "reason_phrase": head.reason,
            },
        )

    async def aclose(self) -> None:
        for connection in tuple(self._connections):
            await self._close(connection)

    async def _take_idle(self) -> _Connection | None:
        """Return a connection that may be used again, and close those that may not."""
        since = time.monotonic() - self._keepalive_seconds
        spent = [each for each in self._idle if each.is_spent(since)]
        self._idle = [each for each in self._idle if each not in spent]
        for connection in spent:
            await self._close(connection)
        return self._idle.pop() if self._idle else None

    async def _connect(
        self, request: httpx.Request, waits: Mapping[str, float]
    ) -> _Connection:
        url, seconds = request.url, waits.get("connect")
        host = url.raw_host.decode("ascii")
        secure = url.scheme == "https"
        port = url.port or (443 if secure else 80)
        stream = await self._backend.connect_tcp(host, port, seconds)
        if secure:
            stream = await stream.start_tls(self._context, host, seconds)
        connection = _Connection(stream)
        self._connections.add(connection)
        return connection

    async def put_back(self, connection: _Connection) -> None:
        """Take a connection whose answer nobody reads on."""
        if connection not in self._connections:
            return
        if connection.begin_anew():
            self._idle.append(connection)
        else:
            await self._close(connection)

    async def _close(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        await connection.stream.aclose()


class _Connection:
    """HTTP/1.1 on a connection, one exchange after the other."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self.stream = stream
        self._used_at = 0.0
        self._state = h11.Connection(h11.CLIENT, _MOST_HEAD)

    async def ask(
        self, request: httpx.Request, waits: Mapping[str, float]
    ) -> h11.Response:
        """Send a request, and return the head of its answer."""
        state = self._state
        asked = h11.Request(
            method=request.method,
            target=request.url.raw_path,
            headers=request.headers.raw,
        )
        parts = [state.send(asked)]
        body = cast("httpx.AsyncByteStream", request.stream)
        parts += [state.send(h11.Data(part)) async for part in body]
        parts.append(state.send(h11.EndOfMessage()))
        try:
            sent = b"".join(filter(None, parts))
            await self.stream.write(sent, waits.get("write"))
        except httpcore.WriteError:
            pass  # the server may have answered, and closed, before it read all
        event: object = None
        while event is None or isinstance(event, h11.InformationalResponse):
            event = await self.event(waits.get("read"))
        if not isinstance(event, h11.Response):
            raise h11.RemoteProtocolError("the answer is none of HTTP")
        return event

    async def event(self, seconds: float | None) -> object:
        """Return what comes next; raises as h11 and the stream do."""
        state = self._state
        while (event := state.next_event()) is h11.NEED_DATA:
            received = await self.stream.read(_READ_BYTES, seconds)
            if not received and state.their_state is h11.SEND_RESPONSE:
                raise h11.RemoteProtocolError("no answer, and the connection is over")
            state.receive_data(received)
        return event

    def begin_anew(self) -> bool:
        """Make ready for another exchange; tell whether there can be one."""
        state = self._state
        if state.our_state is not h11.DONE or state.their_state is not h11.DONE:
            return False
        state.start_next_cycle()
        self._used_at = time.monotonic()
        return True

    def is_spent(self, since: float) -> bool:
        """Tell of an idle one whether it was used before, or its peer left it."""
        is_old = self._used_at < since
        return is_old or bool(self.stream.get_extra_info("is_readable"))


class _Body(httpx.AsyncByteStream):
    """The body of an answer, which has its connection until it is closed."""

    def __init__(
        self, transport: DirectTransport, connection: _Connection, seconds: float | None
    ) -> None:
        self._transport = transport
        self._connection: _Connection | None = connection
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _told_by_httpx():
            while self._connection is not None:
                event = await self._connection.event(self._seconds)
                if not isinstance(event, h11.Data):
                    return
                yield bytes(event.data)

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._transport.put_back(connection)
