"""What a demo server was asked, for tests of politeness."""

from __future__ import annotations

import asyncio
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from chronotui.demo.accounts import (
    change_user,
    get_user,
    list_notifications,
    login,
    logout,
    mark_notifications,
    register,
    user_totals,
    validate,
    workflow_totals,
)
from chronotui.demo.catalog_routes import (
    create_workflow,
    delete_workflow,
    get_job,
    get_workflow,
    list_jobs,
    list_workflows,
    schedule_job,
    terminate_workflow,
    update_workflow,
)
from chronotui.demo.faults import WHOLE, Faults, refused, replacement, spoiled
from chronotui.demo.log_routes import list_logs, search_logs, stream_events
from chronotui.demo.raw_routes import download
from chronotui.demo.service import Dialect, dispatch, find_endpoint
from chronotui.demo.wire import Failure, Streamed, plain, send_stream, write_paced

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from chronotui.demo.clock import DemoClock
    from chronotui.demo.service import Handler, Service
    from chronotui.demo.wire import DemoAnswer, Request, ServerConnection, StreamTrouble
    from chronotui.demo.workflow import WorkflowPlan
    from chronotui.demo.world import World


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
    """Every request of a server, in order; readable from any thread."""

    def __init__(self) -> None:
        self._records: list[RequestRecord] = []

    def add(self, request: Request, endpoint: str, status: int) -> None:
        """Note a request and its answer."""
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
        """Return the requests so far, of one endpoint or of all."""
        records = list(self._records)
        if endpoint is None:
            return records
        return [record for record in records if record.endpoint == endpoint]

    def count(self, endpoint: str | None = None) -> int:
        """Return how many requests there were."""
        return len(self.all(endpoint))

    def clear(self) -> None:
        """Forget them."""
        self._records.clear()


# Listening on loopback in a thread of its own, and the network's own troubles.

