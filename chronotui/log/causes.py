"""What a line says of something that went wrong, told by its words.

No grammar and no expression: a line is cut into words once, and looked up. That costs
the same whatever is in it, and a word that is lacking is one more entry.
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import cache, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.errors import Shape, shape_of
from chronotui.log.levels import LOOKED_AT, Level, level_of
from chronotui.log.pattern import searched_message
from chronotui.model import STDERR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.model import LogLine


class Weight(IntEnum):
    """How loudly a line tells of an error, least first."""

    PLAIN = 0
    COMPLAINS = 1
    """A word of it is one that things go wrong with."""
    WARNS = 2
    STDERR = 3
    """On stderr and of no level."""
    ERROR = 4
    RAISED = 5
    """An exception or a crash by its name."""


_BY_LEVEL: Final = {
    Level.WARNING: Weight.WARNS,
    Level.ERROR: Weight.ERROR,
    Level.FATAL: Weight.ERROR,
}
_HEADINGS: Final = ("Traceback", "Exception Group Traceback")
"""Begin a traceback without saying what happened."""

_CODE: Final = ("raise ", "throw ", "return ", "File ", "assert ", "await ")

_CAUSED: Final = "Caused by: "

_LEVEL_WORDS: Final = frozenset(
    ("debug", "info", "notice", "warn", "warning", "error", "fatal", "critical")
)
_LEVEL_FIELDS: Final = frozenset(("level", "lvl", "severity", "levelname"))

LEVEL_PLACE: Final = 3
"""Words from the beginning of a line among which a level's name is its level."""

_SHELL_TRACE: Final = "+ "
"""Begins a command that a shell says on stderr before it runs it."""

_WRONG: Final = (
    *("fail", "reject", "invalid", "mismatch", "unexpected", "differ", "duplicate"),
    *("conflict", "corrupt", "truncat", "broken", "crash", "malformed", "illegal"),
    *("missing", "absent", "lost", "unknown", "undefined", "unset", "unavailable"),
    *("unreachable", "incomplete", "partial", "stale", "without", "refus", "denied"),
    *("forbidden", "unauthori", "expir", "revok", "kill", "abort", "exceed", "timeout"),
    *("deadlock", "unable", "unsupported", "degrad", "fallback", "instead", "evict"),
    *("violat", "exhaust", "ignor", "unresolv", "unmatch", "wrong", "halt", "pause"),
    *("stuck", "stall", "throttl", "overflow", "drop", "discard", "outdated", "skip"),
    *("empty", "disabl", "insufficient", "underrun", "stop", "panic", "fatal", "bad"),
    *("leak", "skew", "diverg", "reset", "suspend", "quota", "unhandled", "oom"),
    *("untrusted", "unrecogni", "incompat", "inconsist", "incorrect", "inaccess"),
    *("unhealthy", "unread", "unusab", "unequal", "unstable", "unfinished", "unsafe"),
    *("unclean", "unsatisf", "misconfig", "orphan", "overload", "overrun"),
    *("underflow", "offline", "outage", "disconnect", "saturat", "shortage", "starv"),
    *("terminat", "vanish", "zombie", "collision", "fault", "hung", "block", "cancel"),
    *("closed", "dead", "prohibit", "preempt", "poison", "rollback", "interrupt"),
)
"""What words begin with that say that something is not as it should be."""

_OFF: Final = frozenset(
    (
        *("not", "cannot", "no", "none", "nan", "null", "never", "nothing", "only"),
        *("full", "errors", "limit", "limits", "low", "old", "cold", "anyway"),
        *("default", "defaults", "disk", "slow", "late", "lag", "lagging", "behind"),
        *("drift", "gap", "assuming", "assumed", "guess", "temporarily", "treated"),
        *("expected", "want", "got", "assertion"),
    )
)
"""Words that often are in a line that tells so calmly."""

_PHRASES: Final = frozenset(
    (
        *("timed out", "no such", "no space", "out of", "falling back", "fell back"),
        *("used up", "too long", "too large", "too many", "too old", "too small"),
        *("too few", "too big", "low on", "continuing with", "no route", "not found"),
        *("gave up", "using default", "using defaults", "using latest", "using last"),
        *("using previous", "using old", "using cached", "using fallback"),
        *("older than", "larger than", "longer than", "greater than", "more than"),
        *("less than", "does not", "could not", "is not", "was not", "will not"),
        *("did not", "has no", "have no"),
    )
)

_REASONS: Final = (
    *("denied", "refus", "expire", "forbidden", "unauthor", "certificate", "quota"),
    *("locked", "oom", "evict"),
)
"""What the world is like that a program meets: the end of asking why."""

_REASON_PHRASES: Final = frozenset(
    (
        *("no space", "not permitted", "out of", "authentication failed", "no such"),
        *("not exist", "duplicate key", "no route", "name resolution", "already in"),
        *("already exists", "already locked", "too many", "host key", "unable to"),
    )
)

