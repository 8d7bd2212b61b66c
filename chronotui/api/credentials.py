"""Secrets in use: had once, sent to the own origin, renewed by one caller for all."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from chronotui.api.auth import (
    Auth,
    BearerAuth,
    CookieAuth,
    SecretSource,
    SessionAuth,
    SessionCookies,
)
from chronotui.errors import NotSignedInError

if TYPE_CHECKING:
    from collections.abc import Awaitable

_FRESH_SECONDS: Final = 1.0
"""Secrets younger than this that are refused are no good; older ones may have ended."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What goes into a request's headers; an empty one sends nothing."""

    bearer: str = field(default="", repr=False)
    session: str = field(default="", repr=False)
    csrf: str = field(default="", repr=False)

    def headers(self, *, changes: bool = False, raw: bool = False) -> dict[str, str]:
        """Return the headers that carry these secrets.

        Args:
            changes: The request changes state and needs the csrf cookie too.
            raw: It is the raw download, for which a bearer profile may hold a
                session as well (wire note "Raw download").
        """
        made: dict[str, str] = {}
        if self.bearer:
            made["Authorization"] = f"Bearer {self.bearer}"
        if self.session and (raw or not self.bearer):
            made["Cookie"] = f"session={self.session}"
            if changes and self.csrf:
                made["Cookie"] += f"; csrf={self.csrf}"
        return made


class Login(Protocol):
    """Sends e-mail and password to the server."""

    def __call__(self, email: str, password: str) -> Awaitable[SessionCookies]:
        """Return the new session's cookies, or raise a ChronotuiError."""
        ...


class Source(Protocol):
    """Where a profile's secrets come from.

    Attributes:
        nothing_new: What to say when it gives again what the server refused.
    """

    nothing_new: str

    def saved(self) -> Secrets | None:
        """Return what is there without asking anyone."""
        ...

    async def obtain(self) -> Secrets:
        """Get fresh secrets; may ask, run a command or log in."""
        ...

    def forgive(self) -> None:
        """Forget that a login was refused before."""
        ...

    def refuse(self) -> None:
        """Note that the server does not take the secrets any more."""
        ...


class Credentials:
    """The secrets of one client; one renewal at a time, whoever needs it.

    A refused login is remembered: later requests fail at once, without another
    login, until somebody signs in on purpose.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._held = source.saved()
        self._flight: asyncio.Task[Secrets] | None = None
        self._obtained_at = -_FRESH_SECONDS

    @property
    def held(self) -> Secrets | None:
        """The secrets in use, None before they were needed."""
        return self._held

    async def current(self) -> Secrets:
        """Return the secrets to send, obtaining them at first use.

        Raises:
            ChronotuiError: They cannot be had.
        """
        return self._held if self._held is not None else await self._renewed()

    def are_fresh(self) -> bool:
        """Whether the secrets in use were obtained a moment ago."""
        return time.monotonic() - self._obtained_at < _FRESH_SECONDS

    async def renew(self, refused: Secrets) -> Secrets:
        """Replace secrets the server refused; one renewal serves all who ask.

        Raises:
            NotSignedInError: There is nothing new to offer.
            ChronotuiError: The renewal failed in another way.
        """
        if self._held is refused:
            self._held = None
            self._source.refuse()
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
        self._held = None
        return await self._renewed()

    def forget(self) -> None:
        """Drop what is held; the next request obtains it anew."""
        self._held = None
        self._source.refuse()

    async def aclose(self) -> None:
        """End a renewal that is still under way."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    async def _renewed(self) -> Secrets:
        if self._flight is None:
            self._flight = asyncio.create_task(self._obtain())
            self._flight.add_done_callback(self._landed)
        return await asyncio.shield(self._flight)

    async def _obtain(self) -> Secrets:
        self._held = await self._source.obtain()
        self._obtained_at = time.monotonic()
        return self._held

    def _landed(self, flight: asyncio.Task[Secrets]) -> None:
        self._flight = None
        if not flight.cancelled():
            flight.exception()


def credentials_for(auth: Auth, login: Login) -> Credentials:
    """Return the credentials a profile's auth section asks for."""
    if isinstance(auth, SessionAuth):
        return Credentials(_Sessions(auth, login))
    if isinstance(auth, BearerAuth):
        return Credentials(_Tokens(auth))
    if isinstance(auth, CookieAuth):
        return Credentials(_Cookies(auth))
    return Credentials(_Nothing())


class _Sessions:
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
        self._refusal = None
        self._auth.on_session(cookies)
        return _from_cookies(cookies)

    def forgive(self) -> None:
        self._refusal = None

    def refuse(self) -> None:
        self._auth.on_session(None)


class _Tokens:
    """Send a token, and for the raw download a session if there is one."""

    nothing_new = "The server does not take the profile's token."

    def __init__(self, auth: BearerAuth) -> None:
        self._auth = auth

    def saved(self) -> Secrets | None:
        return None

    async def obtain(self) -> Secrets:
        token = await _ask(self._auth.token, "token")
        session = ""
        if self._auth.session is not None:
            session = await _ask(self._auth.session, "session cookie")
        return Secrets(bearer=token, session=session)

    def forgive(self) -> None:
        """Nothing is remembered here."""

    def refuse(self) -> None:
        """Nothing is kept here; the source is asked again."""


class _Cookies:
    """Send a session cookie made elsewhere."""

    nothing_new = "The server does not take the profile's session cookie."

    def __init__(self, auth: CookieAuth) -> None:
        self._auth = auth

    def saved(self) -> Secrets | None:
        return None

    async def obtain(self) -> Secrets:
        return Secrets(session=await _ask(self._auth.session, "session cookie"))

    def forgive(self) -> None:
        """Nothing is remembered here."""

    def refuse(self) -> None:
        """Nothing is kept here; the source is asked again."""


class _Nothing:
    """Send no secrets at all."""

    nothing_new = "The server wants a sign-in, and the profile has none."

    def saved(self) -> Secrets | None:
        return Secrets()

    async def obtain(self) -> Secrets:
        return Secrets()

    def forgive(self) -> None:
        """Nothing is remembered here."""

    def refuse(self) -> None:
        """Nothing is kept here."""


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