# ruff: noqa: PLC0415 — h11 comes with the first connection, not with the start.


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
        self._connections: set[ServerConnection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._failure: OSError | None = None
        self._thawed = threading.Event()
        self._thawed.set()

    @abstractmethod
    async def serve(self, request: Request, connection: ServerConnection) -> None:
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
        status = threading.Event()

        def stand() -> None:
            status.set()
            self._thawed.wait()

        loop.call_soon_threadsafe(stand)
        status.wait()

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

    def _connect(self) -> ServerConnection:
        from chronotui.demo.wire import ServerConnection

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


# Which handler answers what.

HANDLERS: Final[Mapping[tuple[str, str], Handler]] = {
    ("POST", "login"): login,
    ("POST", "register"): register,
    ("POST", "validate"): validate,
    ("POST", "logout"): logout,
    ("GET", "users"): get_user,
    ("PUT", "users"): change_user,
    ("GET", "notifications"): list_notifications,
    ("PUT", "notifications"): mark_notifications,
    ("GET", "analytics"): user_totals,
    ("GET", "workflow_analytics"): workflow_totals,
    ("GET", "workflows"): list_workflows,
    ("GET", "workflow"): get_workflow,
    ("POST", "workflows"): create_workflow,
    ("PUT", "workflow"): update_workflow,
    ("PATCH", "workflow"): terminate_workflow,
    ("DELETE", "workflow"): delete_workflow,
    ("GET", "jobs"): list_jobs,
    ("GET", "job"): get_job,
    ("POST", "schedule"): schedule_job,
    ("GET", "logs"): list_logs,
    ("GET", "search"): search_logs,
    ("GET", "raw"): download,
    ("GET", "events"): stream_events,
}


# From a request to its answer on the wire, with what goes wrong on the way.

_SOON: Final = 40
"""Bytes of a streamed answer that was to be spoiled before it breaks off."""


class Exchange:
    """Answers the requests of one server.

    Args:
        service: What answers truly.
        prefix: Addresses outside it are not found.
        log: Takes every request; status 0 is noted for those without an answer.
    """

    def __init__(self, service: Service, prefix: str, log: RequestLog) -> None:
        self._service = service
        self._prefix = prefix
        self._log = log

    async def answer(self, request: Request, connection: ServerConnection) -> None:
        """Answer a request, or fail as the faults say."""
        if self._prefix and not request.path.startswith(f"{self._prefix}/"):
            self._log.add(request, "", 404)
            await self._send(request, connection, plain(404, "404 page not found"))
            return
        request = replace(request, path=request.path[len(self._prefix) :])
        endpoint, ids = find_endpoint(request.path)
        faults = self._service.faults
        wait = faults.wait_seconds()
        if wait:
            await asyncio.sleep(wait)
        refusal = faults.refusal(endpoint)
        if refusal is not None:
            self._log.add(request, endpoint, refusal.status)
            instead = refused(refusal, request.method, endpoint)
            await self._send(request, connection, instead)
            return
        failure = faults.failure(endpoint)
        if failure is not None and failure not in WHOLE:
            await self._fail(request, connection, endpoint, failure)
            return
        answer = dispatch(self._service, request, endpoint, ids, HANDLERS)
        self._log.add(request, endpoint, answer.status)
        if isinstance(answer, Streamed):
            trouble = self._trouble(request, endpoint)
            if failure is not None:
                trouble = trouble._replace(cut_bytes=_SOON)
            await send_stream(connection, answer, trouble)
        elif failure is Failure.CUT:
            connection.send_half(answer)
        else:
            whole = answer if failure is None else spoiled(failure, answer)
            await self._send(request, connection, whole)

    async def _send(
        self, request: Request, connection: ServerConnection, answer: DemoAnswer
    ) -> None:
        rate = self._service.faults.bytes_per_second
        await write_paced(connection, connection.whole(request, answer), rate)

    async def _fail(
        self,
        request: Request,
        connection: ServerConnection,
        endpoint: str,
        failure: Failure,
    ) -> None:
        """Let a request fail without its true answer."""
        if failure is Failure.RESET:
            self._log.add(request, endpoint, 0)
            connection.reset()
        elif failure is Failure.SILENCE:
            self._log.add(request, endpoint, 0)
            await connection.wait_closed()
        else:
            answer = replacement(failure, self._service.faults)
            self._log.add(request, endpoint, answer.status)
            await self._send(request, connection, answer)

    def _trouble(self, request: Request, endpoint: str) -> StreamTrouble:
        faults = self._service.faults
        trouble = faults.trouble(endpoint)
        session = self._service.accounts.session(request)
        if faults.cut_with_session and session is not None and endpoint == "events":
            left = session.ends_at - time.monotonic()
            cut = trouble.cut_seconds
            trouble = trouble._replace(
                cut_seconds=left if cut is None else min(left, cut)
            )
        return trouble


# A Chronoverse server on loopback.

# ruff: noqa: PLC0415 — most of it is imported with the first request, so that a
# program which starts a demo has its first frame before.


IDLE_SECONDS = 30.0


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
        public_url: What the server believes its address is; its real one if "".
        session_seconds: How long a sign-in lasts.
        page_size: Workflows or jobs on a page.
        log_page_size: Log lines on a page.
        idle_seconds: After which an idle connection is closed.
        page_limit_bytes: A current server refuses larger pages of log lines with 429.
        page_cache_seconds: It keeps pages between, however they are asked for.
        patience_seconds: A page that is too large may be asked for once in this time.
        overload_seconds: How long it refuses everything about jobs if it was not.
        tls: Serve https with this.

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
        clock: DemoClock | None = None,
        plans: Sequence[WorkflowPlan] | None = None,
        public_url: str = "",
        session_seconds: float = 7200.0,
        page_size: int = 10,
        log_page_size: int = 100,
        idle_seconds: float = IDLE_SECONDS,
        page_limit_bytes: int | None = 4 << 20,
        page_cache_seconds: float = 1800.0,
        patience_seconds: float = 60.0,
        overload_seconds: float = 30.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(port, idle_seconds, tls)
        self.seed = seed
        self.dialect = dialect
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
        self._page_limit_bytes = page_limit_bytes
        self._page_cache_seconds = page_cache_seconds
        self._overload_seconds = (patience_seconds, overload_seconds)
        self._service: Service | None = None
        self._exchange: Exchange | None = None
        self._lock = threading.RLock()

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}{self.prefix}"

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
        from chronotui.demo.accounts import Accounts
        from chronotui.demo.service import Overload, Service
        from chronotui.demo.world import MILLION, World

        world = World(
            seed=self.seed,
            clock=self._clock,
            faults=self.faults,
            first_number=self.dialect.first_number,
            lines=MILLION if self._lines is None else self._lines,
            plans=self._plans,
            interleaved=self.dialect.is_current,
        )
        accounts = Accounts(
            {self.email: self.password},
            self.token,
            self._public_url or self.url,
            self._session_seconds,
            self.faults,
            documented=not self.dialect.is_current,
        )
        return Service(
            world,
            self.dialect,
            accounts,
            self.faults,
            self._page_size,
            self._log_page_size,
            self._page_limit_bytes,
            self._page_cache_seconds,
            Overload(*self._overload_seconds),
        )

    def open_session(self) -> tuple[str, str]:
        """Sign the demo's user in without a request; return session and csrf."""
        return self.service.accounts.open_session(self.email)

    def end_sessions(self) -> None:
        """End every session; the next call with one answers 401."""
        self.service.accounts.end_sessions()

    async def serve(self, request: Request, connection: ServerConnection) -> None:
        """Answer a request; what that takes is made with the first one."""
        await self._make_exchange().answer(request, connection)

    def warm(self) -> None:
        """Make now what would be made with the first request."""
        from chronotui.demo.wire import ServerConnection

        del ServerConnection
        self._make_exchange()

    def _make_exchange(self) -> Exchange:

        with self._lock:
            if self._exchange is None:
                self._exchange = Exchange(self.service, self.prefix, self.requests)
            return self._exchange


# The demo server alone, until it is told to stop.


def serve_forever(
    port: int = 0,
    *,
    ready: Callable[[DemoServer], None],
    dialect: Dialect = Dialect.CURRENT,
    lines: int | None = None,
    seed: int = 1,
    prefix: str = "",
    stop: threading.Event | None = None,
) -> None:
    """Serve on 127.0.0.1 until interrupted; prints nothing.

    Args:
        port: Where to listen; 0 takes a free port.
        ready: Called once, when connections are taken, with the server: its
            ``url``, ``email``, ``password`` and ``token`` are what a person needs.
        dialect: Which server it is.
        lines: Length of the long log; a million if None.
        seed: Worlds of one seed are the same.
        prefix: A path before every address.
        stop: Ends it when set; Ctrl+C (``KeyboardInterrupt``) ends it too, quietly.

    Raises:
        OSError: If the port cannot be had.
    """
    done = stop or threading.Event()
    server = DemoServer(
        seed=seed, dialect=dialect, port=port, prefix=prefix, lines=lines
    )
    try:
        with server:
            server.warm()
            ready(server)
            done.wait()
    except KeyboardInterrupt:
        return
