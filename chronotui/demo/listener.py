"""Listening on loopback in a thread of its own, and the network's own troubles."""

# ruff: noqa: PLC0415 — h11 comes with the first connection, not with the start.

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from types import TracebackType

    from chronotui.demo.connection import Connection
    from chronotui.demo.message import Request


class LoopbackListener(ABC):
    """An HTTP server on 127.0.0.1; every method may be called in any thread.

    Args:
        port: Where to listen; 0 takes a free port, which a restart keeps.
        idle_seconds: After which an idle connection is closed.
        tls: Serve https with this, if given.

    Attributes:
        port: Where it listens once started.
    """

    def __init__(
        self, port: int, idle_seconds: float, tls: ssl.SSLContext | None = None
    ) -> None:
        self._tls = tls
        self.port = port
        self._idle_seconds = idle_seconds
        self._connections: set[Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._failure: OSError | None = None
        self._thawed = threading.Event()
        self._thawed.set()

    @abstractmethod
    async def serve(self, request: Request, connection: Connection) -> None:
        """Answer one request on its connection, in the server's own thread."""

    def start(self) -> None:
        """Begin to listen; returns once connections are taken.

        Raises:
            OSError: If the port cannot be had.
        """
        ready = threading.Event()
        self._failure = None
        self._thread = threading.Thread(
            target=self._run, args=(ready,), name="demo-server", daemon=True
        )
        self._thread.start()
        ready.wait()
        if self._failure is not None:
            self._thread.join()
            self._thread = None
            raise self._failure

    def stop(self) -> None:
        """Close every connection and stop listening; the world stays for a restart."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self.thaw()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        self._loop = self._thread = None

    def drop_connections(self, *, reset: bool = False) -> None:
        """Break every open connection, as a network would.

        Args:
            reset: With a TCP reset instead of a plain close.
        """

        def drop() -> None:
            for connection in tuple(self._connections):
                connection.break_off(reset=reset)

        self._do(drop)

    def silence_connections(self) -> None:
        """Let every open connection fall silent for good; new ones are served."""

        def mute() -> None:
            for connection in tuple(self._connections):
                connection.mute()

        self._do(mute)

    def freeze(self) -> None:
        """Stand still like a stopped process: connections stay, nothing is said."""
        loop = self._loop
        if loop is None or not self._thawed.is_set():
            return
        self._thawed.clear()
        standing = threading.Event()

        def stand() -> None:
            standing.set()
            self._thawed.wait()

        loop.call_soon_threadsafe(stand)
        standing.wait()

    def thaw(self) -> None:
        """Go on after ``freeze``."""
        self._thawed.set()

    def _do(self, action: Callable[[], None]) -> None:
        """Let the server's thread do something, and wait until it has."""
        loop = self._loop
        if loop is None:
            return
        done = threading.Event()

        def act() -> None:
            action()
            done.set()

        loop.call_soon_threadsafe(act)
        if self._thawed.is_set():
            done.wait()

    def _run(self, ready: threading.Event) -> None:
        loop = asyncio.new_event_loop()
        try:
            server = loop.run_until_complete(self._listen(loop))
        except OSError as error:
            self._failure = error
            loop.close()
            ready.set()
            return
        self._loop = loop
        ready.set()
        loop.run_forever()
        server.close()
        loop.run_until_complete(self._wind_up())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    async def _listen(self, loop: asyncio.AbstractEventLoop) -> asyncio.Server:
        server = await loop.create_server(
            self._connect, "127.0.0.1", self.port, reuse_address=True, ssl=self._tls
        )
        self.port = server.sockets[0].getsockname()[1]
        return server

    def _connect(self) -> Connection:
        from chronotui.demo.connection import Connection

        return Connection(self.serve, self._idle_seconds, self._connections)

    async def _wind_up(self) -> None:
        # A connection accepted a moment ago makes itself known in the next rounds,
        # and one that was reset closes its socket in the next.
        for _ in range(4):
            await asyncio.sleep(0)
            for connection in tuple(self._connections):
                connection.reset()
        own = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not own]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()
