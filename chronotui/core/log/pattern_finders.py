"""Finding the lines of a block a pattern matches, most of them at once."""

from __future__ import annotations

from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Final, Protocol, cast

from chronotui.core.log.pattern import LINE_SECONDS
from chronotui.core.log.searched_text import searched_message, searched_text
from chronotui.core.log.selection import Hits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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

DENSE_HITS: Final = 64

DENSE_LINES: Final = 4
"""From one hit in so many lines on, looking into each line is faster."""


class LiteralFinder:
    """Finds a text byte by byte.

    Args:
        pattern: A literal one; if it ignores case, of ASCII characters.
    """

    def __init__(self, pattern: Pattern) -> None:
        literal = pattern.literal or ""
        self._pattern = pattern
        self._folds = pattern.ignores_case
        self._needle = literal.encode("utf-8", "surrogatepass")
        if self._folds:
            self._needle = self._needle.lower()

    def find(self, block: Block, start: int, _deadline: float, /) -> Hits:
        """See `Matcher.find`; always looks at the whole block."""
        if block.broken:
            matches = self._pattern.matches
            found = [n for n, text in _lines(block, start) if matches(text)]
            return Hits(found, len(block))
        text = searched_text(block, start)
        if self._folds:
            text = text.lower()
        return Hits(list(lines_with(text, self._needle, start)), len(block))


class RegexFinder:
    """Finds an expression, within limits of time.

    Attributes:
        too_slow: Lines given up on.
    """

    def __init__(self, pattern: Pattern) -> None:
        self._one = pattern.compiled
        self._many = pattern.for_many_lines
        self.too_slow = 0

    def find(self, block: Block, start: int, deadline: float, /) -> Hits:
        """See `Matcher.find`."""
        if self._many is not None and not block.broken:
            text = searched_text(block, start).decode("utf-8", "surrogatepass")
            try:
                seconds = BLOCK_SECONDS + len(text) * BYTE_SECONDS
                matches = self._many.finditer(text, timeout=seconds)
                return Hits(list(matching_lines(matches, text, start)), len(block))
            except TimeoutError:
                self._many = None
        return self._line_by_line(block, start, deadline)

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


def pattern_finder(pattern: Pattern) -> LiteralFinder | RegexFinder:
    """Return what finds a pattern fastest."""
    literal = pattern.literal
    if literal is not None and (literal.isascii() or not pattern.ignores_case):
        return LiteralFinder(pattern)
    return RegexFinder(pattern)


def matching_lines(
    matches: Iterable[Match], text: str | bytes, line: int
) -> Iterator[int]:
    """Yield the lines of matches that take all of their line's rest."""
    newline = cast("str", "\n" if isinstance(text, str) else b"\n")
    count = cast("str", text).count
    seen, last, end = 0, -1, len(text)
    for match in matches:
        start = match.start()
        if start == end:
            return
        line += count(newline, seen, start)
        seen = start
        if line != last:
            yield (last := line)


def _lines(block: Block, start: int) -> Iterator[tuple[int, str]]:
    for number in range(start, len(block)):
        yield number, searched_message(block.message(number))


def lines_with(text: bytes, needle: bytes, line: int) -> Iterator[int]:
    """Yield the lines that hold some bytes; the first is number ``line``."""
    position = seen = hits = 0
    first = line
    while (position := text.find(needle, position)) >= 0:
        line += text.count(b"\n", seen, position)
        seen = position
        yield line
        hits += 1
        position = text.find(b"\n", position) + 1
        if hits == DENSE_HITS and line - first < DENSE_HITS * DENSE_LINES:
            rest = text[position:].split(b"\n")
            yield from (n for n, each in enumerate(rest, line + 1) if needle in each)
            return
