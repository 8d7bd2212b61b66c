"""What a demo server was asked, for tests of politeness."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from chronotui.demo.message import Request


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
