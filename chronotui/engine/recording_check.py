"""What a recording remembers of its lines, and its check against the server's file.

Digests of every line stand in a spool file. The server's own download is compared with
them line by line, in constant memory. The order within one number is ignored
(DESIGN.md, invariant 2). Both sides are walked in step; what one side has and the other
has not yet had waits in a table that is empty whenever they agree, so memory follows
the difference and not the log.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import struct
from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from msgspec import Struct

from chronotui.engine.save_download import Fetch, OtherFormatError
from chronotui.engine.save_request import (
    SavePhase,
    in_thread,
    shorten,
    spool_explained,
)
from chronotui.engine.save_verify import GROWING_SHARES
from chronotui.errors import (
    AuthError,
    ChronotuiError,
    DownloadError,
    DownloadNeedsSessionError,
    LogsUnavailableError,
    MissingError,
    ServerError,
    UnreadableAnswerError,
    UsageError,
)
from chronotui.log.attempts import attempt_of
from chronotui.log.formats import text_bytes
from chronotui.log.raw_body import (
    TAIL_BYTES,
    DownloadEnd,
    WholeLines,
    decode_entries,
    judge,
)
from chronotui.model import LogLine, RawFormat
from chronotui.storage.recording_part import CheckFile, Recorded
from chronotui.text import clean, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from chronotui.engine.save_download import Work
    from chronotui.log.chunks import Overflow
    from chronotui.log.formats import SaveFormat
    from chronotui.storage.files import PartFile

_RECORD: Final = struct.Struct("<IQ12s12sH")
_IDENTITY: Final = struct.Struct("<Q12s12s")
_IDENTITIES: Final = 1 << 128
_AT_ONCE: Final = 4096


class LineDigest(NamedTuple):
    """A line's place, and digests of its stream and of what it says.

    ``text_lines`` counts the lines its message makes in a txt file. Where that is
    more than one, so many digests with 0 follow, one for each of them.
    """

    attempt: int
    sequence_num: int
    stream: bytes
    message: bytes
    text_lines: int = 1

    @property
    def identity(self) -> int:
        """Sixteen bytes that stand for number, stream and message.

        Neither the attempt nor the event id is in them: a server may tell neither,
        and what is inferred of an attempt depends on what was read when.
        """
        packed = _IDENTITY.pack(self.sequence_num, self.stream, self.message)
        return int.from_bytes(hashlib.blake2b(packed, digest_size=16).digest())


class Tally:
    """Which lines a file holds, counted as they are written to it.

    ``highest`` is the highest number among them, of any attempt; -1 for none.
    """

    def __init__(self) -> None:
        self.highest = -1
        self._lines = 0
        self._sum = 0
        self._last: LogLine | None = None
        self._at_last: list[str] = []

    def add(self, line: LogLine, identity: int) -> None:
        if self._last is None or self._last[:2] != line[:2]:
            self._at_last = []
        self.highest = max(self.highest, line.sequence_num)
        self._lines += 1
        self._sum = (self._sum + identity) % _IDENTITIES
        self._last = line
        self._at_last.append(f"{identity:032x}")

    def recorded(self) -> Recorded:
        line = self._last
        if line is None:
            return Recorded()
        return Recorded(
            lines=self._lines,
            attempts=line.attempt,
            identities=f"{self._sum:032x}",
            attempt=line.attempt,
            sequence_num=line.sequence_num,
            stream=line.stream,
            event_id=line.event_id,
            at_last=tuple(self._at_last),
        )

    def agrees(self, recorded: Recorded) -> bool:
        own = self.recorded()
        return (own.lines, own.identities) == (recorded.lines, recorded.identities)


class HeldLinesOfPart:
    """Tells the lines of a log that a part holds already from those it lacks."""

    def __init__(self, recorded: Recorded) -> None:
        self._place = (recorded.attempt, recorded.sequence_num)
        self._at_last = Counter(recorded.at_last)

    def holds(self, line: LogLine) -> bool:
        """Whether a line is in the part; each of its lines is asked for once."""
        if line[:2] != self._place:
            return line[:2] < self._place
        identity = f"{digest_of(line).identity:032x}"
        self._at_last[identity] -= 1
        return self._at_last[identity] >= 0


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=12).digest()


def digest_of(line: LogLine) -> LineDigest:
    text = text_bytes(line.message)
    stream = _digest(text_bytes(line.stream))
    count = min(text.count(b"\n") + 1, 0xFFFF)
    return LineDigest(line.attempt, line.sequence_num, stream, _digest(text), count)


class DigestSpool:
    """Digests of all lines of a recording, in order, in a spool file.

    Used by one thread at a time. Everything raises DownloadError where the file cannot
    be made or written.
    """

    def __init__(self, spool: Callable[[], Overflow]) -> None:
        with spool_explained():
            self._spool = spool()
        self._size = 0
        self._begins: list[tuple[int, int]] = []
        self.tally = Tally()

    def add(self, lines: Sequence[LogLine]) -> None:
        records: list[bytes] = []
        begins = self._begins
        for line in lines:
            if not begins or begins[-1][0] != line.attempt:
                begins.append((line.attempt, self._size + len(records)))
            digest = digest_of(line)
            self.tally.add(line, digest.identity)
            records.append(_RECORD.pack(*digest))
            if digest.text_lines > 1:
                for part in text_bytes(line.message).split(b"\n"):
                    one = digest._replace(message=_digest(part), text_lines=0)
                    records.append(_RECORD.pack(*one))
        with spool_explained():
            self._spool.write(b"".join(records))
        self._size += len(records)

    def orders(self, *, as_text: bool) -> list[Iterator[LineDigest]]:
        """Return the orders the server may write a file in.

        Attempt after attempt, as they were added; and of a retried job by number alone,
        the attempts side by side. Each has one digest for each line of a txt file, or
        for each log line.
        """
        orders = [self._between(0, self._size, as_text=as_text)]
        starts = [start for _attempt, start in self._begins]
        if len(starts) > 1:
            attempts = [
                self._between(start, stop, as_text=as_text)
                for start, stop in zip(starts, [*starts[1:], self._size], strict=True)
            ]
            orders.append(heapq.merge(*attempts, key=attrgetter("sequence_num")))
        return orders

    def _between(self, first: int, last: int, *, as_text: bool) -> Iterator[LineDigest]:
        for start in range(first, last, _AT_ONCE):
            count = min(_AT_ONCE, last - start)
            with spool_explained():
                block = self._spool.read(start * _RECORD.size, count * _RECORD.size)
            for digest in map(LineDigest._make, _RECORD.iter_unpack(block)):
                if digest.text_lines == 1 or as_text == (digest.text_lines == 0):
                    yield digest

    def close(self) -> None:
        self._spool.close()


_NAMED: Final = 3

MOST_WAITING: Final = 100_000
"""Lines an order may be apart from the server's before another one is preferred."""

Key: TypeAlias = tuple[object, ...]


class Difference(Struct, frozen=True):
    """How a recording and the server's file differ.

    ``only_ours`` and ``only_theirs`` count lines; the examples name a few of them.
    ``out_of_order_at`` is the first number where the same lines stand in another
    order. ``ends_early`` says that the server's file is the recording's beginning.
    """

    only_ours: int = 0
    only_theirs: int = 0
    our_examples: tuple[str, ...] = ()
    their_examples: tuple[str, ...] = ()
    out_of_order_at: int | None = None
    ends_early: bool = False

    @property
    def lines(self) -> int:
        return self.only_ours + self.only_theirs

    @property
    def is_none(self) -> bool:
        return not self.lines and self.out_of_order_at is None

    def sentence(self) -> str:
        """Say exactly what differs."""
        parts = []
        if self.only_ours:
            parts.append(
                f"{plural(self.only_ours, 'line')} only in the recording "
                f"({', '.join(self.our_examples)})"
            )
        if self.only_theirs:
            parts.append(
                f"{plural(self.only_theirs, 'line')} only in the server's file "
                f"({', '.join(self.their_examples)})"
            )
        if not parts:
            parts.append(
                f"the same lines in another order from number {self.out_of_order_at:,}"
            )
        return " and ".join(parts)


class Comparison:
    """Compares a recording with a body as it arrives.

    An entry is told by its number, stream and message, a line of a text by what it
    says and nothing else. A server may write the attempts of a retried job side by
    side, by number alone (WIRE.md "Logs"), or one after the other; a recording is
    always the latter. It is walked in both orders at once, until one of them is seen
    to be wrong.
    """

    def __init__(self, digests: DigestSpool, *, by_text: bool) -> None:
        self._by_text = by_text
        self._whole = WholeLines()
        self._rest = b""
        self._lines = 0
        self._walks = [
            _Walk(ours, by_text=by_text, interleaved=interleaved)
            for interleaved, ours in enumerate(digests.orders(as_text=by_text))
        ]

    def take(self, piece: bytes) -> None:
        """Compare the lines that are whole by now.

        Raises:
            UnreadableAnswerError: A line is not a JSON object of the known shape.
        """
        if not self._by_text:
            for entry in decode_entries(self._whole.feed(piece)):
                if entry.message_raw is not None:
                    self._compare_entry(entry)
            return
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._compare_text(line)

    def _compare_entry(self, entry: Any) -> None:
        attempt, number = attempt_of(entry.event_id or "") or 0, entry.sequence_num or 0
        line = LogLine(attempt, number, entry.stream or "", None, entry.message_raw)
        digest = digest_of(line)
        self._compare(digest, _name(digest))

    def _compare_text(self, line: bytes) -> None:
        self._lines += 1
        digest = LineDigest(0, 0, b"", _digest(line))
        self._compare(digest, f"line {self._lines:,}")

    def _compare(self, digest: LineDigest, name: str) -> None:
        for walk in self._walks:
            walk.take(digest, name)
        if len(self._walks) > 1:
            self._walks.sort(key=_Walk.waiting)
            if self._walks[-1].waiting() > MOST_WAITING:
                self._walks.pop()

    def finish(self) -> Difference:
        """Return the difference, once the body has ended.

        An entry without its line end is none.
        """
        if self._rest:
            self._compare_text(self._rest)
        found = [walk.finish() for walk in self._walks]
        return min(found, key=lambda each: (not each.is_none, each.lines))


class _Walk:
    """Walks the digests in one order, in step with the body."""

    def __init__(
        self, ours: Iterator[LineDigest], *, by_text: bool, interleaved: int
    ) -> None:
        self._ours = ours
        self._by_text = by_text
        self._interleaved = interleaved
        self._only_ours: Counter[Key] = Counter()
        self._only_theirs: Counter[Key] = Counter()
        self._names: dict[Key, str] = {}
        self._place: tuple[int, int] | None = None
        self._disorder: int | None = None

    def waiting(self) -> int:
        """Return how many lines one side has had and the other has not."""
        return len(self._only_ours) + len(self._only_theirs)

    def take(self, theirs: LineDigest, name: str) -> None:
        ours = next(self._ours, None)
        if ours is not None:
            self._pass_boundary(ours)
        key = self._key(theirs)
        self._settle(key, self._only_ours, self._only_theirs, name)
        if ours is not None:
            self._take_ours(ours)

    def _pass_boundary(self, ours: LineDigest) -> None:
        """Where a number ends, what both sides have had must be the same."""
        attempt = 0 if self._interleaved else ours.attempt
        place = (attempt, ours.sequence_num)
        if place == self._place:
            return
        apart = self._only_ours and self._only_theirs
        if apart and self._disorder is None and self._place is not None:
            self._disorder = self._place[1]
        self._place = place

    def _take_ours(self, ours: LineDigest) -> None:
        key = self._key(ours)
        self._settle(key, self._only_theirs, self._only_ours, _name(ours))

    def _key(self, line: LineDigest) -> Key:
        """Return what a line is told by; one without event id knows no attempt."""
        if self._by_text:
            return (line.message,)
        return (line.sequence_num, line.stream, line.message)

    def _settle(
        self, key: Key, awaited: Counter[Key], here: Counter[Key], name: str
    ) -> None:
        left = awaited[key]
        if not left:
            here[key] += 1
            self._names[key] = name
        elif left > 1:
            awaited[key] = left - 1
        else:
            del awaited[key], self._names[key]

    def finish(self) -> Difference:
        early = not self.waiting()
        for each in self._ours:
            self._take_ours(each)
        ours, theirs = self._only_ours, self._only_theirs
        return Difference(
            ours.total(),
            theirs.total(),
            self._examples(ours),
            self._examples(theirs),
            None if ours or theirs else self._disorder,
            ends_early=early and bool(ours) and self._disorder is None,
        )

    def _examples(self, lines: Counter[Key]) -> tuple[str, ...]:
        return tuple(self._names[key] for key in list(lines)[:_NAMED])


def _name(line: LineDigest) -> str:
    attempt = f"attempt {line.attempt} " if line.attempt > 1 else ""
    return f"{attempt}number {line.sequence_num:,}"


# The server's own file.

_LASTING: Final = (DownloadNeedsSessionError, LogsUnavailableError)
"""Refusals that asking again does not change."""

_NAME_BYTES: Final = 235
_READ_BYTES: Final = 1 << 20


