"""Which lines are shown: patterns in and out, a stream, a level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chronotui.core.log.finders import AllFinder, LevelFinder, StreamFinder
from chronotui.core.log.levels import Level, line_level
from chronotui.core.log.pattern_finders import (
    RegexFinder,
    WordFinder,
    pattern_finder,
)

if TYPE_CHECKING:
    from chronotui.core.log.pattern import Pattern
    from chronotui.model import LogLine


@dataclass(frozen=True, slots=True)
class LineFilter:
    """What a line must be to be shown; all conditions must hold.

    Attributes:
        include: Patterns the line must match, every one.
        exclude: Patterns it must not match, none of them.
        stream: Its stream; None: any.
        level: Its least level; lines that name none count as ERROR on stderr, and
            are hidden otherwise. None: any.
    """

    include: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()
    stream: str | None = None
    level: Level | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every line passes."""
        return not (self.include or self.exclude or self.stream or self.level)

    def finder(self) -> AllFinder:
        """Return what finds the lines of a block that pass."""
        wanted: list[WordFinder | RegexFinder | StreamFinder | LevelFinder] = []
        if self.stream is not None:
            wanted.append(StreamFinder(self.stream))
        wanted += map(pattern_finder, self.include)
        if self.level is not None:
            wanted.append(LevelFinder(self.level, all_stderr=False))
        return AllFinder(wanted, [pattern_finder(each) for each in self.exclude])

    def matches(self, line: LogLine) -> bool:
        """Whether a line passes."""
        if self.stream is not None and line.stream != self.stream:
            return False
        if self.level and (line_level(line) or 0) < self.level:
            return False
        message = line.message
        return all(pattern.matches(message) for pattern in self.include) and not any(
            pattern.matches(message) for pattern in self.exclude
        )
