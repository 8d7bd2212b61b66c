"""Copying through the terminal: OSC 52, also inside tmux and screen.

Nobody answers, so nothing here can know whether the terminal took it.
"""

from __future__ import annotations

import os
from base64 import b64encode
from typing import TYPE_CHECKING, Final

from chronotui.text import printable_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import App

MOST_BYTES: Final = 74_994
"""Terminals drop a sequence longer than 100,000 characters; this much fits."""

MOST_READ: Final = 1 << 22
"""Characters that are cleaned to see whether they fit; more would take too long."""

SCREEN_CHUNK: Final = 512
"""screen passes on at most 768 bytes of one string."""


class TooLargeToCopyError(ValueError):
    """The text does not fit into one sequence.

    Attributes:
        size: Its bytes in UTF-8, or its characters where there are far too many.
    """

    def __init__(self, size: int) -> None:
        self.size = size
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


def copy(app: App[object], text: str, environ: Mapping[str, str] = os.environ) -> int:
    """Send a text to the clipboard of the terminal, and keep it in the app's own.

    Returns:
        The bytes copied.

    Raises:
        TooLargeToCopyError: Terminals would drop it.
    """
    content = text.encode("utf-8", "replace")
    if len(content) > MOST_BYTES:
        raise TooLargeToCopyError(len(content))
    app.copy_to_clipboard(content.decode("utf-8"))
    wrapped = passthrough(content, environ)
    driver = app._driver  # noqa: SLF001 - Textual has no public way to write
    if wrapped and driver is not None:
        driver.write(wrapped)
    return len(content)


def passthrough(content: bytes, environ: Mapping[str, str]) -> str:
    """Return the sequence once more, wrapped for the multiplexer around us.

    A multiplexer that takes the plain one does no harm with the wrapped one. Over
    SSH only the name of the terminal tells; empty when there is none around.
    """
    sequence = f"\x1b]52;c;{b64encode(content).decode('ascii')}\a"
    terminal = environ.get("TERM", "")
    if "TMUX" in environ or terminal.startswith("tmux"):
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{doubled}\x1b\\"
    if "STY" in environ or terminal.startswith("screen"):
        return "".join(
            f"\x1bP{sequence[start : start + SCREEN_CHUNK]}\x1b\\"
            for start in range(0, len(sequence), SCREEN_CHUNK)
        )
    return ""
