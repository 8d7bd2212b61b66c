"""What stands on the rows of a log: lines, and what is no line.

Marks are gaps, headers and ends of attempts, and notices at the edges.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from msgspec import Struct

from chronotui.log.attempts import LineKey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chronotui.model import LogLine


class LineRow(Struct, frozen=True):
    index: int
    line: LogLine


class Anchor(NamedTuple):
    """A row's identity, which outlives its number (DESIGN.md, invariant 7)."""

    key: LineKey
    kind: str = "line"


LOWEST: Final = -(2**63)
HIGHEST: Final = 2**63


class GapState(StrEnum):
    """What is being done about missing lines.

    FETCHING: they are asked for. AWAITED: they were, the retained log lacked them so
    far, and they are asked for again. LOST: they never came. UNREAD: they are retained,
    but were not asked for (a tail, or pages between two places not read yet).
    """

    FETCHING = "fetching"
    AWAITED = "awaited"
    LOST = "lost"
    UNREAD = "unread"


class GapMark(Struct, frozen=True):
    """Lines known to be missing: ``count`` of the numbers ``first`` to ``last``."""

    attempt: int
    first: int
    last: int
    count: int
    state: GapState = GapState.FETCHING


class MarkKind(StrEnum):
    TOP = "top"
    HEADER = "header"
    GAP = "gap"
    TRAILER = "trailer"
    BOTTOM = "bottom"


class Mark(NamedTuple):
    """A row that is no line; a gap's text is whose it is among several jobs.

    ``at`` is the time that its text tells, as `utc_clock` writes it.
    """

    key: LineKey
    kind: MarkKind
    text: str = ""
    gap: GapMark | None = None
    at: datetime | None = None


Row: TypeAlias = LineRow | Mark


class Marks:
    """The rows of a log that are no lines; ``version`` grows with every change."""

    def __init__(self) -> None:
        self.version = 0
        self._gaps: tuple[GapMark, ...] = ()
        self._texts: dict[LineKey, Mark] = {}
        self._rows: tuple[Mark, ...] = ()
        self._sorted: list[Mark] | None = None

    def set_gaps(self, gaps: Sequence[GapMark]) -> None:
        if tuple(gaps) != self._gaps:
            self._gaps = tuple(gaps)
            self._changed()

    def set_rows(self, rows: Sequence[Mark]) -> None:
        """Set rows that stand where others know they belong, in any order."""
        if tuple(rows) != self._rows:
            self._rows = tuple(rows)
            self._changed()

    def set_section(
        self,
        attempt: int,
        header: str | None = None,
        trailer: str | None = None,
        *,
        ended_at: datetime | None = None,
    ) -> None:
        """Set the rows before and after an attempt's lines; None takes one away.

        ``ended_at`` is the time that the latter tells, as `utc_clock` writes it.
        """
        self._set(LineKey(attempt, LOWEST, -2, ""), MarkKind.HEADER, header)
        self._set(LineKey(attempt, HIGHEST, 9, ""), MarkKind.TRAILER, trailer, ended_at)

    def set_edge(self, top: str | None, bottom: str | None) -> None:
        """Set the notices above and below everything; None takes one away."""
        self._set(LineKey(LOWEST, LOWEST, -3, ""), MarkKind.TOP, top)
        self._set(LineKey(HIGHEST, HIGHEST, 10, ""), MarkKind.BOTTOM, bottom)

    def _set(
        self,
        key: LineKey,
        kind: MarkKind,
        text: str | None,
        at: datetime | None = None,
    ) -> None:
        known = self._texts.pop(key, None)
        if text:
            self._texts[key] = Mark(key, kind, text, at=at)
        if (known.text if known else "") != (text or ""):
            self._changed()

    def all(self) -> list[Mark]:
        if self._sorted is None:
            gaps = [
                Mark(LineKey(gap.attempt, gap.first, -1, ""), MarkKind.GAP, "", gap)
                for gap in self._gaps
            ]
            marks = [*gaps, *self._texts.values(), *self._rows]
            self._sorted = sorted(marks, key=lambda mark: mark.key)
        return self._sorted

    def shown(self, attempt: int | None) -> list[Mark]:
        edges = {MarkKind.TOP, MarkKind.BOTTOM}
        return [
            mark
            for mark in self.all()
            if attempt in {None, mark.key.attempt} or mark.kind in edges
        ]

    def _changed(self) -> None:
        self.version += 1
        self._sorted = None
