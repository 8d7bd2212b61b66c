"""Every answer and every exception of httpx becomes one of our errors, with words."""

from __future__ import annotations

import errno
import socket
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpcore
import httpx
import pytest

from chronotui.errors import (
    AuthError,
    ChronotuiError,
    ConfigError,
    FailedAnswerError,
    LogsUnavailableError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    OverloadedError,
    RequestRefusedError,
    ServerError,
    UnreachableError,
    UnreadableAnswerError,
)
from chronotui.sources.address import parse_address
from chronotui.sources.wire_errors import (
    FAILURES,
    MAX_QUOTED,
    error_for,
    explain,
    is_page,
    retry_after,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


PLAIN = httpx.Headers({"content-type": "text/plain; charset=utf-8"})
PAGE = httpx.Headers({"content-type": "text/html"})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, UnreadableAnswerError), (304, UnreadableAnswerError),
        (400, RequestRefusedError), (401, NotSignedInError), (403, NotAllowedError),
        (404, NotFoundError), (405, RequestRefusedError), (407, FailedAnswerError),
        (408, FailedAnswerError), (409, RequestRefusedError), (410, NotFoundError),
        (412, LogsUnavailableError), (418, UnreadableAnswerError),
        (422, RequestRefusedError), (429, OverloadedError), (451, NotAllowedError),
        (500, FailedAnswerError), (501, FailedAnswerError), (502, FailedAnswerError),
        (503, FailedAnswerError), (504, FailedAnswerError), (599, FailedAnswerError),
    ],
)  # fmt: skip
def test_each_status_has_its_error(status: int, kind: type[ChronotuiError]) -> None:
    error = error_for(status, PLAIN, b"job is not completed\n")
    assert type(error) is kind
    assert str(status) in error.sentence
    assert "“job is not completed”" in error.sentence


@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"<html>Bad Gateway</html>"])
@pytest.mark.parametrize("headers", [PLAIN, PAGE, httpx.Headers()])
def test_no_status_goes_without_words(body: bytes, headers: httpx.Headers) -> None:
    for status in range(300, 600):
        error = error_for(status, headers, body)
        assert len(error.sentence) > 10
        assert "<html>" not in str(error)
        assert str(error).isprintable()


def test_a_page_of_a_proxy_is_not_quoted() -> None:
    error = error_for(502, PAGE, b"<html><body>Bad Gateway</body></html>")
    assert isinstance(error, FailedAnswerError)
    assert "proxy" in error.sentence
    assert "Gateway" not in error.sentence


