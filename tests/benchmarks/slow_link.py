"""A terminal behind a slow link: what is written is taken at once and arrives late.

As through ssh: buffers of megabytes take everything a program writes, the link
delivers so many bytes a second, each so much later, and what the terminal answers and
the keys somebody presses come as late.
"""

from __future__ import annotations

import os
import select
from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from tests.benchmarks.pty_program import ANSWERS, EndedError, Program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PIECE = 256
"""Bytes that arrive together."""


class Link(NamedTuple):
    """Bytes a second towards the terminal, and seconds each way."""

    rate: float
    delay: float


class SlowProgram(Program):
    """A program whose terminal is behind a link; see `Program`.

    Attributes:
        link: The link; None delivers at once.
        shown: All that has arrived at the terminal, while ``keep`` is set.
    """

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str]
    ) -> None:
        super().__init__(command, environment=environment)
        self.link: Link | None = None
        self.taken = self.arrived = 0
        self._free_at = 0.0
        self._down: deque[tuple[float, bytes]] = deque()
        self._up: deque[tuple[float, bytes]] = deque()
        self._seen = b""

    @property
    def under_way(self) -> int:
        """Bytes that were written and have not arrived."""
        return self.taken - self.arrived

    def press_far(self, key: bytes) -> float:
        """Press a key at the far end; return when, by ``perf_counter``."""
        now = perf_counter()
        self._up.append((now + (self.link.delay if self.link else 0.0), key))
        return now

    def read(self, seconds: float) -> bool:
        """Let time pass until something arrives; False when nothing did."""
        deadline = perf_counter() + max(seconds, 0.0)
        while True:
            self._send_up()
            if self._arrive():
                return True
            now = perf_counter()
            if now >= deadline:
                return False
            due = [at for at, _ in (*list(self._down)[:1], *list(self._up)[:1])]
            wait = min([deadline, *due]) - now
            ready, _, _ = select.select([self._terminal], [], [], max(wait, 0.0))
            if ready:
                self._take()

    def _take(self) -> None:
        """Take at once what the program wrote; it arrives when the link lets it."""
        try:
            sent = os.read(self._terminal, 1 << 16)
        except OSError as error:
            raise EndedError(self._last.decode(errors="replace")) from error
        self.taken += len(sent)
        now = perf_counter()
        link = self.link or Link(1e12, 0.0)
        for start in range(0, len(sent), PIECE):
            piece = sent[start : start + PIECE]
            self._free_at = max(self._free_at, now) + len(piece) / link.rate
            self._down.append((self._free_at + link.delay, piece))

    def _arrive(self) -> bool:
        came = False
        while self._down and self._down[0][0] <= perf_counter():
            _at, piece = self._down.popleft()
            came = True
            self.arrived += len(piece)
            self.written += len(piece)
            self._last = (self._last + piece)[-4000:]
            if self.keep:
                self.chunks.append((perf_counter(), piece))
            self._answer(piece)
        return came

    def _answer(self, piece: bytes) -> None:
        """Answer the questions that stand whole in what has arrived."""
        seen = self._seen + piece
        delay = self.link.delay if self.link else 0.0
        done = 0
        for question, answer in ANSWERS.items():
            at = seen.find(question)
            while at >= 0:
                self._up.append((perf_counter() + delay, answer))
                done = max(done, at + len(question))
                at = seen.find(question, at + len(question))
        self._seen = seen[max(done, len(seen) - 12) :]

    def _send_up(self) -> None:
        while self._up and self._up[0][0] <= perf_counter():
            os.write(self._terminal, self._up.popleft()[1])
