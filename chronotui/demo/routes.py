"""How a request finds its handler, what handlers share, and the routes of the API.

The routes of accounts, workflows, jobs and actions are here, those of logs in
`log_routes` and `raw_routes`, those of notifications and totals in `notices`.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from itertools import islice
from json.encoder import encode_basestring
from time import gmtime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from chronotui.demo.clock import MILLISECOND, SECOND
from chronotui.demo.wire import DemoAnswer, Request, Streamed, json_value, plain

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Sequence

    from chronotui.demo.faults import Faults
    from chronotui.demo.lines import DemoJob, TrueLine
    from chronotui.demo.world import DemoWorkflow, World

_DOCUMENTED_WORDS: Final = {"CANCELED": "CANCELLED", "QUEUED": "PENDING"}
_STATES: Final = ("PENDING", "QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELED")
_BUILDS: Final = ("QUEUED", "STARTED", "COMPLETED", "FAILED", "CANCELED")


class Dialect(Enum):
    """Which server the demo is, and how such a server writes what it tells."""

    CURRENT = "current"
    DOCUMENTED = "documented"

    @property
    def is_current(self) -> bool:
        return self is Dialect.CURRENT

    @property
    def first_number(self) -> int:
        return 0 if self.is_current else 1

    def status(self, word: str) -> str:
        """Spell a job's state, given in the current spelling."""
        return word if self.is_current else _DOCUMENTED_WORDS.get(word, word)

    def states(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.status(word) for word in _STATES))

    def object(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Leave zero values out, or write them: "" for a text that is not there."""
        if not self.is_current:
            return fields
        return {name: value for name, value in fields.items() if value}

    def workflow(
        self, workflow: DemoWorkflow, now_ns: int, *, detail: bool
    ) -> dict[str, Any]:
        plan = workflow.plan
        payload: dict[str, Any] = {"image": plan.image, "cmd": ["/run", plan.slug]}
        if plan.kind == "HEARTBEAT":
            payload = {"endpoint": f"https://{plan.slug}.example.com/healthz"}
        fields = {
            "id": workflow.id,
            "name": plan.name,
            "payload": json.dumps(payload, ensure_ascii=False),
            "kind": plan.kind,
            "build_status": plan.build_status,
            "interval": plan.interval,
            "consecutive_job_failures_count": workflow.failures(now_ns),
            "max_consecutive_job_failures_allowed": plan.allowed_failures,
            "created_at": rfc3339(workflow.created_ns),
            "updated_at": rfc3339(workflow.terminated_ns or workflow.created_ns),
            "terminated_at": _time_or_empty(workflow.terminated_ns),
            "log_retention": plan.retention,
        }
        if detail:
            fields["generation"] = 1
        return self.object(fields)

    def job(self, job: DemoJob, now_ns: int, *, listed: bool) -> dict[str, Any]:
        """Describe a job; read alone it has no attempts and no container."""
        attempts = job.attempts(now_ns)
        fields: dict[str, Any] = {"id": job.id, "workflow_id": job.workflow_id}
        if listed:
            container = f"{job.id[:8]}{job.id[9:13]}"
            fields["container_id"] = container if attempts else ""
        fields["status"] = self.status(job.status(now_ns))
        fields["trigger"] = job.trigger
        if listed and self.is_current:
            fields["attempts"] = attempts
        started_ns = job.attempt_starts_ns[0] if attempts else None
        completed_ns = job.completed_ns if job.has_ended(now_ns) else None
        fields["scheduled_at"] = rfc3339(job.scheduled_ns)
        fields["started_at"] = _time_or_empty(started_ns)
        fields["completed_at"] = _time_or_empty(completed_ns)
        fields["created_at"] = rfc3339(job.created_ns)
        fields["updated_at"] = rfc3339(job.updated_ns(now_ns))
        return self.object(fields)

    def line(self, job_id: str, line: TrueLine, *, retained: bool) -> str:
        """Write a line as JSON; retained times are cut to milliseconds."""
        _, number, stream, time_ns, message = line
        if retained:
            time_ns -= time_ns % MILLISECOND
        parts = (
            f'{{"timestamp":"{rfc3339(time_ns)}",'
            f'"message":{encode_basestring(message)},'
        )
        if number or not self.is_current:
            parts += f'"sequence_num":{number},'
        parts += f'"stream":"{stream}"'
        if not self.is_current:
            return parts + "}"
        return f'{parts},"event_id":"{line.event_id(job_id)}"}}'


def rfc3339(time_ns: int) -> str:
    """Write a time as Go does: UTC, up to nine digits, no zeros at the end."""
    seconds, rest = divmod(time_ns, SECOND)
    if not rest:
        return _second(seconds) + "Z"
    return f"{_second(seconds)}.{rest:09d}".rstrip("0") + "Z"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    t = gmtime(seconds)
    return (
        f"{t.tm_year:04d}-{t.tm_mon:02d}-{t.tm_mday:02d}"
        f"T{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d}"
    )


def _time_or_empty(time_ns: int | None) -> str:
    return "" if time_ns is None else rfc3339(time_ns)


_LEAD: Final = b"\xfb\xef\xff"
"""Every cursor begins so, and needs URL-encoding: it holds ``+``, ``/`` and ``=``."""


def encode_cursor(*place: int | str) -> str:
    """Write a place in a list as an opaque word."""
    text = json.dumps(place).encode()
    text += b" " * ((1 - len(text)) % 3)
    return b64encode(_LEAD + text).decode()


def cursor_place(call: Call, kinds: tuple[type, ...]) -> list[Any] | None:
    """Return the place the request's cursor names, None without one."""
    cursor = call.request.query.get("cursor")
    if not cursor:
        return None
    try:
        raw = b64decode(cursor, validate=True)
        place = json.loads(raw.removeprefix(_LEAD))
    except (ValueError, RecursionError):
        raise RefusedError(400, "invalid cursor") from None
    if not isinstance(place, list) or tuple(map(type, place)) != kinds:
        raise RefusedError(400, "invalid cursor")
    return place


@dataclass
class Overload:
    """What a current server does when it is pressed for pages that are too large.

    Attributes:
        patience_seconds: Everybody may ask for such a page once in this time.
        seconds: How long the server refuses everything about jobs if it was not.
    """

    patience_seconds: float
    seconds: float
    _asked_ns: dict[str, int] = field(default_factory=dict)
    _until_ns: int = 0

    def strike(self, page: str, now_ns: int) -> None:
        """Note that somebody asked for a page that is too large."""
        asked_ns = self._asked_ns.get(page)
        self._asked_ns[page] = now_ns
        if asked_ns is not None and (
            now_ns - asked_ns < self.patience_seconds * SECOND
        ):
            self._until_ns = now_ns + int(self.seconds * SECOND)

    def refuses(self, now_ns: int) -> bool:
        return now_ns < self._until_ns


@dataclass
class Service:
    """A demo server without its sockets.

    Attributes:
        page_size: Workflows or jobs on a page.
        log_page_size: Log lines on a page.
        page_limit_bytes: Pages are not larger; None for no limit.
        pages_read_ns: When pages between were made, by their address.
        cached: Whole listings the documented dialect keeps for two hours.
    """

    make_world: Callable[[], World]
    dialect: Dialect
    accounts: Accounts
    faults: Faults
    page_size: int
    log_page_size: int
    page_limit_bytes: int | None
    overload: Overload
    pages_read_ns: dict[str, int] = field(default_factory=dict)
    cached: dict[str, tuple[float, DemoAnswer]] = field(default_factory=dict)
    _world: World | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def world(self) -> World:
        """What there is to tell; made when it is first asked for."""
        with self._lock:
            if self._world is None:
                self._world = self.make_world()
            return self._world


class RefusedError(Exception):
    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


@dataclass(frozen=True)
class Call:
    """One request with what its address named.

    Attributes:
        ids: Workflow id, then job id, as far as the address has them.
        now_ns: World time of the answer.
    """

    service: Service
    request: Request
    ids: tuple[str, ...]
    now_ns: int

    def workflow(self) -> DemoWorkflow:
        """Return the workflow named by the address, or refuse with 404."""
        workflow = self.service.world.workflow(self.ids[0])
        if workflow is None:
            raise RefusedError(404, "workflow not found")
        return workflow

    def job(self) -> DemoJob:
        """Return the job named by the address, or refuse with 404."""
        job = self.workflow().find(self.ids[1], self.now_ns)
        if job is None:
            raise RefusedError(404, "job not found")
        return job

    def choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        """Return a query's value, None if it is not there; refuse others with 400."""
        value = self.request.query.get(name)
        if not value:
            return None
        if value not in allowed:
            raise RefusedError(400, f"invalid {name} filter: {value}")
        return value


Handler: TypeAlias = "Callable[[Call], DemoAnswer | Streamed]"


class Route(NamedTuple):
    """What answers at an address; ``words`` are all that is said of a failure."""

    handler: Handler
    words: str


ROUTES: Final[dict[tuple[str, str], Route]] = {}
"""By method and endpoint."""

_ADDRESSES: Final[dict[str, str]] = {}
"""Endpoints by a regular expression."""

_OPEN: Final = {"login", "logout"}
_ABOUT_JOBS: Final = {"jobs", "job", "schedule", "logs", "search", "raw", "events"}


def route(
    method: str, address: str, endpoint: str, words: str
) -> Callable[[Handler], Handler]:
    """Let a handler answer at an address, whose ids are written as ``*``."""

    def register(handler: Handler) -> Handler:
        _ADDRESSES[address.replace("*", "([^/]+)")] = endpoint
        ROUTES[method, endpoint] = Route(handler, words)
        return handler

    return register


def find_endpoint(path: str) -> tuple[str, tuple[str, ...]]:
    """Return the endpoint's name and the ids in its address; "" if there is none."""
    for address in sorted(_ADDRESSES, reverse=True):  # "schedule" goes before an id
        if found := re.fullmatch(address, path.strip("/")):
            return _ADDRESSES[address], found.groups()
    return "", ()


def words_of(method: str, endpoint: str) -> str:
    """Return all a current server says of a failure (WIRE.md "Errors")."""
    known = ROUTES.get((method, endpoint))
    return known.words if known else "failed to handle the request"


def dispatch(
    service: Service, request: Request, endpoint: str, ids: tuple[str, ...]
) -> DemoAnswer | Streamed:
    """Answer a request; what is wrong with it becomes an answer too."""
    found = ROUTES.get((request.method, endpoint))
    if found is None:
        known = endpoint in _ADDRESSES.values()
        words = "method not allowed" if known else "404 page not found"
        return plain(405 if known else 404, words)
    now_ns = service.world.clock.now_ns()
    refused = _refuse(service, request, endpoint)
    if refused is None and service.overload.refuses(now_ns):
        refused = _overloaded(endpoint, found.words)
    if refused is not None:
        return refused
    try:
        return found.handler(Call(service, request, ids, now_ns))
    except RefusedError as error:
        vague = service.dialect.is_current and error.status != 400
        return plain(error.status, found.words if vague else error.words)


def _overloaded(endpoint: str, words: str) -> DemoAnswer | Streamed | None:
    if endpoint == "events":
        return refused_stream("circuit breaker is open", connected=False)
    return plain(500, words) if endpoint in _ABOUT_JOBS else None


def _refuse(
    service: Service, request: Request, endpoint: str
) -> DemoAnswer | Streamed | None:
    """Return why a request is not let in.

    A current server takes only the cookie; a documented one takes the bearer token
    everywhere but at the raw download, which takes only the cookie.
    """
    if endpoint in _OPEN:
        return None
    accounts = service.accounts
    if not service.dialect.is_current and endpoint != "raw":
        return None if accounts.has_token(request) else plain(401, "invalid token")
    if request.method == "GET":
        signed_in = accounts.session(request) is not None
        return None if signed_in else plain(401, "invalid or expired session")
    return accounts.refuse_change(request)


CONNECTED: Final = b'event: connected\ndata: {"status":"connected"}\n\n'
EVENT_STREAM: Final = "text/event-stream"
EVENT_HEADERS: Final = [("Cache-Control", "no-cache")]


def refused_stream(reason: str, *, connected: bool) -> Streamed:
    async def pieces() -> AsyncGenerator[Sequence[bytes], None]:
        yield [CONNECTED] if connected else []
        yield [f"event: error\ndata: {reason}\n\n".encode()]

    return Streamed(pieces(), EVENT_STREAM, EVENT_HEADERS.copy())


_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}


