"""Session cookies read from a login's answer itself.

A cookie jar would drop them behind a port forward, where Domain and Secure do not
match the URL in use (wire note "Authentication").
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from chronotui.api.auth import SessionCookies

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


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
