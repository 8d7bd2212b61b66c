"""Handing a line to somebody else: its place, the command that opens it, its words."""

from __future__ import annotations

import shlex
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.attempts import LineKey
from chronotui.model import STDERR, STDOUT
from chronotui.text import clean, printable_line
from chronotui.times import format_time_ns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chronotui.log.store import LogStore
    from chronotui.model import LogLine

_STREAMS: Final = (STDOUT, STDERR)
_MOST_DIGITS: Final = 18
FORM: Final = "ATTEMPT:NUMBER, such as 3:686 or 3:686:stderr"


class LinePlace(NamedTuple):
    """A line as it is named in commands: ``3:686:stderr``.

    Attributes:
        attempt: Counts from 1; 0 where the server does not tell attempts apart.
        number: The server's sequence number.
        stream: "" takes the first line of that number.
    """

    attempt: int
    number: int
    stream: str = ""

    @classmethod
    def parse(cls, text: str) -> LinePlace:
        """Read what a command names a line by.

        Raises:
            ValueError: It is none; the message is a sentence.
        """
        attempt, _, rest = text.strip().partition(":")
        number, colon, stream = rest.partition(":")
        if not (_is_count(attempt) and _is_count(number)):
            raise ValueError(f"{clean(text)!r} names no line: write {FORM}.")
        if colon and stream not in _STREAMS:
            raise ValueError(
                f"{clean(text)!r} names no stream: write stdout or stderr at its end."
            )
        return cls(int(attempt), int(number), stream)

    @classmethod
    def of(cls, line: LogLine) -> LinePlace:
        stream = line.stream if line.stream in _STREAMS else ""
        return cls(line.attempt, line.sequence_num, stream)

    def __str__(self) -> str:
        words = f"{self.attempt}:{self.number}"
        return f"{words}:{self.stream}" if self.stream else words

    def find(self, store: LogStore) -> LogLine | None:
        """Return the line, if a log holds it."""
        start = store.bisect(LineKey(self.attempt, self.number, -1, ""))
        for index in range(start, len(store)):
            line = store.line(index)
            if line[:2] != (self.attempt, self.number):
                break
            if not self.stream or line.stream == self.stream:
                return line
        return None


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


class Origin(NamedTuple):
    """Where lines are from, for people and for the command that opens them.

    Attributes:
        workflow_id: "" for the run of an app, which is named by its id alone.
        job_id: As people type it.
        workflow: The name.
        job: The id as it is shown.
        server: Options that name the server, such as ``--profile``, by their names.
        verb: "demo" where the desk is one on the built-in server.
    """

    workflow_id: str
    job_id: str
    workflow: str
    job: str
    server: Mapping[str, str] = MappingProxyType({})
    verb: str = ""

    def command(self, place: LinePlace | None = None) -> str:
        """Return the command that opens it, at a line."""
        options = {
            **self.server,
            "--workflow": self.workflow_id,
            "--job": self.job_id,
            "--line": "" if place is None else str(place),
        }
        words = ["chronotui", *filter(None, [self.verb])]
        for name, value in options.items():
            if value.startswith("-"):
                words.append(f"{name}={value}")
            elif value:
                words += [name, value]
        return clean(shlex.join(words))

    def handed(self, lines: Iterable[LogLine], *, counted: bool = True) -> list[str]:
        """Return lines with where each is from, and below them what opens the first.

        Args:
            lines: At least one.
            counted: Whether a line's number is the server's, so that it can be opened.
        """
        lines = list(lines)
        place = LinePlace.of(lines[0]) if counted else None
        return [*self.prefixed(lines), self.command(place)]

    def prefixed(self, lines: Iterable[LogLine]) -> Iterator[str]:
        """Yield lines with where each is from."""
        subject = f"{clean(self.workflow)} {clean(self.job)}"
        for line in lines:
            time_ns = line.time_ns
            stamp = "" if time_ns is None else f"{format_time_ns(time_ns, 3)} "
            attempt = f" attempt {line.attempt}" if line.attempt else ""
            stream = f" [{clean(line.stream)}]" if line.stream else ""
            message = printable_line(line.message)
            yield f"{stamp}{subject}{attempt}{stream} {message}"
