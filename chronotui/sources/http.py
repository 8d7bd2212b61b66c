"""HTTP with one server: connections, TLS, redirects, time limits, what goes wrong.

Nothing here knows how to sign in: `auth.SignedIn` sends secrets by way of `Http.send`.
Cookies are read from a login's answer alone, so there is no jar.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
import time
from collections import Counter
from contextlib import (
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from functools import cached_property
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpx
from msgspec import field
from msgspec.structs import replace

from chronotui import __version__
from chronotui.errors import (
    ChronotuiError,
    ConfigError,
    FailedAnswerError,
    UnreachableError,
    UnreadableAnswerError,
)
from chronotui.model import Confidential
from chronotui.sources.address import Proxy, proxy_for
from chronotui.sources.httpcore_backends import (
    BulkTransport,
    MergingTransport,
    StaleConnectionError,
)
from chronotui.sources.protocol import RequestEntry
from chronotui.sources.wire_errors import (
    CHRONOVERSE_WORDS,
    FAILURES,
    MAX_ERROR_BODY,
    UNSENT,
    ServerWords,
    explain,
    is_page,
    read_date,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from chronotui.sources.address import Address
    from chronotui.sources.protocol import RequestLog, TlsSettings

KEEPALIVE_SECONDS: Final = 20.0
"""Idle connections are let go before the server does, at 30 s (WIRE.md "Proxies")."""

MAX_JSON_BYTES: Final = 64 << 20
"""Largest JSON answer read: 100 lines of 64 KiB, every byte escaped, is 40 MB."""

_WHOLE_ANSWER_FACTOR: Final = 12
"""A JSON answer may take this many time-outs in all, however slowly it trickles."""

_MAX_HOPS: Final = 5
_PROBE_AFTER_SECONDS: Final = 15
_PROBE_EVERY_SECONDS: Final = 5
_PROBES: Final = 4
_UNACKNOWLEDGED_MS: Final = 35_000
"""A dead peer is told from a quiet one within about 35 s (WIRE.md "Live stream")."""


_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": f"chronotui/{__version__}",
}


class HttpRequest(Confidential, frozen=True):
    """What to send, before secrets are added; only a GET is ever sent twice.

    Attributes:
        kind: What it is for, as counted and logged.
        changes: The request changes state and needs csrf (WIRE.md "Authentication").
        renews: Whether a 401 renews the secrets.
        is_stream: The answer is an event stream: silence is normal, and so is waiting
            for its head, which a proxy that buffers holds back with the frames.
        patience: Seconds the answer may be silent, where that is more than the
            profile's time-out.
    """

    kind: str
    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    changes: bool = False
    renews: bool = True
    is_stream: bool = False
    patience: float = 0.0


class WholeAnswer(NamedTuple):
    """A whole answer, good or bad."""

    status: int
    headers: httpx.Headers
    body: bytes


@contextmanager
def routed(request: HttpRequest) -> Iterator[None]:
    """Let an error say what was asked, unless it says so already, as a login's."""
    try:
        yield
    except ChronotuiError as error:
        error.route = error.route or request.kind
        raise


