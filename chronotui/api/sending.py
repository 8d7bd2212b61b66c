"""Sending one request as often as it takes: renewal, redirects, stale sockets."""

from __future__ import annotations

import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

import httpx

from chronotui.api.answers import CHECK_URL, MAX_ERROR_BODY, is_page
from chronotui.api.failures import FAILURES
from chronotui.api.merging_backend import StaleConnectionError
from chronotui.errors import (
    ChronotuiError,
    FailedAnswerError,
    UnreachableError,
    UnreadableAnswerError,
)

if TYPE_CHECKING:
    from chronotui.api.address import Address
    from chronotui.api.ask import Ask
    from chronotui.api.secret_sources import Secrets
    from chronotui.api.transport import Transport

_MAX_HOPS: Final = 5


class Opener(Protocol):
    """Opens a streamed answer: httpx alone, or httpx-sse."""

    def __call__(
        self,
        client: httpx.AsyncClient,
        ask: Ask,
        headers: dict[str, str],
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """Send the request and give the answer with its body unread."""
        ...


class Sender:
    """Sends one request as often as it takes: renewal, redirects, stale sockets."""

    def __init__(
        self,
        transport: Transport,
        client: httpx.AsyncClient,
        stack: AsyncExitStack,
        opener: Opener,
    ) -> None:
        self._transport = transport
        self._client = client
        self._stack = stack
        self._opener = opener

    async def signed_in(self, ask: Ask) -> httpx.Response:
        """Send with secrets, renewing refused ones, and check the status."""
        credentials = self._transport.credentials
        renewals = 0
        while True:
            secrets = await credentials.current() if ask.secrets else None
            try:
                answer = await self.followed(ask, secrets)
            except FAILURES as error:
                raise self._transport.explained(error) from error
            may_renew = renewals == 0 or (renewals == 1 and not credentials.are_fresh())
            is_ended = answer.status_code == 401 and not is_page(answer.headers)
            if not is_ended or not (ask.renews and may_renew) or secrets is None:
                await self._check(answer)
                return answer
            await self._stack.aclose()
            await credentials.renew(secrets)
            renewals += 1

    async def _check(self, answer: httpx.Response) -> None:
        """Raise for what is no success; an error's body is read for its words."""
        if answer.is_success:
            if is_page(answer.headers):
                raise self._transport.web_page()
            return
        transport = self._transport
        body = b""
        with suppress(*FAILURES, UnreachableError):
            async with transport.within(transport.timeout_seconds):
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) >= MAX_ERROR_BODY:
                        break
        raise transport.refusal(answer.status_code, answer.headers, body)

    async def followed(
        self, ask: Ask, secrets: Secrets | None = None
    ) -> httpx.Response:
        """Send and follow redirects within the origin."""
        for _ in range(_MAX_HOPS):
            answer = await self._fresh(ask, secrets)
            target = redirect_target(answer, self._transport.address)
            if target is None or ask.method != "GET":
                return answer
            await self._stack.aclose()
            ask = replace(ask, url=target)
        raise UnreadableAnswerError(
            "The server sends requests round in circles.", next_step=CHECK_URL
        )

    async def _fresh(self, ask: Ask, secrets: Secrets | None) -> httpx.Response:
        """Send; a GET that met a connection the server had closed is sent again."""
        try:
            return await self._opened(ask, secrets)
        except httpx.ReadError as error:
            is_stale = isinstance(error.__cause__, StaleConnectionError)
            if ask.method != "GET" or not is_stale:
                raise
        return await self._opened(ask, secrets)

    async def _opened(self, ask: Ask, secrets: Secrets | None) -> httpx.Response:
        transport = self._transport
        transport.requests[ask.kind] += 1
        headers = dict(ask.headers)
        if secrets is not None:
            headers |= secrets.headers(changes=ask.changes)
        status: int | None = None
        problem = ""
        began = time.monotonic()
        try:
            opening = self._opener(self._client, ask, headers)
            answer = await self._stack.enter_async_context(opening)
            status = answer.status_code
            transport.meet(answer.headers)
        except (*FAILURES, ChronotuiError) as error:
            problem = type(error).__name__
            raise
        finally:
            seconds = time.monotonic() - began
            transport.note(ask, headers, status, seconds, problem)
        return answer


def redirect_target(answer: httpx.Response, address: Address) -> str | None:
    """Return where an answer redirects to, None when it does not.

    Raises:
        FailedAnswerError: It points at another origin, which gets no request.
    """
    if not answer.has_redirect_location:
        return None
    target = str(answer.url.join(answer.headers["location"]))
    if address.owns(target):
        return target
    elsewhere = httpx.URL(target)
    raise FailedAnswerError(
        f"The server redirects to another address, {elsewhere.scheme}://"
        f"{elsewhere.netloc.decode('ascii', 'replace')}, which is not followed.",
        next_step="If Chronoverse lives there, put it into the profile's url; "
        "if it is a sign-in page, sign in again.",
    )


def open_plain(
    client: httpx.AsyncClient,
    ask: Ask,
    headers: dict[str, str],
) -> AbstractAsyncContextManager[httpx.Response]:
    """Send a request with httpx alone."""
    return client.stream(
        ask.method,
        ask.url,
        headers=headers,
        content=ask.content,
    )