class _CutError(ServerError):
    """The download ended as HTTP wants it, and is not whole."""


class UncheckableError(Exception):
    """The server gives no file to check against; the text says why."""


class ServerFile:
    """The server's own file beside the recording, kept only if they differ.

    It takes the body of the download itself.
    """

    def __init__(self, work: Work, digests: DigestSpool) -> None:
        self._work = work
        self._digests = digests
        self._format = RawFormat.JSONL
        self._comparison = Comparison(digests, by_text=False)
        self.part: PartFile | None = None

    async def compare(self, growing_seconds: float) -> Difference:
        """Download and compare; again while it is refused, or lacks lines of ours.

        An ended job's log can grow for ``growing_seconds``.

        Raises:
            UncheckableError: There is no such file, or none that can be compared.
        """
        self._work.meter.phase = SavePhase.CHECKING
        for share in (*GROWING_SHARES, None):
            wait = 0.0
            try:
                found = await self._compare_once()
            except (ServerError, AuthError, MissingError, UsageError) as refusal:
                # One refusal may be a proxy's, or a server's that just restarts.
                words = clean(refusal.sentence).rstrip(".")
                if share is None or isinstance(refusal, _LASTING):
                    raise UncheckableError(words) from refusal
                self._work.meter.said = f"{words}. It is asked for again."
                wait = refusal.retry_after or 0.0
            else:
                if share is None or not found.only_ours:
                    break
                self._work.meter.said = "The server's own file is short of lines yet."
            wait = max(wait, (share or 0.0) * growing_seconds)
            await asyncio.sleep(min(wait, growing_seconds))
        if found.ends_early and await self._pages_go_on():
            raise UncheckableError(
                f"that stops {plural(found.only_ours, 'line')} before the end of the "
                "retained pages: something between cuts it off"
            )
        return found

    async def _pages_go_on(self) -> bool:
        """Whether the retained pages reach as far as the recording does."""
        request = self._work.request
        try:
            page = await self._work.client.log_page(
                request.workflow_id, request.job_id, fresh=True
            )
        except ChronotuiError:
            return False
        numbers = [line.sequence_num for line in page.lines]
        return max(numbers, default=-1) >= self._digests.tally.highest

    async def _compare_once(self) -> Difference:
        await self.drop()
        try:
            return await self._downloaded()
        except OtherFormatError as other:
            if other.sent is not RawFormat.TXT or self._work.request.stream:
                raise UncheckableError(
                    "it knows neither jsonl nor one stream alone"
                ) from other
            self._format = other.sent
            return await self._compare_once()
        except DownloadError as full:
            # No room for the server's file beside the recording.
            raise UncheckableError(clean(full.sentence).rstrip(".")) from full

    async def _downloaded(self) -> Difference:
        by_text = self._format is RawFormat.TXT
        self._comparison = Comparison(self._digests, by_text=by_text)
        fetched = await Fetch(self._work, self._format, self).run()
        if judge(self._format, fetched.tail).ending in {
            DownloadEnd.FAILED,
            DownloadEnd.SHORT,
        }:
            raise _CutError("the download broke off again and again")
        return await in_thread(self._comparison.finish)

    def begin(self, hint: str | None) -> None:
        del hint
        recording = self._work.recording
        assert recording is not None  # noqa: S101 - it is what is checked
        name = f"{shorten(recording.path.name, _NAME_BYTES)}.server"
        self.part = CheckFile(recording, name)

    def take(self, piece: bytes) -> None:
        if self.part is not None:
            self.part.write(piece)
        self._comparison.take(piece)

    def finish(self) -> bytes:
        return b"" if self.part is None else self.part.tail(TAIL_BYTES)

    async def drop(self) -> None:
        part, self.part = self.part, None
        if part is not None:
            await in_thread(part.discard, part.abandon)

    def keep(self) -> Path | None:
        """Leave the file as a part beside the recording; returns its path."""
        return None if self.part is None else self.part.keep()


def holds_all(digests: DigestSpool, path: Path, save_format: SaveFormat) -> bool:
    """Whether a recording has every line of a file; False where it cannot be told."""
    if save_format.served not in {RawFormat.TXT, RawFormat.JSONL}:
        return False
    comparison = Comparison(digests, by_text=save_format.served is RawFormat.TXT)
    try:
        with path.open("rb") as file:
            while piece := file.read(_READ_BYTES):
                comparison.take(piece)
    except (OSError, UnreadableAnswerError):
        return False
    return not comparison.finish().only_theirs
