"""Lines of a job's log and pages of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

STDOUT: Final = "stdout"
STDERR: Final = "stderr"


class LogLine(NamedTuple):
    """One line as the server gave it; the message is exact and never cleaned here.

    ``attempt`` counts from 1; 0 says the server did not tell (no ``event_id``).
    ``time_ns`` is nanoseconds since the epoch, UTC; None when absent or unreadable.
    ``event_id`` is "" where the server has none. ``stream`` is the server's word.
    ``retained`` tells a line of the retained log from a live one; retained fields
    win over live ones (invariant 2 of identity).
    """

    attempt: int
    sequence_num: int
    stream: str
    time_ns: int | None
    message: str
    event_id: str = ""
    retained: bool = True


@dataclass(frozen=True, slots=True)
class LogPage:
    """One page of retained lines, in the order the server sent them.

    ``cursor`` leads to the next page; None ends the list. An empty page may carry
    a cursor.
    """

    lines: tuple[LogLine, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of the server's own search, newest first.

    ``lines`` carry clean messages (highlight marks removed); ``highlights[i]`` are
    the (start, end) character ranges the server marked in ``lines[i].message``.
    """

    lines: tuple[LogLine, ...]
    highlights: tuple[tuple[tuple[int, int], ...], ...]
    cursor: str | None = None


class RawFormat(StrEnum):
    """Encodings of the raw download endpoint."""

    TXT = "txt"
    JSON = "json"
    JSONL = "jsonl"
