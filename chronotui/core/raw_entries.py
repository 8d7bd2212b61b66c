"""Entries of a jsonl download, read as they arrive in pieces of any size."""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chronotui.core.identity import attempt_of
from chronotui.core.times import parse_time
from chronotui.errors import UnreadableAnswerError
from chronotui.model.log import LogLine

if TYPE_CHECKING:
    from collections.abc import Callable


class RawEntry(NamedTuple):
    """One entry as the server wrote it; ``message_raw`` None marks a trailer."""

    timestamp: str
    sequence_num: int
    stream: str
    event_id: str
    message_raw: str | None

    def line(self) -> LogLine:
        """Return the entry as a line of the retained log."""
        return LogLine(
            attempt_of(self.event_id) or 0,
            self.sequence_num,
            self.stream,
            parse_time(self.timestamp) if self.timestamp else None,
            self.message_raw or "",
            self.event_id,
        )


class WholeLines:
    """Splits pieces of a body after line ends; keeps what is not a whole line yet.

    Args:
        least: Bytes gathered before lines are given out.
    """

    def __init__(self, least: int = 0) -> None:
        self._least = least
        self._pieces: list[bytes] = []
        self._size = 0
        self._ended = False

    def feed(self, piece: bytes) -> bytes:
        """Return whole lines, as many as there are by now; b"" for none yet."""
        self._pieces.append(piece)
        self._size += len(piece)
        self._ended = self._ended or b"\n" in piece
        if not self._ended or self._size < self._least:
            return b""
        whole, _rest = self._cut()
        return whole

    def finish(self) -> tuple[bytes, bytes]:
        """Return the whole lines that are left, and a last one without an end."""
        whole, rest = self._cut()
        self._pieces.clear()
        return whole, rest

    def _cut(self) -> tuple[bytes, bytes]:
        """Take the whole lines away, and tell what stays."""
        gathered = b"".join(self._pieces)
        end = gathered.rfind(b"\n") + 1
        rest = gathered[end:]
        self._pieces, self._size, self._ended = [rest], len(rest), False
        return gathered[:end], rest


class RawEntries:
    """Reads pieces of a body into entries."""

    def __init__(self) -> None:
        self._lines = WholeLines()

    def feed(self, piece: bytes) -> list[RawEntry]:
        """Return the entries that are whole by now.

        Raises:
            UnreadableAnswerError: A line is not a JSON object of the known shape.
        """
        whole = self._lines.feed(piece)
        return _decode(whole) if whole else []

    def finish(self) -> list[RawEntry]:
        """Return the entry of a last line without a line end, if it is one."""
        _whole, rest = self._lines.finish()
        try:
            return _decode(rest) if rest.strip() else []
        except UnreadableAnswerError:
            return []


def _decode(lines: bytes) -> list[RawEntry]:
    return [
        RawEntry(
            entry.timestamp or "",
            entry.sequence_num or 0,
            entry.stream or "",
            entry.event_id or "",
            entry.message_raw,
        )
        for entry in decode_entries(lines)
    ]


def decode_entries(lines: bytes) -> list[Any]:
    """Return the entries of whole lines.

    Each has the fields of `RawEntry`; those that are absent may be None.

    Raises:
        UnreadableAnswerError: A line is not a JSON object of the known shape.
    """
    try:
        return _decoder()(lines)
    except (ValueError, RecursionError):
        return [_decode_alone(line) for line in lines.split(b"\n") if line.strip()]


@functools.cache
def _decoder() -> Callable[[bytes], list[Any]]:
    import msgspec  # noqa: PLC0415 - core must be cheap to import

    entry = msgspec.defstruct(
        "Entry",
        [
            ("timestamp", str | None, None),
            ("sequence_num", int | None, None),
            ("stream", str | None, None),
            ("event_id", str | None, None),
            ("message_raw", str | None, None),
        ],
        gc=False,
    )
    return msgspec.json.Decoder(entry).decode_lines


def _decode_alone(line: bytes) -> RawEntry:
    """Decode one line the strict decoder did not take, lone surrogates for one."""
    try:
        value = loads_entry(line)
    except ValueError as problem:
        raise UnreadableAnswerError(
            "The server's jsonl download holds a line that is not JSON."
        ) from problem
    if not isinstance(value, dict):
        value = {}
    number = value.get("sequence_num")
    message = value.get("message_raw")
    return RawEntry(
        _word(value, "timestamp"),
        number if isinstance(number, int) else 0,
        _word(value, "stream"),
        _word(value, "event_id"),
        message if isinstance(message, str) else None,
    )


_TEXT_OR_BRACKET: Final = re.compile(
    rb'"(?:[^"\\]++|\\.|\\\Z)*+(?:"|\Z)|[\[\]{}]', re.DOTALL
)
"""A text that does not end goes to the end: it is looked at once."""


def loads_entry(text: bytes) -> Any:
    """Decode the JSON of one entry.

    The server adds a message that is JSON once more as a value (wire note "Raw
    download"). A message nested deeper than JSON can be decoded is no reason to lose
    its line: then all that is nested in the entry comes as None.

    Raises:
        ValueError: It is no JSON.
    """
    try:
        return json.loads(text)
    except RecursionError:
        pass
    try:
        return json.loads(_without_nested(text))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _without_nested(text: bytes) -> bytes:
    """Put null for what is nested in an object, however deep it goes."""
    kept: list[bytes] = []
    depth = begin = 0
    for token in _TEXT_OR_BRACKET.finditer(text):
        if token[0] in {b"{", b"["}:
            depth += 1
            if depth == 2:
                kept.append(text[begin : token.start()])
                begin = token.start()
        elif token[0] in {b"}", b"]"}:
            depth -= 1
            if depth == 1:
                kept.append(b"null")
                begin = token.end()
    return b"".join([*kept, text[begin:]])


def _word(value: dict[str, object], key: str) -> str:
    word = value.get(key)
    return word if isinstance(word, str) else ""
