"""What stands on the rows of a log: lines, and what is no line.

Marks are gaps, headers and ends of attempts, and notices at the edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from chronotui.log.attempts import LineKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.model import LogLine


@dataclass(frozen=True, slots=True)
class LineRow:
    index: int
    line: LogLine


@dataclass(frozen=True, slots=True)
class GapRow:
    gap: GapMark


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
    """A row's identity, which outlives its number (DESIGN.md, invariant 7)."""

    key: LineKey
    kind: str = "line"


LOWEST: Final = -(2**63)
HIGHEST: Final = 2**63


class GapState(StrEnum):
    """What is being done about missing lines.

    FETCHING: they are asked for. LOST: they never came. UNREAD: they are retained,
    but were not asked for (a tail, or pages between two places not read yet).
    """

    FETCHING = "fetching"
    LOST = "lost"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class GapMark:
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
    key: LineKey
    kind: MarkKind
    text: str = ""
    gap: GapMark | None = None


class Marks:
    """The rows of a log that are no lines; ``version`` grows with every change."""

    def __init__(self) -> None:
        self.version = 0
        self._gaps: tuple[GapMark, ...] = ()
        self._headers: dict[int, str] = {}
        self._trailers: dict[int, str] = {}
        self._edges: tuple[str, str] = ("", "")
        self._sorted: list[Mark] | None = None

    def set_gaps(self, gaps: Sequence[GapMark]) -> None:
        if tuple(gaps) != self._gaps:
            self._gaps = tuple(gaps)
            self._changed()

    def set_section(
        self, attempt: int, header: str | None = None, trailer: str | None = None
    ) -> None:
        """Set the rows before and after an attempt's lines; None takes one away."""
        before = (self._headers.get(attempt), self._trailers.get(attempt))
        if before == (header or None, trailer or None):
            return
        for texts, text in ((self._headers, header), (self._trailers, trailer)):
            texts.pop(attempt, None)
            if text:
                texts[attempt] = text
        self._changed()

    def set_edge(self, top: str | None, bottom: str | None) -> None:
        """Set the notices above and below everything; None takes one away."""
        edges = (top or "", bottom or "")
        if edges != self._edges:
            self._edges = edges
            self._changed()

    def all(self) -> list[Mark]:
        if self._sorted is None:
            self._sorted = sorted(self._made(), key=lambda mark: mark.key)
        return self._sorted

    def shown(self, attempt: int | None) -> list[Mark]:
        """Return those of one attempt (None: of all) and at the edges."""
        edges = {MarkKind.TOP, MarkKind.BOTTOM}
        return [
            mark
            for mark in self.all()
            if attempt in {None, mark.key.attempt} or mark.kind in edges
        ]

    def _changed(self) -> None:
        self.version += 1
        self._sorted = None

    def _made(self) -> list[Mark]:
        top, bottom = self._edges
        marks = [
            Mark(LineKey(gap.attempt, gap.first, -1, ""), MarkKind.GAP, "", gap)
            for gap in self._gaps
        ]
        for attempt, text in self._headers.items():
            marks.append(Mark(LineKey(attempt, LOWEST, -2, ""), MarkKind.HEADER, text))
        for attempt, text in self._trailers.items():
            marks.append(Mark(LineKey(attempt, HIGHEST, 9, ""), MarkKind.TRAILER, text))
        if top:
            marks.append(Mark(LineKey(LOWEST, LOWEST, -3, ""), MarkKind.TOP, top))
        if bottom:
            marks.append(
                Mark(LineKey(HIGHEST, HIGHEST, 10, ""), MarkKind.BOTTOM, bottom)
            )
        return marks


def mark_row(mark: Mark) -> Row:
    if mark.gap is not None:
        return GapRow(mark.gap)
    if mark.kind in {MarkKind.TOP, MarkKind.BOTTOM}:
        return EdgeRow(mark.text, mark.kind == MarkKind.TOP)
    return SectionRow(mark.key.attempt, mark.text, mark.kind == MarkKind.TRAILER)
