"""What is searched for: text or a regular expression, smart case.

Expressions are those of the ``regex`` module, loaded when the first one is typed,
and may take only a limited time: one that backtracks without end is bounded, and the
lines it was too slow for are counted.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Final

from chronotui.core.log.line_regex import within_lines
from chronotui.core.log.searched_text import searched_message
from chronotui.errors import UsageError

if TYPE_CHECKING:
    import regex

LINE_SECONDS: Final = 0.01
"""Time for one line that is drawn or asked about alone."""

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
        message = searched_message(message)
        if self.words:
            return _any_of(self.words, self.ignores_case).search(message) is not None
        try:
            return self.compiled.search(message, timeout=LINE_SECONDS) is not None
        except TimeoutError:
            return False

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return start and end of each match in a text, the first thousand.

        Empty when it takes too long; empty matches are left out.
        """
        if self.words:
            found = _any_of(self.words, self.ignores_case).finditer(text)
            return [match.span() for match in islice(found, MOST_SPANS)]
        try:
            matches = self.compiled.finditer(text, timeout=LINE_SECONDS)
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
