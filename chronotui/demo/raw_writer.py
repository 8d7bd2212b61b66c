"""How a downloaded log is written in each of the three formats."""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Final

from chronotui.demo.clock import MILLISECOND
from chronotui.demo.dialect import rfc3339

if TYPE_CHECKING:
    from chronotui.demo.lines import TrueLine

CONTENT_TYPES: Final = {
    "txt": "text/plain",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
}

_JSON_STARTS: Final = frozenset('{["-0123456789tfn')


class RawWriter:
    """Writes the lines of one download.

    Args:
        kind: ``txt``, ``json`` or ``jsonl``.
        job_id: Whose lines.
    """

    def __init__(self, kind: str, job_id: str) -> None:
        self.kind = kind
        self.job_id = job_id
        self._first = True

    def head(self, workflow_id: str, query: str, stream: str | None) -> bytes:
        """Return what comes before the first line."""
        if self.kind != "json":
            return b""
        filters = f'{{"q":{encode_basestring(query)},"stream":"{stream or "all"}"}}'
        return (
            f'{{"id":"{self.job_id}","workflow_id":"{workflow_id}",'
            f'"filters":{filters},"logs":['
        ).encode()

    def write(self, lines: list[TrueLine]) -> bytes:
        """Return lines, in order."""
        if not lines:
            return b""
        if self.kind == "txt":
            return "".join([f"{line.message}\n" for line in lines]).encode()
        if self.kind == "jsonl":
            return "".join([f"{self.entry(line)}\n" for line in lines]).encode()
        text = ",".join([self.entry(line) for line in lines])
        comma = "" if self._first else ","
        self._first = False
        return (comma + text).encode()

    def written(self, entries: bytes) -> bytes:
        """Take entries made elsewhere, each already followed by its separator.

        A ``json`` block ends in a comma, which belongs before it instead.
        """
        if self.kind != "json":
            return entries
        comma = b"" if self._first else b","
        self._first = False
        return comma + entries[:-1]

    def entry(self, line: TrueLine) -> str:
        """Return one line as the JSON object a download has."""
        attempt, number, stream, time_ns, message = line
        turn = f"attempt:{attempt}:" if attempt > 1 else ""
        parsed = f',"message_json":{message}' if is_json(message) else ""
        return (
            f'{{"timestamp":"{rfc3339(time_ns - time_ns % MILLISECOND)}",'
            f'"sequence_num":{number},"stream":"{stream}",'
            f'"event_id":"log:{self.job_id}:{turn}{stream}:{number}",'
            f'"message_raw":{encode_basestring(message)}{parsed}}}'
        )

    def whole_entries(self, piece: bytes, size: int) -> bytes:
        """Return what of a piece are whole entries within its first bytes."""
        end = b'},{"timestamp"' if self.kind == "json" else b"\n"
        return piece[: piece.rfind(end, 0, size + len(end) - 1) + 1]

    def tail(self) -> bytes:
        """Return what comes after the last line."""
        return b"]}" if self.kind == "json" else b""

    def failure(self, reason: str) -> bytes:
        """Return the trailer of a download that failed inside (wire note "Raw")."""
        words = json.dumps({"message": "failed to fetch logs", "error": reason})
        if self.kind == "json":
            return b'],"error":' + words.encode() + b"}"
        if self.kind == "jsonl":
            return (
                json.dumps({"error": reason, "message": "failed to fetch logs"}) + "\n"
            ).encode()
        return f"\n--- ERROR: failed to fetch logs ---\n{reason}\n".encode()


def is_json(message: str) -> bool:
    """Tell whether a message is a JSON value by itself."""
    if message[:1] not in _JSON_STARTS:
        return False
    try:
        json.loads(message, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(word: str) -> None:
    raise ValueError(word)
