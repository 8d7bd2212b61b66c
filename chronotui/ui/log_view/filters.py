"""The stack of filters a reader put on a log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from chronotui.core.log import BadPattern, Level, LineFilter, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.core.log import Pattern


LEVEL: Final = "level:"
"""What a filter by level begins with: ``level:warning`` and graver."""

LEVELS: Final = {
    **{level.name.lower(): level for level in Level},
    "warn": Level.WARNING,
    "err": Level.ERROR,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What lines must match, or must not, or the least level they must have."""

    text: str
    pattern: Pattern | None = None
    excludes: bool = False
    level: Level | None = None

    def __str__(self) -> str:
        """Return it as typed: ``!text`` excludes."""
        return f"!{self.text}" if self.excludes else self.text


def parse_filter(typed: str) -> Filter:
    """Read a filter as typed; ``!`` in front excludes, ``level:warn`` is a level.

    Raises:
        BadPattern: The expression cannot be read; the sentence says why.
    """
    if typed.startswith(LEVEL):
        name = typed.removeprefix(LEVEL).strip().lower()
        if name not in LEVELS:
            known = ", ".join(level.name.lower() for level in Level)
            raise BadPattern(f"No such level; there are {known}.")
        return Filter(typed, level=LEVELS[name])
    excludes = typed.startswith("!")
    text = typed[1:] if excludes else typed
    return Filter(text, compile_pattern(text), excludes)


@dataclass
class FilterStack:
    """Filters in the order they were put on, and one choice of stream.

    ``suspended`` shows the full log for a while without forgetting the filters.
    """

    filters: list[Filter] = field(default_factory=list)
    stream: str | None = None
    suspended: bool = False

    @property
    def value(self) -> LineFilter | None:
        """What the rows are filtered by now."""
        if self.suspended or not self:
            return None
        return LineFilter(
            include=_patterns(self.filters, excludes=False),
            exclude=_patterns(self.filters, excludes=True),
            stream=self.stream,
            level=max((f.level for f in self.filters if f.level), default=None),
        )

    def __bool__(self) -> bool:
        """Whether any filter is set, suspended or not."""
        return bool(self.filters) or self.stream is not None

    @property
    def hides(self) -> bool:
        """Whether lines are hidden at the moment."""
        return bool(self) and not self.suspended

    def pop(self) -> bool:
        """Take back the last step: the suspension, a filter, or the stream."""
        if not self:
            return False
        if self.suspended:
            self.suspended = False
        elif self.filters:
            self.filters.pop()
        else:
            self.stream = None
        return True

    def clear(self) -> None:
        """Take all patterns away; the stream stays."""
        self.filters.clear()
        self.suspended = False

    def __str__(self) -> str:
        """Return what is shown, as the reader typed it."""
        parts = [f"only {self.stream}"] if self.stream else []
        parts += [f"& {filter_}" for filter_ in self.filters]
        return "  ".join(parts)


def _patterns(filters: Sequence[Filter], *, excludes: bool) -> tuple[Pattern, ...]:
    return tuple(
        each.pattern
        for each in filters
        if each.pattern is not None and each.excludes is excludes
    )
