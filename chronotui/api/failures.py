"""Every exception of httpx, told as one of ours.

The words of httpx are never shown: they are empty for time-outs and meant for
programmers. What happened is found in the chain of causes instead.
"""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING, Final

import httpx

from chronotui.errors import ChronotuiError, ConfigError, UnreachableError
from chronotui.errors import UnreadableAnswerError as Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.api.address import Address
    from chronotui.api.proxies import Proxy

FAILURES: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError)
"""What a request may raise; catch these and raise ``explain``'s answer.

OSError is among them because TLS errors in mid-answer come as they are.
"""

_RETRY: Final = "Check the network and the profile's url, then try again."

_OS_SENTENCES: Final = {
    errno.ECONNREFUSED: "{host} refused the connection: nothing listens there.",
    errno.ENETUNREACH: "There is no network route to {host}.",
    errno.EHOSTUNREACH: "{host} cannot be reached from here.",
    errno.ECONNRESET: "{host} cut the connection.",
    errno.EPIPE: "{host} cut the connection.",
    errno.ETIMEDOUT: "{host} did not answer in time.",
    errno.EMFILE: "Too many files are open on this machine to connect to {host}.",
}


def explain(
    error: Exception, address: Address, proxy: Proxy | None = None
) -> ChronotuiError:
    """Return our error for one of httpx, with a sentence and a next step.

    Args:
        error: What httpx raised.
        address: The server that was asked.
        proxy: What it was asked through; what can be its doing names it.
    """
    host = address.origin.partition("://")[2]
    if proxy is not None:
        found = _through_proxy(error, host, proxy)
        if found is not None:
            return found
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return UnreachableError(
                f"The name {address.host} cannot be found (DNS).",
                next_step="Check the profile's url, the network and the VPN.",
            )
        found = _from_cause(cause, host)
        if found is not None:
            return found
    return _from_kind(error, host)


def _through_proxy(error: Exception, host: str, proxy: Proxy) -> ChronotuiError | None:
    """Return what happened at a proxy or beyond it, None for what it cannot be."""
    for cause in _causes(error):
        found = _from_cause_at_proxy(cause, host, proxy)
        if found is not None:
            return found
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        sentence = f"No connection to {proxy} came about{_why(error)}."
    elif isinstance(error, httpx.TimeoutException):
        sentence = f"Nothing came in time through {proxy} on the way to {host}."
    elif isinstance(error, (httpx.NetworkError, httpx.RemoteProtocolError, OSError)):
        sentence = f"The connection through {proxy} to {host} broke."
    else:
        return None
    return UnreachableError(sentence, next_step=proxy.next_step)


def _from_cause_at_proxy(
    cause: BaseException, host: str, proxy: Proxy
) -> ChronotuiError | None:
    if isinstance(cause, ChronotuiError):
        return cause
    if isinstance(cause, httpx.ProxyError):
        return _refused_by_proxy(str(cause), host, proxy)
    if isinstance(cause, ssl.SSLError):
        far = f"{host}, reached through {proxy},"
        near = f"{proxy}, or of {host} behind it,"
        return _from_tls(cause, near if proxy.is_encrypted else far)
    if isinstance(cause, socket.gaierror):
        sentence = f"The name of {proxy} cannot be found (DNS)."
        return UnreachableError(sentence, next_step=proxy.next_step)
    return None


def _why(error: Exception) -> str:
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in _OS_REASONS:
            return f": {_OS_REASONS[cause.errno]}"
    return " in time" if isinstance(error, httpx.ConnectTimeout) else ""


_OS_REASONS: Final = {
    errno.ECONNREFUSED: "nothing listens there",
    errno.ENETUNREACH: "there is no network route to it",
    errno.EHOSTUNREACH: "it cannot be reached from here",
    errno.ECONNRESET: "it cut the connection",
    errno.ETIMEDOUT: "it did not answer in time",
}


def _refused_by_proxy(said: str, host: str, proxy: Proxy) -> UnreachableError:
    """Tell why a proxy opened no tunnel, by the status that httpcore reports."""
    status = said[:3] if said[:3].isdigit() else ""
    who = f"The{str(proxy)[3:]}"
    if status == "407":
        sentence = f"{who} wants a sign-in (407)."
        return UnreachableError(sentence, next_step=proxy.sign_in_step)
    if status in {"401", "403", "405"}:
        sentence = f"{who} lets nobody through to {host} ({status})."
    elif status in {"502", "503", "504"}:
        sentence = f"{who} cannot reach {host} ({status})."
    else:
        sentence = f"{who} opened no way to {host}" + (
            f" ({status})." if status else "."
        )
    return UnreachableError(sentence, next_step=proxy.next_step)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk an exception, what caused it and what was raised in groups below."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            pending.extend(current.exceptions)
        pending.append(current.__cause__ or current.__context__)


