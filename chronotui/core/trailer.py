r"""How a raw download ends: whole, with the server's failure trailer, or short.

A failure in mid-stream still ends as a complete 200 answer (wire note "Raw
download"): ``txt`` gets ``\n--- ERROR: failed to fetch logs ---\n<reason>\n``,
``json`` ends ``],"error":{"message","error"}}``, ``jsonl`` gets a last line
``{"error","message"}``.

In ``jsonl`` and ``json`` a log line's words are inside quoted strings, so the end of
the file tells for certain. In ``txt`` a message may be those very words: the ending is
then DOUBTFUL and only the retained log can tell.
"""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final

from chronotui.core.log_formats import text_bytes
from chronotui.core.raw_entries import loads_entry
from chronotui.model.log import LogLine, RawFormat

TAIL_BYTES: Final = 1 << 20
"""How much of a file's end is enough to judge it: an entry of a 64 KiB line takes at
most some 800 kB, every character escaped, once as text and once as JSON."""

TXT_MARK: Final = b"--- ERROR: failed to fetch logs ---"
_REASON_BYTES: Final = 16 * 1024
MOST_TRAILERS: Final = 4
"""Places, from the end, at which a trailer is looked for in JSON."""

_JSON_TRAILER: Final = re.compile(rb'\]\s*,\s*"error"\s*:\s*(?=\{)')


class Ending(Enum):
    """What the end of a download says about the whole."""

    WHOLE = "whole"
    FAILED = "failed"
    """The server said it could not go on."""
    SHORT = "short"
    """It stops in the middle of something."""
    DOUBTFUL = "doubtful"
    """The trailer's words are there, and may be log lines."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a download ended.

    ``reason`` is the server's own words, uncleaned. ``trailer_bytes`` counts what
    stands after the last log line if the ending is a trailer, line end included.
    ``lines`` are the trailer's words as the log lines they may be.
    """

    ending: Ending
    reason: str = ""
    trailer_bytes: int = 0
    lines: tuple[str, ...] = ()


_WHOLE: Final = Verdict(Ending.WHOLE)
_SHORT: Final = Verdict(Ending.SHORT)


class Tail:
    """The end of a body that comes in pieces: ``TAIL_BYTES``, or all there is."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0

    def add(self, piece: bytes) -> None:
        """Take the next piece; what is no longer the end is let go."""
        self._pieces.append(piece)
        self._size += len(piece)
        while self._size - len(self._pieces[0]) >= TAIL_BYTES:
            self._size -= len(self._pieces.popleft())

    def bytes(self) -> bytes:
        """Return the end."""
        return b"".join(self._pieces)[-TAIL_BYTES:]


def judge(raw_format: RawFormat, tail: bytes) -> Verdict:
    """Judge a download by its last bytes.

    Args:
        raw_format: What the server really sent (its ``Content-Type``).
        tail: The end of the body, at least ``TAIL_BYTES`` where there is so much.
    """
    match raw_format:
        case RawFormat.TXT:
            return judge_txt(tail)
        case RawFormat.JSONL:
            return judge_jsonl(tail)
        case _:
            return judge_json(tail)


def judge_txt(tail: bytes) -> Verdict:
    """Judge the end of a text download: WHOLE or DOUBTFUL, it can never be certain.

    Only words that stand on a line of their own, with nothing but a reason after
    them, can be a trailer.
    """
    end = tail[-_REASON_BYTES:]
    start = _last_marked_line(end)
    if start < 0:
        return _WHOLE
    body = end[start + len(TXT_MARK) :]
    reason = body.strip(b"\n").decode(errors="replace")
    before = end[:start]
    blank = 1 if before == b"\n" or before.endswith(b"\n\n") else 0
    words = end[start:].decode(errors="replace").removesuffix("\n")
    return Verdict(
        Ending.DOUBTFUL, reason, len(end) - start + blank, tuple(words.split("\n"))
    )


def _last_marked_line(end: bytes) -> int:
    """Where the last line that is the trailer's first one begins, or -1."""
    start = end.rfind(TXT_MARK)
    while start >= 0:
        after = start + len(TXT_MARK)
        opens = start == 0 or end[start - 1 : start] == b"\n"
        if opens and end[after : after + 1] in {b"\n", b""}:
            return start
        start = end.rfind(TXT_MARK, 0, start)
    return -1


def judge_jsonl(tail: bytes) -> Verdict:
    """Judge the end of a jsonl download by its last line."""
    if not tail.strip():
        return _WHOLE
    stripped = tail.rstrip()
    start = stripped.rfind(b"\n") + 1
    last = stripped[start:]
    if start == 0 and len(tail) >= TAIL_BYTES:
        # A trailer is small: this is one very long entry, cut at its front.
        return _WHOLE if last.endswith(b"}") and tail.endswith(b"\n") else _SHORT
    entry = _object(last)
    if entry is None:
        return _SHORT
    if "error" in entry and "message_raw" not in entry and "stream" not in entry:
        return Verdict(Ending.FAILED, _reason(entry), len(tail) - start)
    return _WHOLE if tail.endswith(b"\n") else _SHORT


def judge_json(tail: bytes) -> Verdict:
    """Judge the end of a json download by what closes its outermost object."""
    stripped = tail.rstrip()
    if re.search(rb"[}\[]\s*\]\s*\}$", stripped):
        return _WHOLE
    # The last one is it: quotes in a message are escaped. Each look costs the rest.
    for found in reversed(deque(_JSON_TRAILER.finditer(stripped), MOST_TRAILERS)):
        entry = _object(stripped[found.end() : -1])
        if entry is not None and stripped.endswith(b"}"):
            return Verdict(Ending.FAILED, _reason(entry), len(tail) - found.start())
    return _SHORT


def _object(text: bytes) -> dict[str, object] | None:
    try:
        value = loads_entry(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _reason(entry: dict[str, object]) -> str:
    words = [entry.get("message"), entry.get("error")]
    return ": ".join(word for word in words if isinstance(word, str) and word)


def holds_line(raw_format: RawFormat, tail: bytes, line: LogLine) -> bool:
    """Whether the end of a download holds a line.

    Args:
        raw_format: What the server really sent.
        tail: The end of the body; where it is the whole body, the answer is exact.
        line: A retained line; told by its event id where it has one.
    """
    if raw_format is RawFormat.TXT:
        text = text_bytes(line.message)
        return len(text) >= len(tail) - 1 or b"\n%s\n" % text in b"\n%s\n" % tail
    return not line.event_id or json.dumps(line.event_id).encode() in tail
