"""What is searched for: text or a regular expression, smart case.

Expressions are those of the ``regex`` module, loaded when the first one is typed,
and may take only a limited time: one that backtracks without end is bounded, and the
lines it was too slow for are counted.
"""

from __future__ import annotations

import re
import threading
import warnings
from dataclasses import dataclass
from functools import cache
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Final

from chronotui.core.log.line_regex import within_lines
from chronotui.core.log.searched_text import searched_message
from chronotui.errors import UsageError

if TYPE_CHECKING:
    import regex

LINE_SECONDS: Final = 0.01
"""Time for one line that is drawn or asked about alone."""

BYTE_SECONDS: Final = 1e-8
"""Time for each character that an expression is given beside."""

PATIENCE: Final = ((LINE_SECONDS, 20), (0.002, 500), (0.0002, inf))
"""Time for a line alone, until so many lines took longer; a usual one takes 1 µs."""

LONG_LINE: Final = 16 << 10
"""Characters from which a line is matched in a thread: between two looks at its own
clock an expression may take 64 times the line, which for 1 MB is a second."""

LONG_SECONDS: Final = 0.05
"""How long the matches of a longer text are waited for."""

IGNORE_CASE: Final = "(?i)"

MOST_SPANS: Final = 1000
"""Matches marked in one line."""

_SPECIAL: Final = re.compile(r"[.^$*+?{}\[\]()]")
_MEANING: Final = re.compile(r"\\[\w\s]|\\\Z|\n")
_ESCAPED: Final = re.compile(r"\\([^\w\s])")


class BadPattern(UsageError):
    """What was typed is no expression; the sentence says where it goes wrong.

    Attributes:
        brief: The same in few words, for where there is little room.
    """

    title = "The expression cannot be read"

    def __init__(self, sentence: str, *, brief: str = "") -> None:
        super().__init__(sentence)
        self.brief = brief or sentence


@dataclass(frozen=True, slots=True)
class Pattern:
    """A search as typed. Make it with `compile_pattern`.

    Attributes:
        text: What was typed.
        words: The texts meant, any of them, when it is nothing but text and ``|``;
            else empty.
        ignores_case: True unless it holds an upper-case letter.
    """

    text: str
    words: tuple[str, ...]
    ignores_case: bool

    def matches(self, message: str) -> bool:
        """Whether a message, as shown, matches; False also when it takes too long."""
        return LineMatcher(self)(message)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return start and end of each match in a text, the first thousand.

        Empty when it takes too long; empty matches are left out.
        """
        if self.words:
            found = _any_of(self.words, self.ignores_case).finditer(text)
            return [match.span() for match in islice(found, MOST_SPANS)]
        if len(text) <= LONG_LINE:
            return self._spans(text)
        # The thread leaves the others free, and ends when its own time is over.
        found_there: list[list[tuple[int, int]]] = []
        thread = threading.Thread(
            target=lambda: found_there.append(self._spans(text)),
            name="long text",
            daemon=True,
        )
        thread.start()
        thread.join(LONG_SECONDS)
        return found_there[0] if found_there else []

    def _spans(self, text: str) -> list[tuple[int, int]]:
        try:
            matches = self.compiled.finditer(
                text, timeout=LINE_SECONDS, concurrent=len(text) > LONG_LINE
            )
            taken = (m.span() for m in matches if m.end() > m.start())
            return list(islice(taken, MOST_SPANS))
        except TimeoutError:
            return []

    @property
    def compiled(self) -> regex.Pattern[str]:
        """The expression for one line."""
        return _compiled(self.expression, self.ignores_case)

    @property
    def for_many_lines(self) -> regex.Pattern[str] | None:
        """The expression for many lines at once, taking the rest of the line too.

        None if it must be searched line by line.
        """
        within = within_lines(self.expression)
        if within is None:
            return None
        return _compiled(f"(?:{within})[^\\n]*", self.ignores_case)

    @property
    def expression(self) -> str:
        """The regular expression."""
        if self.words:
            return "|".join(map(re.escape, self.words))
        return self.text.removeprefix(IGNORE_CASE)


class LineMatcher:
    """Matches one line after the other, within a time for each and for all.

    Attributes:
        too_slow: Lines given up on; they count as no match.
    """

    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern
        self.too_slow = 0

    @property
    def patience(self) -> float:
        """Time for a line: the more were too slow, the less."""
        return next(limit for limit, lines in PATIENCE if self.too_slow < lines)

    def __call__(self, message: str) -> bool:
        """Whether a message, as shown, matches."""
        text, pattern = searched_message(message), self._pattern
        if pattern.words:
            words = _any_of(pattern.words, pattern.ignores_case)
            return words.search(text) is not None
        seconds = self.patience + len(text) * BYTE_SECONDS
        try:
            return pattern.compiled.search(text, timeout=seconds) is not None
        except TimeoutError:
            self.too_slow += 1
            return False


def compile_pattern(text: str) -> Pattern:
    r"""Read a search as typed.

    Text without special characters is meant as it stands; ``\.`` is a plain dot.
    Case matters only if there is an upper-case letter and no ``(?i)`` in front.

    Raises:
        BadPattern: It is empty, or no regular expression.
    """
    if not text:
        raise BadPattern("There is nothing to look for.")
    typed = text.removeprefix(IGNORE_CASE)
    bare = re.sub(r"\\.", "", typed, flags=re.DOTALL)
    ignores_case = typed != text or not any(map(str.isupper, bare))
    if not _SPECIAL.search(bare) and not _MEANING.search(typed):
        words = re.findall(r"(?:\\.|[^|\\])+", typed)
        if len(words) == bare.count("|") + 1:
            meant = tuple(_ESCAPED.sub(r"\1", word) for word in words)
            return Pattern(text, meant, ignores_case)
    pattern = Pattern(text, (), ignores_case)
    _ = pattern.compiled, pattern.for_many_lines
    return pattern


@cache
def _any_of(words: tuple[str, ...], ignores_case: bool) -> re.Pattern[str]:
    """Compile texts; ASCII letters mean only themselves, as in a search of bytes."""
    flags = re.IGNORECASE if ignores_case else re.NOFLAG
    if all(map(str.isascii, words)):
        flags |= re.ASCII
    return re.compile("|".join(map(re.escape, words)), flags)


@cache
def _compiled(expression: str, ignores_case: bool) -> regex.Pattern[str]:
    import regex  # noqa: PLC0415 - only who searches pays for it

    flags = regex.MULTILINE | (regex.IGNORECASE if ignores_case else 0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return regex.compile(expression, flags)
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        brief = _reason(error)
        sentence = f"This is no regular expression: {brief}."
        raise BadPattern(sentence, brief=brief) from None


def _reason(error: Exception) -> str:
    words = getattr(error, "msg", "") or str(error) or type(error).__name__
    place = getattr(error, "pos", None)
    at = "" if place is None else f" at character {place + 1}"
    return f"{words}{at}"
