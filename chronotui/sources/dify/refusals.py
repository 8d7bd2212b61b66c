"""What Dify answers when it does not do as asked, told as our errors.

The envelope and its historical shapes stand in WIRE.md, "Dify: errors". The code and a
few fixed texts decide which error it is; the server's words are quoted, cleaned and
bounded, never shown as they came.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.errors import (
    Answer,
    ChronotuiError,
    LogsUnavailableError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    OverloadedError,
    RequestRefusedError,
    UnreadableAnswerError,
    WebPageError,
)
from chronotui.sources.wire_errors import (
    LATER,
    ServerWords,
    error_for,
    is_page,
    login_page,
    media_type,
    quote_words,
)
from chronotui.sources.wire_json import loads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chronotui.sources.address import Address, Proxy
    from chronotui.sources.http import Http, WholeAnswer

CHECK_URL: Final = (
    "Check that the profile's url is the base of Dify's Service API, such as "
    "https://dify.example.com/v1."
)
NO_LOGS: Final = "This app type has no workflow logs"

_CHECK_KEY: Final = (
    "Check the profile's key: it is that of one app and begins with app-."
)
_ODD_ROW: Final = "is not a valid "
"""Stands in the refusal of a page that holds a value the server cannot name itself."""


class OddRowError(UnreadableAnswerError):
    """A page of the list holds a row that the server stumbles over itself."""


class Envelope(NamedTuple):
    """An error as the server tells it; what it leaves out is ""."""

    code: str
    said: str


def read_envelope(body: bytes) -> Envelope:
    """Read an error's body in any shape it ever had, or as bare text."""
    try:
        answer = loads(body)
    except ValueError:
        return Envelope("", quote_words(body))
    if not isinstance(answer, dict):
        return Envelope("", quote_words(body))
    code, message = answer.get("code"), answer.get("message")
    fields = answer.get("errors")
    if isinstance(fields, dict) and fields:
        told = (f"{name}: {text}" for name, text in fields.items())
        said = "; ".join(told)
    else:
        said = _without_dump(message if isinstance(message, str) else "")
    return Envelope(code if isinstance(code, str) else "", quote_words(said.encode()))


def _without_dump(message: str) -> str:
    """Return the field and what is wrong with it, of a dump of pydantic's."""
    head, _, rest = message.partition("\n")
    if "validation error" not in head or not rest:
        return message
    field, _, wrong = rest.partition("\n")
    wrong = wrong.partition("\n")[0].partition(" [type=")[0]
    return f"{field.strip()}: {wrong.strip()}" if wrong else field


def refusal(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    proxy: Proxy | None = None,
) -> ChronotuiError:
    """Return the error for an answer that is no success, as `error_for` does."""
    page = is_page(headers, body)
    code, said = ("", "") if page else read_envelope(body)
    usual = error_for(status, headers, said.encode() or body, proxy, CHECK_URL)
    if page:
        error = _page_refusal(status) if proxy is None else None
    else:
        error = _told(status, code, said)
    if error is None:
        return usual
    is_plain = media_type(headers) in {"text/plain", "application/json"}
    error.answer = Answer(status, is_plain and not page)
    error.retry_after = usual.retry_after
    return error


def _page_refusal(status: int) -> ChronotuiError | None:
    """Return the error for a web page that is the server's own, None for a proxy's."""
    if status in {404, 405}:
        return NotFoundError(
            f"A web page came instead of Dify's API ({status}).", next_step=CHECK_URL
        )
    return None


def _told(status: int, code: str, said: str) -> ChronotuiError | None:
    """Return the error for what the server says itself; None for the usual one."""
    if status == 400:
        return _bad_request(code, said)
    words = f" ({status}): “{said}”" if said else f" ({status})."
    if status == 401:
        return NotSignedInError(
            f"Dify does not take the API key{words}", next_step=_CHECK_KEY
        )
    if status == 403:
        return NotAllowedError(
            f"Dify does not let the app be read{words}", next_step=_step_for(said)
        )
    if status == 404 and code == "app_unavailable":
        return NotAllowedError(f"The app is not available{words}", next_step=_CHECK_KEY)
    if status == 404:
        return NotFoundError(f"Dify does not have that{words}", next_step="")
    return None


