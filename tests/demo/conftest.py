"""A plain HTTP client, so that the demo is not judged by the client it judges."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from chronotui.demo.lines import DemoJob
    from chronotui.demo.server import DemoServer


@dataclass
class Reply:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        found = [v for n, v in self.headers if n.lower() == name.lower()]
        return found[0] if found else ""

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class PlainClient:
    """One request a connection, with whatever header carries the sign-in."""

    def __init__(self, server: DemoServer, *, sign_in: bool = True) -> None:
        self.base = urlsplit(server.url)
        self.headers: dict[str, str] = {}
        if sign_in:
            session, csrf = server.open_session()
            self.headers["Cookie"] = f"session={session}; csrf={csrf}"
            if not server.dialect.is_current:
                self.headers["Authorization"] = f"Bearer {server.token}"

    def ask(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        *,
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        assert self.base.hostname is not None
        connection = http.client.HTTPConnection(
            self.base.hostname, self.base.port, timeout=20
        )
        pairs = [f"{n}={quote(v, safe='')}" for n, v in (query or {}).items()]
        target = self.base.path + path + ("?" + "&".join(pairs) if pairs else "")
        payload = None if body is None else json.dumps(body)
        try:
            connection.request(
                method, target, payload, {**self.headers, **(headers or {})}
            )
            answer = connection.getresponse()
            return Reply(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def get(self, path: str, **query: str) -> Reply:
        return self.ask("GET", path, query)

    def walk(self, path: str, rows: str, **query: str) -> list[Any]:
        """Return the rows of every page of a list."""
        found: list[Any] = []
        cursor = ""
        while True:
            more = {**query, "cursor": cursor} if cursor else query
            page = self.get(path, **more).json()
            found += page.get(rows, [])
            cursor = page.get("cursor", "")
            if not cursor:
                return found

    def events(
        self, path: str, *, timeout: float = 20
    ) -> Generator[tuple[str, str], None, None]:
        """Yield (event, data) of a live stream until it ends.

        How long a line is waited for can be changed by ``wait_at_most``.
        """
        assert self.base.hostname is not None
        connection = http.client.HTTPConnection(
            self.base.hostname, self.base.port, timeout=timeout
        )
        try:
            connection.request("GET", self.base.path + path, headers=self.headers)
            self._stream_socket = connection.sock
            answer = connection.getresponse()
            assert answer.getheader("Content-Type") == "text/event-stream"
            name = ""
            while line := answer.readline().decode():
                field, _, value = line.rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    yield name, value
        finally:
            connection.close()

    def wait_at_most(self, seconds: float) -> None:
        """Wait no longer for the next line of the newest live stream."""
        self._stream_socket.settimeout(seconds)


@pytest.fixture
def client_of() -> Callable[[DemoServer], PlainClient]:
    """Makes a signed-in client of a server."""
    return PlainClient


@pytest.fixture
def address() -> Callable[..., str]:
    """Writes the path of a job."""

    def path(job: DemoJob, rest: str = "") -> str:
        return f"/workflows/{job.workflow_id}/jobs/{job.id}{rest}"

    return path
