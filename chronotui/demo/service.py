"""What the handlers of a demo server share, and how a request finds its handler."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from chronotui.demo.message import Answer, Request, Streamed, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chronotui.demo.auth import Accounts
    from chronotui.demo.dialect import Dialect
    from chronotui.demo.faults import Faults
    from chronotui.demo.runs import DemoJob
    from chronotui.demo.workflow import DemoWorkflow
    from chronotui.demo.world import World


@dataclass
class Service:
    """A demo server without its sockets.

    Attributes:
        page_size: Workflows or jobs on a page.
        log_page_size: Log lines on a page.
        cached: Whole listings the documented dialect keeps for two hours.
        read_ns: When notifications were marked as read, by id.
    """

    world: World
    dialect: Dialect
    accounts: Accounts
    faults: Faults
    page_size: int = 10
    log_page_size: int = 100
    cached: dict[str, tuple[float, Answer]] = field(default_factory=dict)
    read_ns: dict[str, int] = field(default_factory=dict)


class RefusedError(Exception):
    """A request that ends in an error answer.

    Args:
        status: HTTP status.
        words: The line of text the client is told.
    """

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.answer = plain(status, words)


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


Handler: TypeAlias = "Callable[[Call], Answer | Streamed]"

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
) -> Answer | Streamed:
    """Answer a request; what is wrong with it becomes an answer too."""
    handler = handlers.get((request.method, endpoint))
    if handler is None:
        if endpoint and any(name == endpoint for _, name in handlers):
            return plain(405, "method not allowed")
        return plain(404, "404 page not found")
    refused = _refuse(service, request, endpoint)
    if refused is not None:
        return refused
    try:
        return handler(Call(service, request, ids, service.world.clock.now_ns()))
    except RefusedError as error:
        return error.answer


_OPEN: Final = {"login", "register", "logout", "validate"}


def _refuse(service: Service, request: Request, endpoint: str) -> Answer | None:
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
