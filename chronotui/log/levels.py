"""How grave a line says it is."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from chronotui.model import STDERR
from chronotui.text import sgr

if TYPE_CHECKING:
    from chronotui.model import LogLine


class Level(IntEnum):
    TRACE = 1
    DEBUG = 2
    INFO = 3
    WARNING = 4
    ERROR = 5
    FATAL = 6


LEVEL_WORDS: Final = {
    Level.TRACE: "trace",
    Level.DEBUG: "debug dbg",
    Level.INFO: "info information notice",
    Level.WARNING: "warn warning wrn",
    Level.ERROR: "error err severe fail",
    Level.FATAL: "fatal critical crit alert emerg emergency panic",
}
_LEVELS: Final = {
    word: level for level in LEVEL_WORDS for word in LEVEL_WORDS[level].split()
}
_UPPER: Final = {
    word.upper(): level for word, level in _LEVELS.items() if word != "fail"
}
"""``FAIL`` alone is a heading of counts as often as a level: it needs a mark."""

_GLOG: Final = {
    "I": Level.INFO,
    "W": Level.WARNING,
    "E": Level.ERROR,
    "F": Level.FATAL,
}
"""First letters of ``E1129 10:12:31.004512       1 main.go:3] ...`` (glog, klog)."""

_BEFORE_MARKED: Final = frozenset(["", *" \t\n[(<|"])

_SIGNS: Final = {
    **dict.fromkeys("✗✘✖✕❌", Level.ERROR),
    "⚠": Level.WARNING,
}
"""Signs that a line begins with."""

FIELD_NAMES: Final = (b"level", b"lvl", b"severity")
"""What the names of fields for a level have in them, in lower case."""

LOOKED_AT: Final = 4096
"""Characters of a message in which its level is looked for."""


@cache
def _named() -> re.Pattern[str]:
    """A field: ``"level":"error"``, ``level=error``, ``"severity": 50``."""
    words = "|".join(sorted(_LEVELS, key=len, reverse=True))
    return re.compile(
        r"(?<![\w.])(?:log\.)?(?:level|levelname|lvl|severity)[\"']?\s*[:=]\s*[\"']?"
        rf"(?:({words})(?!\w)|([1-6]0)(?!\w))",
        re.IGNORECASE | re.ASCII,
    )


@cache
def _upper() -> re.Pattern[str]:
    return re.compile("[A-Z]{3,}")


@cache
def _marked() -> re.Pattern[str]:
    """A word with a mark behind it; what stands before it is checked apart, faster."""
    return re.compile(r"(?<![A-Za-z])[A-Za-z]{3,}+(?=[\]:>)|])")


def level_of(message: str) -> Level | None:
    """Return the level a message names.

    That of a level field, JSON or ``key=value``, numbers 10 to 60 included; else of
    the first level word that is upper case or marked as one (``[warn]``, ``Error:``).
    """
    head = message[:LOOKED_AT]
    if "\x1b" in head:
        head = sgr().sub("", head)
    lower = head.lower()
    if "level" in lower or "lvl" in lower or "severity" in lower:
        named = _named().search(head)
        if named is not None:
            number = named[2]
            return Level(int(number) // 10) if number else _LEVELS[named[1].lower()]
    if not head.isascii() and (sign := _SIGNS.get(head.lstrip()[:1])):
        return sign
    if head[:1] in _GLOG and head[1:5].isdecimal() and head[5:6] == " ":
        return _GLOG[head[0]]
    return _spoken(head)


@lru_cache(maxsize=512)
def shown_level(head: str) -> Level | None:
    """Return `level_of` for a line on the screen, which is drawn again and again."""
    return level_of(head)


def _spoken(head: str) -> Level | None:
    end = len(head)
    level = None
    for match in _upper().finditer(head):
        known = _UPPER.get(match[0])
        if known is not None and _stands_alone(head, match):
            end, level = match.start(), known
            break
    for match in _marked().finditer(head, 0, end):
        known = _LEVELS.get(match[0].lower()) or _warned(match[0])
        if (
            known is not None
            and head[max(match.start() - 1, 0) : match.start()] in _BEFORE_MARKED
        ):
            return known
    return level


def first_word_level(text: str) -> Level | None:
    """Return the level that is a text's first word, upper case, or its sign."""
    if text[:1] in _SIGNS:
        return _SIGNS[text[0]]
    word = _upper().match(text)
    if word is None or not _stands_alone(text, word):
        return None
    return _UPPER.get(word[0])


def _warned(word: str) -> Level | None:
    """Return the level of a warning named by its class, as Python and Node do."""
    is_warning = word.endswith("Warning") and not word.startswith("Unhandled")
    return Level.WARNING if is_warning else None


def _stands_alone(head: str, match: re.Match[str]) -> bool:
    start, end = match.span()
    before, after = head[max(start - 1, 0) : start], head[end : end + 1]
    return not (before.isalnum() or before == "_" or after.isalnum() or after == "_")


def line_level(line: LogLine) -> Level | None:
    """Return the level a line names; ERROR on stderr where it names none."""
    return level_of(line.message) or (Level.ERROR if line.stream == STDERR else None)


@cache
def level_words(least: Level) -> tuple[bytes, ...]:
    """Return what every message that names a level, or a graver one, has one of.

    In lower case; a level may be named by a number, too: see `level_numbers`.
    """
    words = {word for word, level in _LEVELS.items() if level >= least}
    words |= {sign for sign, level in _SIGNS.items() if level >= least}
    short = {w for w in words if not any(w != v and v in w for v in words)}
    return tuple(word.encode() for word in sorted(short))


@cache
def low_levels() -> re.Pattern[bytes]:
    """Most lines with a level below ERROR, told by a time or field they begin with.

    The level is a word in upper case after a time, or a field of JSON or ``key=value``.
    """
    names, words = b"|".join(FIELD_NAMES), b"INFO|DEBUG|TRACE|WARN|WARNING|NOTICE"
    return re.compile(
        rb"^(?:(?:[\d\[(<][^\n]{0,160}?(?<!\w))?"
        rb"(?:%b)(?!\w)"
        rb"|(?:\{|\w{1,20}=)(?:[^\n]{0,400}?\W)??"
        rb"(?:%b)\"?[:=] ?\"?(?:%b|%b|[1-4]0)(?!\w))"
        % (words, names, words, words.lower()),
        re.MULTILINE,
    )


@cache
def glog_letters(least: Level) -> bytes:
    """Return the letters that lines of such a level begin with, in lower case."""
    letters = (letter for letter, level in _GLOG.items() if level >= least)
    return "".join(letters).lower().encode()


@cache
def level_numbers(least: Level) -> tuple[tuple[bytes, re.Pattern[bytes]], ...]:
    """Return field names and how they look with the number of such a level."""
    digits = "".join(str(int(level)) for level in Level if level >= least)
    return tuple(
        (name, re.compile(rb"%b\W{1,6}[%b]0" % (name, digits.encode())))
        for name in FIELD_NAMES
    )
