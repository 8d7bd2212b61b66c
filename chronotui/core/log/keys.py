"""The order and the identity of log lines (design note, invariants 1 and 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

from chronotui.model import STDERR, STDOUT

if TYPE_CHECKING:
    from chronotui.model import LogLine

STDERR_RANK: Final = 0
STDOUT_RANK: Final = 1
OTHER_RANK: Final = 2

_EPOCH_SHIFT: Final = 2**64
"""Makes times positive, so that their digits sort as they do."""

RANKS: Final = {STDERR: STDERR_RANK, STDOUT: STDOUT_RANK}
"""A stream's place among lines with one number; others have ``OTHER_RANK``."""


class LineKey(NamedTuple):
    """Where a line stands and which one it is; keys sort as lines are shown.

    Attributes:
        attempt: From 1; 0 is unknown and comes first.
        sequence_num: The server's number.
        rank: 0 for stderr, 1 for stdout, 2 for any other word.
        event_id: The server's id. Without one, what tells the line from others
            with the same number: nothing where attempt and stream are known, else
            the stream's word, or time and message.
    """

    attempt: int
    sequence_num: int
    rank: int
    event_id: str


def rank_of(stream: str) -> int:
    """Return a stream's place among lines with one number."""
    return RANKS.get(stream, OTHER_RANK)


def key_of(line: LogLine) -> LineKey:
    """Return a line's key; it depends on nothing but the line."""
    rank = RANKS.get(line.stream, OTHER_RANK)
    event_id = line.event_id
    if not event_id and (rank == OTHER_RANK or not line.attempt):
        event_id = _stand_in(line)
    return LineKey(line.attempt, line.sequence_num, rank, event_id)


def timed_stand_in(line: LogLine, margin_ns: int = 0) -> str:
    """Return the beginning, up to its time, of what tells a line from others.

    For lines of unknown attempt, without an id; ``margin_ns`` moves the time.
    """
    word = line.stream if rank_of(line.stream) == OTHER_RANK else ""
    return f"{word}~{(line.time_ns or 0) + margin_ns + _EPOCH_SHIFT:020d}~"


def _stand_in(line: LogLine) -> str:
    """Tell apart lines that neither an id nor attempt and stream tell apart."""
    if line.attempt:
        return line.stream
    check = crc32(line.message.encode("utf-8", "surrogatepass"))
    return f"{timed_stand_in(line)}{check:08x}"
