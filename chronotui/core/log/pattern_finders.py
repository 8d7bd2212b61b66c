"""Finding the lines of a block a pattern matches, most of them at once."""

from __future__ import annotations

from bisect import bisect_right
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Final, Protocol

from chronotui.core.log.line_regex import is_tame
from chronotui.core.log.pattern import LINE_SECONDS
from chronotui.core.log.searched_text import (
    SearchedBytes,
    searched_bytes,
    searched_message,
    searched_text,
)
from chronotui.core.log.selection import Hits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import regex

    from chronotui.core.log.block import Block
    from chronotui.core.log.pattern import Pattern


class Match(Protocol):
    """What `matching_lines` needs to know of a match, from either module."""

    def start(self) -> int:
        """Return where it begins."""


BLOCK_SECONDS: Final = 0.05
"""Time for an expression on a block; beyond it lines are searched one by one."""

BYTE_SECONDS: Final = 1e-8
"""Time for each character besides, for lines of many megabytes."""

PATIENCE: Final = ((LINE_SECONDS, 20), (0.002, 500), (0.0002, inf))
"""Time for a line alone, until so many lines took longer; a usual one takes 1 µs."""

NEAR_LINES: Final = 16
"""How far ahead the next hit is looked for first."""

TAME_LINE: Final = 512
"""Longest line of a block that a tame expression is searched in without a limit."""

TAME_PIECES: Final = 16
"""Pieces such a block is searched in, and none may take ``TAME_SECONDS``."""

TAME_SECONDS: Final = 0.01


class WordFinder:
    """Finds texts, byte by byte.

    Args:
        pattern: One of words; if it ignores case, of ASCII characters.
    """

    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern
        self._folds = pattern.ignores_case
        words = [word.encode("utf-8", "surrogatepass") for word in pattern.words]
        self._words = [word.lower() for word in words] if self._folds else words

    def find(self, block: Block, start: int, _deadline: float, /) -> Hits:
        """See `Matcher.find`; always looks at the whole block."""
        if block.broken:
            matches = self._pattern.matches
            found = [n for n, text in _lines(block, start) if matches(text)]
            return Hits(found, len(block))
        searched = searched_bytes(block, start, lower=self._folds)
        hits = [lines_with(searched, word) for word in self._words]
        one = len(hits) == 1
        return Hits(hits[0] if one else sorted(set().union(*hits)), len(block))


class RegexFinder:
    """Finds an expression, within limits of time.

    Attributes:
        too_slow: Lines given up on.
    """

    def __init__(self, pattern: Pattern) -> None:
        self._one = pattern.compiled
        self._many = pattern.for_many_lines
        self._tame = is_tame(pattern.expression)
        self.too_slow = 0

    def find(self, block: Block, start: int, deadline: float, /) -> Hits:
        """See `Matcher.find`."""
        if self._many is not None and not block.broken:
            text = searched_text(block, start)
            self._tame = self._tame and block.longest <= TAME_LINE
            matches = self._tamely if self._tame else self._limited
            try:
                found = list(matching_lines(matches(self._many, text), text, start))
                return Hits(found, len(block))
            except TimeoutError:
                self._many = None
        return self._line_by_line(block, start, deadline)

    def _limited(
        self, expression: regex.Pattern[str], text: str
    ) -> Iterator[regex.Match[str]]:
        seconds = BLOCK_SECONDS + len(text) * BYTE_SECONDS
        return expression.finditer(text, timeout=seconds)

    def _tamely(
        self, expression: regex.Pattern[str], text: str
    ) -> Iterator[regex.Match[str]]:
        """Yield matches; a limit of time would cost more than the matching."""
        stop = 0
        while stop < len(text):
            start = stop
            aim = min(start + len(text) // TAME_PIECES, len(text) - 1)
            stop = text.find("\n", aim) + 1
            before = perf_counter()
            yield from expression.finditer(text, start, stop - 1)
            self._tame = self._tame and perf_counter() - before < TAME_SECONDS

    def _line_by_line(self, block: Block, start: int, deadline: float, /) -> Hits:
        found: list[int] = []
        for number, text in _lines(block, start):
            if self._matches(text):
                found.append(number)
            if perf_counter() >= deadline:
                return Hits(found, number + 1)
        return Hits(found, len(block))

    def _matches(self, text: str) -> bool:
        """Whether a line matches; the more were too slow, the less time for each."""
        seconds = next(limit for limit, lines in PATIENCE if self.too_slow < lines)
        try:
            found = self._one.search(text, timeout=seconds + len(text) * BYTE_SECONDS)
        except TimeoutError:
            self.too_slow += 1
            return False
        return found is not None


def pattern_finder(pattern: Pattern) -> WordFinder | RegexFinder:
    """Return what finds a pattern fastest."""
    words = pattern.words
    if words and (all(map(str.isascii, words)) or not pattern.ignores_case):
        return WordFinder(pattern)
    return RegexFinder(pattern)


def matching_lines(matches: Iterable[Match], text: str, line: int) -> Iterator[int]:
    """Yield the lines of matches that take all of their line's rest."""
    seen, last, end = 0, -1, len(text)
    for match in matches:
        start = match.start()
        if start == end:
            return
        line += text.count("\n", seen, start)
        seen = start
        if line != last:
            yield (last := line)


def _lines(block: Block, start: int) -> Iterator[tuple[int, str]]:
    for number in range(start, len(block)):
        yield number, searched_message(block.message(number))


def lines_with(searched: SearchedBytes, word: bytes) -> list[int]:
    """Return the lines that hold some bytes."""
    text, ends, line, shift, offset = searched
    found: list[int] = []
    take, find = found.append, text.find
    last = len(ends)
    position = 0
    while (position := find(word, position)) >= 0:
        position += shift
        near = line + NEAR_LINES
        stop = near if near < last and ends[near] > position else last
        line = bisect_right(ends, position, line, stop)
        take(line + offset)
        position = ends[line] - shift
    return found