def test_the_servers_words_are_made_harmless_and_bounded() -> None:
    hostile = "\x1b]0;pwned\x07 \x9b2J \u202e[red]\u2066 \ud800".encode(
        "utf-8", "surrogatepass"
    )
    error = error_for(400, PLAIN, hostile + b"long " * 5000)
    assert error.sentence.isprintable()
    assert "[red]" in error.sentence
    assert len(error.sentence) < MAX_QUOTED + 100


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0), (" 1.5 ", 1.5), ("-3", 0.0), ("0", 0.0),
        ("Tue, 03 Mar 2026 10:00:30 GMT", 30.0),
        ("Tue, 03 Mar 2026 09:00:00 GMT", 0.0),
        ("Tue, 03 Mar 2026 10:00:30 -0000", 30.0),
        ("soon", None), ("", None), ("nan", None), ("inf", None), ("1e5", None),
        ("1_000", None), ("9" * 400, None), ("٣", None),
        ("Tue, 99 Mar 2026 10:00:30 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after(value, datetime(2026, 3, 3, 10, 0, tzinfo=UTC)) == seconds


@pytest.mark.parametrize("status", [429, 503])
def test_overload_tells_the_wait_it_was_told(status: int) -> None:
    headers = httpx.Headers({"retry-after": "12"})
    error = error_for(status, headers, b"slow down")
    assert isinstance(error, OverloadedError)
    assert error.retry_after == 12.0
    assert "12 s" in error.sentence


@pytest.mark.parametrize(
    ("value", "sentence", "step"),
    [
        ("0.2", "asks to slow down for 1 s (429).", "after the wait"),
        ("119", "asks to slow down for 119 s (429).", "after the wait"),
        ("300", "asks to slow down for 5 min (429).", "after the wait"),
        ("301", "asks for a wait of 6 min (429).", "asked again in 5 min."),
        ("3600", "asks for a wait of 60 min (429).", "asked again in 5 min."),
        ("86400", "asks for a wait of 24 h (429).", "asked again in 5 min."),
        ("999999999", "asks for a wait of 11,575 d (429).", "asked again in 5 min."),
        ("Fri, 31 Dec 9999 23:59:59 GMT", ",", "asked again in 5 min."),
        ("0", "asks to slow down (429).", "in a moment"),
        ("-5", "asks to slow down (429).", "in a moment"),
        ("never", "asks to slow down (429).", "in a moment"),
    ],
)
def test_a_wait_is_worded_for_people(value: str, sentence: str, step: str) -> None:
    error = error_for(429, httpx.Headers({"retry-after": value}), b"")
    assert sentence in error.sentence
    assert step in error.next_step


def test_overload_without_a_wait() -> None:
    error = error_for(429, PLAIN, b"")
    assert isinstance(error, OverloadedError)
    assert error.retry_after is None


@pytest.mark.parametrize("status", [401, 404, 500, 502])
def test_any_status_may_ask_for_a_wait(status: int) -> None:
    headers = httpx.Headers({"retry-after": "7"})
    assert error_for(status, headers, b"").retry_after == 7.0


def test_pages_are_told_by_type_or_by_their_beginning() -> None:
    assert is_page(PAGE)
    assert is_page(PLAIN, b"\n <!DOCTYPE html><html>")
    assert not is_page(PLAIN, b'{"message": "<html>"}')


def test_exit_codes_follow_the_tree() -> None:
    assert error_for(401, PLAIN, b"").exit_code == AuthError.exit_code
    assert error_for(500, PLAIN, b"").exit_code == ServerError.exit_code


# Every exception of httpx becomes one of ours, with words.


ADDRESS = parse_address("https://chrono.example.com:8443/api")
HOST = "chrono.example.com:8443"
RESPONSE = httpx.Response(200, request=httpx.Request("GET", "http://h"))


def tree(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


def make(kind: type[BaseException]) -> Exception:
    """Make an exception of httpx or httpcore, whatever its arguments."""
    for arguments in (("",), (), ("", RESPONSE.request)):
        try:
            made = kind(*arguments)
        except TypeError:
            continue
        assert isinstance(made, Exception)
        return made
    assert kind is httpx.HTTPStatusError
    return httpx.HTTPStatusError("", request=RESPONSE.request, response=RESPONSE)


def kinds_of(module: object) -> list[type[BaseException]]:
    public = [value for name, value in vars(module).items() if name[0] != "_"]
    roots = [
        value
        for value in public
        if isinstance(value, type) and issubclass(value, Exception)
    ]
    return sorted({kind for root in roots for kind in tree(root)}, key=str)


WALKED = [kind for kind in kinds_of(httpx) if kind is not httpx.CookieConflict]
"""All there are; cookies cannot conflict, since none is ever kept."""


@pytest.mark.parametrize("kind", WALKED, ids=lambda kind: kind.__name__)
def test_every_exception_of_httpx_is_caught_and_told(kind: type[Exception]) -> None:
    error = make(kind)
    assert isinstance(error, FAILURES)
    told = explain(error, ADDRESS)
    assert isinstance(told, ChronotuiError)
    assert "chrono.example.com" in told.sentence
    assert told.next_step
    assert type(told) is not ChronotuiError


@pytest.mark.parametrize("kind", kinds_of(httpcore), ids=lambda kind: kind.__name__)
def test_what_lies_below_changes_no_class_for_the_worse(kind: type[Exception]) -> None:
    error = httpx.ConnectError("")
    error.__cause__ = make(kind)
    assert isinstance(explain(error, ADDRESS), UnreachableError)


def caused(kind: type[httpx.TransportError], *causes: BaseException) -> Exception:
    error: BaseException = kind("")
    first = error
    for cause in causes:
        error.__cause__ = cause
        error = cause
    assert isinstance(first, Exception)
    return first


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (caused(httpx.ConnectError, socket.gaierror(-2, "Name or service not known")),
         "The name chrono.example.com cannot be found (DNS)."),
        (caused(httpx.ConnectError, httpcore.ConnectError(),
                OSError(errno.ECONNREFUSED, "x")),
         f"{HOST} refused the connection: nothing listens there."),
        (caused(httpx.ConnectError, OSError("All connection attempts failed"),
                ExceptionGroup("", [OSError(errno.EINVAL, ""),
                                    OSError(errno.ECONNREFUSED, "")])),
         f"{HOST} refused the connection: nothing listens there."),
        (caused(httpx.ConnectError, OSError(errno.ENETUNREACH, "")),
         f"There is no network route to {HOST}."),
        (caused(httpx.ReadError, ConnectionResetError(errno.ECONNRESET, "")),
         f"{HOST} cut the connection."),
        (caused(httpx.ConnectError, ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] x")),
         f"The secure connection to {HOST} failed."),
        (httpx.ReadTimeout(""), f"{HOST} took the request and did not answer in time."),
        (httpx.ConnectTimeout(""), f"{HOST} did not answer in time while connecting."),
    ],
)  # fmt: skip
def test_tells_what_happened_from_the_causes(error: Exception, words: str) -> None:
    told = explain(error, ADDRESS)
    assert type(told) is UnreachableError
    assert told.sentence == words


def test_our_own_error_below_is_kept() -> None:
    ours = ConfigError("client_key is locked")
    assert explain(caused(httpx.ConnectError, ours), ADDRESS) is ours


def test_a_circle_of_causes_ends() -> None:
    one, two = httpx.ReadError(""), OSError(errno.EINVAL, "")
    one.__cause__, two.__cause__ = two, one
    assert isinstance(explain(one, ADDRESS), UnreachableError)


def test_a_bad_request_is_not_the_networks_fault() -> None:
    assert isinstance(explain(httpx.InvalidURL("x"), ADDRESS), ConfigError)
    assert isinstance(explain(httpx.LocalProtocolError("x"), ADDRESS), ConfigError)
    assert isinstance(explain(httpx.DecodingError("x"), ADDRESS), UnreadableAnswerError)
