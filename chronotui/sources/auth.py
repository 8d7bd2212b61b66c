"""Signing in: secrets, where they come from, and the exchanges that get them."""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Protocol

from chronotui.errors import (
    Answer,
    ChronotuiError,
    NotFoundError,
    NotSignedInError,
    UnreadableAnswerError,
)
from chronotui.sources.protocol import (
    BearerAuth,
    CookieAuth,
    SessionAuth,
    SessionCookies,
)
from chronotui.sources.wire_errors import Ask, is_page, media_type, quote_words, routed
from chronotui.sources.wire_json import read_workflows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from chronotui.sources.protocol import Auth, SecretSource
    from chronotui.sources.transport import Heard, Transport


# Session cookies read from a login's answer itself.
#
# A cookie jar would drop them behind a port forward, where Domain and Secure do not
# match the URL in use (WIRE.md "Authentication").


def read_session(set_cookies: Iterable[str], now: datetime) -> SessionCookies | None:
    """Find ``session`` and ``csrf`` among Set-Cookie headers.

    Returns:
        The cookies, or None when the answer sets no session.
    """
    values: dict[str, str] = {}
    expires_at: datetime | None = None
    for header in set_cookies:
        name, value, attributes = _split(header)
        if name not in {"session", "csrf"} or not _is_sendable(value):
            continue
        values[name] = value
        if name == "session":
            expires_at = _expiry(attributes, now)
    if not values.get("session"):
        return None
    return SessionCookies(values["session"], values.get("csrf", ""), expires_at)


def _split(header: str) -> tuple[str, str, Mapping[str, str]]:
    pair, *rest = header.split(";")
    name, _, value = pair.partition("=")
    attributes: dict[str, str] = {}
    for attribute in rest:
        key, _, content = attribute.partition("=")
        attributes[key.strip().lower()] = content.strip()
    return name.strip(), value.strip(), attributes


def _is_sendable(value: str) -> bool:
    return bool(value) and value.isascii() and value.isprintable()


def _expiry(attributes: Mapping[str, str], now: datetime) -> datetime | None:
    try:
        if "max-age" in attributes:
            return now + timedelta(seconds=int(attributes["max-age"]))
        if "expires" in attributes:
            return parsedate_to_datetime(attributes["expires"]).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    return None


# Secrets in use: had once, sent to the own origin, renewed by one caller for all.

_FRESH_SECONDS: Final = 1.0
"""Secrets younger than this that are refused are no good; older ones may have ended."""


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
        self, source: SecretsSource, check: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._source = source
        self._check = check
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

    def forgive(self) -> None:
        """Let the next request try again what was refused before."""
        self._source.forgive()

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
        if self._check is not None:
            await self._check()
            self._check = None
        self._held = await self._source.obtain()
        self._obtained_at = time.monotonic()
        return self._held

    def _landed(self, flight: asyncio.Task[Secrets]) -> None:
        self._flight = None
        if not flight.cancelled():
            flight.exception()


# Where a profile's secrets come from, and the headers that carry them.


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


class Login(Protocol):
    """Sends e-mail and password to the server."""

    def __call__(self, email: str, password: str) -> Awaitable[SessionCookies]:
        """Return the new session's cookies, or raise a ChronotuiError."""
        ...


class SecretsSource(Protocol):
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


def source_for(auth: Auth, login: Login) -> SecretsSource:
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


# Signing in and out, and the look at the server before (WIRE.md "Authentication").
#
# A password or token is easily sent to the wrong place: a port that another program
# has taken, a proxy's own page, a url without its prefix. So the server is asked for
# something harmless first, and what no Chronoverse server answers ends it there.

SERVER_CHECK: Final = "server_check"
"""The kind of the request that comes before the first secret."""

LOGIN: Final = "login"

_FOREIGN_SCHEMES: Final = re.compile(r"(?i)\b(basic|digest|negotiate|ntlm)\b")
"""Ways to sign in that Chronoverse does not know."""

_PASSING: Final = frozenset({408, 425, 429})
"""With 5xx, answers that tell of the moment and not of what kind of server it is."""

_CHECK_PLACE: Final = "Check the profile's url: host, port, a prefix such as /api?"
_KEPT_BACK: Final = "No secret was sent there."

_REFUSALS: Final = frozenset({400, 401, 403, 409, 422})
_LOGIN_WORDS: Final = ("login", "log in", "sign in", "user")


async def check_server(transport: Transport) -> None:
    """See that a server is a Chronoverse one, before it gets a secret.

    Without credentials its list of workflows is refused in plain words (401), or is
    a list of workflows where nobody has to sign in.

    Raises:
        UnreadableAnswerError: It is another server.
        NotFoundError: There is nothing of Chronoverse at the url's path.
        ChronotuiError: It gave no answer that tells, such as a 503.
    """
    ask = Ask(SERVER_CHECK, transport.address.url("workflows"), secrets=False)
    with routed(ask):
        heard = await transport.hear(ask)
        error = _objection(transport, heard)
        if error is not None:
            error.answer = error.answer or _answer_of(heard)
            raise error