def _from_cause(cause: BaseException, host: str) -> ChronotuiError | None:
    if isinstance(cause, ChronotuiError):
        return cause
    if isinstance(cause, ssl.SSLError):
        return _from_tls(cause, host)
    if isinstance(cause, OSError) and cause.errno in _OS_SENTENCES:
        return UnreachableError(
            _OS_SENTENCES[cause.errno].format(host=host), next_step=_RETRY
        )
    return None


def _from_tls(cause: ssl.SSLError, host: str) -> ChronotuiError:
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = getattr(cause, "verify_message", "") or "it is not trusted"
        return UnreachableError(
            f"The certificate of {host} is not accepted: {reason}.",
            next_step="If it is your own authority, name it in ca_file.",
        )
    reason = (getattr(cause, "reason", "") or "").replace("_", " ").lower()
    if "wrong version" in reason or "record layer" in reason:
        sentence = f"{host} does not speak TLS there."
        return UnreachableError(sentence, next_step="Try http:// in the profile's url.")
    if "certificate required" in reason or "handshake failure" in reason:
        return UnreachableError(
            f"{host} refused the secure connection: {reason}.",
            next_step="It may want a client_cert in the profile.",
        )
    return UnreachableError(
        f"The secure connection to {host} failed" + (f": {reason}." if reason else "."),
        next_step=_RETRY,
    )


def _from_kind(error: Exception, host: str) -> ChronotuiError:
    for kind, make, sentence, step in _KINDS:
        if isinstance(error, kind):
            return make(sentence.format(host=host), next_step=step)
    return UnreachableError(f"The exchange with {host} failed.", next_step=_RETRY)


_SLOW: Final = "Try again, or raise timeout_seconds in the profile."
_FOREIGN: Final = "Check that the profile's url points at a Chronoverse server."

_KINDS: Final[tuple[tuple[type[Exception], type[ChronotuiError], str, str], ...]] = (
    (httpx.ConnectTimeout, UnreachableError,
     "{host} did not answer in time while connecting.", _SLOW),
    (httpx.ReadTimeout, UnreachableError,
     "{host} took the request and did not answer in time.", _SLOW),
    (httpx.WriteTimeout, UnreachableError,
     "{host} did not take the request in time.", _SLOW),
    (httpx.PoolTimeout, UnreachableError,
     "Too many requests to {host} are waiting already.", _SLOW),
    (httpx.TimeoutException, UnreachableError,
     "{host} did not answer in time.", _SLOW),
    (httpx.ProxyError, UnreachableError,
     "The proxy on the way to {host} refused the connection.",
     "Check the proxy settings of the environment (HTTPS_PROXY, NO_PROXY)."),
    (httpx.ConnectError, UnreachableError,
     "No connection to {host} came about.", _RETRY),
    (httpx.RemoteProtocolError, UnreachableError,
     "{host} broke off its answer or did not answer in HTTP.", _RETRY),
    (httpx.NetworkError, UnreachableError,
     "The connection to {host} broke.", _RETRY),
    (httpx.LocalProtocolError, ConfigError,
     "The request to {host} cannot be sent as it is.",
     "Check the profile's url and secrets for odd characters."),
    (httpx.UnsupportedProtocol, ConfigError,
     "The URL of {host} is not one of an http server.",
     "Write it like https://chrono.example.com/api."),
    (httpx.InvalidURL, ConfigError,
     "The URL of {host} cannot be used.",
     "Write it like https://chrono.example.com/api."),
    (httpx.DecodingError, Unreadable,
     "The answer of {host} is compressed in a way that cannot be read.", _FOREIGN),
    (httpx.TooManyRedirects, Unreadable,
     "{host} sends requests round in circles.", _FOREIGN),
    (httpx.HTTPStatusError, Unreadable,
     "{host} answered with an unexpected status.", _FOREIGN),
    (httpx.StreamError, UnreachableError,
     "The answer of {host} was closed before it was read.", _RETRY),
)  # fmt: skip
"""The first kind that fits; narrow kinds stand before wide ones."""
