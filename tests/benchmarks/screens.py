"""What a program's screen said, and when, from the bytes it sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyte

from tests.benchmarks.pty_program import COLUMNS, LINES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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

    @property
    def rows(self) -> list[str]:
        """The rows of the screen as it is now."""
        return list(self._screen.display)

    def row(self, number: int) -> str:
        """Return one row; negative numbers count from the last one."""
        buffer = self._screen.buffer[number % LINES]
        return "".join(buffer[x].data for x in range(COLUMNS))
