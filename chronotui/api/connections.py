"""Clients of httpx as every request needs them: sockets, limits, no cookie jar."""

from __future__ import annotations

import os
import socket
import threading
from functools import cached_property
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Final

import httpx

from chronotui import __version__
from chronotui.api.bulk import BulkTransport
from chronotui.api.merging_backend import MergingTransport
from chronotui.api.proxies import Proxy, proxy_for
from chronotui.api.tls import TlsSettings, build_context, empty_context

if TYPE_CHECKING:
    import ssl

    from chronotui.api.address import Address

KEEPALIVE_SECONDS: Final = 20.0
"""Idle connections are let go before the server does, at 30 s (wire note "Others")."""

_PROBE_AFTER_SECONDS: Final = 15
_PROBE_EVERY_SECONDS: Final = 5
_PROBES: Final = 4
_UNACKNOWLEDGED_MS: Final = 35_000
"""A dead peer is told from a quiet one within about 35 s (wire note "Live")."""

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
