"""Every exception of httpx becomes one of ours, with words."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING

import httpcore
import httpx
import pytest

from chronotui.errors import (
    ChronotuiError,
    ConfigError,
    UnreachableError,
    UnreadableAnswerError,
)
from chronotui.sources.address import parse_address
from chronotui.sources.wire_errors import FAILURES, explain

if TYPE_CHECKING:
    from collections.abc import Iterator

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
