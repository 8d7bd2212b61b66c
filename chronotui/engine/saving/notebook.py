"""What a recording remembers of each line: enough to tell lines apart, on disk."""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import os
import struct
from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.core.log_formats import text_bytes
from chronotui.errors import DownloadError
from chronotui.storage.recording_part import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chronotui.core.log import Overflow
    from chronotui.model import LogLine

_RECORD: Final = struct.Struct("<IQ12s12sH")
_IDENTITY: Final = struct.Struct("<Q12s12s")
_IDENTITIES: Final = 1 << 128
_AT_ONCE: Final = 4096


class Note(NamedTuple):
    """A line's place, and digests of its stream and of what it says.

    ``text_lines`` counts the lines its message makes in a txt file. Where that is
    more than one, so many notes with 0 follow, one for each of them.
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

    Attributes:
        highest: The highest number among them, of any attempt; -1 for none.
    """

    def __init__(self) -> None:
        self.highest = -1
        self._lines = 0
        self._sum = 0
        self._last: LogLine | None = None
        self._at_last: list[str] = []

    def add(self, line: LogLine, note: Note) -> None:
        """Count a line."""
        if self._last is None or self._last[:2] != line[:2]:
            self._at_last = []
        identity = note.identity
        self.highest = max(self.highest, line.sequence_num)
        self._lines += 1
        self._sum = (self._sum + identity) % _IDENTITIES
        self._last = line
        self._at_last.append(f"{identity:032x}")

    def recorded(self) -> Recorded:
        """Return it as a recording's state says it."""
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
        """Whether exactly the recorded lines were counted."""
        own = self.recorded()
        return (own.lines, own.identities) == (recorded.lines, recorded.identities)


class Held:
    """Tells the lines of a log that a part holds already from those it lacks."""

    def __init__(self, recorded: Recorded) -> None:
        self._place = (recorded.attempt, recorded.sequence_num)
        self._at_last = Counter(recorded.at_last)

    def holds(self, line: LogLine) -> bool:
        """Whether a line is in the part; each of its lines is asked for once."""
        if line[:2] != self._place:
            return line[:2] < self._place
        identity = f"{note_of(line).identity:032x}"
        self._at_last[identity] -= 1
        return self._at_last[identity] >= 0


def digest(text: bytes) -> bytes:
    """Return twelve bytes that stand for a message."""
    return hashlib.blake2b(text, digest_size=12).digest()


def note_of(line: LogLine) -> Note:
    """Return what is remembered of a line."""
    text = text_bytes(line.message)
    stream = digest(text_bytes(line.stream))
    count = min(text.count(b"\n") + 1, 0xFFFF)
    return Note(line.attempt, line.sequence_num, stream, digest(text), count)


def notes_of(line: LogLine) -> Iterator[Note]:
    """Yield the note of a line, and those of its parts where it has several."""
    note = note_of(line)
    yield note
    if note.text_lines > 1:
        for part in text_bytes(line.message).split(b"\n"):
            yield note._replace(message=digest(part), text_lines=0)


@contextlib.contextmanager
def spool_explained(what: str = "The recording's spool file") -> Iterator[None]:
    """Tell trouble with a spool file in words.

    Args:
        what: The file, as a sentence begins with it.

    Raises:
        DownloadError: The disk is full or fails.
    """
    try:
        yield
    except OSError as problem:
        words = os.strerror(problem.errno or 0)
        raise DownloadError(
            f"{what} cannot be used: {words}.",
            next_step="Make room in the spool folder ([ui] spool_dir), then try again.",
        ) from problem


class Notebook:
    """Notes of all lines of a recording, in order, in a spool file.

    Used by one thread at a time.

    Args:
        spool: Opens the file.

    Attributes:
        tally: Which lines they are of.

    Raises:
        DownloadError: The file cannot be made; as from every method.
    """

    def __init__(self, spool: Callable[[], Overflow]) -> None:
        with spool_explained():
            self._spool = spool()
        self._size = 0
        self._begins: list[tuple[int, int]] = []
        self.tally = Tally()

    @property
    def attempts(self) -> int:
        """How many attempts the lines are of."""
        return len(self._begins)

    def add(self, lines: Sequence[LogLine]) -> None:
        """Append lines."""
        records: list[bytes] = []
        begins = self._begins
        for line in lines:
            if not begins or begins[-1][0] != line.attempt:
                begins.append((line.attempt, self._size + len(records)))
            notes = list(notes_of(line))
            records += [_RECORD.pack(*note) for note in notes]
            self.tally.add(line, notes[0])
        with spool_explained():
            self._spool.write(b"".join(records))
        self._size += len(records)

    def notes(self, *, as_text: bool, interleaved: bool = False) -> Iterator[Note]:
        """Yield the notes in order.

        Args:
            as_text: One for each line of a txt file, else one for each log line.
            interleaved: By number alone, the attempts side by side, as the server
                writes a retried job's file; else attempt after attempt.
        """
        if not interleaved:
            return self._between(0, self._size, as_text=as_text)
        starts = [start for _attempt, start in self._begins]
        attempts = [
            self._between(start, stop, as_text=as_text)
            for start, stop in zip(starts, [*starts[1:], self._size], strict=True)
        ]
        return heapq.merge(*attempts, key=attrgetter("sequence_num"))

    def _between(self, first: int, last: int, *, as_text: bool) -> Iterator[Note]:
        for start in range(first, last, _AT_ONCE):
            count = min(_AT_ONCE, last - start)
            with spool_explained():
                block = self._spool.read(start * _RECORD.size, count * _RECORD.size)
            for note in map(Note._make, _RECORD.iter_unpack(block)):
                if note.text_lines == 1 or as_text == (note.text_lines == 0):
                    yield note

    def close(self) -> None:
        """Let the spool file go."""
        self._spool.close()
