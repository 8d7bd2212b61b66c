"""A demo server on loopback: what it listens with, and what it was asked.

h11, the world and the routes are imported with the first connection and its request, so
that a program which starts a demo has its first frame before.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import asyncio
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from chronotui.demo.exchange import Exchanger
from chronotui.demo.faults import Faults
from chronotui.demo.routes import (
    Accounts,
    Dialect,
    Overload,
    Service,
    dispatch,
    find_endpoint,
    words_of,
)
from chronotui.demo.wire import DemoCredentials, plain

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from types import TracebackType

    from chronotui.demo.clock import DemoClock
    from chronotui.demo.connection import ServerConnection
    from chronotui.demo.kinds import DemoOptions
    from chronotui.demo.wire import Request, StreamTrouble
    from chronotui.demo.world import WorkflowPlan, World

_IDLE_SECONDS: Final = 30.0
_TOUR: Final = (
    "nightly-report fails in three minutes: enter, then e or c.",
    "ledger-replay has a million lines: / finds, g is the top.",
    "queue-sweeper runs every minute.",
)


class RequestRecord(NamedTuple):
    """One request as the server saw it.

    ``at`` is seconds on the monotonic clock. ``endpoint`` is ``login``,
    ``workflows``, ``jobs``, ``job``, ``logs``, ``search``, ``events``, ``raw`` and
    the like, "" for an unknown address. ``status`` is what was answered, 0 if
    nothing was. Header names are in lower case.
    """

    at: float
    method: str
    path: str
    query: dict[str, str]
    endpoint: str
    status: int
    headers: dict[str, str]


class RequestLog:
    """Every request of a server, in order; readable from any thread.

    Attributes:
        streams: How many streams are open.
        most_streams: How many were at a time.
    """

    def __init__(self) -> None:
        self._records: list[RequestRecord] = []
        self.streams = 0
        self.most_streams = 0

    def stream_opened(self) -> None:
        self.streams += 1
        self.most_streams = max(self.most_streams, self.streams)

    def stream_closed(self) -> None:
        self.streams -= 1

    def add(self, request: Request, endpoint: str, status: int) -> None:
        self._records.append(
            RequestRecord(
                time.monotonic(),
                request.method,
                request.path,
                request.query,
                endpoint,
                status,
                request.headers,
            )
        )

    def all(self, endpoint: str | None = None) -> list[RequestRecord]:
        records = list(self._records)
        if endpoint is None:
            return records
        return [record for record in records if record.endpoint == endpoint]

    def count(self, endpoint: str | None = None) -> int:
        return len(self.all(endpoint))

    def clear(self) -> None:
        self._records.clear()


class LoopbackListener(ABC):
    """An HTTP server on 127.0.0.1; every method may be called in any thread.

    Port 0 takes a free one, which a restart keeps.
    """

    def __init__(
        self, port: int, idle_seconds: float, tls: ssl.SSLContext | None = None
    ) -> None:
        self._tls = tls
        self.port = port
        self._idle_seconds = idle_seconds
        self._connections: set[ServerConnection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._failure: OSError | None = None

    @property
    def origin(self) -> str:
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}"

    @abstractmethod
    async def serve(self, request: Request, connection: ServerConnection) -> None:
        """Answer one request on its connection, in the server's own thread."""

    def start(self) -> None:
        """Begin to listen; returns once connections are taken."""
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

    def drop_connections(self) -> None:
        loop = self._loop
        if loop is None:
            return
        done = threading.Event()

        def drop() -> None:
            for connection in tuple(self._connections):
                connection.break_off()
            done.set()

        loop.call_soon_threadsafe(drop)
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

    def _connect(self) -> ServerConnection:
        from chronotui.demo.connection import ServerConnection

        return ServerConnection(self.serve, self._idle_seconds, self._connections)

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
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class DemoServer(LoopbackListener):
    """A demo server; its world is made when it is first asked for.

    Args:
        seed: Worlds of one seed and start are the same.
        dialect: Which server it is (WIRE.md).
        port: Where to listen on 127.0.0.1; 0 takes a free port, kept by a restart.
        prefix: A path before every address, such as ``/api``.
        faults: What goes wrong; its fields may be changed while it runs.
        lines: Length of the long log; a million if None.
        clock: The world's time; the real one if None.
        plans: The workflows; the demo's own if None, none if empty.
        fleet: How many workflows there are, instead of ``plans``.
        public_url: What the server believes its address is; its real one if "".
        session_seconds: How long a sign-in lasts.
        page_size: Workflows or jobs on a page.
        log_page_size: Log lines on a page.
        idle_seconds: After which an idle connection is closed.
        page_limit_bytes: A current server refuses larger pages of log lines with 429.
        patience_seconds: A page that is too large may be asked for once in this time.
        overload_seconds: How long it refuses everything about jobs if it was not.
        tls: Serve https with this.

    Attributes:
        tour: What there is to see in it, a line each.
        requests: Every request so far.
        service: The server without its sockets.
    """

    kind = "chronoverse"
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
        clock: DemoClock | None = None,
        plans: Sequence[WorkflowPlan] | None = None,
        fleet: int | None = None,
        public_url: str = "",
        session_seconds: float = 7200.0,
        page_size: int = 10,
        log_page_size: int = 100,
        idle_seconds: float = _IDLE_SECONDS,
        page_limit_bytes: int | None = 4 << 20,
        patience_seconds: float = 60.0,
        overload_seconds: float = 30.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(port, idle_seconds, tls)
        self.dialect = dialect
        has_all = plans is None and (fleet is None or fleet >= len(_TOUR))
        self.tour = _TOUR if has_all else ()
        self.prefix = "/" + prefix.strip("/") if prefix.strip("/") else ""
        self.faults = faults or Faults()
        self.requests = RequestLog()
        self._exchanger = Exchanger(self.faults, self.requests)
        accounts = Accounts(
            self.email,
            self.password,
            self.token,
            public_url or self.origin,
            session_seconds,
            self.faults,
            documented=not dialect.is_current,
        )

        def make_world() -> World:
            from chronotui.demo.fleet import fleet_workflows
            from chronotui.demo.world import World

            known = plans if fleet is None else fleet_workflows(fleet, lines)
            return World(
                seed=seed,
                clock=clock,
                faults=self.faults,
                first_number=dialect.first_number,
                lines=lines,
                plans=known,
                interleaved=dialect.is_current,
            )

        self.service = Service(
            make_world,
            dialect,
            accounts,
            self.faults,
            page_size,
            log_page_size,
            page_limit_bytes if dialect.is_current else None,
            Overload(patience_seconds, overload_seconds),
        )

    @property
    def url(self) -> str:
        return f"{self.origin}{self.prefix}"

    @property
    def world(self) -> World:
        return self.service.world

    def open_session(self) -> tuple[str, str]:
        """Sign the demo's user in without a request; return session and csrf."""
        return self.service.accounts.open_session()

    @property
    def greeting(self) -> str:
        if self.dialect.is_current:
            return f"sign in as {self.email} with {self.password}"
        cookie, _csrf = self.open_session()
        return (
            f"sign in with the token {self.token}; whole downloads take "
            f"the session cookie {cookie} alone"
        )

    def credentials(self) -> DemoCredentials:
        if self.dialect.is_current:
            return DemoCredentials(self.email, self.password)
        cookie, _csrf = self.open_session()
        return DemoCredentials(token=self.token, session=cookie)

    async def serve(self, request: Request, connection: ServerConnection) -> None:
        """Answer a request, or fail as the faults say."""
        from chronotui.demo import log_routes, notices, raw_routes

        del (
            log_routes,
            notices,
            raw_routes,
        )  # They are in the table of routes once imported.
        if self.prefix and not request.path.startswith(f"{self.prefix}/"):
            self.requests.add(request, "", 404)
            unknown = plain(404, "404 page not found")
            await self._exchanger.send(request, connection, unknown)
            return
        request = replace(request, path=request.path[len(self.prefix) :])
        endpoint, ids = find_endpoint(request.path)
        await self._exchanger.answer(
            request,
            connection,
            endpoint,
            lambda: dispatch(self.service, request, endpoint, ids),
            words=words_of(request.method, endpoint),
            trouble_of=lambda name: self._trouble(request, name),
        )

    def _trouble(self, request: Request, endpoint: str) -> StreamTrouble:
        trouble = self.faults.trouble(endpoint)
        session = self.service.accounts.session(request)
        if self.faults.cut_with_session and session is not None:
            left, cut = session.ends_at - time.monotonic(), trouble.cut_seconds
            if endpoint == "events":
                soon = left if cut is None else min(left, cut)
                trouble = trouble._replace(cut_seconds=soon)
        return trouble


def demo_server(options: DemoOptions) -> DemoServer:
    return DemoServer(
        seed=1 if options.seed is None else options.seed,
        dialect=Dialect(options.dialect or "current"),
        port=options.port,
        lines=options.lines,
        fleet=options.fleet,
    )
