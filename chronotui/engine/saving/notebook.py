"""What a recording remembers of each line: enough to tell lines apart, on disk."""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.core.log_formats import text_bytes
from chronotui.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chronotui.core.log import Overflow
    from chronotui.model import LogLine

_RECORD: Final = struct.Struct("<IQ12s12sH")
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
    def place(self) -> tuple[int, int]:
        """Attempt and number."""
        return (self.attempt, self.sequence_num)


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
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        words = os.strerror(problem.errno or 0)
        raise DownloadError(
            f"The recording's spool file cannot be used: {words}.",
            next_step="Make room in the spool folder ([ui] spool_dir), then try again.",
        ) from problem


class Notebook:
    """Notes of all lines of a recording, in order, in a spool file.

    Used by one thread at a time.

    Args:
        spool: Opens the file.

    Raises:
        DownloadError: The file cannot be made; as from every method.
    """

    def __init__(self, spool: Callable[[], Overflow]) -> None:
        with _explained():
            self._spool = spool()
        self._size = 0

    def add(self, lines: Sequence[LogLine]) -> None:
        """Append lines."""
        records = [_RECORD.pack(*note) for line in lines for note in notes_of(line)]
        with _explained():
            self._spool.write(b"".join(records))
        self._size += len(records)

    def notes(self, *, as_text: bool) -> Iterator[Note]:
        """Yield the notes in order.

        Args:
            as_text: One for each line of a txt file, else one for each log line.
        """
        for start in range(0, self._size, _AT_ONCE):
            count = min(_AT_ONCE, self._size - start)
            with _explained():
                block = self._spool.read(start * _RECORD.size, count * _RECORD.size)
            for note in map(Note._make, _RECORD.iter_unpack(block)):
                if note.text_lines == 1 or as_text == (note.text_lines == 0):
                    yield note

    def close(self) -> None:
        """Let the spool file go."""
        self._spool.close()
