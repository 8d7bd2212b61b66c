"""A Dify API server on loopback, with one app and its key.

It answers as the real ones of a release do, errors and oddities included, and notes
what a client that only reads must never do.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import UUID

from chronotui.demo.clock import DemoClock
from chronotui.demo.dify_events import EventHabits, EventStream, StreamWish
from chronotui.demo.dify_list import RunLister, UnlistableError
from chronotui.demo.dify_release import NEWEST, AppRelease, envelope
from chronotui.demo.dify_world import AppWorld
from chronotui.demo.exchange import Exchanger
from chronotui.demo.faults import Faults
from chronotui.demo.server import LoopbackListener, RequestLog
from chronotui.demo.wire import HTML, DemoAnswer, DemoCredentials, Streamed, json_ascii

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator

    from chronotui.demo.connection import ServerConnection
    from chronotui.demo.dify_runs import AppPerson, AppRow
    from chronotui.demo.kinds import DemoOptions
    from chronotui.demo.wire import Headers, Request

_Answer: TypeAlias = "DemoAnswer | Streamed"

_ENDPOINTS: Final = {
    "/info": "info",
    "/parameters": "parameters",
    "/site": "site",
    "/meta": "meta",
    "/workflows/logs": "runs",
    "/workflows/run/*": "run",
    "/workflow/*/events": "events",
}
_NOT_FOUND: Final = """<!doctype html>
<html lang=en>
<title>404 Not Found</title>
<h1>Not Found</h1>
<p>The requested URL was not found on the server. If you entered the URL manually \
please check your spelling and try again.</p>
"""
_CONSOLE: Final = """<!DOCTYPE html><html lang="en" class="h-full"><head>\
<meta charSet="utf-8"/><title>Dify</title></head><body class="h-full">\
<div id="__next"></div></body></html>
"""


@dataclass
class ServerLoad:
    """What was asked of the server at once, and what should never have been.

    Attributes:
        most: How many requests of each endpoint were open at once, at most.
        changes: Method and path of each request that was no GET.
        people_made: Session ids of end users that streams were asked for and that
            did not exist: they were made.
        people_changed: Session ids of end users of another type who were turned into
            users of the API by asking for a stream.
    """

    most: dict[str, int] = field(default_factory=dict)
    changes: list[tuple[str, str]] = field(default_factory=list)
    people_made: list[str] = field(default_factory=list)
    people_changed: list[str] = field(default_factory=list)
    _open: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def counted(self, endpoint: str) -> Iterator[None]:
        now = self._open[endpoint] = self._open.get(endpoint, 0) + 1
        self.most[endpoint] = max(now, self.most.get(endpoint, 0))
        try:
            yield
        finally:
            self._open[endpoint] -= 1

    def open(self, endpoint: str) -> int:
        """Return how many requests of an endpoint are open now."""
        return self._open.get(endpoint, 0)


@dataclass
class AppDoor:
    """Who is let in; its fields may be changed while the server runs.

    Attributes:
        key: The app's key.
        shut: Words of the 403 that answers everything with the right key, such as
            "The app's API service has been disabled."; "" for none.
    """

    key: str
    shut: str = ""

    def refusal(self, request: Request) -> DemoAnswer | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not scheme or not token:
            words = "Authorization header must be provided and start with 'Bearer'"
        elif scheme.lower() != "bearer":
            words = "Authorization scheme must be 'Bearer'"
        elif token.strip() != self.key:
            words = "Access token is invalid"
        elif self.shut:
            return _refused("forbidden", self.shut, 403)
        else:
            return None
        answer = _refused("unauthorized", words, 401)
        answer.headers.append(("WWW-Authenticate", 'Bearer realm="api"'))
        return answer


class DifyDemo(LoopbackListener):
    """A Dify server with one app; its world is made when it is first asked for.

    Args:
        seed: Worlds of one seed and start are the same.
        version: Which release it is.
        port: Where to listen on 127.0.0.1; 0 takes a free port, kept by a restart.
        prefix: The path of the API; all else is the console's page.
        x_version: What it says its version is; ``version`` if "", nothing if None.
        faults: What goes wrong; endpoints are ``info``, ``runs``, ``run``, ``events``.
        clock: The world's time; the real one if None.
        rows: The log; the demo's own, with runs that go on, if None.
        count: Length of the demo's own log.
        mode: What the app is; only a ``workflow`` has a log.
        habits: How it streams.
        console_status: Status of the page outside of ``prefix``.
        idle_seconds: After which an idle connection is closed.
        tls: Serve https with this.

    Attributes:
        requests: Every request so far.
        load: What was asked at once, and what must not be asked.
        door: Who is let in.
        lister: Answers the list.
    """

    kind = "dify"
    key = "app-demo3f9cQpLxK2vT7wZbNa1R"

    def __init__(
        self,
        *,
        seed: int = 1,
        version: str = NEWEST,
        port: int = 0,
        prefix: str = "/v1",
        x_version: str | None = "",
        faults: Faults | None = None,
        clock: DemoClock | None = None,
        rows: Iterable[AppRow] | None = None,
        count: int = 1200,
        mode: str = "workflow",
        habits: EventHabits | None = None,
        console_status: int = 200,
        idle_seconds: float = 30.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(port, idle_seconds, tls)
        self.release = AppRelease(version)
        self.prefix = "/" + prefix.strip("/") if prefix.strip("/") else ""
        self.faults = faults or Faults()
        self.habits = habits or EventHabits()
        self.console_status = console_status
        self.requests = RequestLog()
        self.load = ServerLoad()
        self.door = AppDoor(self.key)
        self.clock = clock or DemoClock()
        self._said_version = version if x_version == "" else x_version
        self._exchanger = Exchanger(self.faults, self.requests)
        self._seed, self._count, self._mode = seed, count, mode
        self._given = rows
        self._lister: RunLister | None = None
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"{self.origin}{self.prefix}"

    @property
    def tour(self) -> tuple[str, ...]:
        return (
            "The newest runs go on: enter shows nodes as they come.",
            "H has all runs as a table: > sorts it by a column.",
            "f picks out the failed ones, D tells why.",
        )

    @property
    def greeting(self) -> str:
        return f"the key is {self.key}"

    def credentials(self) -> DemoCredentials:
        return DemoCredentials(token=self.key)

    @property
    def lister(self) -> RunLister:
        with self._lock:
            if self._lister is None:
                self._lister = RunLister(self._make_world(), self.release)
            return self._lister

    @property
    def world(self) -> AppWorld:
        return self.lister.world

    def _make_world(self) -> AppWorld:
        if self._given is not None:
            return AppWorld(self.clock, self._given, mode=self._mode)
        from chronotui.demo.dify_story import tell_story

        return tell_story(self._seed, self.clock, self._count, self._mode)

    async def serve(self, request: Request, connection: ServerConnection) -> None:
        """Answer a request, or fail as the faults say."""
        if request.method != "GET":
            self.load.changes.append((request.method, request.path))
        if not request.path.startswith(f"{self.prefix}/"):
            self.requests.add(request, "", self.console_status)
            page = DemoAnswer(self.console_status, _CONSOLE.encode(), HTML)
            await self._exchanger.send(request, connection, page)
            return
        request = replace(request, path=request.path[len(self.prefix) :])
        endpoint, run_id = _find(request.path)
        if endpoint == "events":
            # A stream that was given up just before is noticed in the next rounds.
            for _ in range(4):
                await asyncio.sleep(0)
        with self.load.counted(endpoint):
            await self._exchanger.answer(
                request,
                connection,
                endpoint,
                lambda: self._answer(request, endpoint, run_id),
            )

    def _answer(self, request: Request, endpoint: str, run_id: str) -> _Answer:
        answer = self._dispatch(request, endpoint, run_id)
        answer.headers += self._headers()
        return answer

    def _headers(self) -> Headers:
        headers = [("Date", formatdate(self.clock.now_ns() / 1e9, usegmt=True))]
        if self._said_version is not None:
            headers.append(("X-Version", self._said_version))
            headers.append(("X-Env", "PRODUCTION"))
        return headers

    def _dispatch(self, request: Request, endpoint: str, run_id: str) -> _Answer:
        handlers: dict[str, Callable[[], _Answer]] = {
            "info": self._info,
            "parameters": lambda: _json({"user_input_form": [], "file_upload": {}}),
            "site": lambda: _json({"title": self.world.name, "icon": "🌙"}),
            "meta": lambda: _json({"tool_icons": {}}),
            "runs": lambda: self._runs(request),
            "run": lambda: self._detail(run_id),
        }
        if self.release.has_events:
            handlers["events"] = lambda: self._events(request, run_id)
        handler = handlers.get(endpoint)
        starts = request.method == "POST" and request.path.startswith("/workflows/")
        if handler is None and not starts:
            return DemoAnswer(404, _NOT_FOUND.encode(), HTML)
        refused = self.door.refusal(request)
        if refused is not None:
            return refused
        if handler is None:
            return _refused("app_unavailable", "App unavailable.", 400)
        if request.method not in ("GET", "HEAD"):
            words = "The method is not allowed for the requested URL."
            return _refused("method_not_allowed", words, 405)
        return handler()

    def _info(self) -> DemoAnswer:
        world = self.world
        fields: dict[str, Any] = {
            "name": world.name,
            "description": "Loads the night's feeds and sums them up for the morning.",
            "tags": ["etl", "support"],
        }
        if self.release.since(1, 4, 0):
            fields["mode"] = world.mode
        if self.release.since(1, 4, 3):
            fields["author_name"] = "Mira Okafor"
        return _json(fields)

    def _runs(self, request: Request) -> DemoAnswer:
        try:
            return _json(self.lister.answer(request.first_values))
        except UnlistableError as error:
            return _json(error.fields, error.status)

    def _detail(self, run_id: str) -> DemoAnswer:
        if not _is_uuid(run_id):
            return _refused("unknown", "Internal Server Error", 500)
        now = self.world.now
        row = self.world.row_of(run_id, now)
        if row is None or row.run is None:
            status, fields = self.release.no_run()
            return _json(fields, status)
        return _json(self.release.run(row.run, now))

    def _events(self, request: Request, run_id: str) -> _Answer:
        query = request.first_values
        if not query.get("user"):
            return _refused("invalid_param", "Arg user must be provided.", 400)
        user = self._end_user(query["user"])
        row = self.world.row_of(run_id, self.world.now)
        if row is None or row.run is None or row.by is not user:
            return _refused("not_found", "Workflow run not found.", 404)
        wish = StreamWish(
            snapshot=_is_true(query.get("include_state_snapshot")),
            through_pauses=_is_true(query.get("continue_on_pause")),
        )
        stream = EventStream(row.run, row.by, self.clock, self.habits, wish)
        headers = [("Cache-Control", "no-cache"), ("X-Accel-Buffering", "no")]
        return Streamed(stream.pieces(), "text/event-stream; charset=utf-8", headers)

    def _end_user(self, session: str) -> AppPerson:
        """Find an end user as a server does: by making or changing one."""
        user = self.world.end_user(session)
        if user is None:
            self.load.people_made.append(session)
            return self.world.make_end_user(session)
        if user.kind != "service-api":
            self.load.people_changed.append(session)
            user.kind = "service-api"
        return user


def demo_app(options: DemoOptions) -> DifyDemo:
    return DifyDemo(
        seed=1 if options.seed is None else options.seed,
        version=options.version or NEWEST,
        port=options.port,
        count=1200 if options.lines is None else options.lines,
    )


def _find(path: str) -> tuple[str, str]:
    """Return the endpoint of an address, "" for none, and the run id in it."""
    parts = path.split("/")
    for address, endpoint in _ENDPOINTS.items():
        wanted = address.split("/")
        if len(parts) == len(wanted) and all(
            part == word or (word == "*" and part)
            for part, word in zip(parts, wanted, strict=True)
        ):
            return endpoint, parts[wanted.index("*")] if "*" in wanted else ""
    return "", ""


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _is_true(text: str | None) -> bool:
    return (text or "").lower() in ("true", "1")


def _json(fields: dict[str, Any], status: int = 200) -> DemoAnswer:
    return json_ascii(fields, status=status)


def _refused(code: str, message: str, status: int) -> DemoAnswer:
    return _json(envelope(code, message, status)[1], status)
