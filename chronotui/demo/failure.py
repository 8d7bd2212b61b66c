"""The ways an answer can go wrong, as values."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

PLAIN: Final = "text/plain; charset=utf-8"


class Failure(Enum):
    """One way a request can end badly."""

    PLAIN_500 = "500 in plain text"
    HOSTILE_500 = "500 whose words attack the terminal"
    EMPTY_500 = "500 without a word"
    HTML_502 = "502 page of a proxy"
    PLAIN_503 = "503 in plain text"
    WAIT_503 = "503 with Retry-After"
    HTML_504 = "504 page of a proxy"
    TOO_MANY = "429"
    WAIT_429 = "429 with Retry-After"
    TIMEOUT_408 = "408 in plain text"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    LOGIN_PAGE = "200 with an HTML login page"
    WRONG_TYPE = "the answer under another content type"
    NO_TYPE = "the answer without a content type"
    TRUNCATED_JSON = "half of the JSON in a whole answer"
    MALFORMED_JSON = "JSON with a syntax error"
    WRONG_FIELDS = "JSON whose fields have other types"
    STRANGE_WORDS = "JSON with fields, states and kinds of the next release"
    NOT_UTF8 = "JSON with bytes that are no UTF-8"
    EMPTY_BODY = "200 with nothing in it"
    REDIRECT = "302 to Faults.redirect_to"
    CUT = "closed in the middle of the answer"
    RESET = "TCP reset"
    SILENCE = "never an answer"


MIXED: Final = (
    Failure.PLAIN_500,
    Failure.HTML_502,
    Failure.PLAIN_503,
    Failure.HTML_504,
    Failure.TRUNCATED_JSON,
    Failure.MALFORMED_JSON,
    Failure.CUT,
    Failure.RESET,
)
"""Failures that pass by themselves and quickly.

A 429 without Retry-After is not among them: on a log page it is for ever.
"""


class Refusal(NamedTuple):
    """An answer in the place of the true one.

    Attributes:
        status: From 100 to 599; one below 200 is followed by the end of the
            connection.
        content_type: Sent as it is; "" for none.
        body: None for what such a status and type usually bring.
        retry_after: Seconds or a date, None for no such header.
    """

    status: int
    content_type: str
    body: str | bytes | None
    retry_after: str | float | None


class HeldBack(NamedTuple):
    """How a proxy holds a live stream back.

    Attributes:
        headers: Nothing at all is passed on, the headers included, until the stream
            ends; if it breaks off, what was held is thrown away.
        frames: Seconds from one lump of frames to the next; 0 passes them at once.
    """

    headers: bool = False
    frames: float = 0.0


class StreamTrouble(NamedTuple):
    """What happens to one streamed answer; None for nothing of the kind.

    Attributes:
        cut_bytes: It breaks off after so many bytes of body, framing included.
        cut_seconds: It breaks off, in mid-frame, after so long.
        silent_seconds: It says nothing more after so long, and stays open.
        reset: It breaks off with a TCP reset.
        split_bytes: Its HTTP chunks have this size, wherever that splits them.
        bytes_per_second: It is no faster than this.
        held_back: A proxy holds it back.
        to_close: Its end is the end of the connection, as in HTTP/1.0.
    """

    cut_bytes: int | None = None
    cut_seconds: float | None = None
    silent_seconds: float | None = None
    reset: bool = False
    split_bytes: int | None = None
    bytes_per_second: float | None = None
    held_back: HeldBack = HeldBack()
    to_close: bool = False