_SETTLED: Final = (
    *("deprecat", "futurewarn", "recover", "restor", "reconnect", "resum", "rebuil"),
    *("succe", "renew", "upgrad"),
)
"""What went wrong was put right, or will only go wrong in years."""


@cache
def _word() -> re.Pattern[str]:
    return re.compile(r"\d+|[A-Za-z]+(?:'t\b)?")


class _Word(NamedTuple):
    """What one word says."""

    wrong: bool
    off: bool
    reason: bool
    settled: bool


@lru_cache(maxsize=4096)
def _told_by(word: str) -> _Word:
    names_error = "error" in word or "exception" in word
    return _Word(
        names_error or word.startswith(_WRONG),
        word in _OFF or word.endswith("n't"),
        word.startswith(_REASONS),
        word.startswith(_SETTLED),
    )


class Wording(NamedTuple):
    """What a line says by its words.

    Attributes:
        wrong: That something is not as it should be.
        off: The same, in a word that may as well say something else.
        phrase: The same, in two words.
        reason: What the world is like that the program met.
        settled: That it was put right.
    """

    wrong: bool = False
    off: bool = False
    phrase: bool = False
    reason: bool = False
    settled: bool = False


def wording_of(message: str) -> Wording:
    head = message[:LOOKED_AT]
    words = _word().findall(searched_message(head) if "\x1b" in head else head)
    lower = [word.lower() for word in words]
    said = [
        _told_by(word)
        for at, word in enumerate(lower)
        if not _is_level(words, lower, at) and not _is_none(lower, at)
    ]
    pairs = {f"{one} {other}" for one, other in pairwise(lower)}
    return Wording(
        any(word.wrong for word in said),
        any(word.off for word in said),
        not _PHRASES.isdisjoint(pairs),
        any(word.reason for word in said) or not _REASON_PHRASES.isdisjoint(pairs),
        any(word.settled for word in said),
    )


def _is_level(words: Sequence[str], lower: Sequence[str], at: int) -> bool:
    """Whether a word is the level of its line, which is no complaint."""
    if lower[at] not in _LEVEL_WORDS:
        return False
    is_field = at > 0 and lower[at - 1] in _LEVEL_FIELDS
    return at < LEVEL_PLACE or is_field or words[at].isupper()


def _is_none(lower: Sequence[str], at: int) -> bool:
    """Whether there is none of what a word names: ``0 errors``, ``failed=0``."""
    before = lower[at - 1] if at else ""
    after = lower[at + 1] if at + 1 < len(lower) else ""
    return before in ("0", "no") or (after == "0" and _told_by(lower[at]).wrong)


def complains(message: str) -> bool:
    """Whether a line says that something is not as it should be."""
    return wording_of(message).wrong


@cache
def _coded() -> re.Pattern[str]:
    """An error by its code, as compilers tell them: ``error TS2339: …``."""
    return re.compile(r"\berror(?:\[\w{1,12}\]| [A-Z]{1,4}\d{2,6}):")


def weight_of(line: LogLine) -> Weight:
    message = line.message
    shape = shape_of(message)
    is_raised = shape is Shape.RAISED or (
        shape is Shape.OPENS and not _is_heading(message)
    )
    if is_raised or is_root(message):
        return Weight.RAISED
    level = level_of(message)
    if level is not None:
        return _BY_LEVEL.get(level, Weight.PLAIN)
    if _coded().search(message[:LOOKED_AT]):
        return Weight.ERROR
    is_traced = message.startswith(_SHELL_TRACE)
    if shape is Shape.PLAIN and line.stream == STDERR and not is_traced:
        return Weight.STDERR
    return Weight.COMPLAINS if complains(message) else Weight.PLAIN


def is_root(message: str) -> bool:
    """Whether a line names the exception that another one was raised for, as Java."""
    return message.startswith(_CAUSED) and len(message) > len(_CAUSED)


def _is_heading(message: str) -> bool:
    return message.lstrip(" +|").startswith(_HEADINGS)


def says_nothing(message: str) -> bool:
    """Whether a line is a part of a traceback that says nothing of what happened."""
    if shape_of(message) in (Shape.FRAME, Shape.BLANK) or _is_heading(message):
        return True
    return message[:1].isspace() and message.lstrip().startswith(_CODE)


@cache
def _exception() -> re.Pattern[str]:
    return re.compile(r"(?:Error|Exception|Fault)(?::|$)")


def names_exception(message: str) -> bool:
    """Whether an exception is named anywhere: ``job[7]: a.KeyError: …``."""
    return _exception().search(message[:LOOKED_AT].rstrip()) is not None


def is_name(message: str) -> bool:
    """Whether a line may name an exception, at the end of a traceback."""
    name, _, _words = message.partition(":")
    return name.replace(".", "").isidentifier()


def is_crash_heading(message: str) -> bool:
    """Whether a line tells of a crash whose words are on the next one."""
    crashed = message.startswith("thread '") and message.rstrip().endswith(":")
    return crashed or message.startswith("rake aborted!")
