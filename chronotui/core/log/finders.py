"""Finding the lines of a block by stream, by level, and by all that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.core.log.block import RANK_BITS
from chronotui.core.log.huge_lines import HUGE_LINE
from chronotui.core.log.keys import OTHER_RANK, STDERR_RANK, rank_of
from chronotui.core.log.levels import (
    LOOKED_AT,
    Level,
    level_numbers,
    level_of,
    level_words,
)
from chronotui.core.log.pattern_finders import (
    RegexFinder,
    WordFinder,
    lines_with,
)
from chronotui.core.log.searched_text import searched_bytes
from chronotui.core.log.selection import Hits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.core.log.block import Block


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
            level = level_of(block.beginning(number, LOOKED_AT))
            if level is None and number in stderr:
                level = Level.ERROR
            if level is not None and level >= self._least:
                found.add(number)
        return Hits(sorted(found), len(block))

    def _candidates(self, block: Block, start: int) -> set[int]:
        """Return the lines with a word in them that can mean such a level."""
        if block.broken or block.longest * 4 >= HUGE_LINE:
            return set(range(start, len(block)))
        searched = searched_bytes(block, start, lower=True)
        found: set[int] = set()
        for word in level_words(self._least):
            found.update(lines_with(searched, word))
        for name, field in level_numbers(self._least):
            if name in searched.text:
                for match in field.finditer(searched.text):
                    found.add(searched.line_at(match.start()))
        return found


class AllFinder:
    """Finds lines that pass everything it is made of.

    Args:
        wanted: All of these must find a line.
        unwanted: None of these may.
    """

    def __init__(
        self,
        wanted: Sequence[WordFinder | RegexFinder | StreamFinder | LevelFinder],
        unwanted: Sequence[WordFinder | RegexFinder],
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
        if len(self._wanted) == 1 and not self._unwanted:
            return self._wanted[0].find(block, start, deadline)
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


def _of_rank(block: Block, start: int, rank: int) -> list[int]:
    flags = block.flags[start:] if start else block.flags
    return [n for n, flag in enumerate(flags, start) if flag & RANK_BITS == rank]
