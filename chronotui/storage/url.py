"""Reading the base URL of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chronotui.storage.bad_value import BadValueError

if TYPE_CHECKING:
    from pathlib import Path


def base_url(value: object, _folder: Path) -> str:
    """Read a server's base URL; a path prefix is kept, a slash at the end is not.

    Raises:
        BadValueError: Not http(s), no host, or with parts that do not belong there;
            a user name or password in it is refused and not repeated.
    """
    if not isinstance(value, str):
        raise BadValueError("must be a URL in quotes.")
    try:
        parts = urlsplit(value.strip())
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise BadValueError("is not a URL that can be read.") from None
    if parts.username is not None or parts.password is not None:
        raise BadValueError("must not carry a user name or password; use [auth].")
    if parts.scheme not in {"http", "https"} or not host:
        raise BadValueError("must begin with http:// or https:// and name a host.")
    if parts.query or parts.fragment:
        raise BadValueError("must not carry a query or a fragment.")
    if any(mark.isspace() or not mark.isprintable() for mark in value.strip()):
        raise BadValueError("must not contain spaces or control characters.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
