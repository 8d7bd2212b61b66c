"""Copying through the terminal: OSC 52, and what becomes of it on the way.

What is around us decides what arrives. tmux with its defaults drops the sequence and
takes a text through its own socket; only a wrapped one gets through it to a mosh.
screen prints what is longer than 768 bytes, so it gets pieces. Nobody answers, so
nothing here can know whether a clipboard took it: what is said is where it was sent.
"""

from __future__ import annotations

import os
import subprocess
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chronotui.text import printable_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import App

MOST_BYTES: Final = 74_994
"""Terminals drop a sequence longer than 100,000 characters; this much fits."""

MOST_READ: Final = 1 << 22
"""Characters that are cleaned to see whether they fit; more would take too long."""

MOST_BYTES_MOSH: Final = 12_282
"""mosh cuts longer ones and says nothing."""

SCREEN_CHUNK: Final = 512
"""screen passes on at most 768 bytes of one string."""

LOAD_BUFFER: Final = ("tmux", "load-buffer")
OUTSIDE_TOO: Final = "-w"
"""Gives a text to tmux, and through it to the terminal outside (3.2 or newer)."""

LOAD_SECONDS: Final = 2.0

NAMES: Final = {">83;": "screen", ">84;": "tmux", ">1;10;0c": "mosh"}
"""What a multiplexer says when a terminal is asked which one it is."""


class TooLargeToCopyError(ValueError):
    """The text does not fit into one sequence.

    Attributes:
        size: Its bytes in UTF-8, or its characters where there are far too many.
        most: How many bytes arrive whole.
    """

    def __init__(self, size: int, most: int = MOST_BYTES) -> None:
        self.size = size
        self.most = most
        super().__init__(size)


def printable(messages: Sequence[str]) -> str:
    """Return messages as they may be pasted, one a line.

    Raises:
        TooLargeToCopyError: They are far too large, as sent.
    """
    size = sum(map(len, messages))
    if size > MOST_READ:
        raise TooLargeToCopyError(size)
    return "\n".join(map(printable_line, messages))


class Sent(NamedTuple):
    """Bytes that were sent, and to whom, in words."""

    size: int
    to: str


class WayOut(NamedTuple):
    """What stands between the program and a clipboard.

    Attributes:
        inner: What is next to us: "tmux", "screen", "mosh", or "" for a terminal.
        has_socket: A tmux is around us that can be told directly.
        outer_screen: A screen is around that tmux.
    """

    inner: str = ""
    has_socket: bool = False
    outer_screen: bool = False

    @property
    def most(self) -> int:
        """Bytes that arrive whole."""
        return MOST_BYTES_MOSH if self.inner == "mosh" else MOST_BYTES

    @property
    def words(self) -> str:
        return self.inner or "the terminal"

    def wrapped(self, sequence: str) -> str:
        """Return a sequence as it reaches the terminal outside."""
        if self.inner == "screen":
            return "".join(_pieces(sequence))
        if self.inner != "tmux":
            return sequence
        if self.outer_screen:
            # All in one: tmux sends its own between two strings that it passes on.
            return _through_tmux("".join(_pieces(sequence)))
        return _through_tmux(sequence)

    def written(self, content: bytes) -> str:
        """Return what is written to the terminal for a text."""
        sequence = f"\x1b]52;c;{b64encode(content).decode('ascii')}\a"
        wrapped = self.wrapped(sequence)
        if self.inner != "tmux" or self.outer_screen:
            return wrapped
        # The far end's tmux may take the plain one; ours is told by its socket.
        return wrapped if self.has_socket else sequence + wrapped


def way_out(environ: Mapping[str, str], terminal: str) -> WayOut:
    """Tell what is around us.

    Args:
        environ: The environment; over ssh it says nothing but the terminal's name.
        terminal: What the terminal says it is, "" where it did not.
    """
    inner = next((NAMES[said] for said in NAMES if terminal.startswith(said)), "")
    in_tmux, in_screen = "TMUX" in environ, "STY" in environ
    name = environ.get("TERM", "")
    if not inner and (in_tmux or name.startswith("tmux")):
        inner = "tmux"
    elif not inner and (in_screen or name.startswith("screen")):
        inner = "screen"
    return WayOut(inner, in_tmux, in_screen and inner == "tmux")


def copy(app: App[Any], text: str, environ: Mapping[str, str] = os.environ) -> Sent:
    """Send a text towards the clipboard of the terminal, and keep it in the app's own.

    Raises:
        TooLargeToCopyError: It would not arrive whole.
    """
    content = text.encode("utf-8", "replace")
    driver = app._driver  # noqa: SLF001 - Textual has no public way to write
    way = way_out(environ, getattr(driver, "terminal_name", ""))
    if len(content) > way.most:
        raise TooLargeToCopyError(len(content), way.most)
    app._clipboard = content.decode("utf-8")  # noqa: SLF001 - without its plain OSC 52
    to = "tmux" if way.has_socket and _load_buffer(content, way, environ) else way.words
    if driver is not None:
        driver.write(way.written(content))
    return Sent(len(content), to)


def _load_buffer(content: bytes, way: WayOut, environ: Mapping[str, str]) -> bool:
    """Give a text to the tmux around us; False where it does not take it."""
    # It would send it whole to a screen outside, which prints what is long.
    outside = () if way.outer_screen else (OUTSIDE_TOO,)
    try:
        done = subprocess.run(  # noqa: S603 - no word of it comes from outside
            [*LOAD_BUFFER, *outside, "-"],
            input=content,
            env=dict(environ),
            capture_output=True,
            timeout=LOAD_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _pieces(sequence: str) -> list[str]:
    """Return a sequence in pieces that screen passes on."""
    return [
        f"\x1bP{sequence[start : start + SCREEN_CHUNK]}\x1b\\"
        for start in range(0, len(sequence), SCREEN_CHUNK)
    ]


def _through_tmux(sequence: str) -> str:
    """Return a sequence as tmux passes it on."""
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"
