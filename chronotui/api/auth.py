"""How a profile signs in: what the caller configures, without any I/O.

Secrets come from callables, asked only when needed, so that a password command, a
keyring or a dialog can stand behind them. No secret appears in a ``repr``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

SecretSource: TypeAlias = Callable[[], Awaitable[str]]
"""Gives a secret; may run a command or ask. Raises a ChronotuiError if it cannot."""


@dataclass(frozen=True, slots=True)
class SessionCookies:
    """What a login answers (wire note "Authentication").

    Attributes:
        session: Value of the ``session`` cookie, as the server wrote it.
        csrf: Value of the ``csrf`` cookie, "" when the server gave none.
        expires_at: When the session ends by the server's word (UTC), if it said.
    """

    session: str = field(repr=False)
    csrf: str = field(default="", repr=False)
    expires_at: datetime | None = None


def _forget(_cookies: SessionCookies | None) -> None:
    """Keep nothing."""


@dataclass(frozen=True, slots=True)
class SessionAuth:
    """Sign in with e-mail and password, then with the session's cookies.

    Attributes:
        email: The account.
        password: Asked at each login.
        saved: Cookies of an earlier session, tried first.
        on_session: Called with each new session's cookies, and with None when they
            are refused or given back, so that they can be kept or removed.
    """

    email: str
    password: SecretSource = field(repr=False)
    saved: SessionCookies | None = None
    on_session: Callable[[SessionCookies | None], None] = field(
        default=_forget, repr=False
    )


@dataclass(frozen=True, slots=True)
class BearerAuth:
    """Sign in with a token; ``session`` is the cookie for the raw download.

    Documented servers take only the cookie there (wire note "Raw download").
    """

    token: SecretSource = field(repr=False)
    session: SecretSource | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CookieAuth:
    """Sign in with a session cookie taken from elsewhere."""

    session: SecretSource = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoAuth:
    """Send no secrets."""


Auth: TypeAlias = SessionAuth | BearerAuth | CookieAuth | NoAuth
