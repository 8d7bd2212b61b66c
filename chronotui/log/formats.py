"""Log lines as the bytes of a saved file.

The shapes of ``jsonl`` and ``json`` are the server's own (WIRE.md, "Raw download"):
``timestamp, sequence_num, stream, event_id, message_raw`` and, where the message is
itself JSON, ``message_json``. Nothing is cleaned here: what is saved is what the
server sent.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from chronotui.model import LogLine, RawFormat
from chronotui.times import format_time_ns, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable


class SaveFormat(StrEnum):
    """What a saved log looks like, under the names the command line takes."""

    TXT = "txt"
    TXT_TIME = "txt-time"
    JSONL = "jsonl"
    JSON = "json"

    @property
    def extension(self) -> str:
        return "txt" if self is SaveFormat.TXT_TIME else str(self)

    @property
    def raw(self) -> RawFormat:
        """The encoding to ask the server for; ``txt-time`` is made from jsonl."""
        return RawFormat.JSONL if self is SaveFormat.TXT_TIME else RawFormat(str(self))


def _string(text: str) -> bytes:
    # Lone surrogates cannot be UTF-8; json writes them as escapes.
    try:
        return json.dumps(text, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(text).encode()


_JSON_STARTS: Final = frozenset('{["-0123456789tfn')


def json_value(message: str) -> bytes | None:
    """Return the message as one line of JSON, None where it is not JSON.

    The text is taken over as it stands, so numbers keep every digit and objects
    their key order; line ends between tokens become spaces.
    """
    text = message.strip(" \t\r\n")
    if not text or text[0] not in _JSON_STARTS:
        return None
    import msgspec  # noqa: PLC0415 - core must be cheap to import

    try:
        encoded = text.encode()
        msgspec.json.decode(encoded, type=msgspec.Raw)
        msgspec.json.decode(encoded)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None
    return encoded.replace(b"\r", b" ").replace(b"\n", b" ")


def _time_text(line: LogLine) -> str:
    return "" if line.time_ns is None else format_time_ns(line.time_ns)


def entry_bytes(line: LogLine) -> bytes:
    """Return one line as a JSON object in the server's shape, without a line end."""
    parts = [
        b'{"timestamp":',
        _string(_time_text(line)),
        b',"sequence_num":%d,"stream":' % line.sequence_num,
        _string(line.stream),
        b',"event_id":',
        _string(line.event_id),
        b',"message_raw":',
        _string(line.message),
    ]
    value = json_value(line.message)
    if value is not None:
        parts += [b',"message_json":', value]
    parts.append(b"}")
    return b"".join(parts)


def text_bytes(message: str) -> bytes:
    """Return a message as the server's txt has it, without a line end."""
    # A lone surrogate is what a server in Go writes as U+FFFD.
    try:
        return message.encode()
    except UnicodeEncodeError:
        return (
            message.encode("utf-16", "surrogatepass")
            .decode("utf-16", "replace")
            .encode()
        )


def timed_bytes(time_text: str, stream: str, message: str) -> bytes:
    """Return ``time stream message``; an absent time is ``-``, without a line end."""
    return b"%s %s %s" % (
        text_bytes(time_text or "-"),
        text_bytes(stream or "-"),
        text_bytes(message),
    )


def utc_text(timestamp: str) -> str:
    """Return a server's RFC 3339 time in UTC; unreadable ones stay as they are."""
    if timestamp.endswith("Z"):
        return timestamp
    time_ns = parse_time(timestamp)
    return timestamp if time_ns is None else format_time_ns(time_ns)


class LineEncoder:
    """Turns lines into a file's bytes: ``head``, then ``lines`` batches, then ``tail``.

    Args:
        format: The file's format.
        job_id: For the head of ``json``.
        workflow_id: For the head of ``json``.
        stream: The filter the lines passed, for the head of ``json``; None is all.
        query: The search the lines passed, for the head of ``json``.
    """

    def __init__(
        self,
        format: SaveFormat,  # noqa: A002
        *,
        job_id: str = "",
        workflow_id: str = "",
        stream: str | None = None,
        query: str | None = None,
    ) -> None:
        self.format = format
        self._filters = (job_id, workflow_id, query or "", stream or "all")
        self._first = True

    def go_on(self) -> None:
        """Write behind lines that are in the file already."""
        self._first = False

    def head(self) -> bytes:
        if self.format is not SaveFormat.JSON:
            return b""
        job_id, workflow_id, query, stream = map(_string, self._filters)
        return b'{"id":%s,"workflow_id":%s,"filters":{"q":%s,"stream":%s},"logs":[' % (
            job_id,
            workflow_id,
            query,
            stream,
        )

    def lines(self, lines: Iterable[LogLine]) -> bytes:
        match self.format:
            case SaveFormat.TXT:
                parts = [text_bytes(line.message) for line in lines]
            case SaveFormat.TXT_TIME:
                parts = [
                    timed_bytes(_time_text(line), line.stream, line.message)
                    for line in lines
                ]
            case _:
                parts = [entry_bytes(line) for line in lines]
        if not parts:
            return b""
        if self.format is not SaveFormat.JSON:
            parts.append(b"")
            return b"\n".join(parts)
        joined = b",".join(parts)
        if self._first:
            self._first = False
            return joined
        return b"," + joined

    def tail(self) -> bytes:
        return b"]}" if self.format is SaveFormat.JSON else b""
