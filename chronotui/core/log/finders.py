"""Finding lines in a block by pattern, stream and level."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Final, Protocol, cast

from chronotui.core.log.block import RANK_BITS
from chronotui.core.log.keys import OTHER_RANK, STDERR_RANK, rank_of
from chronotui.core.log.levels import Level, level_numbers, level_of, level_words
from chronotui.core.log.pattern import LINE_SECONDS
from chronotui.core.log.searched_text import searched_message, searched_text
from chronotui.core.log.selection import Hits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chronotui.core.log.block import Block
    from chronotui.core.log.pattern import Pattern


class Match(Protocol):
    """What `matching_lines` needs to know of a match, from either module."""

    def start(self) -> int:
        """Return where it begins."""


BLOCK_SECONDS: Final = 0.05
"""Time for an expression on a block; beyond it lines are searched one by one."""

BYTE_SECONDS: Final = 5e-9
"""Time for each character besides, for lines of many megabytes."""

PATIENT_LINES: Final = 20
"""Lines that may take ``LINE_SECONDS`` in vain; those after get less."""

IMPATIENT_SECONDS: Final = 0.002

MOST_TOO_SLOW: Final = 500
"""Lines an expression may be too slow for; those after are not tried."""

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
        if self.too_slow >= MOST_TOO_SLOW:
            self.too_slow += 1
            return False
        seconds = LINE_SECONDS if self.too_slow < PATIENT_LINES else IMPATIENT_SECONDS
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


class StreamFinder:
    """Finds the lines of one stream."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._rank = rank_of(stream)

    def find(self, block: Block, start: int, _deadline: float, /) -> Hits:
        """See `Matcher.find`; always looks at the whole block."""
        found: Sequence[int] = _of_rank(block, start, self._rank)
        if self._rank == OTHER_RANK:
            found = [n for n in found if block.stream(n) == self._stream]
        return Hits(found, len(block))


class LevelFinder:
    """Finds lines of a level or a graver one.

    Args:
        least: The level.
        all_stderr: Whether all of stderr counts, or only lines without a level.
    """

    def __init__(self, least: Level, *, all_stderr: bool) -> None:
        self._least = least
        self._all_stderr = all_stderr

    def find(self, block: Block, start: int, _deadline: float, /) -> Hits:
        """See `Matcher.find`; always looks at the whole block."""
        stderr = set(_of_rank(block, start, STDERR_RANK))
        candidates = self._candidates(block, start)
        found = stderr if self._all_stderr else set()
        for number in candidates - stderr if self._all_stderr else candidates | stderr:
            level = level_of(block.message(number))
            if level is None and number in stderr:
                level = Level.ERROR
            if level is not None and level >= self._least:
                found.add(number)
        return Hits(sorted(found), len(block))

    def _candidates(self, block: Block, start: int) -> set[int]:
        """Return the lines with a word in them that can mean such a level."""
        if block.broken:
            return set(range(start, len(block)))
        text = bytes(memoryview(block.text)[block.begin(start) :]).lower()
        found: set[int] = set()
        for word in level_words(self._least):
            found.update(lines_with(text, word, start))
        for name, field in level_numbers(self._least):
            if name in text:
                found.update(matching_lines(field.finditer(text), text, start))
        return found


class AllFinder:
    """Finds lines that pass everything it is made of.

    Args:
        wanted: All of these must find a line.
        unwanted: None of these may.
    """

    def __init__(
        self,
        wanted: Sequence[LiteralFinder | RegexFinder | StreamFinder | LevelFinder],
        unwanted: Sequence[LiteralFinder | RegexFinder],
    ) -> None:
        self._wanted = wanted
        self._unwanted = unwanted

    @property
    def too_slow(self) -> int:
        """Lines an expression was given up on."""
        finders = (*self._wanted, *self._unwanted)
        return sum(f.too_slow for f in finders if isinstance(f, RegexFinder))

    def find(self, block: Block, start: int, deadline: float, /) -> Hits:
        """See `Matcher.find`."""
        done = len(block)
        found: set[int] | None = None
        for finder in self._wanted:
            hits = finder.find(block, start, deadline)
            done = min(done, hits.done)
            found = set(hits.indexes) if found is None else found & set(hits.indexes)
        passed = set(range(start, done)) if found is None else found
        for finder in self._unwanted:
            hits = finder.find(block, start, deadline)
            done = min(done, hits.done)
            passed.difference_update(hits.indexes)
        return Hits(sorted(number for number in passed if number < done), done)


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


def _of_rank(block: Block, start: int, rank: int) -> list[int]:
    flags = block.flags[start:] if start else block.flags
    return [n for n, flag in enumerate(flags, start) if flag & RANK_BITS == rank]


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
