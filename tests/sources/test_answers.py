"""Statuses and content types, told as errors."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from chronotui.errors import (
    AuthError,
    ChronotuiError,
    FailedAnswerError,
    LogsUnavailableError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    OverloadedError,
    RequestRefusedError,
    ServerError,
    UnreadableAnswerError,
)
from chronotui.sources.wire_errors import MAX_QUOTED, error_for, is_page, retry_after

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
