"""TLS as the profile wants it; building a context takes tens of milliseconds.

Build it in a thread: reading the certificates of the world blocks.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from functools import cached_property
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from chronotui import __version__
from chronotui.errors import ConfigError
from chronotui.sources.address import Proxy, proxy_for
from chronotui.sources.httpcore_backends import BulkTransport, MergingTransport

if TYPE_CHECKING:
    from chronotui.sources.address import Address
    from chronotui.sources.protocol import TlsSettings


def build_context(settings: TlsSettings) -> ssl.SSLContext:
    """Make the context for an https server. Blocks; call it in a thread.

    Raises:
        ConfigError: A file is missing, unreadable or not what it should be; the
            sentence names the key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif settings.ca_file:
        _load_authorities(context, settings.ca_file)
    else:
        _load_usual_authorities(context)
    if settings.client_cert:
        _load_client(context, settings.client_cert, settings.client_key)
    return context


def empty_context() -> ssl.SSLContext:
    """Return a context that trusts nobody, for addresses that never use TLS."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _load_usual_authorities(context: ssl.SSLContext) -> None:
    """Trust what the machine trusts (company authorities) and what certifi ships."""
    import certifi  # noqa: PLC0415  # only https without ca_file needs it

    context.load_default_certs()
    context.load_verify_locations(cafile=certifi.where())


def _load_authorities(context: ssl.SSLContext, path: str | Path) -> None:
    file = Path(path).expanduser()
    try:
        context.load_verify_locations(cafile=file)
    except ssl.SSLError:
        raise ConfigError(
            f"ca_file {file} holds no certificates in PEM form.",
            next_step="Correct ca_file in the profile.",
        ) from None
    except OSError as error:
        raise _unreadable("ca_file", file, error) from None


def _load_client(
    context: ssl.SSLContext, cert: str | Path, key: str | Path | None
) -> None:
    cert_file = Path(cert).expanduser()
    key_file = Path(key).expanduser() if key else None
    _check_readable("client_cert", cert_file)
    if key_file is not None:
        _check_readable("client_key", key_file)
    try:
        context.load_cert_chain(cert_file, key_file, password=_no_passphrase)
    except ssl.SSLError:
        raise ConfigError(
            f"client_cert {cert_file} and its key do not fit together or are not in "
            "PEM form.",
            next_step="Correct client_cert and client_key in the profile.",
        ) from None


def _check_readable(key: str, file: Path) -> None:
    try:
        file.open("rb").close()
    except OSError as error:
        raise _unreadable(key, file, error) from None


def _no_passphrase() -> str:
    """Refuse instead of letting OpenSSL ask on the terminal under the desk.

    Raises:
        ConfigError: Always.
    """
    raise ConfigError(
        "client_key is locked with a passphrase, which chronotui cannot ask for.",
        next_step="Give a key without one, readable by you alone.",
    )


def _unreadable(key: str, file: Path, error: OSError) -> ConfigError:
    reason = error.strerror or "it cannot be read"
    return ConfigError(
        f"{key} {file} cannot be read: {reason}.",
        next_step=f"Correct {key} in the profile.",
    )


# Clients of httpx as every request needs them: sockets, limits, no cookie jar.

KEEPALIVE_SECONDS: Final = 20.0
"""Idle connections are let go before the server does, at 30 s (WIRE.md "Proxies")."""

_PROBE_AFTER_SECONDS: Final = 15
_PROBE_EVERY_SECONDS: Final = 5
_PROBES: Final = 4
_UNACKNOWLEDGED_MS: Final = 35_000
"""A dead peer is told from a quiet one within about 35 s (WIRE.md "Live stream")."""

_HEADERS: Final = {
    "Accept": "application/json",
    "User-Agent": f"chronotui/{__version__}",
}


def socket_options() -> list[tuple[int, int, int]]:
    """Return the TCP keep-alive options this platform knows."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    wanted = (
        ("TCP_KEEPIDLE", _PROBE_AFTER_SECONDS),
        ("TCP_KEEPINTVL", _PROBE_EVERY_SECONDS),
        ("TCP_KEEPCNT", _PROBES),
        ("TCP_USER_TIMEOUT", _UNACKNOWLEDGED_MS),
    )
    for name, value in wanted:
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options


class Connections:
    """Makes asynchronous and blocking clients for one server.

    The TLS context is built once, at the first need. Making a client may block for
    tens of milliseconds on https; do it in a thread.
    """

    def __init__(
        self, address: Address, tls: TlsSettings, timeout_seconds: float
    ) -> None:
        self._address = address
        self._tls = tls
        self._timeout = httpx.Timeout(timeout_seconds)
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    @property
    def blocks(self) -> bool:
        """Whether making the next client takes its time."""
        return self._context is None and self._is_encrypted

    @cached_property
    def proxy(self) -> Proxy | None:
        """The environment's proxy to this server, None for none.

        Raises:
            ConfigError: It cannot be used.
        """
        return proxy_for(self._address, os.environ)

    def make_async(self) -> httpx.AsyncClient:
        """Make the client for the event loop.

        Raises:
            ConfigError: The TLS settings, or the environment's proxy, cannot be used.
        """
        transport = MergingTransport(
            context=self._shared_context(),
            proxy=self.proxy,
            keepalive_seconds=KEEPALIVE_SECONDS,
            socket_options=socket_options(),
        )
        return httpx.AsyncClient(
            transport=transport,
            timeout=self._timeout,
            headers=_HEADERS,
            cookies=_no_cookies(),
            trust_env=False,
        )

    def make_blocking(self) -> httpx.Client:
        """Make a client for one blocking download.

        Raises:
            ConfigError: The TLS settings, or the environment's proxy, cannot be used.
        """
        transport = BulkTransport(
            context=self._shared_context(),
            proxy=self.proxy,
            socket_options=socket_options(),
        )
        return httpx.Client(
            transport=transport,
            timeout=self._timeout,
            headers=_HEADERS,
            cookies=_no_cookies(),
            trust_env=False,
        )

    @property
    def _is_encrypted(self) -> bool:
        """Whether the server or the proxy is spoken to over TLS."""
        proxy = self.proxy
        return self._address.is_encrypted or (proxy is not None and proxy.is_encrypted)

    def _shared_context(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = (
                    build_context(self._tls) if self._is_encrypted else empty_context()
                )
            return self._context


def _no_cookies() -> CookieJar:
    """Return a jar that takes nothing: cookies are read from the login alone."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))
