"""How each failure looks on the wire."""

from __future__ import annotations

import json
from http.client import responses
from typing import TYPE_CHECKING, Any, Final

from chronotui.demo.failure import Failure
from chronotui.demo.message import HTML, JSON, Answer, plain
from chronotui.demo.service import words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chronotui.demo.failure import Refusal
    from chronotui.demo.faults import Faults

_STATUSES: Final = {
    Failure.PLAIN_500: (500, "internal server error"),
    Failure.HOSTILE_500: (
        500,
        "broken \x1b[2J\x1b]0;owned\x07 [/red] \u202edne\u202c \x00 and so on",
    ),
    Failure.PLAIN_503: (503, "service unavailable"),
    Failure.WAIT_503: (503, "service unavailable"),
    Failure.TOO_MANY: (429, "too many requests"),
    Failure.WAIT_429: (429, "too many requests"),
    Failure.TIMEOUT_408: (408, "request timed out"),
    Failure.UNAUTHORIZED: (401, "invalid or expired session"),
    Failure.FORBIDDEN: (403, "you may not see this"),
    Failure.NOT_FOUND: (404, "resource not found"),
}

_WAITS: Final = {Failure.WAIT_503, Failure.WAIT_429}

_LOGIN: Final = """<!doctype html>
<html><head><title>Sign in - Example SSO</title></head>
<body><form method="post"><input name="user"><input type="password" name="pass">
<button>Sign in</button></form></body></html>
"""

_PAGE: Final = """<html>
<head><title>{status}</title></head>
<body>
<center><h1>{status}</h1></center>
<hr><center>nginx/1.27.2</center>
</body>
</html>
"""

_PAGES: Final = {
    Failure.HTML_502: (502, _PAGE.format(status="502 Bad Gateway")),
    Failure.HTML_504: (504, _PAGE.format(status="504 Gateway Time-out")),
    Failure.LOGIN_PAGE: (200, _LOGIN),
    Failure.EMPTY_BODY: (200, ""),
    Failure.EMPTY_500: (500, ""),
}

WHOLE: Final = frozenset(
    {
        Failure.WRONG_TYPE,
        Failure.NO_TYPE,
        Failure.TRUNCATED_JSON,
        Failure.MALFORMED_JSON,
        Failure.WRONG_FIELDS,
        Failure.STRANGE_WORDS,
        Failure.NOT_UTF8,
        Failure.CUT,
    }
)
"""Failures that spoil the true answer instead of replacing it."""


def replacement(failure: Failure, faults: Faults) -> Answer:
    """Return what is sent instead of the true answer.

    Raises:
        KeyError: For a failure that spoils the true answer, or gives none.
    """
    if failure in _PAGES:
        status, text = _PAGES[failure]
        return Answer(status, text.encode(), HTML if text else "")
    if failure is Failure.REDIRECT:
        return Answer(302, headers=[("Location", faults.redirect_to)])
    answer = plain(*_STATUSES[failure])
    if failure in _WAITS:
        answer.headers.append(("Retry-After", faults.retry_after))
    return answer


def refused(refusal: Refusal, method: str, endpoint: str) -> Answer:
    """Return the answer a refusal stands for."""
    body = refusal.body
    if body is None:
        body = _usual_body(refusal, words_of(method, endpoint))
    if isinstance(body, str):
        body = body.encode()
    answer = Answer(refusal.status, body, refusal.content_type)
    if refusal.retry_after is not None:
        answer.headers.append(("Retry-After", str(refusal.retry_after)))
    return answer


def _usual_body(refusal: Refusal, words: str) -> str:
    kind = refusal.content_type.partition(";")[0]
    if not kind:
        return ""
    if kind == "text/html":
        said = f"{refusal.status} {responses.get(refusal.status, '')}".rstrip()
        return _PAGE.format(status=said)
    return json.dumps({"error": words}) if kind.endswith("json") else f"{words}\n"


def spoiled(failure: Failure, answer: Answer) -> Answer:
    """Return the true answer spoiled."""
    body, content_type = answer.body, answer.content_type
    if failure is Failure.WRONG_TYPE:
        content_type = "application/octet-stream"
    elif failure is Failure.NO_TYPE:
        content_type = ""
    elif failure is Failure.TRUNCATED_JSON:
        body = body[: len(body) * 2 // 3]
    elif failure is Failure.MALFORMED_JSON:
        body = body.replace(b'":', b'";', 1)
    elif failure is Failure.NOT_UTF8:
        body = body.replace(b'":"', b'":"\xff\xfe', 1)
    elif failure in _CHANGES and content_type == JSON:
        body = json.dumps(_changed(json.loads(body), _CHANGES[failure])).encode()
    return Answer(answer.status, body, content_type, answer.headers)


def _changed(value: Any, change: Callable[[str, Any], Any]) -> Any:
    """Change the fields of an object, or of the objects in its lists."""
    if not isinstance(value, dict):
        return value
    lists = {
        name: [_changed(row, change) for row in rows]
        for name, rows in value.items()
        if isinstance(rows, list) and rows
    }
    if lists:
        return {**value, **lists}
    changed = {name: change(name, field) for name, field in value.items()}
    return {**changed, "release_ring": {"name": "next", "waves": [1, None]}}


def _of_other_type(name: str, value: Any) -> Any:
    del name
    return [42] if isinstance(value, str) else str(value)


def _of_next_release(name: str, value: Any) -> Any:
    return _NEXT_WORDS.get(name, value)


_NEXT_WORDS: Final = {
    "status": "PAUSED \x1b[31m",
    "trigger": "WEBHOOK",
    "kind": "WASM [red]",
    "build_status": "MIRRORED",
    "stream": "stdaux",
}

_CHANGES: Final[Mapping[Failure, Callable[[str, Any], Any]]] = {
    Failure.WRONG_FIELDS: _of_other_type,
    Failure.STRANGE_WORDS: _of_next_release,
}