def _step_for(said: str) -> str:
    """Return what helps where an app may not be read."""
    words = said.lower()
    if "disabled" in words:
        return "Switch the API service of the app on, in Dify under API access."
    if "archived" in words:
        return "Only the owner of the workspace can bring it back."
    if "no longer exists" in words:
        return "Use the key of an app that is there."
    return "Ask whoever runs the app."


def _bad_request(code: str, said: str) -> ChronotuiError | None:
    if code == "not_workflow_app":
        return LogsUnavailableError(
            f"{NO_LOGS} (400): “{said}”",
            next_step="Use the key of an app whose type is workflow.",
        )
    if _ODD_ROW in said and "choice" not in said and code in {"", "invalid_param"}:
        return OddRowError(
            f"Dify stumbles over a row of its own (400): “{said}”",
            next_step="Newer releases read such rows; nothing that was asked is wrong.",
        )
    if said.lower().startswith("too many requests"):
        return OverloadedError(
            f"The server asks to slow down (400): “{said}”", next_step=LATER
        )
    if not said:
        return None
    return RequestRefusedError(
        f"Dify does not take what was asked (400): “{said}”",
        next_step="Change the filter; trying again will not help.",
    )


def _web_page(proxy: Proxy | None) -> WebPageError:
    if proxy is not None:
        return login_page(proxy)
    error = WebPageError(
        "A web page came instead of data: this is not the base of a Dify API "
        "(forgot /v1?).",
        next_step=CHECK_URL,
    )
    error.answer = Answer(200, is_plain=False)
    return error


WORDS: Final = ServerWords("Dify", CHECK_URL, refusal, _web_page)


def unreadable(what: str, why: str) -> UnreadableAnswerError:
    """Return the error for an answer that is not what the contract says."""
    return UnreadableAnswerError(
        f"The answer for {what} cannot be read: {why}.",
        next_step="Try again; if it stays, something on the way changes answers.",
    )


# The look at a server before it gets the key.

_KEPT_BACK: Final = "The key was not sent there."
_PASSING: Final = frozenset({407, 408, 425, 429})
"""With 5xx, answers that tell of the moment and not of what kind of server it is."""


def objection(http: Http, answer: WholeAnswer) -> ChronotuiError | None:
    """Return why a server gets no key, None if it may.

    Without a key, ``/info`` of every release is a 401 in Dify's own envelope.
    """
    status, headers, body = answer
    page = is_page(headers, body)
    if page and http.proxy_may_answer:
        is_success = 200 <= status < 300
        return http.web_page() if is_success else http.refusal(status, headers, body)
    if status in _PASSING or (status >= 500 and status != 501):
        return http.refusal(status, headers, body)
    seen = _foreign(answer, page=page)
    if not seen:
        return None
    error = UnreadableAnswerError(
        f"What answers at {http.address.base} is not the base of a Dify API: {seen}.",
        next_step=f"Check the profile's url (forgot /v1?). {_KEPT_BACK}",
    )
    error.answer = Answer(status, is_plain=not page)
    return error


def _foreign(answer: WholeAnswer, *, page: bool) -> str:
    """Return by what an answer shows another server, "" if it is Dify's."""
    status, _, body = answer
    if page:
        return f"a web page came ({status})"
    if status != 401:
        return f"it answers {status} to a request without a key"
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        envelope = None
    if isinstance(envelope, dict) and envelope.get("code") == "unauthorized":
        return ""
    return "it answers 401 in a form of its own"


def with_default_path(address: Address) -> str:
    """Return the base to ask: ``/v1`` where the profile's url has no path."""
    has_path = address.base != address.origin
    return address.base if has_path else f"{address.base}/v1"
