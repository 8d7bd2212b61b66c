"""Which lines of a log are asked for, as the command line's flags say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.model import LogLine


@dataclass(frozen=True, slots=True)
class LineSelection:
    """What ``logs`` was asked to print.

    Attributes:
        stream: Only this stream, in the server's word; None for both.
        grep: Whether a message is wanted; None for all.
        since_ns: Only lines at or after this time, nanoseconds since the epoch.
            A line without a time is taken.
        tail: Only the last so many of the lines that would be printed, counted
            when the log is opened.
        attempt: Only lines of this attempt (from 1).
    """

    stream: str | None = None
    grep: Callable[[str], bool] | None = None
    since_ns: int | None = None
    tail: int | None = None
    attempt: int | None = None

    @property
    def from_the_start(self) -> bool:
        """Whether the whole log has to be read: nothing leaves out its beginning."""
        return self.tail is None and self.since_ns is None

    def in_time(self, line: LogLine) -> bool:
        """Whether the line is not before what was asked for."""
        return (
            self.since_ns is None
            or line.time_ns is None
            or line.time_ns >= self.since_ns
        )

    def prints(self, line: LogLine) -> bool:
        """Whether the line is printed, ``tail`` left aside."""
        return (
            (self.stream is None or line.stream == self.stream)
            and (self.attempt is None or line.attempt == self.attempt)
            and self.in_time(line)
            and (self.grep is None or self.grep(line.message))
        )
