"""Requests and answers of the demo server as values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from chronotui.demo.failure import PLAIN

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence

Headers: TypeAlias = list[tuple[str, str]]

JSON = "application/json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """What a client asked; header names are in lower case.

    ``path`` is decoded and without the server's prefix once routed.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies sent, by name."""
        parts = self.headers.get("cookie", "").split(";")
        pairs = (part.partition("=") for part in parts)
        return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}

    def json(self) -> dict[str, Any]:
        """Return the body's JSON object.

        Raises:
            ValueError: If it is none.
        """
        try:
            value = json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if not isinstance(value, dict):
            raise ValueError("not an object")  # noqa: TRY004
        return value


def read_request(
    method: str, target: str, headers: Iterable[tuple[bytes, bytes]], body: bytes
) -> Request:
    """Make a request of what the wire said."""
    parts = urlsplit(target)
    return Request(
        method,
        unquote(parts.path),
        dict(parse_qsl(parts.query, keep_blank_values=True)),
        {name.decode("latin-1"): value.decode("latin-1") for name, value in headers},
        body,
    )


@dataclass
class Answer:
    """A whole answer."""

    status: int
    body: bytes = b""
    content_type: str = ""
    headers: Headers = field(default_factory=list)


@dataclass
class Streamed:
    """An answer that goes on; each piece of bytes is an HTTP chunk of its own."""

    pieces: AsyncGenerator[Sequence[bytes], None]
    content_type: str
    headers: Headers = field(default_factory=list)
    status: int = 200


def plain(status: int, words: str) -> Answer:
    """Answer with one line of text, as errors are (wire note "Errors")."""
    nosniff = [("X-Content-Type-Options", "nosniff")]
    return Answer(status, f"{words}\n".encode(), PLAIN, nosniff)


def json_text(text: str, *, status: int = 200, cache: str = "") -> Answer:
    """Answer with JSON that is written already."""
    headers = [("Cache-Control", cache)] if cache else []
    return Answer(status, text.encode(), JSON, headers)


def json_value(value: object, *, status: int = 200) -> Answer:
    """Answer with a value as JSON."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return json_text(text, status=status)
