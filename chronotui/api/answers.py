"""What an answer's status and content type mean (wire note "Errors").

Branches are on status and content type alone; the server's text is cleaned, bounded
and quoted, never parsed.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from chronotui.errors import (
    Answer,
    ChronotuiError,
    FailedAnswerError,
    LogsUnavailableError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    OverloadedError,
    RequestRefusedError,
    UnreadableAnswerError,
    WebPageError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_QUOTED: Final = 200
"""Characters of the server's own words that a sentence carries."""

MAX_ERROR_BODY: Final = 8192
"""Bytes of an error's body that are read; the words are in its first line."""

SESSION_OVER: Final = "The session or token is missing or has ended"
SIGN_IN: Final = "Sign in again with `chronotui login`, or check the profile's auth."
CHECK_URL: Final = "Check that the profile's url points at a Chronoverse server."
LATER: Final = "Try again in a moment."

_REFUSALS: Final = frozenset({400, 405, 406, 409, 411, 413, 414, 415, 417, 422, 431})


def media_type(headers: Mapping[str, str]) -> str:
    """Return the bare content type in lower case, "" when absent."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_page(headers: Mapping[str, str], body: bytes = b"") -> bool:
    """Whether an answer is an HTML page, which Chronoverse never sends."""
    if media_type(headers) in {"text/html", "application/xhtml+xml"}:
        return True
    return begins_as_page(body)


def begins_as_page(body: bytes) -> bool:
    """Whether a body is an HTML page by its beginning, whatever its type says."""
    start = body[:64].lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html"))


def login_page() -> WebPageError:
    """Return the error for a 200 that is an HTML page."""
    error = WebPageError(
        "A web page came instead of data: a sign-in page, or not the API's address.",
        next_step="Sign in again, or check that the profile's url is the API's.",
    )
    error.answer = Answer(HTTPStatus.OK, is_plain=False)
    return error


def error_for(status: int, headers: Mapping[str, str], body: bytes) -> ChronotuiError:
    """Return the error for an answer that is not a success.

    Args:
        status: Any HTTP status outside 200 to 299.
        headers: The answer's, with lower-case or case-insensitive names.
        body: Its beginning, at most ``MAX_ERROR_BODY`` bytes.
    """
    said = "" if is_page(headers, body) else quote_words(body)
    error = _error_of(status, headers, said)
    own_words = said and media_type(headers) in {"text/plain", "application/json"}
    error.answer = Answer(status, is_plain=bool(own_words))
    if error.retry_after is None:
        error.retry_after = _wait_asked(headers)
    return error


def _wait_asked(headers: Mapping[str, str]) -> float | None:
    return retry_after(headers.get("retry-after", ""), datetime.now(UTC))


def _error_of(status: int, headers: Mapping[str, str], said: str) -> ChronotuiError:
    if status in _REFUSALS:
        return RequestRefusedError(
            _tell("The server refused the request", status, said),
            next_step="Change what was asked for; trying again will not help.",
        )
    if status in _EXPECTED:
        make, sentence, step = _EXPECTED[status]
        return make(_tell(sentence, status, said), next_step=step)
    return _from_class(status, headers, said)


def _from_class(status: int, headers: Mapping[str, str], said: str) -> ChronotuiError:
    wait = _wait_asked(headers)
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status == 503 and wait is not None):
        asked = "" if wait is None else f" for {wait:.0f} s"
        return OverloadedError(
            _tell(f"The server asks to slow down{asked}", status, said),
            next_step="Requests go on after the wait.",
            retry_after=wait,
        )
    if status >= 500:
        page = not said and media_type(headers) == "text/html"
        who = "The proxy before the server" if page else "The server"
        return FailedAnswerError(_tell(f"{who} failed", status, said), next_step=LATER)
    if 300 <= status < 400:
        return UnreadableAnswerError(
            _tell("The server points elsewhere", status, said), next_step=CHECK_URL
        )
    return UnreadableAnswerError(
        _tell("The server gave an unexpected answer", status, said), next_step=CHECK_URL
    )


_EXPECTED: Final[dict[int, tuple[type[ChronotuiError], str, str]]] = {
    401: (NotSignedInError, SESSION_OVER, SIGN_IN),
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


def retry_after(value: str, now: datetime) -> float | None:
    """Read a Retry-After header, seconds or an HTTP date; None when unreadable."""
    value = value.strip()
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds_until(http_date: str, now: datetime) -> float:
    try:
        return (parsedate_to_datetime(http_date).astimezone(UTC) - now).total_seconds()
    except (ValueError, OverflowError):
        return math.nan


def _tell(sentence: str, status: int, said: str) -> str:
    return f"{sentence} ({status}): “{said}”" if said else f"{sentence} ({status})."
