"""The real program in a pseudo-terminal, its screen read through an emulator."""

from __future__ import annotations

import os
import select
import signal
import sys
from contextlib import suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING, Self

import pyte
from ptyprocess import PtyProcess
from wcwidth import wcwidth

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

KEYS = {
    "enter": "\r",
    "tab": "\t",
    "escape": "\x1b",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "ctrl+c": "\x03",
    "end": "\x1b[F",
    "home": "\x1b[H",
}
COMPILED = ("PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")
"""What says where compiled code is kept."""


class _Answering(pyte.Screen):
    """A screen that answers what it is asked, as terminals do."""

    def __init__(self, columns: int, lines: int) -> None:
        super().__init__(columns, lines)
        self.answers: list[tuple[float, str]] = []

    @property
    def display(self) -> list[str]:
        """The rows as they are read, also in the middle of a frame.

        The emulator's own rows fail while the second half of a wide character stands
        whose first half was overwritten already.
        """
        rows = []
        for y in range(self.lines):
            row, x = [], 0
            while x < self.columns:
                shown = self.buffer[y][x].data
                row.append(shown or " ")
                x += 2 if shown and wcwidth(shown[0]) == 2 else 1
            rows.append("".join(row))
        return rows

    def write_process_input(self, data: str) -> None:
        self.answers.append((monotonic(), data))


class Terminal:
    """One program in a terminal of ``columns`` by ``lines`` cells.

    ``written`` counts the bytes the program has sent. What it asks is answered after
    ``way`` seconds.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        columns: int = 120,
        lines: int = 40,
        folder: Path | None = None,
        way: float = 0.0,
    ) -> None:
        self._way = way
        self.screen = _Answering(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.written = 0
        self.raw = bytearray()
        self._process = PtyProcess.spawn(
            [sys.executable, *arguments],
            env=dict(environment),
            cwd=None if folder is None else str(folder),
            dimensions=(lines, columns),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):
            os.kill(self._process.pid, signal.SIGKILL)
        self._process.close(force=True)

    @property
    def text(self) -> str:
        """What the screen shows, a line a row."""
        return "\n".join(row.rstrip() for row in self.screen.display)

    def press(self, *keys: str) -> None:
        """Press keys by name, or type text."""
        for key in keys:
            self._process.write(KEYS.get(key, key).encode())

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of the terminal."""
        self.screen.resize(lines, columns)
        self._process.setwinsize(lines, columns)

    def tell(self, number: signal.Signals) -> None:
        """Send the program a signal."""
        os.kill(self._process.pid, number)

    def pump(self, seconds: float) -> bool:
        """Read what comes within so many seconds; False when the program ended."""
        until = monotonic() + seconds
        while True:
            self._answer()
            answers = self.screen.answers
            due = answers[0][0] + self._way if answers else until
            wait = max(min(due, until) - monotonic(), 0.0)
            ready, _, _ = select.select([self._process.fd], [], [], wait)
            if ready:
                break
            if monotonic() >= until:
                return True
        try:
            sent = os.read(self._process.fd, 1 << 16)
        except OSError:
            return False
        self.written += len(sent)
        self.raw += sent
        # The emulator does not know these private questions and would print them.
        self._stream.feed(sent.replace(b"\x1b[>25u", b"").replace(b"\x1b[<u", b""))
        self._answer()
        return bool(sent)

    def _answer(self) -> None:
        """Send the answers that are due."""
        answers = self.screen.answers
        while answers and answers[0][0] + self._way <= monotonic():
            with suppress(OSError):
                self._process.write(answers.pop(0)[1].encode())

    def until(
        self, wanted: str | Callable[[str], bool], *, seconds: float = 60.0
    ) -> str:
        """Read until the screen shows a text, or fits a test; returns the screen."""
        fits = wanted if callable(wanted) else lambda text: wanted in text
        deadline = monotonic() + seconds
        while not fits(self.text):
            left = deadline - monotonic()
            if left <= 0 or not self.pump(left):
                raise AssertionError(f"never seen: {wanted!r}\n{self.text}")
        return self.text

    def wait(self, *, seconds: float = 60.0) -> int:
        """Read until the program ends; returns its exit code."""
        deadline = monotonic() + seconds
        while self.pump(0.2):
            assert monotonic() < deadline, self.text
        return int(self._process.wait())

    def until_stopped(self, *, seconds: float = 60.0) -> None:
        """Read until the program has suspended itself."""
        deadline = monotonic() + seconds
        while not self._has(os.WSTOPPED):
            assert monotonic() < deadline, self.text
            self.pump(0.05)

    def hang_up(self) -> None:
        """Close the terminal, as a connection does that breaks."""
        self._process.fileobj.close()

    def ends_within(self, seconds: float) -> bool:
        """Whether a program that is no longer read from ends in time."""
        deadline = monotonic() + seconds
        while not self._has(os.WEXITED):
            if monotonic() > deadline:
                return False
            sleep(0.02)
        return True

    def code_within(self, seconds: float) -> int:
        """Return the exit code of a program that ends in time."""
        assert self.ends_within(seconds)
        return int(self._process.wait())

    def _has(self, state: int) -> bool:
        options = state | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, options) is not None

    @property
    def is_given_back(self) -> bool:
        """Whether the program left the terminal as it found it."""
        sent = self.raw.decode(errors="replace")
        left, entered = (sent.rfind(f"\x1b[?1049{end}") for end in "lh")
        return left > entered and "Traceback" not in sent


def environment_for(folder: Path, **variables: str) -> dict[str, str]:
    """Return an environment that holds nothing of the user's."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        **{name: os.environ[name] for name in COMPILED if name in os.environ},
        **variables,
    }
