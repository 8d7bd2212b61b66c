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
        name = _level_name(typed)
        if name not in LEVELS:
            known = ", ".join(level.name.lower() for level in Level)
            raise BadPattern(f"No such level; there are {known}.")
        return Filter(typed, level=LEVELS[name])
    excludes = typed.startswith("!")
    text = typed[1:] if excludes else typed
    if excludes and not text:
        raise BadPattern("Nothing to hide: it goes after the !")
    return Filter(text, compile_pattern(text), excludes)


def is_begun(typed: str) -> bool:
    """Whether a text is only the beginning of a filter: ``!``, ``level:wa``."""
    if not typed.startswith(LEVEL):
        return typed == "!"
    name = _level_name(typed)
    return name not in LEVELS and any(each.startswith(name) for each in LEVELS)


def _level_name(typed: str) -> str:
    return typed.removeprefix(LEVEL).strip().lower()


@dataclass
class FilterStack:
    """Filters in the order they were put on, and one choice of stream.

    ``suspended`` shows the full log for a while without forgetting the filters;
    ``tried`` is one more filter, still being typed.
    """

    filters: list[Filter] = field(default_factory=list)
    stream: str | None = None
    suspended: bool = False
    tried: Filter | None = None

    @property
    def value(self) -> LineFilter | None:
        """What the rows are filtered by now."""
        if not self.hides:
            return None
        return LineFilter(
            include=_patterns(self.all, excludes=False),
            exclude=_patterns(self.all, excludes=True),
            stream=self.stream,
            level=max((f.level for f in self.all if f.level), default=None),
        )

    @property
    def all(self) -> list[Filter]:
        """The filters, and the one being typed."""
        return self.filters if self.tried is None else [*self.filters, self.tried]

    def __bool__(self) -> bool:
        """Whether any filter is set, suspended or not."""
        return bool(self.all) or self.stream is not None

    @property
    def hides(self) -> bool:
        """Whether lines are hidden at the moment."""
        return bool(self) and (not self.suspended or self.tried is not None)

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
        parts += [f"& {each}" for each in self.all]
        return "  ".join(parts)


def _patterns(filters: Sequence[Filter], *, excludes: bool) -> tuple[Pattern, ...]:
    return tuple(
        each.pattern
        for each in filters
        if each.pattern is not None and each.excludes is excludes
    )
