"""The two ways servers speak (chronotui/sources/WIRE.md)."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from json.encoder import encode_basestring
from time import gmtime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from chronotui.demo.clock import MILLISECOND, SECOND
from chronotui.demo.wire import DemoAnswer, Request, Streamed, plain

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from chronotui.demo.accounts import Accounts
    from chronotui.demo.faults import Faults
    from chronotui.demo.lines import TrueLine
    from chronotui.demo.workflow import DemoJob, DemoWorkflow, JobState
    from chronotui.demo.world import World

_DOCUMENTED_WORDS: Final = {"CANCELED": "CANCELLED", "QUEUED": "PENDING"}
_STATES: Final = ("PENDING", "QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELED")


class Dialect(Enum):
    """Which server the demo is."""

    CURRENT = "current"
    DOCUMENTED = "documented"

    @property
    def is_current(self) -> bool:
        """Whether this is the current server's way."""
        return self is Dialect.CURRENT

    @property
    def first_number(self) -> int:
        """The sequence number of a first line."""
        return 0 if self.is_current else 1

    def status(self, word: str) -> str:
        """Spell a job's state, given in the current spelling."""
        return word if self.is_current else _DOCUMENTED_WORDS.get(word, word)

    def states(self) -> tuple[str, ...]:
        """Return the spellings a status filter may have."""
        return tuple(dict.fromkeys(self.status(word) for word in _STATES))

    def object(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Leave zero values out, or write "" for absent texts.

        Args:
            fields: Values by name; a text that is not there is "", a number 0.
        """
        if not self.is_current:
            return fields
        return {name: value for name, value in fields.items() if value}

    def workflow(
        self, workflow: DemoWorkflow, now_ns: int, *, detail: bool
    ) -> dict[str, Any]:
        """Describe a workflow."""
        plan = workflow.plan
        payload: dict[str, Any] = {"image": plan.image, "cmd": ["/run", plan.slug]}
        if plan.kind == "HEARTBEAT":
            payload = {"endpoint": f"https://{plan.slug}.example.com/healthz"}
        fields = {
            "id": workflow.id,
            "name": plan.name,
            "payload": plan.payload or json.dumps(payload, ensure_ascii=False),
            "kind": plan.kind,
            "build_status": plan.build_status,
            "interval": plan.interval,
            "consecutive_job_failures_count": workflow.failures(now_ns),
            "max_consecutive_job_failures_allowed": 5,
            "created_at": rfc3339(workflow.created_ns),
            "updated_at": rfc3339(workflow.terminated_ns or workflow.created_ns),
            "terminated_at": _time_or_empty(workflow.terminated_ns),
            "log_retention": plan.retention,
        }
        if detail:
            fields["generation"] = workflow.generation
        return self.object(fields)

    def job(self, state: JobState, *, listed: bool) -> dict[str, Any]:
        """Describe a job; read alone it has no attempts and no container."""
        fields: dict[str, Any] = {"id": state.id, "workflow_id": state.workflow_id}
        if listed:
            fields["container_id"] = state.container_id or ""
        fields["status"] = self.status(state.status)
        fields["trigger"] = state.trigger
        if listed and self.is_current:
            fields["attempts"] = state.attempts
        fields["scheduled_at"] = rfc3339(state.scheduled_ns)
        fields["started_at"] = _time_or_empty(state.started_ns)
        fields["completed_at"] = _time_or_empty(state.completed_ns)
        fields["created_at"] = rfc3339(state.created_ns)
        fields["updated_at"] = rfc3339(state.updated_ns)
        return self.object(fields)

    def line(self, job_id: str, line: TrueLine, *, retained: bool) -> str:
        """Write a line as JSON; retained times are cut to milliseconds."""
        attempt, number, stream, time_ns, message = line
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
        turn = f"attempt:{attempt}:" if attempt > 1 else ""
        return f'{parts},"event_id":"log:{job_id}:{turn}{stream}:{number}"}}'


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


# Cursors that need URL-encoding: every one holds ``+``, ``/`` and ``=``.

_LEAD: Final = b"\xfb\xef\xff"


def encode_cursor(*place: int | str) -> str:
    """Write a place in a list as an opaque word."""
    text = json.dumps(place).encode()
    text += b" " * ((1 - len(text)) % 3)
    return b64encode(_LEAD + text).decode()


def decode_cursor(cursor: str) -> list[int | str]:
    """Read a place back.

    Raises:
        ValueError: If this is no cursor of ours.
    """
    raw = b64decode(cursor, validate=True)
    if not raw.startswith(_LEAD):
        raise ValueError("unknown cursor")
    try:
        place = json.loads(raw[len(_LEAD) :])
    except RecursionError:
        raise ValueError("unknown cursor") from None
    if not isinstance(place, list):
        raise ValueError("unknown cursor")  # noqa: TRY004
    return place


# What the handlers of a demo server share, and how a request finds its handler.

CONNECTED: Final = b'event: connected\ndata: {"status":"connected"}\n\n'
EVENT_STREAM: Final = "text/event-stream"
EVENT_HEADERS: Final = [("Cache-Control", "no-cache")]


@dataclass
class Overload:
    """What a current server does when it is pressed for pages that are too large.

    Attributes:
        patience_seconds: Everybody may ask for such a page once in this time.
        seconds: How long the server refuses everything about jobs if it was not.
    """

    patience_seconds: float = 60.0
    seconds: float = 30.0
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
        """Tell whether everything about jobs is refused."""
        return now_ns < self._until_ns


@dataclass
class Service:
    """A demo server without its sockets.

    Attributes:
        page_size: Workflows or jobs on a page.
        log_page_size: Log lines on a page.
        page_limit_bytes: A current server's pages are not larger; None for no limit.
        page_cache_seconds: A current server keeps pages between for so long.
        overload: What it does when it is pressed.
        pages_read_ns: When those pages were made, by their address.
        cached: Whole listings the documented dialect keeps for two hours.
        read_ns: When notifications were marked as read, by id.
    """

    world: World
    dialect: Dialect
    accounts: Accounts
    faults: Faults
    page_size: int = 10
    log_page_size: int = 100
    page_limit_bytes: int | None = 4 << 20
    page_cache_seconds: float = 1800.0
    overload: Overload = field(default_factory=Overload)
    pages_read_ns: dict[str, int] = field(default_factory=dict)
    cached: dict[str, tuple[float, DemoAnswer]] = field(default_factory=dict)
    read_ns: dict[str, int] = field(default_factory=dict)


class RefusedError(Exception):
    """A request that ends in an error answer.

    Args:
        status: HTTP status.
        words: The line of text the client is told.
    """

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

    @property
    def world(self) -> World:
        """The world asked about."""
        return self.service.world

    def workflow(self) -> DemoWorkflow:
        """Return the workflow named by the address.

        Raises:
            RefusedError: 404.
        """
        workflow = self.world.workflow(self.ids[0])
        if workflow is None:
            raise RefusedError(404, "workflow not found")
        return workflow

    def job(self) -> DemoJob:
        """Return the job named by the address.

        Raises:
            RefusedError: 404.
        """
        job = self.workflow().find(self.ids[1], self.now_ns)
        if job is None:
            raise RefusedError(404, "job not found")
        return job

    def choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        """Return a query's value, None if it is not there.

        Raises:
            RefusedError: 400 for a value that is not allowed.
        """
        value = self.request.query.get(name)
        if not value:
            return None
        if value not in allowed:
            raise RefusedError(400, f"invalid {name} filter: {value}")
        return value


Handler: TypeAlias = "Callable[[Call], DemoAnswer | Streamed]"

_ADDRESSES: Final = tuple(
    (tuple(address.split("/")), name)
    for address, name in (
        ("auth/login", "login"),
        ("auth/register", "register"),
        ("auth/logout", "logout"),
        ("auth/validate", "validate"),
        ("users", "users"),
        ("workflows", "workflows"),
        ("workflows/*", "workflow"),
        ("workflows/*/jobs", "jobs"),
        ("workflows/*/jobs/schedule", "schedule"),
        ("workflows/*/jobs/*", "job"),
        ("workflows/*/jobs/*/logs", "logs"),
        ("workflows/*/jobs/*/logs/search", "search"),
        ("workflows/*/jobs/*/logs/raw", "raw"),
        ("workflows/*/jobs/*/events", "events"),
        ("notifications", "notifications"),
        ("analytics", "analytics"),
        ("analytics/*", "workflow_analytics"),
    )
)


def find_endpoint(path: str) -> tuple[str, tuple[str, ...]]:
    """Return the endpoint's name and the ids in its address; "" if there is none."""
    parts = path.strip("/").split("/")
    for address, name in _ADDRESSES:
        if len(address) == len(parts) and all(
            wanted in ("*", part) and part
            for wanted, part in zip(address, parts, strict=True)
        ):
            ids = (p for a, p in zip(address, parts, strict=True) if a == "*")
            return name, tuple(ids)
    return "", ()


def dispatch(
    service: Service,
    request: Request,
    endpoint: str,
    ids: tuple[str, ...],
    handlers: Mapping[tuple[str, str], Handler],
) -> DemoAnswer | Streamed:
    """Answer a request; what is wrong with it becomes an answer too."""
    handler = handlers.get((request.method, endpoint))
    if handler is None:
        if endpoint and any(name == endpoint for _, name in handlers):
            return plain(405, "method not allowed")
        return plain(404, "404 page not found")
    now_ns = service.world.clock.now_ns()
    refused: DemoAnswer | Streamed | None = _refuse(service, request, endpoint)
    if refused is None and service.overload.refuses(now_ns):
        refused = _overloaded(request.method, endpoint)
    if refused is not None:
        return refused
    try:
        return handler(Call(service, request, ids, now_ns))
    except RefusedError as error:
        words = error.words
        if service.dialect.is_current and error.status != 400:
            words = words_of(request.method, endpoint)
        return plain(error.status, words)


def _overloaded(method: str, endpoint: str) -> DemoAnswer | Streamed | None:
    """Return what a pressed server answers, None where it answers truly."""
    if endpoint not in _ABOUT_JOBS:
        return None
    if endpoint == "events":
        return refused_stream("circuit breaker is open", connected=False)
    return plain(500, words_of(method, endpoint))


_ABOUT_JOBS: Final = {"jobs", "job", "schedule", "logs", "search", "raw", "events"}

_WORDS: Final = {
    ("GET", "workflows"): "failed to list workflows",
    ("POST", "workflows"): "failed to create workflow",
    ("GET", "workflow"): "failed to get workflow",
    ("PUT", "workflow"): "failed to update workflow",
    ("PATCH", "workflow"): "failed to terminate workflow",
    ("DELETE", "workflow"): "failed to delete workflow",
    ("GET", "jobs"): "failed to list jobs",
    ("GET", "job"): "failed to get job",
    ("POST", "schedule"): "failed to schedule job",
    ("GET", "logs"): "failed to get job logs",
    ("GET", "search"): "failed to get job logs",
    ("GET", "raw"): "failed to get job",
    ("GET", "events"): "failed to stream job logs",
    ("POST", "login"): "failed to login user",
    ("POST", "register"): "failed to register user",
    ("GET", "users"): "failed to get user",
    ("PUT", "users"): "failed to update user",
}


def words_of(method: str, endpoint: str) -> str:
    """Return all a current server says of a failure (WIRE.md "Errors")."""
    return _WORDS.get((method, endpoint), "failed to handle the request")


def refused_stream(reason: str, *, connected: bool) -> Streamed:
    """Answer with a live stream that only says why there is none."""

    async def pieces() -> AsyncGenerator[Sequence[bytes], None]:
        yield [CONNECTED] if connected else []
        yield [f"event: error\ndata: {reason}\n\n".encode()]

    return Streamed(pieces(), EVENT_STREAM, EVENT_HEADERS.copy())


_OPEN: Final = {"login", "register", "logout", "validate"}


def _refuse(service: Service, request: Request, endpoint: str) -> DemoAnswer | None:
    """Return why a request is not let in.

    A current server takes only the cookie; a documented one takes the bearer token
    everywhere but at the raw download, which takes only the cookie.
    """
    if endpoint in _OPEN:
        return None
    accounts = service.accounts
    bearer = not service.dialect.is_current and endpoint != "raw"
    if bearer:
        return None if accounts.has_token(request) else plain(401, "invalid token")
    if request.method in {"GET", "HEAD"}:
        signed_in = accounts.session(request) is not None
        return None if signed_in else plain(401, "invalid or expired session")
    return accounts.refuse_change(request)


def cursor_place(call: Call, kinds: tuple[type, ...]) -> list[Any] | None:
    """Return the place the request's cursor names, None without one.

    Raises:
        RefusedError: 400 for a cursor that is none, or is another list's.
    """
    cursor = call.request.query.get("cursor")
    if not cursor:
        return None
    try:
        place = decode_cursor(cursor)
    except ValueError:
        raise RefusedError(400, "invalid cursor") from None
    if tuple(type(part) for part in place) != kinds:
        raise RefusedError(400, "invalid cursor")
    return place
