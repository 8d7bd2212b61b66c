"""One true line of a demo job, and its place in the log."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from chronotui.model import STDERR, STDOUT

Position: TypeAlias = tuple[int, int, int]
"""(attempt, number, rank): the server's ascending order, stderr before stdout."""

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

    def event_id(self, job_id: str) -> str:
        """Return the identity a current server gives the line."""
        attempt = f"attempt:{self.attempt}:" if self.attempt > 1 else ""
        return f"log:{job_id}:{attempt}{self.stream}:{self.sequence_num}"
