"""One true line of a demo job, and its place in the log."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from chronotui.model import STDERR, STDOUT

Position: TypeAlias = tuple[int, int, int]
"""(attempt, number, rank): the true order of a log, stderr before stdout."""

Place: TypeAlias = tuple[int, int, int, int]
"""(attempt, number, rank, turn): where a server lists a line.

One that knows no attempts has 0 for the attempt, and the lines of one number and
stream in the order of their ids, which ``turn`` stands for; elsewhere ``turn`` is 0.
"""

_RANKS: Final = {STDERR: 0, STDOUT: 1}


class TrueLine(NamedTuple):
    """A line as the container wrote it.

    ``attempt`` counts from 1, ``sequence_num`` from the dialect's base, ``time_ns``
    is the exact time in nanoseconds since the epoch (retained answers cut it to
    milliseconds).
    """

    attempt: int
    sequence_num: int
    stream: str
    time_ns: int
    message: str

    @property
    def position(self) -> Position:
        """Where the line stands in its job's log."""
        return (self.attempt, self.sequence_num, _RANKS.get(self.stream, 2))

    def place(self, *, interleaved: bool) -> Place:
        """Return where a server lists the line.

        Args:
            interleaved: Whether that server knows no attempts.
        """
        attempt, number, rank = self.position
        if interleaved:
            return (0, number, rank, turn_of(attempt))
        return (attempt, number, rank, 0)

    def event_id(self, job_id: str) -> str:
        """Return the identity a current server gives the line."""
        attempt = f"attempt:{self.attempt}:" if self.attempt > 1 else ""
        return f"log:{job_id}:{attempt}{self.stream}:{self.sequence_num}"


@lru_cache(maxsize=256)
def turn_of(attempt: int) -> int:
    """Return a number that orders attempts as their ids are, which are texts.

    ``attempt:2:…`` stands before ``stdout:…``, the first attempt's, and
    ``attempt:10:…`` before ``attempt:2:…``.
    """
    if attempt == 1:
        return 11**4
    return int(str(attempt).ljust(4, "a"), 11)


def downward(place: Place) -> Place:
    """Return what sorts places as a server lists them newest first.

    Numbers fall, what has the same number still rises (stream, then id).
    """
    attempt, number, rank, turn = place
    return (-attempt, -number, rank, turn)


def just_before(place: Place) -> Place:
    """Return the place after which ``place`` comes next, in either direction."""
    return (*place[:3], place[3] - 1)
