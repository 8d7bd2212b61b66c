"""A jsonl download read into blocks of lines, in a thread that does nothing else."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from chronotui.core.identity import attempt_of
from chronotui.core.log.block_of import Columns
from chronotui.core.log.chunk import CHUNK_LINES
from chronotui.core.log.event_ids import EventIds
from chronotui.core.log.line_block import line_block
from chronotui.core.raw_entries import WholeLines, decode_entries
from chronotui.core.times import parse_time
from chronotui.errors import UnreadableAnswerError
from chronotui.model.log import LogLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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

    Args:
        skip: Lines left out at the beginning of the body.

    Attributes:
        failed: Whether the body is not whole: it ends in the server's failure
            trailer, or in the middle of an entry, or it cannot be read. Nothing is
            taken after that.
    """

    def __init__(self, skip: int = 0) -> None:
        self.failed = False
        self._skip = skip
        self._whole = WholeLines(PIECE_BYTES)
        self._ids = EventIds()
        self._times = _Times()
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
        """Return what of a piece is not skipped."""
        ends = piece.count(b"\n")
        if ends < self._skip:
            self._skip -= ends
            return b""
        rest = piece.split(b"\n", self._skip)[-1]
        self._skip = 0
        return rest

    def _take(self, whole: bytes) -> None:
        """Decode entries into the columns that wait."""
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
        """Return the lines that have waited for longest."""
        taken = self._waiting.taken()
        attempt = attempt_of(taken.event_ids[0])
        block = line_block(attempt, taken, self._ids) if attempt else None
        if block is not None:
            return block
        lines = zip(*taken, strict=True)
        return [LogLine(attempt_of(line[4]) or 0, *line) for line in lines]


class _Waiting:
    """Decoded lines, a list for each field."""

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

    def taken(self) -> Columns:
        """Take away a block's worth."""
        stop = min(len(self.numbers), CHUNK_LINES)
        taken = Columns(
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


class _Times:
    """Reads times in two parts, most of which were seen before."""

    def __init__(self) -> None:
        self._seconds = _Known("", "Z")
        self._fractions = _Known("1970-01-01T00:00:00", "")

    def of(self, stamps: Sequence[str]) -> list[int | None]:
        """Return each time as `parse_time` reads it; None for "" too."""
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