def _objection(transport: Transport, heard: Heard) -> ChronotuiError | None:
    """Return why a server gets no secret, None if it may."""
    status, headers, body = heard
    page = is_page(headers, body)
    refusal = transport.refusal(status, headers, body)
    if status == 407 or (page and transport.proxy_may_answer):
        return transport.web_page() if 200 <= status < 300 else refusal
    if status in _PASSING or (status >= 500 and status != 501):
        return refusal
    base = transport.address.base
    if status in {404, 410} and not page:
        return NotFoundError(
            f"There is no Chronoverse at {base}: no list of workflows ({status}).",
            next_step=f"{_CHECK_PLACE} {_KEPT_BACK}",
        )
    seen = _foreign(heard, page=page)
    if not seen:
        return None
    return UnreadableAnswerError(
        f"What answers at {base} is not Chronoverse: {seen}.",
        next_step=f"{_CHECK_PLACE} {_KEPT_BACK}",
    )


def _foreign(heard: Heard, *, page: bool) -> str:
    """Return by what an answer shows another server, "" if it is Chronoverse's."""
    status, headers, body = heard
    challenge = _FOREIGN_SCHEMES.search(headers.get("www-authenticate", ""))
    if challenge is not None:
        return f"it asks for a sign-in of its own (HTTP {challenge[0].title()})"
    if page:
        return f"a web page came ({status})"
    if status == 401:
        plain = media_type(headers) == "text/plain"
        return "" if plain else f"it answers {status} in a form of its own"
    if 200 <= status < 300:
        return "" if _is_list(body) else "what came is no list of workflows"
    return f"it answers {status} when asked for its workflows"


def _is_list(body: bytes) -> bool:
    try:
        decoded = json.loads(body)
        read_workflows(body)
    except (ValueError, RecursionError, UnreadableAnswerError):
        return False
    return "workflows" in decoded


def _answer_of(heard: Heard) -> Answer:
    return Answer(heard.status, not is_page(heard.headers, heard.body))


async def log_in(transport: Transport, email: str, password: str) -> SessionCookies:
    """Exchange e-mail and password for session cookies.

    Raises:
        NotSignedInError: The server does not take them.
        ChronotuiError: The exchange failed in another way.
    """
    url = transport.address.url("auth", "login")
    body = json.dumps({"email": email, "password": password}).encode()
    kind = {"Content-Type": "application/json"}
    ask = Ask(LOGIN, url, "POST", kind, content=body, secrets=False)
    with routed(ask):
        heard = await transport.hear(ask)
        if not 200 <= heard.status < 300:
            raise _login_error(transport, heard, email)
        if is_page(heard.headers, heard.body):
            raise transport.web_page()
        set_cookies = heard.headers.get_list("set-cookie")
        cookies = read_session(set_cookies, datetime.now(UTC))
        if cookies is None:
            raise UnreadableAnswerError(
                "The server took the sign-in and gave no session.",
                next_step="Check that the profile's url points at a Chronoverse "
                "server.",
            )
    return cookies


def _login_error(transport: Transport, heard: Heard, email: str) -> ChronotuiError:
    """Tell wrong credentials from a wrong path and from a failing server."""
    status, headers, body = heard
    page = is_page(headers, body)
    error = transport.refusal(status, headers, body)
    if page and transport.proxy_may_answer:
        return error
    if not page and (status in _REFUSALS or _is_unknown_user(heard)):
        said = quote_words(body)
        refused = f"The sign-in as {email} was refused ({status})"
        error = NotSignedInError(
            f"{refused}: “{said}”" if said else f"{refused}.",
            next_step="Check the profile's e-mail and password.",
        )
    elif status < 500 and (page or status in {404, 405, 410}):
        error = NotFoundError(
            f"There is no sign-in at {transport.address.url('auth', 'login')} "
            f"({status}).",
            next_step="Check the profile's url (a prefix such as /api?), or choose "
            "another auth method.",
        )
    error.answer = _answer_of(heard)
    return error


def _is_unknown_user(heard: Heard) -> bool:
    """Whether a 404 is about the e-mail, as a current server's is, not the path."""
    if heard.status != 404 or media_type(heard.headers) != "text/plain":
        return False
    said = quote_words(heard.body).lower()
    return any(word in said for word in _LOGIN_WORDS)


async def log_out(transport: Transport) -> None:
    """End the session on the server; one that has ended already is no error."""
    if transport.credentials.held is None:
        return
    url = transport.address.url("auth", "logout")
    with suppress(NotSignedInError):
        await transport.send(Ask("logout", url, "POST", changes=True, renews=False))
