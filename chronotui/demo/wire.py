"""Requests and answers of the demo server as values, and what befalls an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

PLAIN: Final = "text/plain; charset=utf-8"
JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"

REASONS: Final = {status.value: status.phrase for status in HTTPStatus}

Headers: TypeAlias = list[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """What a client asked; header names are in lower case, the path is decoded.

    A parameter that was given twice has its last value in ``query``, its first in
    ``first_values``.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    pairs: tuple[tuple[str, str], ...] = ()

    @property
    def first_values(self) -> dict[str, str]:
        return dict(reversed(self.pairs))

    @property
    def cookies(self) -> dict[str, str]:
        parts = self.headers.get("cookie", "").split(";")
        pairs = (part.partition("=") for part in parts)
        return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}

    def json(self) -> dict[str, Any]:
        """Return the body's JSON object."""
        try:
            value = json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if not isinstance(value, dict):
            raise ValueError("not an object")  # noqa: TRY004
        return value


@dataclass(frozen=True)
class DemoCredentials:
    """What a client of a demo server signs in with: a password or a token.

    Attributes:
        session: A cookie for what a token does not open.
    """

    email: str = ""
    password: str = ""
    token: str = ""
    session: str = ""


@dataclass
class DemoAnswer:
    status: int
    body: bytes = b""
    content_type: str = ""
    headers: Headers = field(default_factory=list)


@dataclass
class Streamed:
    """A good answer that goes on; each piece of bytes is an HTTP chunk of its own."""

    pieces: AsyncGenerator[Sequence[bytes], None]
    content_type: str
    headers: Headers = field(default_factory=list)
    status: int = 200


def plain(status: int, words: str) -> DemoAnswer:
    """Answer with one line of text, as errors are (WIRE.md "Errors")."""
    nosniff = [("X-Content-Type-Options", "nosniff")]
    return DemoAnswer(status, f"{words}\n".encode(), PLAIN, nosniff)


def json_text(text: str, *, cache: str = "") -> DemoAnswer:
    headers = [("Cache-Control", cache)] if cache else []
    return DemoAnswer(200, text.encode(), JSON, headers)


def json_value(value: object, *, status: int = 200) -> DemoAnswer:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return DemoAnswer(status, text.encode(), JSON)


def json_ascii(value: object, *, status: int = 200) -> DemoAnswer:
    """Answer as Flask does: every letter beyond ASCII escaped, a newline at the end."""
    return DemoAnswer(status, f"{json.dumps(value)}\n".encode(), JSON)


class HeldBackStream(NamedTuple):
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
    held_back: HeldBackStream = HeldBackStream()
    to_close: bool = False
