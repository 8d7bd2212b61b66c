"""One way to the server: secrets, renewal, redirects, retries, errors.

Secrets go to the profile's own origin alone. A 401 renews them once, one renewal
serving all who wait. Redirects are followed within the origin only.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.api.answers import (
    CHECK_URL,
    begins_as_page,
    error_for,
    login_page,
    read_date,
)
from chronotui.api.ask import Ask, routed
from chronotui.api.auth import NoAuth
from chronotui.api.credentials import Credentials
from chronotui.api.failures import FAILURES, explain
from chronotui.api.login import check_server, log_in
from chronotui.api.request_log import RequestEntry, RequestLog, redact
from chronotui.api.secret_sources import source_for
from chronotui.api.sending import Opener, Sender, open_plain
from chronotui.errors import ChronotuiError, UnreachableError, UnreadableAnswerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import httpx

    from chronotui.api.address import Address
    from chronotui.api.auth import Auth
    from chronotui.api.connections import Connections
    from chronotui.api.proxies import Proxy

MAX_JSON_BYTES: Final = 64 << 20
"""Largest JSON answer read: 100 lines of 64 KiB, every byte escaped, is 40 MB."""

_WHOLE_ANSWER_FACTOR: Final = 12
"""A JSON answer may take this many time-outs in all, however slowly it trickles."""


class Heard(NamedTuple):
    """A whole answer, good or bad."""

    status: int
    headers: httpx.Headers
    body: bytes


class Transport:
    """Sends requests of one client to one server.

    Attributes:
        address: Where the server is.
        requests: How many were sent, by kind.
    """

    def __init__(
        self,
        address: Address,
        connections: Connections,
        auth: Auth,
        *,
        timeout_seconds: float,
        log: RequestLog | None = None,
    ) -> None:
        self.address = address
        self.connections = connections
        self.credentials = Credentials(
            source_for(auth, partial(log_in, self)),
            None if isinstance(auth, NoAuth) else partial(check_server, self),
        )
        self.timeout_seconds = timeout_seconds
        self.requests: Counter[str] = Counter()
        self._log = log
        self._dated: tuple[str, float] | None = None
        self._client: httpx.AsyncClient | None = None
        self._making = asyncio.Lock()

    async def read(self, ask: Ask, *, limit: int = MAX_JSON_BYTES) -> bytes:
        """Send a request and return the whole body of its success.

        Raises:
            ChronotuiError: Whatever went wrong.
        """
        deadline = self.timeout_seconds * _WHOLE_ANSWER_FACTOR
        with routed(ask):
            async with self.exchange(ask) as answer, self.within(deadline):
                try:
                    body = await _whole_body(answer, limit)
                except FAILURES as error:
                    raise self.explained(error) from error
            if begins_as_page(body):
                raise self.web_page()
        return body

    async def hear(self, ask: Ask) -> Heard:
        """Send a request without secrets and return whatever is answered.

        Raises:
            ChronotuiError: There was no whole answer.
        """
        deadline = self.timeout_seconds * _WHOLE_ANSWER_FACTOR
        with routed(ask):
            async with AsyncExitStack() as stack:
                client = await self._ready_client()
                sender = Sender(self, client, stack, open_plain)
                try:
                    answer = await sender.followed(ask)
                    async with self.within(deadline):
                        body = await _whole_body(answer, MAX_JSON_BYTES)
                except FAILURES as error:
                    raise self.explained(error) from error
        return Heard(answer.status_code, answer.headers, body)

    async def send(self, ask: Ask) -> httpx.Response:
        """Send a request whose success has no body to speak of."""
        async with self.exchange(ask) as answer:
            return answer

    @asynccontextmanager
    async def exchange(
        self, ask: Ask, *, opener: Opener | None = None
    ) -> AsyncIterator[httpx.Response]:
        """Send a request and give its success with the body unread.

        Whoever reads the body turns ``FAILURES`` into our errors.

        Args:
            ask: The request.
            opener: What sends it, when not httpx alone.

        Raises:
            ChronotuiError: Whatever went wrong.
        """
        async with AsyncExitStack() as stack:
            client = await self._ready_client()
            sender = Sender(self, client, stack, opener or open_plain)
            with routed(ask):
                yield await sender.signed_in(ask)

    async def aclose(self) -> None:
        """Close every connection; the next request opens new ones."""
        await self.credentials.aclose()
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    # what goes wrong

    def explained(self, error: Exception) -> ChronotuiError:
        """Return our error for one of ``FAILURES``."""
        return explain(error, self.address, self.connections.proxy)

    def refusal(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> ChronotuiError:
        """Return the error for an answer that is no success."""
        return error_for(status, headers, body, self._forwarding_proxy)

    def web_page(self) -> ChronotuiError:
        """Return the error for a success that is an HTML page."""
        return login_page(self._forwarding_proxy)

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Give up after a time.

        Raises:
            UnreachableError: The block took longer.
        """
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            proxy = self.connections.proxy
            through = "" if proxy is None else f", asked through {proxy}"
            raise UnreachableError(
                f"{self.address.host} did not answer in time{through}.",
                next_step="Try again, or raise timeout_seconds in the profile.",
            ) from None

    @property
    def proxy_may_answer(self) -> bool:
        """Whether a proxy may answer in the server's place: no tunnel hides it."""
        return self._forwarding_proxy is not None

    # inside

    @property
    def _forwarding_proxy(self) -> Proxy | None:
        return None if self.address.is_encrypted else self.connections.proxy

    async def _ready_client(self) -> httpx.AsyncClient:
        if self._client is None:
            async with self._making:
                if self._client is None:
                    make = self.connections.make_async
                    blocks = self.connections.blocks
                    self._client = await asyncio.to_thread(make) if blocks else make()
        return self._client

    @property
    def clock_skew(self) -> float | None:
        """Seconds the server's clock is ahead of ours, by its newest answer's date.

        Dates have whole seconds, so it is half a second off at most on a fast way.
        """
        if self._dated is None:
            return None
        written, received = self._dated
        date = read_date(written)
        return None if date is None else date.timestamp() + 0.5 - received

    def meet(self, headers: Mapping[str, str]) -> None:
        """Take note of when an answer was given; one from a cache does not tell."""
        date = headers.get("date")
        if date and "age" not in headers:
            self._dated = (date, time.time())

    def note(
        self,
        ask: Ask,
        headers: Mapping[str, str],
        status: int | None,
        seconds: float,
        problem: str = "",
    ) -> None:
        """Tell the request log about one exchange."""
        if self._log is not None:
            self._log(
                RequestEntry(
                    ask.kind,
                    ask.method,
                    ask.url,
                    redact(headers),
                    status,
                    seconds,
                    problem,
                )
            )


async def _whole_body(answer: httpx.Response, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in answer.aiter_bytes():
        size += len(part)
        if size > limit:
            raise UnreadableAnswerError(
                f"The answer is larger than {limit >> 20} MiB.", next_step=CHECK_URL
            )
        parts.append(part)
    return b"".join(parts)
