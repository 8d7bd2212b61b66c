"""Signing in and out, and the look at the server before (wire note "Authentication").

A password or token is easily sent to the wrong place: a port that another program
has taken, a proxy's own page, a url without its prefix. So the server is asked for
something harmless first, and what no Chronoverse server answers ends it there.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from chronotui.api.answers import is_page, media_type, quote_words
from chronotui.api.ask import Ask, routed
from chronotui.api.cookies import read_session
from chronotui.api.entities import read_workflows
from chronotui.errors import (
    Answer,
    ChronotuiError,
    NotFoundError,
    NotSignedInError,
    UnreadableAnswerError,
)

if TYPE_CHECKING:
    from chronotui.api.auth import SessionCookies
    from chronotui.api.transport import Heard, Transport

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