@dataclass
class DemoSession:
    csrf: str
    ends_at: float


@dataclass
class Accounts:
    """Who may sign in, and who is.

    Attributes:
        token: The bearer token the documented dialect takes.
        public_url: What the server believes its own address is; decides ``Secure``
            and ``Domain`` of the cookies (WIRE.md "Authentication").
        session_seconds: How long a session lasts, unless the faults say otherwise.
        documented: Whether credentials are refused as documented, with 401.
    """

    email: str
    password: str
    token: str
    public_url: str
    session_seconds: float
    faults: Faults
    documented: bool
    sessions: dict[str, DemoSession] = field(default_factory=dict)

    def open_session(self) -> tuple[str, str]:
        """Sign the user in without a request; return the session and its csrf."""
        name = os.urandom(48).hex()
        csrf = f"{os.urandom(16).hex()}${int(time.time())}"
        self.sessions[name] = DemoSession(csrf, time.monotonic() + self.lifetime())
        return name, csrf

    def lifetime(self) -> float:
        own = self.faults.session_seconds
        return self.session_seconds if own is None else own

    def cookies(self, session: str, csrf: str, age: float) -> list[tuple[str, str]]:
        own = urlsplit(self.public_url)
        rest = f"Max-Age={int(age)}; HttpOnly"
        if own.hostname and own.hostname not in _LOOPBACK:
            rest = f"Domain={own.hostname}; {rest}"
        if own.scheme == "https":
            rest += "; Secure"
        return [
            ("Set-Cookie", f"{name}={value}; Path=/; {rest}; SameSite=Strict")
            for name, value in (("session", session), ("csrf", csrf))
        ]

    def session(self, request: Request) -> DemoSession | None:
        """Return the session a request's cookie stands for, if it is still good."""
        session = self.sessions.get(request.cookies.get("session", ""))
        if session is None or time.monotonic() >= session.ends_at:
            return None
        return session

    def has_token(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and token.strip() == self.token

    def refuse_change(self, request: Request) -> DemoAnswer | None:
        """Return why a request may not change anything, None if it may.

        The csrf token is made of its session and held against it before anybody looks
        whether that goes on.
        """
        csrf, name = (request.cookies.get(one, "") for one in ("csrf", "session"))
        if not csrf:
            return plain(400, "csrf token not found")
        if not name:
            return plain(400, "session token not found")
        made_for = self.sessions.get(name)
        if made_for is None or made_for.csrf != csrf:
            return plain(400, "failed to verify csrf token")
        if self.session(request) is None:
            return plain(401, "invalid or expired session")
        return None


@route("POST", "auth/login", "login", "failed to login user")
def login(call: Call) -> DemoAnswer:
    accounts = call.service.accounts
    try:
        body = call.request.json()
    except ValueError:
        raise RefusedError(400, "invalid request body") from None
    email, password = body.get("email"), body.get("password")
    if (email, password) == (accounts.email, accounts.password):
        session, csrf = accounts.open_session()
        headers = accounts.cookies(session, csrf, accounts.lifetime())
        return DemoAnswer(201, headers=headers)
    if accounts.documented:
        raise RefusedError(401, "invalid email or password")
    return plain(400 if email == accounts.email else 404, "failed to login user")


@route("POST", "auth/logout", "logout", "failed to logout user")
def logout(call: Call) -> DemoAnswer:
    accounts = call.service.accounts
    refused = accounts.refuse_change(call.request)
    if refused is not None:
        return refused
    accounts.sessions[call.request.cookies["session"]].ends_at = 0.0
    return DemoAnswer(204, headers=accounts.cookies("", "", 0))


@route("GET", "workflows", "workflows", "failed to list workflows")
def list_workflows(call: Call) -> DemoAnswer:
    """Answer ten workflows a page.

    A current server lists terminated ones among the others, alone if asked for them;
    a documented one lists them only then (WIRE.md "Workflows").
    """
    place = cursor_place(call, (int,))
    skip = place[0] if place else 0
    size = call.service.page_size
    found = list(islice(_matching(call), skip, skip + size + 1))
    dialect = call.service.dialect
    rows = [dialect.workflow(one, call.now_ns, detail=False) for one in found[:size]]
    cursor = encode_cursor(skip + size) if len(found) > size else ""
    return json_value(dialect.object({"workflows": rows, "cursor": cursor}))


def _matching(call: Call) -> Iterator[DemoWorkflow]:
    kind = call.choice("kind", ("HEARTBEAT", "CONTAINER"))
    build = call.choice("build_status", _BUILDS)
    terminated = call.choice("terminated", ("true", "false")) == "true"
    if terminated and build:
        raise RefusedError(400, "terminated may not be combined with build_status")
    shown = {terminated}
    if call.service.dialect.is_current and not terminated:
        shown = {True, False}
    words = call.request.query.get("query", "").casefold()
    for workflow in call.service.world.workflows:
        plan = workflow.plan
        if (
            (workflow.terminated_ns is not None) in shown
            and kind in (None, plan.kind)
            and build in (None, plan.build_status)
            and words in plan.name.casefold()
        ):
            yield workflow


@route("GET", "workflows/*", "workflow", "failed to get workflow")
def get_workflow(call: Call) -> DemoAnswer:
    workflow = call.workflow()
    return json_value(call.service.dialect.workflow(workflow, call.now_ns, detail=True))


@route("GET", "workflows/*/jobs", "jobs", "failed to list jobs")
def list_jobs(call: Call) -> DemoAnswer:
    workflow, dialect = call.workflow(), call.service.dialect
    status = call.choice("status", dialect.states())
    trigger = call.choice("trigger", ("AUTOMATIC", "MANUAL"))
    place = cursor_place(call, (int, int))
    size = call.service.page_size
    matching = (
        job
        for job in workflow.jobs(call.now_ns, place[0] if place else None)
        if trigger in (None, job.trigger)
        and status in (None, dialect.status(job.status(call.now_ns)))
    )
    found = list(islice(matching, size + 1))
    rows = [dialect.job(job, call.now_ns, listed=True) for job in found[:size]]
    more = len(found) > size
    cursor = encode_cursor(found[size - 1].created_ns, 1) if more else ""
    return json_value(dialect.object({"jobs": rows, "cursor": cursor}))


@route("GET", "workflows/*/jobs/*", "job", "failed to get job")
def get_job(call: Call) -> DemoAnswer:
    job = call.job()
    return json_value(call.service.dialect.job(job, call.now_ns, listed=False))


@route("PATCH", "workflows/*", "workflow", "failed to terminate workflow")
def terminate_workflow(call: Call) -> DemoAnswer:
    """Schedule no more jobs and cancel those that go on; again is no error."""
    call.workflow().terminate(call.now_ns)
    return DemoAnswer(204)


@route("POST", "workflows/*/jobs/schedule", "schedule", "failed to schedule job")
def schedule_job(call: Call) -> DemoAnswer:
    """Run a workflow now; a server does not look whether that makes sense."""
    key = call.request.headers.get("idempotency-key", "")
    if not key:
        raise RefusedError(400, "missing Idempotency-Key header")
    world = call.service.world
    workflow = world.workflow(call.ids[0])
    if workflow is None:
        raise RefusedError(500, "workflow not found")
    return json_value({"id": world.schedule(workflow, key)}, status=201)
