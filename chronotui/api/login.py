"""Logging in and out (wire note "Authentication")."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chronotui.api.answers import SESSION_OVER
from chronotui.api.ask import Ask
from chronotui.api.cookies import read_session
from chronotui.errors import (
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    RequestRefusedError,
    UnreadableAnswerError,
)

if TYPE_CHECKING:
    from chronotui.api.auth import SessionCookies
    from chronotui.api.transport import Transport


async def log_in(transport: Transport, email: str, password: str) -> SessionCookies:
    """Exchange e-mail and password for session cookies.

    Raises:
        NotSignedInError: The server does not take them.
        ChronotuiError: The exchange failed in another way.
    """
    url = transport.address.url("auth", "login")
    body = json.dumps({"email": email, "password": password}).encode()
    ask = Ask(
        "login",
        url,
        "POST",
        {"Content-Type": "application/json"},
        content=body,
        secrets=False,
    )
    try:
        answer = await transport.send(ask)
    except (NotSignedInError, NotAllowedError, RequestRefusedError) as error:
        raise NotSignedInError(
            f"The sign-in as {email} was refused{_said(error.sentence)}",
            next_step="Check the profile's e-mail, password and url.",
        ) from error
    except NotFoundError as error:
        raise NotFoundError(
            f"There is no sign-in at {url}.",
            next_step="Check the profile's url (a prefix such as /api?), or choose "
            "another auth method.",
        ) from error
    cookies = read_session(answer.headers.get_list("set-cookie"), datetime.now(UTC))
    if cookies is None:
        raise UnreadableAnswerError(
            "The server took the sign-in and gave no session.",
            next_step="Check that the profile's url points at a Chronoverse server.",
        )
    return cookies


def _said(sentence: str) -> str:
    """Return why a sign-in was refused; that there is no session yet is no news."""
    said = sentence.removeprefix(SESSION_OVER)
    return f". {sentence}" if said == sentence else said


async def log_out(transport: Transport) -> None:
    """End the session on the server; one that has ended already is no error."""
    if transport.credentials.held is None:
        return
    url = transport.address.url("auth", "logout")
    with suppress(NotSignedInError):
        await transport.send(Ask("logout", url, "POST", changes=True, renews=False))