class Http:
    """Sends requests to one server; belongs to one event loop at a time.

    Making a client may block for tens of milliseconds on https, where the TLS context
    is built once, at the first need, in a thread.

    Attributes:
        requests: How many were sent, by kind.
        loop: The event loop it was last used on.
        words: How the kind of server is spoken of.
        heard: Told the headers of each answer, good or bad.
    """

    def __init__(
        self,
        address: Address,
        tls: TlsSettings,
        *,
        timeout_seconds: float,
        log: RequestLog | None = None,
        words: ServerWords = CHRONOVERSE_WORDS,
    ) -> None:
        self.address = address
        self.words = words
        self.heard: Callable[[Mapping[str, str]], None] | None = None
        self.timeout_seconds = timeout_seconds
        self.requests: Counter[str] = Counter()
        self.loop: asyncio.AbstractEventLoop | None = None
        self._tls = tls
        self._log = log
        self._dated: tuple[str, float] | None = None
        self._transport: MergingTransport | None = None
        self._making = asyncio.Lock()
        self._context: ssl.SSLContext | None = None
        self._context_lock = threading.Lock()

    async def fetch(self, request: HttpRequest) -> WholeAnswer:
        """Send a request without secrets and return whatever is answered.

        Raises:
            ChronotuiError: There was no whole answer.
        """
        with routed(request):
            async with AsyncExitStack() as stack:
                answer = await self.send(request, stack)
                body = await self.whole_body(answer)
        return WholeAnswer(answer.status_code, answer.headers, body)

    async def send(
        self,
        request: HttpRequest,
        stack: AsyncExitStack,
        secrets: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request, follow redirects within the origin, and give the answer.

        Its body is unread, and it is open until the stack is closed. Whoever reads it
        turns ``FAILURES`` into `explained`.
        """
        transport = await self._ready_transport()
        try:
            for _ in range(_MAX_HOPS):
                answer = await self._sent(transport, request, stack, secrets or {})
                target = redirect_target(answer, self.address, self.words.name)
                if target is None or request.method != "GET":
                    return answer
                await stack.aclose()
                request = replace(request, url=target)
        except FAILURES as error:
            raise self.explained(error) from error
        raise UnreadableAnswerError(
            "The server sends requests round in circles.",
            next_step=self.words.check_url,
        )

    async def check(self, answer: httpx.Response) -> None:
        """Raise for what is no success; an error's body is read for its words."""
        if answer.is_success:
            if is_page(answer.headers):
                raise self.web_page()
            return
        body = b""
        with suppress(*FAILURES, UnreachableError):
            async with self._within(self.timeout_seconds):
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) >= MAX_ERROR_BODY:
                        break
        raise self.refusal(answer.status_code, answer.headers, body)

    async def whole_body(self, answer: httpx.Response) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            async with self._within(self.timeout_seconds * _WHOLE_ANSWER_FACTOR):
                async for part in answer.aiter_bytes():
                    size += len(part)
                    if size > MAX_JSON_BYTES:
                        raise UnreadableAnswerError(
                            f"The answer is larger than {MAX_JSON_BYTES >> 20} MiB.",
                            next_step=self.words.check_url,
                        )
                    parts.append(part)
        except FAILURES as error:
            raise self.explained(error) from error
        return b"".join(parts)

    async def aclose(self) -> None:
        """Close every connection; the next request opens new ones."""
        if self._transport is not None:
            transport, self._transport = self._transport, None
            await transport.aclose()

    async def _sent(
        self,
        transport: MergingTransport,
        request: HttpRequest,
        stack: AsyncExitStack,
        secrets: Mapping[str, str],
    ) -> httpx.Response:
        """Send; a GET that met a connection the server had closed is sent again."""
        try:
            return await self._opened(transport, request, stack, secrets)
        except httpx.ReadError as error:
            is_stale = isinstance(error.__cause__, StaleConnectionError)
            if request.method != "GET" or not is_stale:
                raise
        return await self._opened(transport, request, stack, secrets)

    async def _opened(
        self,
        transport: MergingTransport,
        request: HttpRequest,
        stack: AsyncExitStack,
        secrets: Mapping[str, str],
    ) -> httpx.Response:
        self.requests[request.kind] += 1
        headers = {**request.headers, **secrets}
        status: int | None = None
        problem = ""
        began = time.monotonic()
        try:
            if request.is_stream:
                client = httpx.AsyncClient(transport=transport, **self._client_settings)
                opening = _event_stream(client, request, headers, self.timeout_seconds)
                answer = await stack.enter_async_context(opening)
            else:
                answer = await self._answered(transport, request, headers)
                stack.push_async_callback(answer.aclose)
            status = answer.status_code
            self._date(answer.headers)
            if self.heard is not None:
                self.heard(answer.headers)
        except (*FAILURES, ChronotuiError) as error:
            problem = type(error).__name__
            raise
        finally:
            self.note(request, status, time.monotonic() - began, problem)
        return answer

    async def _answered(
        self,
        transport: MergingTransport,
        request: HttpRequest,
        headers: dict[str, str],
    ) -> httpx.Response:
        """Send without a client: redirects, cookies and auth are not its business."""
        seconds = self.timeout_seconds
        patience = max(seconds, request.patience)
        waits = {"connect": seconds, "read": patience, "write": seconds}
        asked = httpx.Request(
            request.method,
            request.url,
            headers={**_HEADERS, **headers},
            content=request.content,
            extensions={"timeout": {**waits, "pool": seconds}},
        )
        answer = await transport.handle_async_request(asked)
        answer.request = asked
        return answer

    # What goes wrong, and what is told of it.

    def explained(self, error: Exception) -> ChronotuiError:
        """Return our error for one of ``FAILURES``."""
        found = explain(error, self.address, self.proxy, self.words.check_url)
        if isinstance(found, UnreachableError):
            found.was_sent = not isinstance(error, UNSENT)
        return found

    def refusal(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> ChronotuiError:
        """Return the error for an answer that is no success."""
        return self.words.refusal(status, headers, body, self._forwarding_proxy)

    def web_page(self) -> ChronotuiError:
        """Return the error for a success that is an HTML page."""
        return self.words.web_page(self._forwarding_proxy)

    @property
    def proxy_may_answer(self) -> bool:
        """Whether a proxy may answer in the server's place: no tunnel hides it."""
        return self._forwarding_proxy is not None

    @property
    def _forwarding_proxy(self) -> Proxy | None:
        return None if self.address.is_encrypted else self.proxy

    @asynccontextmanager
    async def _within(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            through = "" if self.proxy is None else f", asked through {self.proxy}"
            raise UnreachableError(
                f"{self.address.host} did not answer in time{through}.",
                next_step="Try again, or raise timeout_seconds in the profile.",
            ) from None

    def note(
        self,
        request: HttpRequest,
        status: int | None,
        seconds: float,
        problem: str = "",
    ) -> None:
        """Tell the request log about one exchange."""
        if self._log is not None:
            entry = (
                request.kind,
                request.method,
                request.url,
                status,
                seconds,
                problem,
            )
            self._log(RequestEntry(*entry))

    @property
    def clock_skew(self) -> float | None:
        """Seconds the server's clock is ahead of ours, by its newest answer's date.

        Dates have whole seconds, so it is half a second off at most on a fast way.
        """
        if self._dated is None:
            return None
        written, received = self._dated
        date = read_date(written)
        return None if date is None else date.timestamp() + 0.5 - received

    def _date(self, headers: Mapping[str, str]) -> None:
        """Take note of when an answer was given; one from a cache does not tell."""
        date = headers.get("date")
        if date and "age" not in headers:
            self._dated = (date, time.time())

    # Transports of httpx: one for the event loop, and one for each blocking download.

    @cached_property
    def proxy(self) -> Proxy | None:
        """The environment's proxy to this server, None for none.

        Raises:
            ConfigError: It cannot be used.
        """
        return proxy_for(self.address, os.environ)

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
        return httpx.Client(transport=transport, **self._client_settings)

    async def _ready_transport(self) -> MergingTransport:
        self.loop = asyncio.get_running_loop()
        if self._transport is None:
            async with self._making:
                if self._transport is None:
                    if self._uses_tls and self._context is None:
                        self._transport = await asyncio.to_thread(self._make_transport)
                    else:
                        self._transport = self._make_transport()
        return self._transport

    def _make_transport(self) -> MergingTransport:
        return MergingTransport(
            context=self._shared_context(),
            proxy=self.proxy,
            keepalive_seconds=KEEPALIVE_SECONDS,
            socket_options=socket_options(),
        )

    @property
    def _client_settings(self) -> dict[str, Any]:
        return {
            "timeout": httpx.Timeout(self.timeout_seconds),
            "headers": _HEADERS,
            "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            "trust_env": False,
        }

    @property
    def _uses_tls(self) -> bool:
        proxy = self.proxy
        return self.address.is_encrypted or (proxy is not None and proxy.is_encrypted)

    def _shared_context(self) -> ssl.SSLContext:
        with self._context_lock:
            if self._context is None:
                # Where TLS is never spoken, an empty one trusts nobody.
                self._context = (
                    build_context(self._tls)
                    if self._uses_tls
                    else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                )
            return self._context


@asynccontextmanager
async def _event_stream(
    client: httpx.AsyncClient,
    request: HttpRequest,
    headers: dict[str, str],
    patience: float,
) -> AsyncIterator[httpx.Response]:
    """Open with httpx-sse; only connecting has to come about in time.

    A proxy that buffers throws away what it holds when it is left (WIRE.md
    "Proxies").
    """
    from httpx_sse import aconnect_sse  # noqa: PLC0415  # comes with the first log

    async with aconnect_sse(
        client,
        request.method,
        request.url,
        headers={**headers, "Accept-Encoding": "identity"},
        timeout=httpx.Timeout(patience, read=None),
    ) as source:
        yield source.response


def redirect_target(
    answer: httpx.Response, address: Address, name: str = CHRONOVERSE_WORDS.name
) -> str | None:
    """Return where an answer redirects to, None when it does not.

    Raises:
        FailedAnswerError: It points at another origin, which gets no request.
    """
    if not answer.has_redirect_location:
        return None
    target = str(answer.url.join(answer.headers["location"]))
    if address.owns(target):
        return target
    elsewhere = httpx.URL(target)
    raise FailedAnswerError(
        f"The server redirects to another address, {elsewhere.scheme}://"
        f"{elsewhere.netloc.decode('ascii', 'replace')}, which is not followed.",
        next_step=f"If {name} lives there, put it into the profile's url; "
        "if it is a sign-in page, sign in again.",
    )


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


# TLS as the profile wants it.


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
    for name, file in (("client_cert", cert_file), ("client_key", key_file)):
        try:
            if file is not None:
                file.open("rb").close()
        except OSError as error:
            raise _unreadable(name, file, error) from None
    try:
        context.load_cert_chain(cert_file, key_file, password=_no_passphrase)
    except ssl.SSLError:
        raise ConfigError(
            f"client_cert {cert_file} and its key do not fit together or are not in "
            "PEM form.",
            next_step="Correct client_cert and client_key in the profile.",
        ) from None


def _no_passphrase() -> str:
    """Refuse instead of letting OpenSSL ask on the terminal under the desk."""
    raise ConfigError(
        "client_key is locked with a passphrase, which chronotui cannot ask for.",
        next_step="Give a key without one, readable by you alone.",
    )


def _unreadable(key: str, file: Path | None, error: OSError) -> ConfigError:
    reason = error.strerror or "it cannot be read"
    return ConfigError(
        f"{key} {file} cannot be read: {reason}.",
        next_step=f"Correct {key} in the profile.",
    )
