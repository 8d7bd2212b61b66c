"""The stack of filters a reader put on a log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chronotui.core.log import LineFilter, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.core.log import Pattern


@dataclass(frozen=True, slots=True)
class Filter:
    """One pattern lines must match, or must not."""

    pattern: Pattern
    text: str
    excludes: bool = False

    def __str__(self) -> str:
        """Return it as typed: ``!text`` excludes."""
        return f"!{self.text}" if self.excludes else self.text


def parse_filter(typed: str) -> Filter:
    """Read a filter as typed; ``!`` in front excludes.

    Raises:
        BadPattern: The expression cannot be read; the sentence says why.
    """
    excludes = typed.startswith("!")
    text = typed[1:] if excludes else typed
    return Filter(compile_pattern(text), text, excludes)


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
    return tuple(each.pattern for each in filters if each.excludes is excludes)
