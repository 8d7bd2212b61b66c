"""What a program's screen said, and when, from the bytes it sent."""

from __future__ import annotations

import re
from time import perf_counter
from typing import TYPE_CHECKING

import pyte

from tests.benchmarks.pty_program import COLUMNS, LINES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.pty_program import Program

UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[(?:>25|<)u")
"""Private questions that the emulator would print."""


class Replay:
    """A terminal the chunks a program sent are played into afterwards.

    Doing it afterwards keeps the emulator's time out of what is measured.
    """

    def __init__(self) -> None:
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)

    def play(self, chunks: Sequence[tuple[float, bytes]]) -> Iterator[float]:
        """Show chunk after chunk; yield when each came, its screen being shown."""
        for came, sent in chunks:
            self._stream.feed(UNKNOWN_TO_PYTE.sub(b"", sent))
            yield came

    def play_all(self, chunks: Sequence[tuple[float, bytes]]) -> list[str]:
        """Show all chunks; return the rows of the last screen."""
        for _came in self.play(chunks):
            pass
        return self.rows

    def wait_for(self, program: Program, shows: str, seconds: float = 20.0) -> None:
        """Read until the screen of a program, kept from its start, shows a text.

        Painters write what differs, so the text may never be sent in one piece.
        """
        program.keep = True
        deadline = perf_counter() + seconds
        while not any(shows in row for row in self.play_all(program.chunks)):
            program.chunks = []
            assert perf_counter() < deadline, f"{shows!r} never came"
            program.read(1.0)
        program.chunks, program.keep = [], False

    @property
    def rows(self) -> list[str]:
        """The rows of the screen as it is now."""
        return list(self._screen.display)

    def row(self, number: int) -> str:
        """Return one row; negative numbers count from the last one."""
        buffer = self._screen.buffer[number % LINES]
        return "".join(buffer[x].data for x in range(COLUMNS))
