"""What went wrong, by an answer or an exception of httpx, told as one of our errors.

Branches are on status and content type alone; the server's text is cleaned, bounded
and quoted, never parsed (WIRE.md "Errors"). The words of httpx are never shown: they
are empty for time-outs and meant for programmers. What happened is found in the chain
of causes instead.
"""

from __future__ import annotations

import errno
import math
import re
import socket
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

import httpx

from chronotui.errors import (
    Answer,
    ChronotuiError,
    ConfigError,
    FailedAnswerError,
    LogsUnavailableError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    OverloadedError,
    RequestRefusedError,
    UnreachableError,
    UnreadableAnswerError,
    WebPageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chronotui.sources.address import Address, Proxy


MAX_QUOTED: Final = 200
"""Characters of the server's own words that a sentence carries."""

MAX_ERROR_BODY: Final = 8192
"""Bytes of an error's body that are read; the words stand at its beginning."""

CHECK_URL: Final = "Check that the profile's url points at a Chronoverse server."
LATER: Final = "Try again in a moment."

MOST_WAIT_SECONDS: Final = 300.0
"""The longest wait a server can ask for that is obeyed."""

_REFUSALS: Final = frozenset({400, 405, 406, 409, 411, 413, 414, 415, 417, 422, 431})


def media_type(headers: Mapping[str, str]) -> str:
    """Return the bare content type in lower case, "" when absent."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_page(headers: Mapping[str, str], body: bytes = b"") -> bool:
    """Whether an answer is an HTML page, which no server here sends as data."""
    if media_type(headers) in {"text/html", "application/xhtml+xml"}:
        return True
    return begins_as_page(body)


def begins_as_page(body: bytes) -> bool:
    """Whether a body is an HTML page by its beginning, whatever its type says."""
    start = body[:64].lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html"))


def login_page(proxy: Proxy | None = None) -> WebPageError:
    """Return the error for a 200 that is an HTML page, maybe the proxy's own."""
    if proxy is None:
        error = WebPageError(
            "A web page came instead of data: a sign-in page, or not the API's "
            "address.",
            next_step="Sign in again, or check that the profile's url is the API's.",
        )
    else:
        sentence = f"A web page came through {proxy} instead of data."
        error = WebPageError(sentence, next_step=proxy.next_step)
    error.answer = Answer(HTTPStatus.OK, is_plain=False)
    return error


class ServerWords(NamedTuple):
    """How a kind of server is spoken of, and how its answers are read as errors.

    Attributes:
        name: What stands behind "if … lives there".
        check_url: The next step where it may be another server.
        refusal: Makes the error for an answer that is no success, as `error_for`.
        web_page: Makes the error for a success that is an HTML page.
    """

    name: str
    check_url: str
    refusal: Callable[[int, Mapping[str, str], bytes, Proxy | None], ChronotuiError]
    web_page: Callable[[Proxy | None], WebPageError]


def error_for(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    proxy: Proxy | None = None,
    check_url: str = CHECK_URL,
) -> ChronotuiError:
    """Return the error for an answer that is not a success.

    Args:
        status: Any HTTP status outside 200 to 299.
        headers: The answer's, with lower-case or case-insensitive names.
        body: Its beginning, at most ``MAX_ERROR_BODY`` bytes.
        proxy: The one that may have answered in the server's place.
        check_url: The next step where it may be another server.
    """
    page = is_page(headers, body)
    said = "" if page else quote_words(body)
    wait = retry_after(headers.get("retry-after", ""), datetime.now(UTC))
    error = None if proxy is None else _proxys_answer(proxy, status, page=page)
    if error is None:
        error = _error_of(status, wait, said, media_type(headers), check_url)
    is_plain = bool(said) and media_type(headers) in {"text/plain", "application/json"}
    error.answer = Answer(status, is_plain)
    if error.retry_after is None:
        error.retry_after = wait
    return error


CHRONOVERSE_WORDS: Final = ServerWords("Chronoverse", CHECK_URL, error_for, login_page)


def _proxys_answer(proxy: Proxy, status: int, *, page: bool) -> ChronotuiError | None:
    """Return the error for what a proxy says itself, None for a server's words."""
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        sentence = f"The{str(proxy)[3:]} wants a sign-in (407)."
        return FailedAnswerError(sentence, next_step=proxy.sign_in_step)
    if not page:
        return None
    return FailedAnswerError(
        f"A web page came through {proxy} in place of the server's answer ({status}).",
        next_step=proxy.next_step,
    )


def _error_of(
    status: int, wait: float | None, said: str, kind: str, check_url: str
) -> ChronotuiError:
    make: type[ChronotuiError]
    if status in _REFUSALS:
        make, sentence = RequestRefusedError, "The server refused the request"
        step = "Change what was asked for; trying again will not help."
    elif status in _EXPECTED:
        make, sentence, step = _EXPECTED[status]
    elif status == HTTPStatus.TOO_MANY_REQUESTS or (status == 503 and wait is not None):
        return _overloaded(wait, status, said)
    elif status >= 500:
        is_proxy = not said and kind == "text/html"
        who = "The proxy before the server" if is_proxy else "The server"
        make, sentence, step = FailedAnswerError, f"{who} failed", LATER
    elif 300 <= status < 400:
        make, step = UnreadableAnswerError, check_url
        sentence = "The server points elsewhere"
    else:
        make, step = UnreadableAnswerError, check_url
        sentence = "The server gave an unexpected answer"
    return make(_tell(sentence, status, said), next_step=step)


def _overloaded(wait: float | None, status: int, said: str) -> OverloadedError:
    sentence = "The server asks to slow down"
    step = "Requests go on after the wait."
    if not wait:
        step = LATER
    elif wait <= MOST_WAIT_SECONDS:
        sentence += f" for {wait_words(wait)}"
    else:
        sentence = f"The server asks for a wait of {wait_words(wait)}"
        step = f"It is asked again in {wait_words(MOST_WAIT_SECONDS)}."
    return OverloadedError(
        _tell(sentence, status, said), next_step=step, retry_after=wait
    )


_EXPECTED: Final[dict[int, tuple[type[ChronotuiError], str, str]]] = {
    401: (NotSignedInError, "The session or token is missing or has ended",
          "Sign in again with `chronotui login`, or check the profile's auth."),
    403: (NotAllowedError, "This account may not see that",
          "Ask for the right, or use another profile."),
    404: (NotFoundError, "The server does not have that", "Check the id and the url."),
    407: (FailedAnswerError, "The proxy on the way wants a sign-in",
          "Check the proxy settings of the environment."),
    408: (FailedAnswerError, "The server gave up waiting for the request", LATER),
    410: (NotFoundError, "The server does not have that any more", ""),
    412: (LogsUnavailableError, "The server keeps no log here",
          "Log retention is off, the kind has no logs, or the job is not that far."),
    425: (FailedAnswerError, "The server wants the request later", LATER),
    451: (NotAllowedError, "The server may not show that", ""),
}  # fmt: skip


def quote_words(body: bytes) -> str:
    """Return the server's text as one clean, bounded line; "" for none."""
    text = body[:MAX_ERROR_BODY].decode("utf-8", "replace")
    harmless = "".join(sign if sign.isprintable() else " " for sign in text)
    words = " ".join(harmless.split())
    return words if len(words) <= MAX_QUOTED else words[: MAX_QUOTED - 1] + "…"


def wait_words(seconds: float) -> str:
    """Return a wait for people, rounded up: ``12 s``, ``5 min``, ``24 h``, ``30 d``."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{math.ceil(seconds / size):,} {unit}"
    return f"{math.ceil(seconds)} s"


_SECONDS: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def retry_after(value: str, now: datetime) -> float | None:
    """Read a Retry-After header, seconds or an HTTP date; None when unreadable.

    What lies in the past, or below zero, is no wait: 0.
    """
    value = value.strip()
    is_number = _SECONDS.fullmatch(value) is not None
    seconds = float(value) if is_number else _seconds_until(value, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def read_date(http_date: str) -> datetime | None:
    """Read a date as HTTP headers carry it; None when unreadable."""
    try:
        date = parsedate_to_datetime(http_date)
        return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _seconds_until(http_date: str, now: datetime) -> float:
    date = read_date(http_date)
    return math.nan if date is None else (date - now).total_seconds()


def _tell(sentence: str, status: int, said: str) -> str:
    return f"{sentence} ({status}): “{said}”" if said else f"{sentence} ({status})."


FAILURES: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError)
"""What a request may raise; catch these and raise ``explain``'s answer.

OSError is among them because TLS errors in mid-answer come as they are.
"""

UNSENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
)
"""Those of them that came before anything was sent."""

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
    error: Exception,
    address: Address,
    proxy: Proxy | None = None,
    check_url: str = CHECK_URL,
) -> ChronotuiError:
    """Return our error for one of ``FAILURES``; a proxy is named for its doings."""
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
    return _from_kind(error, host, check_url)


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


def _from_kind(error: Exception, host: str, check_url: str) -> ChronotuiError:
    for kind, make, sentence, step in _KINDS:
        if isinstance(error, kind):
            return make(sentence.format(host=host), next_step=step or check_url)
    return UnreachableError(f"The exchange with {host} failed.", next_step=_RETRY)


_SLOW: Final = "Try again, or raise timeout_seconds in the profile."

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
    (httpx.DecodingError, UnreadableAnswerError,
     "The answer of {host} is compressed in a way that cannot be read.", ""),
    (httpx.TooManyRedirects, UnreadableAnswerError,
     "{host} sends requests round in circles.", ""),
    (httpx.HTTPStatusError, UnreadableAnswerError,
     "{host} answered with an unexpected status.", ""),
    (httpx.StreamError, UnreachableError,
     "The answer of {host} was closed before it was read.", _RETRY),
)  # fmt: skip
"""The first kind that fits; narrow kinds stand before wide ones. Without a next step
the url is to be checked."""
