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


def explain(error: Exception, address: Address) -> ChronotuiError:
    """Return our error for one of httpx, with a sentence and a next step."""
    host = address.origin.partition("://")[2]
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
