"""A Chronoverse server on loopback."""

# ruff: noqa: PLC0415 — most of it is imported with the first request, so that a
# program which starts a demo has its first frame before.

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from chronotui.demo.dialect import Dialect
from chronotui.demo.faults import Faults
from chronotui.demo.listener import LoopbackListener
from chronotui.demo.request_log import RequestLog

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from chronotui.demo.clock import Clock
    from chronotui.demo.connection import Connection
    from chronotui.demo.exchange import Exchange
    from chronotui.demo.message import Request
    from chronotui.demo.runs import WorkflowPlan
    from chronotui.demo.service import Service
    from chronotui.demo.world import World

IDLE_SECONDS = 30.0


class DemoServer(LoopbackListener):
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
        clock: Clock | None = None,
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
        from chronotui.demo.auth import Accounts
        from chronotui.demo.cast import MILLION
        from chronotui.demo.service import Overload, Service
        from chronotui.demo.world import World

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

    async def serve(self, request: Request, connection: Connection) -> None:
        """Answer a request; what that takes is made with the first one."""
        await self._make_exchange().answer(request, connection)

    def warm(self) -> None:
        """Make now what would be made with the first request."""
        from chronotui.demo.connection import Connection

        del Connection
        self._make_exchange()

    def _make_exchange(self) -> Exchange:
        from chronotui.demo.exchange import Exchange

        with self._lock:
            if self._exchange is None:
                self._exchange = Exchange(self.service, self.prefix, self.requests)
            return self._exchange
