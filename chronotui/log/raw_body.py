r"""The body of a raw download: its entries, blocks of lines of them, and how it ends.

A failure in mid-stream still ends as a complete 200 answer (WIRE.md, "Raw download"):
``txt`` gets ``\n--- ERROR: failed to fetch logs ---\n<reason>\n``, ``json`` ends
``],"error":{"message","error"}}``, ``jsonl`` gets a last line ``{"error","message"}``.
In ``jsonl`` and ``json`` a log line's words are inside quoted strings, so the end tells
for certain. In ``txt`` a message may be those very words: the end is then DOUBTFUL and
only the retained log can tell.
"""

from __future__ import annotations

import functools
import re
from collections import deque
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from msgspec import Struct

from chronotui.errors import UnreadableAnswerError
from chronotui.log.attempts import attempt_of
from chronotui.log.block import EventIds, LineColumns, line_block
from chronotui.log.chunks import CHUNK_LINES
from chronotui.log.json_body import entries_of_body, loads_entry
from chronotui.model import LogLine, RawFormat
from chronotui.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class RawEntry(NamedTuple):
    """One entry as the server wrote it; ``message_raw`` None marks a trailer."""

    timestamp: str
    sequence_num: int
    stream: str
    event_id: str
    message_raw: str | None


class WholeLines:
    """Splits pieces of a body after line ends; keeps what is not a whole line yet.

    At ``least`` so many bytes are gathered before lines are given out.
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
        whole, rest = self._cut()
        self._pieces.clear()
        return whole, rest

    def _cut(self) -> tuple[bytes, bytes]:
        gathered = b"".join(self._pieces)
        end = gathered.rfind(b"\n") + 1
        rest = gathered[end:]
        self._pieces, self._size, self._ended = [rest], len(rest), False
        return gathered[:end], rest


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


def _word(value: dict[str, object], key: str) -> str:
    word = value.get(key)
    return word if isinstance(word, str) else ""


PIECE_BYTES: Final = 128 << 10
"""Bytes decoded at a time: no other thread gets on meanwhile."""

BLOCK_BYTES: Final = 2 << 20
"""Bytes of entries after which a block is full, however few they are."""

MOST_KNOWN: Final = 8192
"""Parts of times that are remembered."""

FAR_NS: Final = 1 << 62
"""Times further from 1970 than this are read whole: they may not fit 64 bits."""


class RawBlocks:
    """Makes lines of the pieces of a body, in blocks where they are as usual.

    The first ``skip`` lines are left out. ``failed`` says that the body is not whole:
    it ends in the server's failure trailer, or in the middle of an entry, or it cannot
    be read. Nothing is taken after that.
    """

    def __init__(self, skip: int = 0) -> None:
        self.failed = False
        self._skip = skip
        self._whole = WholeLines(PIECE_BYTES)
        self._ids = EventIds()
        self._times = StampTimes()
        self._waiting = _Waiting()

    def feed(self, piece: bytes) -> Iterator[Sequence[LogLine]]:
        """Yield lines that are whole by now; the last ones may wait for others.

        Raises:
            UnreadableAnswerError: A line is not a JSON object of the known shape.
        """
        whole = self._whole.feed(self._wanted(piece) if self._skip else piece)
        if whole:
            self._take(whole)
        while self._waiting.is_full:
            yield self._block()

    def finish(self) -> Iterator[Sequence[LogLine]]:
        """Yield what is left; a last line without an end counts if it is whole.

        Raises:
            UnreadableAnswerError: As `feed`.
        """
        whole, rest = self._whole.finish()
        self._take(whole)
        if rest.strip():
            with suppress(UnreadableAnswerError):
                self._take(rest)
        while self._waiting.numbers:
            yield self._block()

    def _wanted(self, piece: bytes) -> bytes:
        ends = piece.count(b"\n")
        if ends < self._skip:
            self._skip -= ends
            return b""
        rest = piece.split(b"\n", self._skip)[-1]
        self._skip = 0
        return rest

    def _take(self, whole: bytes) -> None:
        if self.failed:
            return
        try:
            entries = decode_entries(whole)
        except UnreadableAnswerError:
            self.failed = True
            raise
        messages: list[Any] = [entry.message_raw for entry in entries]
        if None in messages:
            self.failed = True
            del entries[messages.index(None) :]
        waiting = self._waiting
        waiting.numbers.extend([entry.sequence_num or 0 for entry in entries])
        waiting.streams.extend([entry.stream or "" for entry in entries])
        waiting.event_ids.extend([entry.event_id or "" for entry in entries])
        stamps = [entry.timestamp or "" for entry in entries]
        waiting.times.extend(self._times.of(stamps))
        waiting.messages.extend(messages[: len(entries)])
        waiting.size += len(whole)

    def _block(self) -> Sequence[LogLine]:
        taken = self._waiting.taken()
        attempt = attempt_of(taken.event_ids[0])
        block = line_block(attempt, taken, self._ids) if attempt else None
        if block is not None:
            return block
        lines = zip(*taken, strict=True)
        return [LogLine(attempt_of(line[4]) or 0, *line) for line in lines]


class _Waiting:
    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.streams: list[str] = []
        self.times: list[int | None] = []
        self.messages: list[str] = []
        self.event_ids: list[str] = []
        self.size = 0

    @property
    def is_full(self) -> bool:
        lines = len(self.numbers)
        return lines >= CHUNK_LINES or (lines > 0 and self.size >= BLOCK_BYTES)

    def taken(self) -> LineColumns:
        stop = min(len(self.numbers), CHUNK_LINES)
        taken = LineColumns(
            self.numbers[:stop],
            self.streams[:stop],
            self.times[:stop],
            self.messages[:stop],
            self.event_ids[:stop],
            [True] * stop,
        )
        del self.numbers[:stop], self.streams[:stop], self.times[:stop]
        del self.messages[:stop], self.event_ids[:stop]
        self.size = self.size * len(self.numbers) // (stop + len(self.numbers))
        return taken


class StampTimes:
    """Reads times in two parts, most of which were seen before."""

    def __init__(self) -> None:
        self._seconds = _Known("", "Z")
        self._fractions = _Known("1970-01-01T00:00:00", "")

    def of(self, stamps: Sequence[str]) -> list[int | None]:
        seconds, fractions = self._seconds, self._fractions
        if len(seconds) + len(fractions) > MOST_KNOWN:
            seconds.clear()
            fractions.clear()
        try:
            return [seconds[text[:19]] + fractions[text[19:]] for text in stamps]
        except KeyError:
            return list(map(parse_time, stamps))


class _Known(dict[str, int]):
    """Nanoseconds by a part of a time, read with what it lacks around it."""

    def __init__(self, before: str, after: str) -> None:
        super().__init__()
        self._around = (before, after)

    def __missing__(self, part: str) -> int:
        before, after = self._around
        time_ns = parse_time(f"{before}{part}{after}")
        if time_ns is None or abs(time_ns) > FAR_NS:
            raise KeyError(part)
        self[part] = time_ns
        return time_ns


TAIL_BYTES: Final = 1 << 20
"""How much of a file's end is enough to judge it: an entry of a 64 KiB line takes at
most some 800 kB, every character escaped, once as text and once as JSON."""

TXT_MARK: Final = b"--- ERROR: failed to fetch logs ---"
_REASON_BYTES: Final = 16 * 1024
_JSON_TRAILER: Final = re.compile(rb'\]\s*+,\s*+"error"\s*+:\s*+(?=\{)')


class DownloadEnd(Enum):
    WHOLE = "whole"
    FAILED = "failed"
    """The server said it could not go on."""
    SHORT = "short"
    """It stops in the middle of something."""
    DOUBTFUL = "doubtful"
    """The trailer's words are there, and may be log lines."""


