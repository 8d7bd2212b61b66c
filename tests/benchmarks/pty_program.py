"""A program in a real pseudo-terminal: its keys, bytes, frames and processor time."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

from tests.benchmarks.processor import processor_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

COLUMNS, LINES = 120, 40
QUIET_SECONDS = 0.010
"""A burst of output is over when nothing has come for this long."""

LONGEST_SECONDS = 150.0
"""For what a host takes longest to do: filling a store with ten million lines."""

NO_ANSWER_SECONDS = 20.0
FRAME_BEGINS = b"\x1b[?2026h"
ANSWERS = {
    b"\x1b[?2026$p": b"\x1b[?2026;2$y",
    b"\x1b[5n": b"\x1b[0n",
    b"\x1b[6n": b"\x1b[1;1R",
    b"\x1b[c": b"\x1b[?62;22c",
}
"""What a terminal with synchronised output answers to a program's questions."""

_SEQUENCE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])"
)
CONTROL_FDS = "BENCH_CONTROL_FDS"


class EndedError(Exception):
    """The program ended; says what its terminal got last."""


class Response(NamedTuple):
    """What a key caused.

    Attributes:
        seconds: From writing the key to the last byte of the burst it caused.
        written: Bytes until the next key, late ones too.
    """

    seconds: float
    written: int


class Program:
    """One program in a terminal of 120 by 40 cells, told and heard through pipes.

    A host of ours finds the pipes' numbers in ``BENCH_CONTROL_FDS``: it is told
    what to do line by line and says so when it is done.

    Attributes:
        written: Bytes it has sent to the terminal.
        frames: Synchronised frames among them.
        chunks: When each read came and what it was, while ``keep`` is set.
    """

    _beside: ClassVar[list[Program]] = []

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str]
    ) -> None:
        self.written = self.frames = 0
        self.chunks: list[tuple[float, bytes]] = []
        self.keep = False
        self._tail = b""
        self._last = b""
        self._said = b""
        told, self._telling = os.pipe()
        self._hearing, saying = os.pipe()
        self.pid, self._terminal = pty.fork()
        if not self.pid:
            size = struct.pack("HHHH", LINES, COLUMNS, 0, 0)
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            for descriptor in (told, saying):
                os.set_inheritable(descriptor, True)
            variables = {**environment, CONTROL_FDS: f"{told},{saying}"}
            os.execvpe(command[0], list(command), variables)
        os.close(told)
        os.close(saying)

    def __enter__(self) -> Self:
        self._beside.append(self)
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the program."""
        if self in self._beside:
            self._beside.remove(self)
        os.killpg(self.pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        for descriptor in (self._terminal, self._telling, self._hearing):
            os.close(descriptor)

    @property
    def processor_seconds(self) -> float:
        """Processor time of it and its children so far, threads that ended too."""
        return processor_seconds(self.pid)

    # Reading

    def read(self, seconds: float) -> bool:
        """Read once what comes within so many seconds; False when nothing came."""
        ready, _, _ = select.select([self._terminal], [], [], max(seconds, 0.0))
        if not ready:
            return False
        try:
            sent = os.read(self._terminal, 1 << 16)
        except OSError as error:
            raise EndedError(self._last.decode(errors="replace")) from error
        self._last = (self._last + sent)[-4000:]
        if self.keep:
            self.chunks.append((perf_counter(), sent))
        self.written += len(sent)
        seen = self._tail + sent
        self.frames += seen.count(FRAME_BEGINS)
        for question, answer in ANSWERS.items():
            if count := seen.count(question):
                os.write(self._terminal, answer * count)
        self._tail = _unfinished(seen)
        return True

    def settle(self, quiet: float = 0.4) -> None:
        """Read until nothing has come for a while, less than a clock's tick."""
        deadline = perf_counter() + NO_ANSWER_SECONDS
        while self.read(quiet):
            assert perf_counter() < deadline, "it never rests"

    def pass_time(self, seconds: float) -> None:
        """Read all that comes in so many seconds."""
        deadline = perf_counter() + seconds
        while (left := deadline - perf_counter()) > 0:
            self.read(left)

    def until(self, shows: bytes, *, seconds: float = NO_ANSWER_SECONDS) -> float:
        """Read until a text was written, escape sequences left out.

        Returns:
            When its last byte came, by ``perf_counter``.
        """
        self.chunks, self.keep = [], True
        deadline = perf_counter() + seconds
        while shows not in _SEQUENCE.sub(b"", b"".join(c for _, c in self.chunks)):
            self.read(NO_ANSWER_SECONDS)
            assert perf_counter() < deadline, f"{shows!r} never came"
        self.keep = False
        return self.chunks[-1][0]

    def resize(self) -> None:
        """Have the program paint its whole screen anew."""
        for lines in (LINES - 1, LINES):
            self.give_size(lines)
            self.settle()

    def give_size(self, lines: int) -> None:
        """Give the terminal another number of lines; the program is told."""
        size = struct.pack("HHHH", lines, COLUMNS, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)

    # Keys

    def press(self, key: bytes, *, every: float = 0.0) -> Response:
        """Press a key and wait for the end of the burst it causes.

        Args:
            key: The bytes the terminal sends for it.
            every: Seconds to the next key at least; what comes by then is counted.
        """
        before = self.written
        pressed = perf_counter()
        os.write(self._terminal, key)
        last = pressed
        wait = 2.0
        while self.read(wait):
            last = perf_counter()
            wait = QUIET_SECONDS
        assert last > pressed, f"nothing came of {key!r}"
        self.pass_time(pressed + every - perf_counter())
        return Response(last - pressed, self.written - before)

    def type(self, keys: bytes) -> float:
        """Send keys, wait for nothing, and return when, by ``perf_counter``."""
        os.write(self._terminal, keys)
        return perf_counter()

    # Telling a host

    def tell(self, order: str) -> None:
        """Tell the host of ours something to do."""
        os.write(self._telling, f"{order}\n".encode())

    def hear(self) -> str:
        """Read until the host says a line; returns the line.

        The terminals are read meanwhile, those of the programs beside it as well: one
        that is not answered for long holds its frames back for as long after it.
        """
        deadline = perf_counter() + LONGEST_SECONDS
        terminals = {each._terminal: each for each in (self, *self._beside)}
        while b"\n" not in self._said:
            left = deadline - perf_counter()
            watched = [self._hearing, *terminals]
            ready, _, _ = select.select(watched, [], [], max(left, 0.0))
            assert ready, "the host says nothing"
            for terminal in terminals.keys() & set(ready):
                terminals[terminal].read(0.0)
            if self._hearing in ready:
                said = os.read(self._hearing, 4096)
                if not said:
                    raise EndedError(self._last.decode(errors="replace"))
                self._said += said
        line, _, self._said = self._said.partition(b"\n")
        return line.decode()

    def ask(self, order: str) -> str:
        """Tell the host something and return what it says of it."""
        self.tell(order)
        return self.hear()


def _unfinished(seen: bytes) -> bytes:
    """Return the end of what was read if it is the beginning of a sequence."""
    start = seen.rfind(b"\x1b", -16)
    if start < 0 or _SEQUENCE.match(seen, start):
        return b""
    return seen[start:]


def environment(folder: Path) -> dict[str, str]:
    """Return an environment that holds nothing of the user's."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }
