"""What the standard streams are connected to."""

from __future__ import annotations

import os
import sys
from typing import Final, TextIO

FALLBACK_COLUMNS: Final = 80


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal; a closed or absent one is not."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def may_ask() -> bool:
    """Whether a person is there to answer: input and words on a terminal."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def has_screen() -> bool:
    """Whether a desk can be shown: input and output on a terminal."""
    return is_terminal(sys.stdin) and is_terminal(sys.stdout)


def shows_colour(stream: TextIO | None) -> bool:
    """Whether colours are wanted and understood (NO_COLOR, TERM=dumb)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "") in {"", "dumb"}:
        return False
    return is_terminal(stream)


def columns(stream: TextIO | None) -> int:
    """Return the width of the terminal in cells."""
    try:
        named = int(os.environ.get("COLUMNS", "0"))
    except ValueError:
        named = 0
    if named > 0:
        return named
    try:
        return os.get_terminal_size(stream.fileno() if stream else 1).columns or 80
    except (OSError, ValueError):
        return FALLBACK_COLUMNS


def shows_progress(stream: TextIO | None) -> bool:
    """Whether a line can be drawn again in place."""
    return is_terminal(stream) and os.environ.get("TERM", "") not in {"", "dumb"}
