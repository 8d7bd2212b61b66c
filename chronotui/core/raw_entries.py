"""Entries of a jsonl download, read as they arrive in pieces of any size."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any, NamedTuple

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


class RawEntries:
    """Splits pieces of a body into entries; keeps what is not a whole line yet."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[RawEntry]:
        """Return the entries that are whole by now.

        Raises:
            UnreadableAnswerError: A line is not a JSON object of the known shape.
        """
        end = piece.rfind(b"\n") + 1
        if not end:
            self._rest += piece
            return []
        whole, self._rest = self._rest + piece[:end], piece[end:]
        return _decode(whole)

    def finish(self) -> list[RawEntry]:
        """Return the entry of a last line without a line end, if it is one."""
        rest, self._rest = self._rest, b""
        try:
            return _decode(rest) if rest.strip() else []
        except UnreadableAnswerError:
            return []


def _decode(lines: bytes) -> list[RawEntry]:
    try:
        return [
            RawEntry(
                entry.timestamp or "",
                entry.sequence_num or 0,
                entry.stream or "",
                entry.event_id or "",
                entry.message_raw,
            )
            for entry in _decoder()(lines)
        ]
    except ValueError:
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
    )
    return msgspec.json.Decoder(entry).decode_lines


def _decode_alone(line: bytes) -> RawEntry:
    """Decode one line the strict decoder did not take, lone surrogates for one."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as problem:
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


def _word(value: dict[str, object], key: str) -> str:
    word = value.get(key)
    return word if isinstance(word, str) else ""
