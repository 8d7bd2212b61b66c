"""Signing in: secrets, where they come from, and requests that carry them.

Secrets go to the profile's own origin alone. A 401 renews them, one renewal serving
all who wait. How a server takes a password, and whether it is one to send a secret to,
is told by its own kind.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

from chronotui.errors import Answer, NotSignedInError, RequestRefusedError
from chronotui.model import Confidential
from chronotui.sources.http import HttpRequest, routed
from chronotui.sources.protocol import (
    Auth,
    BearerAuth,
    CookieAuth,
    SessionAuth,
    SessionCookies,
)
from chronotui.sources.wire_errors import (
    begins_as_page,
    is_page,
)

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
    )

    import httpx

    from chronotui.sources.http import Http
    from chronotui.sources.protocol import SecretSource

    Login: TypeAlias = Callable[[str, str], Awaitable[SessionCookies]]

_FRESH_SECONDS: Final = 1.0
"""Secrets younger than this that are refused are no good; older ones may have ended."""


class Secrets(Confidential, frozen=True):
    """What goes into a request's headers; an empty one sends nothing."""

    bearer: str = ""
    session: str = ""
    csrf: str = ""

    def headers(self, *, changes: bool = False, raw: bool = False) -> dict[str, str]:
        """Return the headers that carry these secrets.

        Args:
            changes: The request changes state and needs the csrf cookie too.
            raw: It is the raw download, for which a bearer profile may hold a
                session as well (WIRE.md "Raw download").
        """
        made: dict[str, str] = {}
        if self.bearer:
            made["Authorization"] = f"Bearer {self.bearer}"
        if self.session and (raw or not self.bearer):
            made["Cookie"] = f"session={self.session}"
            if changes and self.csrf:
                made["Cookie"] += f"; csrf={self.csrf}"
        return made


class SignedIn:
    """Requests to one server with one profile's secrets."""

    def __init__(self, http: Http, credentials: Credentials) -> None:
        self.http = http
        self.credentials = credentials

    async def read(self, request: HttpRequest) -> bytes:
        """Send a request and return the whole body of its success.

        Raises:
            ChronotuiError: Whatever went wrong.
        """
        with routed(request):
            async with AsyncExitStack() as stack:
                answer = await self._answer(request, stack)
                body = await self.http.whole_body(answer)
            if begins_as_page(body):
                raise self.http.web_page()
        return body

    async def change(self, request: HttpRequest) -> bytes:
        """Send a request that changes something, and return the body of its success.

        It needs the csrf cookie that came with the session: one that is lacking, or
        has ended before the session did (400), is renewed with it, once.

        Raises:
            ChronotuiError: Whatever went wrong.
        """
        credentials = self.credentials
        secrets = await credentials.current()
        if not secrets.csrf and not credentials.are_fresh():
            secrets = await credentials.renew(secrets)
        if not secrets.csrf:
            raise NotSignedInError(
                "The sign-in gave no csrf cookie, which a change needs.",
                next_step="Check the profile's url: is it that of Chronoverse itself?",
            )
        try:
            return await self.read(request)
        except RequestRefusedError as error:
            if error.answer != Answer(400, is_plain=True) or credentials.are_fresh():
                raise
        await credentials.renew(secrets)
        return await self.read(request)

    @asynccontextmanager
    async def exchange(self, request: HttpRequest) -> AsyncIterator[httpx.Response]:
        """Send a request and give its success with the body unread.

        Raises:
            ChronotuiError: Whatever went wrong.
        """
        with routed(request):
            async with AsyncExitStack() as stack:
                yield await self._answer(request, stack)

    async def _answer(
        self, request: HttpRequest, stack: AsyncExitStack
    ) -> httpx.Response:
        """Send with secrets, renewing refused ones, and check the status."""
        credentials = self.credentials
        renewals = 0
        while True:
            secrets = await credentials.current()
            answer = await self.http.send(
                request, stack, secrets.headers(changes=request.changes)
            )
            may_renew = renewals == 0 or (renewals == 1 and not credentials.are_fresh())
            is_ended = answer.status_code == 401 and not is_page(answer.headers)
            if not (is_ended and request.renews and may_renew):
                await self.http.check(answer)
                return answer
            await stack.aclose()
            await credentials.renew(secrets)
            renewals += 1

    async def aclose(self) -> None:
        """Close every connection; the next request opens new ones."""
        await self.credentials.aclose()
        await self.http.aclose()


