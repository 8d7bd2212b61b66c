"""Where a profile's secrets come from, and the headers that carry them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

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


def source_for(auth: Auth, login: Login) -> Source:
    """Return the source a profile's auth section asks for."""
    if isinstance(auth, SessionAuth):
        return _Sessions(auth, login)
    if isinstance(auth, BearerAuth):
        return _Tokens(auth)
    if isinstance(auth, CookieAuth):
        return _Cookies(auth)
    return _Nothing()


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
