"""Where the server is, and the proxy on the way to it.

URLs are read with urllib and kept as they were written: httpx.URL would normalise them
(IDNA, percent-encoding), and what is shown would not be what the profile says.

A proxy is read from the environment as curl does. A variable in lower case goes before
one in upper case, an empty one counts as not set, and ``HTTP_PROXY`` is not read at all
(a web server hands it to its scripts with what a visitor wrote). ``all_proxy`` stands
in for a missing ``http_proxy`` or ``https_proxy``; a proxy without a scheme is an HTTP
one, without a port at 1080. In two places more is understood than by curl, where other
programs do: in ``NO_PROXY`` a ``host:port`` and an IPv6 address in brackets. In one
place less happens: a server on this machine is never asked through a proxy, for secrets
may go there unencrypted.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

from msgspec import Struct

from chronotui.errors import ConfigError, NotFoundError
from chronotui.model import Confidential

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Address(Struct, frozen=True):
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

        Values of None and empty ones are left out. A cursor may hold any character and
        comes back as it was given (WIRE.md "Paging").

        Raises:
            NotFoundError: A segment cannot be an id (empty, ``.`` or ``..``).
        """
        for segment in segments:
            if segment in {"", ".", ".."}:
                raise NotFoundError(f"“{segment}” is no id.")
        path = "".join(f"/{_encoded(segment)}" for segment in segments)
        given = [(name, value) for name, value in (query or {}).items() if value]
        pairs = [f"{name}={_encoded(value)}" for name, value in given]
        return self.base + path + ("?" + "&".join(pairs) if pairs else "")

    def owns(self, url: str) -> bool:
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


def _encoded(value: str) -> str:
    return quote(value.encode("utf-8", "surrogatepass"), safe="")


_PORTS: Final = {"http": 1080, "https": 443}
"""Where a proxy is when it names no port; curl's defaults."""


class Proxy(Confidential, frozen=True):
    """A proxy in effect; what is shown of it never holds its credentials.

    Attributes:
        variable: The environment variable that names it.
        host: Without brackets.
        credentials: User name and password.
    """

    variable: str
    host: str
    port: int
    is_encrypted: bool = False
    credentials: tuple[bytes, bytes] | None = None

    @property
    def url(self) -> str:
        return f"http{'s' if self.is_encrypted else ''}://{self.place}"

    @property
    def place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"the proxy {self.place} ({self.variable})"

    @property
    def next_step(self) -> str:
        return f"Check {self.variable}, or list the server's host in NO_PROXY."

    @property
    def sign_in_step(self) -> str:
        return f"Write user:password@ before the proxy's host in {self.variable}."


class ProxyNote(NamedTuple):
    """What one variable does for the way to a server."""

    variable: str
    said: str
    is_warning: bool = False


def proxy_for(address: Address, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy to ask a server through, None for none.

    Raises:
        ConfigError: The variable that applies names no proxy that can be used.
    """
    variable = _proxy_variable(address, environ)
    if variable is None or address.is_loopback:
        return None
    if _exempting_variable(address, environ) is not None:
        return None
    return _parse(variable, environ[variable], address.host)


def proxy_notes(address: Address, environ: Mapping[str, str]) -> list[ProxyNote]:
    """Say what each variable does that has to do with the way to a server."""
    notes = []
    variable = _proxy_variable(address, environ)
    exempting = _exempting_variable(address, environ)
    host = address.host
    if variable is not None and address.is_loopback:
        notes.append(ProxyNote(variable, f"not used: {host} is this machine"))
    elif variable is not None and exempting is not None:
        notes.append(ProxyNote(variable, f"not used, because of {exempting}"))
        notes.append(ProxyNote(exempting, f"{host} is reached without a proxy"))
    elif variable is not None:
        try:
            proxy = _parse(variable, environ[variable], host)
        except ConfigError as error:
            notes.append(ProxyNote(variable, str(error), is_warning=True))
        else:
            notes.append(
                ProxyNote(variable, f"{host} is reached through {proxy.place}")
            )
    if environ.get("HTTP_PROXY") and not (address.is_encrypted or variable):
        said = "not read in upper case, as with curl; http_proxy is"
        notes.append(ProxyNote("HTTP_PROXY", said, is_warning=True))
    return notes


def _set_one(environ: Mapping[str, str], *names: str) -> str | None:
    return next((name for name in names if environ.get(name)), None)


def _proxy_variable(address: Address, environ: Mapping[str, str]) -> str | None:
    own = ("https_proxy", "HTTPS_PROXY") if address.is_encrypted else ("http_proxy",)
    return _set_one(environ, *own, "all_proxy", "ALL_PROXY")


def _exempting_variable(address: Address, environ: Mapping[str, str]) -> str | None:
    variable = _set_one(environ, "no_proxy", "NO_PROXY")
    if variable is None:
        return None
    listed = environ[variable]
    if listed.strip() == "*":
        return variable
    port = urlsplit(address.origin).port or (443 if address.is_encrypted else 80)
    entries = listed.replace(",", " ").split()
    fits = any(_exempts(entry, address.host, port) for entry in entries)
    return variable if fits else None


def _exempts(entry: str, host: str, port: int) -> bool:
    """Whether an entry of ``NO_PROXY`` fits a server."""
    entry = _without_port(entry, port).lower()
    address = _ip(host)
    if address is not None:
        return _holds(entry, address)
    name = entry.removesuffix(".").removeprefix(".")
    host = host.lower().removesuffix(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _without_port(entry: str, port: int) -> str:
    """Return an entry without its brackets, and without a port that fits.

    One whose port is another fits nothing.
    """
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        named = rest.removeprefix(":")
    elif entry.count(":") == 1:
        name, _, named = entry.partition(":")
    else:
        return entry
    return name if named in {"", str(port)} else ""


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _holds(entry: str, address: IPv4Address | IPv6Address) -> bool:
    """Whether an address, or a block of them such as ``10.0.0.0/8``, holds one.

    A block of zero bits is the one address, as for curl.
    """
    start, slash, length = entry.partition("/")
    first = _ip(start)
    if first is None or first.version != address.version:
        return False
    bits: int = address.max_prefixlen
    if slash:
        if not (length.isascii() and length.isdigit()) or int(length) > bits:
            return False
        bits = int(length) or bits
    shift = address.max_prefixlen - bits
    return int(first) >> shift == int(address) >> shift


def _parse(variable: str, value: str, host: str) -> Proxy:
    scheme, mark, _ = value.strip().partition("://")
    kind = scheme.lower() if mark else "http"
    try:
        parts = urlsplit(value.strip() if mark else f"http://{value.strip()}")
        port = parts.port or _PORTS.get(kind)
    except ValueError:
        port = None
    if port is None or kind not in _PORTS or not parts.hostname:
        is_socks = kind.startswith("socks")
        what = (
            "a SOCKS proxy, which is not spoken here" if is_socks else "no HTTP proxy"
        )
        raise ConfigError(
            f"The environment variable {variable} names {what}.",
            next_step=f"Set it like {variable}=http://proxy.example.com:3128, or list "
            f"{host} in NO_PROXY.",
        )
    credentials = None
    if parts.username is not None or parts.password is not None:
        user, word = parts.username or "", parts.password or ""
        credentials = (unquote_to_bytes(user), unquote_to_bytes(word))
    return Proxy(variable, parts.hostname, port, kind == "https", credentials)