class Credentials:
    """The secrets of one client; one renewal at a time, whoever needs it.

    A refused login is remembered: later requests fail at once, without another
    login, until somebody signs in on purpose.

    Args:
        source: Where they come from.
        check: Raises when the server is not one to send them to; asked until it
            raises nothing, before any are obtained. Secrets kept from an earlier run
            were this server's own and go there unchecked.
    """

    def __init__(
        self, source: _Source, check: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._source = source
        self._check = check
        self._renewal: asyncio.Task[Secrets] | None = None
        self._obtained_at = -_FRESH_SECONDS
        self.held = source.saved()
        """The secrets in use, None before they were needed."""

    async def current(self) -> Secrets:
        """Return the secrets to send, obtaining them at first use.

        Raises:
            ChronotuiError: They cannot be had.
        """
        return self.held if self.held is not None else await self._renewed()

    def are_fresh(self) -> bool:
        """Whether the secrets in use were obtained a moment ago."""
        return time.monotonic() - self._obtained_at < _FRESH_SECONDS

    async def renew(self, refused: Secrets) -> Secrets:
        """Replace secrets the server refused; one renewal serves all who ask.

        Raises:
            NotSignedInError: There is nothing new to offer.
            ChronotuiError: The renewal failed in another way.
        """
        if self.held is refused:
            self.forget()
        fresh = await self.current()
        if fresh == refused:
            raise NotSignedInError(
                self._source.nothing_new,
                next_step="Correct the profile's auth section.",
            )
        return fresh

    async def obtain_again(self) -> Secrets:
        """Get fresh secrets now, whatever is held or was refused before."""
        self._source.forgive()
        self.held = None
        return await self._renewed()

    def forgive(self) -> None:
        """Let the next request try again what was refused before."""
        self._source.forgive()

    def forget(self) -> None:
        """Drop what is held; the next request obtains it anew."""
        self.held = None
        self._source.refuse()

    async def aclose(self) -> None:
        """End a renewal that is still under way."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])

    async def _renewed(self) -> Secrets:
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._obtain())
            self._renewal.add_done_callback(self._ended)
        return await asyncio.shield(self._renewal)

    async def _obtain(self) -> Secrets:
        if self._check is not None:
            await self._check()
            self._check = None
        self.held = await self._source.obtain()
        self._obtained_at = time.monotonic()
        return self.held

    def _ended(self, renewal: asyncio.Task[Secrets]) -> None:
        self._renewal = None
        if not renewal.cancelled():
            renewal.exception()


# Where a profile's secrets come from.


class _Source:
    """A profile without secrets; the others say what is different with them.

    Attributes:
        nothing_new: What to say when it gives again what the server refused.
    """

    nothing_new = "The server wants a sign-in, and the profile has none."

    def saved(self) -> Secrets | None:
        """Return what is there without asking anyone."""
        return Secrets()

    async def obtain(self) -> Secrets:
        """Get fresh secrets; may ask, run a command or log in."""
        return Secrets()

    def forgive(self) -> None:
        """Forget that a login was refused before."""

    def refuse(self) -> None:
        """Note that the server does not take the secrets any more."""


def source_for(auth: Auth, login: Login) -> _Source:
    """Return the source a profile's auth section asks for."""
    if isinstance(auth, SessionAuth):
        return _Sessions(auth, login)
    if isinstance(auth, BearerAuth):
        return _Given(auth.token, auth.session)
    if isinstance(auth, CookieAuth):
        return _Given(None, auth.session)
    return _Source()


class _Sessions(_Source):
    """Log in with e-mail and password."""

    nothing_new = "The server gave a session and does not take it."

    def __init__(self, auth: SessionAuth, login: Login) -> None:
        self._auth = auth
        self._login = login
        self._refusal: NotSignedInError | None = None

    def saved(self) -> Secrets | None:
        cookies = self._auth.saved
        return None if cookies is None else _from_cookies(cookies)

    async def obtain(self) -> Secrets:
        if self._refusal is not None:
            raise NotSignedInError(
                self._refusal.sentence, next_step=self._refusal.next_step
            )
        try:
            password = await self._auth.password()
            cookies = await self._login(self._auth.email, password)
        except NotSignedInError as refusal:
            self._refusal = refusal
            raise
        self._auth.on_session(cookies)
        return _from_cookies(cookies)

    def forgive(self) -> None:
        self._refusal = None

    def refuse(self) -> None:
        self._auth.on_session(None)


class _Given(_Source):
    """Send a token, or a session cookie made elsewhere.

    Beside a token the cookie is for the raw download.
    """

    def __init__(
        self, token: SecretSource | None, session: SecretSource | None
    ) -> None:
        self._token = token
        self._session = session
        what = "token" if token else "session cookie"
        self.nothing_new = f"The server does not take the profile's {what}."

    def saved(self) -> None:
        return None

    async def obtain(self) -> Secrets:
        token, session = self._token, self._session
        return Secrets(
            bearer=await _ask(token, "token") if token else "",
            session=await _ask(session, "session cookie") if session else "",
        )


def _from_cookies(cookies: SessionCookies) -> Secrets:
    return Secrets(session=cookies.session, csrf=cookies.csrf)


async def _ask(source: SecretSource, name: str) -> str:
    """Get a secret that can stand in a header.

    Raises:
        NotSignedInError: It is empty or holds characters a header cannot carry.
    """
    secret = (await source()).strip()
    if secret and secret.isascii() and secret.isprintable() and ";" not in secret:
        return secret
    problem = "holds characters that cannot be sent" if secret else "is empty"
    raise NotSignedInError(
        f"The profile's {name} {problem}.",
        next_step="Correct the profile's auth section or the command it names.",
    )