class DownloadVerdict(Struct, frozen=True):
    """How a download ended.

    ``reason`` is the server's own words, uncleaned. ``trailer_bytes`` counts what
    stands after the last log line if the ending is a trailer, line end included.
    ``lines`` are the trailer's words as the log lines they may be.
    """

    ending: DownloadEnd
    reason: str = ""
    trailer_bytes: int = 0
    lines: tuple[str, ...] = ()


_WHOLE: Final = DownloadVerdict(DownloadEnd.WHOLE)
_SHORT: Final = DownloadVerdict(DownloadEnd.SHORT)


class Tail:
    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        while self._size - len(self._pieces[0]) >= TAIL_BYTES:
            self._size -= len(self._pieces.popleft())

    def bytes(self) -> bytes:
        return b"".join(self._pieces)[-TAIL_BYTES:]


def judge(raw_format: RawFormat, tail: bytes) -> DownloadVerdict:
    """Judge a download, in the format the server really sent, by its last bytes.

    They are at least ``TAIL_BYTES`` where there is so much; of json see `judge_json`.
    """
    match raw_format:
        case RawFormat.TXT:
            return judge_txt(tail)
        case RawFormat.JSONL:
            return judge_jsonl(tail)
        case _:
            return judge_json(tail)


def judge_txt(tail: bytes) -> DownloadVerdict:
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
    return DownloadVerdict(
        DownloadEnd.DOUBTFUL, reason, len(end) - start + blank, tuple(words.split("\n"))
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


def judge_jsonl(tail: bytes) -> DownloadVerdict:
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
        return DownloadVerdict(DownloadEnd.FAILED, _reason(entry), len(tail) - start)
    return _WHOLE if tail.endswith(b"\n") else _SHORT


def judge_json(body: bytes) -> DownloadVerdict:
    """Judge the end of a json download by what is behind its entries.

    ``body`` is all of it, or a body of its last entries as `JsonBody` gives it.
    """
    end = entries_of_body(body).end
    behind = body[end:] if end >= 0 else b""
    if b"".join(behind.split()) == b"]}":
        return _WHOLE
    trailer, stripped = _JSON_TRAILER.match(behind), behind.rstrip()
    if trailer is not None and stripped.endswith(b"}"):
        entry = _object(stripped[trailer.end() : -1])
        if entry is not None:
            return DownloadVerdict(DownloadEnd.FAILED, _reason(entry), len(behind))
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
