"""A Chronoverse server on loopback, in a thread of its own."""

# ruff: noqa: PLC0415 — most of it is imported with the first request, so that a
# program which starts a demo has its first frame before.

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Self

from chronotui.demo.dialect import Dialect
from chronotui.demo.faults import Faults
from chronotui.demo.message import RequestLog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from chronotui.demo.clock import Clock
    from chronotui.demo.connection import Connection
    from chronotui.demo.message import Request
    from chronotui.demo.runs import WorkflowPlan
    from chronotui.demo.service import Service
    from chronotui.demo.world import World

IDLE_SECONDS = 30.0


class DemoServer:
    """A demo server; its world is made when it is first asked for.

    Args:
        seed: Worlds of one seed and start are the same.
        dialect: Which server it is (wire notes).
        port: Where to listen on 127.0.0.1; 0 takes a free port, kept by a restart.
        prefix: A path before every address, such as ``/api``.
        faults: What goes wrong; its fields may be changed while it runs.
        lines: Length of the long log; a million if None.
        clock: The world's time; the real one if None.
        plans: The workflows; the demo's own if None, none if empty.
        public_url: What the server believes its address is; its real one if "".
        session_seconds: How long a sign-in lasts.
        page_size: Workflows or jobs on a page.
        log_page_size: Log lines on a page.
        idle_seconds: After which an idle connection is closed.

    Attributes:
        faults: What goes wrong now.
        requests: Every request so far.
    """

    email = "demo@example.com"
    password = "chronoverse-demo"  # noqa: S105 — the demo's own, on loopback
    token = "demo-token-3f9c"  # noqa: S105 — the demo's own, on loopback

    def __init__(
        self,
        *,
        seed: int = 1,
        dialect: Dialect = Dialect.CURRENT,
        port: int = 0,
        prefix: str = "",
        faults: Faults | None = None,
        lines: int | None = None,
        clock: Clock | None = None,
        plans: Sequence[WorkflowPlan] | None = None,
        public_url: str = "",
        session_seconds: float = 7200.0,
        page_size: int = 10,
        log_page_size: int = 100,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self.seed = seed
        self.dialect = dialect
        self.port = port
        self.prefix = "/" + prefix.strip("/") if prefix.strip("/") else ""
        self.faults = faults or Faults()
        self.requests = RequestLog()
        self._lines = lines
        self._clock = clock
        self._plans = plans
        self._public_url = public_url
        self._session_seconds = session_seconds
        self._page_size = page_size
        self._log_page_size = log_page_size
        self._idle_seconds = idle_seconds
        self._connections: set[Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._failure: OSError | None = None
        self._service: Service | None = None
        self._lock = threading.RLock()

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    @property
    def world(self) -> World:
        """The workflows and jobs, and the truth about them."""
        return self.service.world

    @property
    def service(self) -> Service:
        """The server without its sockets."""
        with self._lock:
            if self._service is None:
                self._service = self._make_service()
            return self._service

    def _make_service(self) -> Service:
        from chronotui.demo.auth import Accounts
        from chronotui.demo.cast import MILLION
        from chronotui.demo.service import Service
        from chronotui.demo.world import World

        world = World(
            seed=self.seed,
            clock=self._clock,
            faults=self.faults,
            first_number=self.dialect.first_number,
            lines=MILLION if self._lines is None else self._lines,
            plans=self._plans,
        )
        accounts = Accounts(
            {self.email: self.password},
            self.token,
            self._public_url or self.url,
            self._session_seconds,
        )
        return Service(
            world,
            self.dialect,
            accounts,
            self.faults,
            self._page_size,
            self._log_page_size,
        )

    def open_session(self) -> tuple[str, str]:
        """Sign the demo's user in without a request; return session and csrf."""
        return self.service.accounts.open_session(self.email)

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
                connection.reset() if reset else connection.close()

        if self._loop is not None:
            self._loop.call_soon_threadsafe(drop)

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
            self._connect, "127.0.0.1", self.port, reuse_address=True
        )
        self.port = server.sockets[0].getsockname()[1]
        return server

    def _connect(self) -> Connection:
        from chronotui.demo.connection import Connection

        return Connection(self._serve, self._idle_seconds, self._connections)

    async def _wind_up(self) -> None:
        for connection in tuple(self._connections):
            connection.reset()
        own = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not own]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, request: Request, connection: Connection) -> None:
        from chronotui.demo.exchange import answer_request

        await answer_request(
            self.service, request, connection, self.prefix, self.requests
        )

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
