"""How grave a line says it is."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Final

from chronotui.model import STDERR

if TYPE_CHECKING:
    from chronotui.model import LogLine


class Level(IntEnum):
    """Levels from least to most grave."""

    TRACE = 1
    DEBUG = 2
    INFO = 3
    WARNING = 4
    ERROR = 5
    FATAL = 6


_WORDS: Final = {
    Level.TRACE: "trace",
    Level.DEBUG: "debug dbg",
    Level.INFO: "info information notice",
    Level.WARNING: "warn warning wrn",
    Level.ERROR: "error err severe",
    Level.FATAL: "fatal critical crit alert emerg emergency panic",
}
_LEVELS: Final = {word: level for level in _WORDS for word in _WORDS[level].split()}

LOOKED_AT: Final = 4096
"""Characters of a message in which its level is looked for."""


def _any_of(words: list[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


@cache
def _sgr() -> re.Pattern[str]:
    return re.compile("\x1b\\[[0-9;:]*m")


@cache
def _named() -> re.Pattern[str]:
    """A field: ``"level":"error"``, ``level=error``, ``"severity": 50``."""
    words = _any_of(list(_LEVELS))
    return re.compile(
        r"(?<![\w.])(?:log\.)?(?:level|levelname|lvl|severity)[\"']?\s*[:=]\s*[\"']?"
        rf"(?:({words})(?!\w)|([1-6]0)(?!\w))",
        re.IGNORECASE | re.ASCII,
    )


@cache
def _spoken() -> re.Pattern[str]:
    """A word on its own: ``ERROR`` anywhere, ``error:`` or ``[error]`` in any case."""
    words = _any_of(list(_LEVELS))
    return re.compile(
        rf"(?<!\w)(?:({words.upper()})(?!\w)|(?i:(?<![^\s\[(<|])({words})(?=[\]:>)|])))",
        re.ASCII,
    )


def level_of(message: str) -> Level | None:
    """Return the level a message names.

    That of a level field, JSON or ``key=value``, numbers 10 to 60 included; else of
    the first level word that is upper case or marked as one (``[warn]``, ``Error:``).
    """
    head = message[:LOOKED_AT]
    if "\x1b" in head:
        head = _sgr().sub("", head)
    named = _named().search(head)
    if named is not None:
        number = named[2]
        return Level(int(number) // 10) if number else _LEVELS[named[1].lower()]
    spoken = _spoken().search(head)
    return None if spoken is None else _LEVELS[(spoken[1] or spoken[2]).lower()]


def line_level(line: LogLine) -> Level | None:
    """Return the level a line names; ERROR on stderr where it names none."""
    return level_of(line.message) or (Level.ERROR if line.stream == STDERR else None)


def is_error(line: LogLine) -> bool:
    """Whether ``e`` stops at a line: on stderr, or of level ERROR or above."""
    return line.stream == STDERR or (level_of(line.message) or 0) >= Level.ERROR


@cache
def level_hint(least: Level) -> re.Pattern[bytes]:
    """Return what every message of a level, or of a graver one, has in it.

    A match takes the rest of its line.
    """
    words = sorted({word[:3] for word, level in _LEVELS.items() if level >= least})
    either = "|".join(
        "".join(f"[{letter}{letter.upper()}]" for letter in word) for word in words
    )
    numbers = "".join(str(int(level)) for level in Level if level >= least)
    return re.compile(rf"(?:{either}|[lLyY]\W{{1,6}}[{numbers}]0)[^\n]*".encode())
