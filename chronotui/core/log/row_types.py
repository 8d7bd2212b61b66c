"""What a pane shows, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from chronotui.core.log.keys import LineKey
    from chronotui.core.log.marks import Gap
    from chronotui.model import LogLine


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line; ``index`` is its number in the store, filters or not."""

    index: int
    line: LogLine


@dataclass(frozen=True, slots=True)
class GapRow:
    """Lines known to be missing."""

    gap: Gap


@dataclass(frozen=True, slots=True)
class SectionRow:
    """The beginning of an attempt, or with ``ends`` its end."""

    attempt: int
    text: str
    ends: bool = False


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """A notice above (``top``) or below everything."""

    text: str
    top: bool


Row: TypeAlias = LineRow | GapRow | SectionRow | EdgeRow


class Anchor(NamedTuple):
    """A row's identity, which outlives its number (design note, invariant 7)."""

    key: LineKey
    kind: str = "line"


@dataclass(frozen=True, slots=True)
class RowsChange:
    """What a refresh of rows found.

    Attributes:
        changed: Whether anything differs.
        first: Rows before this one are what they were.
        count: Number of rows now.
    """

    changed: bool
    first: int
    count: int
