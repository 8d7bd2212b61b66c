"""Where the server is: the profile's URL, checked once and joined safely."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, quote, urlsplit

from chronotui.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """A server's base URL, path prefix included and no slash at its end.

    Attributes:
        base: What request paths are appended to, such as ``https://host/api``.
        origin: Scheme, host and port; secrets go nowhere else.
        host: The host alone, without brackets.
    """

    base: str
    origin: str
    host: str

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection is TLS."""
        return self.base.startswith("https:")

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine, so that nothing leaves it."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def url(self, *segments: str, query: Mapping[str, str | None] | None = None) -> str:
        """Join path segments and query to the base, every value percent-encoded.

        Values of None and empty ones are left out. A cursor may hold any character
        (wire note "Retained logs") and comes back as it was given.

        Raises:
            NotFoundError: A segment cannot be an id (empty, ``.`` or ``..``).
        """
        path = "".join("/" + _segment(segment) for segment in segments)
        pairs = [
            f"{name}={_encoded(value)}"
            for name, value in (query or {}).items()
            if value
        ]
        return self.base + path + ("?" + "&".join(pairs) if pairs else "")

    def owns(self, url: str) -> bool:
        """Whether a URL has this address's origin."""
        try:
            return _origin(urlsplit(url)) == self.origin
        except ValueError:
            return False


def parse_address(url: str) -> Address:
    """Read a profile's URL; a path prefix is kept, slashes at the end are not.

    Raises:
        ConfigError: No http(s) URL with a host, or one that carries a secret, a
            query or a fragment.
    """
    if any(sign.isspace() or not sign.isprintable() for sign in url.strip()):
        raise ConfigError("The profile's URL holds spaces or control characters.")
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        raise ConfigError("The profile's URL cannot be read.") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            "The profile's URL carries a user name or a password.",
            next_step="Put secrets into the profile's auth section.",
        )
    try:
        origin = _origin(parts)
    except ValueError:
        raise ConfigError(f"The port in the URL {url!r} is no number.") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ConfigError(
            f"The URL {url!r} is not one of an http server.",
            next_step="Write it like https://chrono.example.com/api.",
        )
    if parts.query or parts.fragment:
        raise ConfigError(
            f"The URL {url!r} has a part after its path.",
            next_step="Leave out what begins with ? or #.",
        )
    return Address(origin + parts.path.rstrip("/"), origin, parts.hostname)


def check_secrets_may_travel(address: Address, *, insecure: bool) -> None:
    """Refuse to send secrets readable by everyone on the way.

    Raises:
        ConfigError: Plain http beyond loopback without the profile's consent.
    """
    if address.is_encrypted or address.is_loopback or insecure:
        return
    raise ConfigError(
        f"Secrets are not sent over plain http to {address.host}.",
        next_step="Use an https URL, or set insecure = true in the profile.",
    )


def _origin(parts: SplitResult) -> str:
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = parts.port
    suffix = "" if port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f":{port}"
    return f"{parts.scheme}://{shown}{suffix}"


def _segment(segment: str) -> str:
    if segment in {"", ".", ".."}:
        raise NotFoundError(f"“{segment}” is no id.")
    return _encoded(segment)


def _encoded(value: str) -> str:
    return quote(value.encode("utf-8", "surrogatepass"), safe="")
