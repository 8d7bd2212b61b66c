"""Finding lines in a block by pattern, stream and level."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Final

from chronotui.core.log.block import RANK_BITS
from chronotui.core.log.keys import OTHER_RANK, STDERR_RANK, rank_of
from chronotui.core.log.levels import Level, level_hint, level_of
from chronotui.core.log.pattern import LINE_SECONDS
from chronotui.core.log.searched_text import searched_message, searched_text
from chronotui.core.log.selection import Hits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import regex

    from chronotui.core.log.block import Block
    from chronotui.core.log.pattern import Pattern

BLOCK_SECONDS: Final = 0.05
"""Time for an expression on a block; beyond it lines are searched one by one."""

BYTE_SECONDS: Final = 5e-9
"""Time for each character besides, for lines of many megabytes."""

PATIENT_LINES: Final = 20
"""Lines that may take ``LINE_SECONDS`` in vain; those after get less."""

IMPATIENT_SECONDS: Final = 0.002

MOST_TOO_SLOW: Final = 500
"""Lines an expression may be too slow for; those after are not tried."""

DENSE_LINES: Final = 4
"""From one hit in so many lines on, looking into each line is faster."""


class LiteralFinder:
    """Finds a text, byte by byte, where case matters."""

    def __init__(self, literal: str) -> None:
        self._literal = literal
        self._needle = literal.encode("utf-8", "surrogatepass")

    def find(self, block: Block, start: int, _deadline: float, /) -> Hits:
        """See `Matcher.find`; always looks at the whole block."""
        if block.broken:
            literal = self._literal
            found = [n for n, text in _lines(block, start) if literal in text]
            return Hits(found, len(block))
        return Hits(list(self._found(searched_text(block, start), start)), len(block))

    def _found(self, text: bytes, line: int) -> Iterator[int]:
        needle = self._needle
        position = seen = hits = 0
        first = line
        while (position := text.find(needle, position)) >= 0:
            line += text.count(b"\n", seen, position)
            seen = position
            yield line
            hits += 1
            position = text.find(b"\n", position) + 1
            if hits == 64 and (line - first) < 64 * DENSE_LINES:
                rest = text[position:].split(b"\n")
                yield from (
                    n for n, each in enumerate(rest, line + 1) if needle in each
                )
                return


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
                return Hits(list(_starts(self._many, text, start)), len(block))
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
    if pattern.literal is not None and not pattern.ignores_case:
        return LiteralFinder(pattern.literal)
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
        text = block.text[block.begin(start) :] if start else block.text
        found: set[int] = set()
        line, seen = start, 0
        for match in level_hint(self._least).finditer(text):
            line += text.count(b"\n", seen, match.start())
            seen = match.start()
            found.add(line)
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


def _starts(expression: regex.Pattern[str], text: str, line: int) -> Iterator[int]:
    """Yield the lines an expression that takes whole lines matches in."""
    seen = 0
    last = -1
    end = len(text)
    seconds = BLOCK_SECONDS + end * BYTE_SECONDS
    for match in expression.finditer(text, timeout=seconds):
        start = match.start()
        if start == end:
            return
        line += text.count("\n", seen, start)
        seen = start
        if line != last:
            yield (last := line)


def _of_rank(block: Block, start: int, rank: int) -> list[int]:
    flags = block.flags[start:] if start else block.flags
    return [n for n, flag in enumerate(flags, start) if flag & RANK_BITS == rank]


def _lines(block: Block, start: int) -> Iterator[tuple[int, str]]:
    for number in range(start, len(block)):
        yield number, searched_message(block.message(number))
