"""Signing in: secrets, where they come from, and requests that carry them.

Secrets go to the profile's own origin alone. A 401 renews them, one renewal serving
all who wait. A password or token is easily sent to the wrong place (a port that
another program has taken, a proxy's own page, a url without its prefix), so the server
is asked for something harmless first, and what no Chronoverse server answers ends it
there (WIRE.md "Authentication").
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from chronotui.errors import (
    Answer,
    ChronotuiError,
    NotFoundError,
    NotSignedInError,
    UnreadableAnswerError,
)
from chronotui.sources.http import Ask, routed
from chronotui.sources.protocol import (
    Auth,
    BearerAuth,
    CookieAuth,
    NoAuth,
    SessionAuth,
    SessionCookies,
)
from chronotui.sources.wire_errors import (
    CHECK_URL,
    begins_as_page,
    is_page,
    media_type,
    quote_words,
)
from chronotui.sources.wire_json import read_workflows

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Iterable,
        Mapping,
    )

    import httpx

    from chronotui.sources.http import Heard, Http
    from chronotui.sources.protocol import SecretSource

    Login: TypeAlias = Callable[[str, str], Awaitable[SessionCookies]]

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

    def __init__(self, http: Http, auth: Auth) -> None:
        self.http = http
        self.credentials = Credentials(
            source_for(auth, partial(log_in, http)),
            None if isinstance(auth, NoAuth) else partial(check_server, http),
        )

    async def read(self, ask: Ask) -> bytes:
        """Send a request and return the whole body of its success.

        Raises:
            ChronotuiError: Whatever went wrong.
        """
        async with self.exchange(ask) as answer:
            body = await self.http.whole_body(answer)
            if begins_as_page(body):
                raise self.http.web_page()
        return body

    @asynccontextmanager
    async def exchange(self, ask: Ask) -> AsyncIterator[httpx.Response]:
        """Send a request and give its success with the body unread.

        Raises:
            ChronotuiError: Whatever went wrong.
        """
        with routed(ask):
            async with AsyncExitStack() as stack:
                yield await self._answer(ask, stack)

    async def _answer(self, ask: Ask, stack: AsyncExitStack) -> httpx.Response:
        """Send with secrets, renewing refused ones, and check the status."""
        credentials = self.credentials
        renewals = 0
        while True:
            secrets = await credentials.current()
            answer = await self.http.send(
                ask, stack, secrets.headers(changes=ask.changes)
            )
            may_renew = renewals == 0 or (renewals == 1 and not credentials.are_fresh())
            is_ended = answer.status_code == 401 and not is_page(answer.headers)
            if not (is_ended and ask.renews and may_renew):
                await self.http.check(answer)
                return answer
            await stack.aclose()
            await credentials.renew(secrets)
            renewals += 1

    async def log_out(self) -> None:
        """End the session on the server; one that has ended already is no error."""
        if self.credentials.held is None:
            return
        url = self.http.address.url("auth", "logout")
        ask = Ask("logout", url, "POST", changes=True, renews=False)
        with suppress(NotSignedInError):
            async with self.exchange(ask):
                pass

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


# The look at a server before it gets a secret.

_FOREIGN_SCHEMES: Final = re.compile(r"(?i)\b(basic|digest|negotiate|ntlm)\b")
"""Ways to sign in that Chronoverse does not know."""

_PASSING: Final = frozenset({408, 425, 429})
"""With 5xx, answers that tell of the moment and not of what kind of server it is."""

_CHECK_PLACE: Final = "Check the profile's url: host, port, a prefix such as /api?"
_KEPT_BACK: Final = "No secret was sent there."


async def check_server(http: Http) -> None:
    """See that a server is a Chronoverse one, before it gets a secret.

    Without credentials its list of workflows is refused in plain words (401), or is
    a list of workflows where nobody has to sign in.

    Raises:
        UnreadableAnswerError: It is another server.
        NotFoundError: There is nothing of Chronoverse at the url's path.
        ChronotuiError: It gave no answer that tells, such as a 503.
    """
    ask = Ask("server_check", http.address.url("workflows"))
    heard = await http.hear(ask)
    with routed(ask):
        error = _objection(http, heard)
        if error is not None:
            error.answer = error.answer or _answer_of(heard)
            raise error


def _objection(http: Http, heard: Heard) -> ChronotuiError | None:
    """Return why a server gets no secret, None if it may."""
    status, headers, body = heard
    page = is_page(headers, body)
    refusal = http.refusal(status, headers, body)
    if status == 407 or (page and http.proxy_may_answer):
        return http.web_page() if 200 <= status < 300 else refusal
    if status in _PASSING or (status >= 500 and status != 501):
        return refusal
    base = http.address.base
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


# Exchanging e-mail and password for cookies.

_REFUSALS: Final = frozenset({400, 401, 403, 409, 422})
_LOGIN_WORDS: Final = ("login", "log in", "sign in", "user")


async def log_in(http: Http, email: str, password: str) -> SessionCookies:
    """Exchange e-mail and password for session cookies.

    Raises:
        NotSignedInError: The server does not take them.
        ChronotuiError: The exchange failed in another way.
    """
    url = http.address.url("auth", "login")
    body = json.dumps({"email": email, "password": password}).encode()
    ask = Ask("login", url, "POST", {"Content-Type": "application/json"}, content=body)
    heard = await http.hear(ask)
    with routed(ask):
        if not 200 <= heard.status < 300:
            raise _login_error(http, heard, email)
        if is_page(heard.headers, heard.body):
            raise http.web_page()
        set_cookies = heard.headers.get_list("set-cookie")
        cookies = read_session(set_cookies, datetime.now(UTC))
        if cookies is None:
            raise UnreadableAnswerError(
                "The server took the sign-in and gave no session.", next_step=CHECK_URL
            )
    return cookies


def _login_error(http: Http, heard: Heard, email: str) -> ChronotuiError:
    """Tell wrong credentials from a wrong path and from a failing server."""
    status, headers, body = heard
    page = is_page(headers, body)
    error = http.refusal(status, headers, body)
    if page and http.proxy_may_answer:
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
            f"There is no sign-in at {http.address.url('auth', 'login')} ({status}).",
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


def read_session(set_cookies: Iterable[str], now: datetime) -> SessionCookies | None:
    """Find ``session`` and ``csrf`` among Set-Cookie headers; None without a session.

    A cookie jar would drop them behind a port forward, where Domain and Secure do not
    match the URL in use.
    """
    values: dict[str, str] = {}
    expires_at: datetime | None = None
    for header in set_cookies:
        pair, *rest = header.split(";")
        name, _, value = (part.strip() for part in pair.partition("="))
        is_sendable = value and value.isascii() and value.isprintable()
        if name not in {"session", "csrf"} or not is_sendable:
            continue
        values[name] = value
        if name == "session":
            parted = (attribute.partition("=") for attribute in rest)
            attributes = {key.strip().lower(): said.strip() for key, _, said in parted}
            expires_at = _expiry(attributes, now)
    if "session" not in values:
        return None
    return SessionCookies(values["session"], values.get("csrf", ""), expires_at)


def _expiry(attributes: Mapping[str, str], now: datetime) -> datetime | None:
    try:
        if "max-age" in attributes:
            return now + timedelta(seconds=int(attributes["max-age"]))
        if "expires" in attributes:
            return parsedate_to_datetime(attributes["expires"]).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    return None
