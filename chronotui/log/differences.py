"""What one log says that another one did not, the likely cause of a failure first.

The order rests on what holds for failures in general. An exception that is named says
more than a line of level ERROR, that more than a line on stderr, and that more than one
that merely sounds like a complaint. What went wrong is near the end, with few routine
lines after it, and is said seldom. Of equals the first one is the cause: what falls
over says so later.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import IntEnum, StrEnum
from math import sqrt
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.errors import Shape, shape_of
from chronotui.log.kinds import Kinds
from chronotui.log.levels import Level, level_of
from chronotui.model import STDERR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.log.kinds import Seen
    from chronotui.log.line_slice import LineSlice
    from chronotui.model import LogLine

MOST_KEPT: Final = 4000
"""Characters of a message kept as an example of its kind."""

NEAR_LINES: Final = 20
NEAR_SHARE: Final = 0.05
"""Routine lines after what is near the end: so many, or this share of the log."""

FEW: Final = 20
"""Lines of a kind that is seldom said."""

LEAST_FACTOR: Final = 2.0
LEAST_DEVIATION: Final = 4.0
"""How far off a count is at least: in times, and in standard deviations of chance."""


class Change(StrEnum):
    NEW = "new"
    MORE = "more"
    FEWER = "fewer"
    GONE = "gone"


class Weight(IntEnum):
    """How much a line sounds like the cause of a failure, least first."""

    PLAIN = 0
    COMPLAINS = 1
    """A word of it is one that things go wrong with."""
    WARNS = 2
    STDERR = 3
    """On stderr and of no level."""
    ERROR = 4
    RAISED = 5
    """An exception or a crash by its name."""


class KindChange(NamedTuple):
    """A kind of line that two logs differ in.

    Attributes:
        kind: The line without its values.
        lines: How many lines of it the log has.
        lines_before: How many the log has that it is compared with.
        line: The first one, from the log that has it; a very long message is cut.
        weight: How much it sounds like the cause.
    """

    change: Change
    kind: str
    lines: int
    lines_before: int
    line: LogLine
    weight: Weight


class LogKinds:
    """The kinds of one log and the first line of each, taken in order."""

    def __init__(self) -> None:
        self.kinds = Kinds()
        self._firsts: dict[int, LogLine] = {}

    def take(self, piece: LineSlice) -> None:
        """Take the lines that come next, none between them left out."""
        block, start = piece.alone(), self.kinds.lines
        for index in self.kinds.take(block):
            line = block.line(index, piece.attempt, piece.ids)
            cut = line._replace(message=line.message[:MOST_KEPT])
            self._firsts[start + index] = cut

    def line_of(self, seen: Seen) -> LogLine:
        return self._firsts[seen.first]


def differences(log: LogKinds, before: LogKinds) -> list[KindChange]:
    """Return what is new in a log, what is far off in number, and what is gone."""
    here, there = log.kinds.seen, before.kinds.seen
    return [
        *_new(log, here.keys() - there.keys()),
        *_far_off(log, before),
        *_gone(before, there.keys() - here.keys()),
    ]


def _new(log: LogKinds, kinds: set[str]) -> list[KindChange]:
    seen = log.kinds.seen
    places = log.kinds.places_of(kinds)
    total = log.kinds.lines
    near = max(NEAR_LINES, NEAR_SHARE * total)

    def order(found: KindChange) -> tuple[bool, int, bool, int]:
        _lines, first, last = seen[found.kind]
        new_after = len(places) - bisect_right(places, last)
        routine_after = total - 1 - last - new_after
        return routine_after > near, -found.weight, found.lines > FEW, first

    return sorted(
        (_difference(Change.NEW, kind, seen[kind], 0, log) for kind in kinds), key=order
    )


def _far_off(log: LogKinds, before: LogKinds) -> list[KindChange]:
    """Return kinds whose count is far from what the length of the log makes likely."""
    here, there = log.kinds.seen, before.kinds.seen
    both = here.keys() & there.keys()
    scale = _common_factor([(here[kind].lines, there[kind].lines) for kind in both])
    found = []
    for kind in both:
        count, usual = here[kind].lines, there[kind].lines * scale
        deviation = abs(count - usual) / sqrt(count + usual)
        factor = max(count, usual) / min(count, usual)
        if deviation >= LEAST_DEVIATION and factor >= LEAST_FACTOR:
            change = Change.MORE if count > usual else Change.FEWER
            each = _difference(change, kind, here[kind], there[kind].lines, log)
            found.append((-each.weight, -deviation, here[kind].first, each))
    return [each for *_order, each in sorted(found)]


def _common_factor(counts: Sequence[tuple[int, int]]) -> float:
    """Return by how much counts grew, the middle one of all lines."""
    ratios = sorted((count / before, before) for count, before in counts)
    half = sum(before for _ratio, before in ratios) / 2
    for ratio, before in ratios:
        half -= before
        if half <= 0:
            return ratio
    return 1.0


def _gone(before: LogKinds, kinds: set[str]) -> list[KindChange]:
    seen = before.kinds.seen
    found = [
        _difference(Change.GONE, kind, seen[kind], seen[kind].lines, before)._replace(
            lines=0
        )
        for kind in kinds
    ]
    return sorted(found, key=lambda each: (-each.lines_before, seen[each.kind].first))


def _difference(
    change: Change, kind: str, seen: Seen, before: int, log: LogKinds
) -> KindChange:
    line = log.line_of(seen)
    return KindChange(change, kind, seen.lines, before, line, weight_of(line))


_COMPLAINTS: Final = (
    *("fail", "error", "reject", "invalid", "mismatch", "unexpected", "not found"),
    *("cannot", "could not", "can't", "unable", "refused", "denied", "timed out"),
    *("timeout", "no such", "killed", "abort", "exceed", "expired", "corrupt"),
    *("unreachable", "missing", "lost", "expected", "full", "broken", "crash"),
)
_BY_LEVEL: Final = {
    Level.WARNING: Weight.WARNS,
    Level.ERROR: Weight.ERROR,
    Level.FATAL: Weight.ERROR,
}


def weight_of(line: LogLine) -> Weight:
    shape = shape_of(line.message)
    if shape is Shape.RAISED or (
        shape is Shape.OPENS and not line.message.lstrip(" +|").startswith(_HEADINGS)
    ):
        return Weight.RAISED
    level = level_of(line.message)
    if level is not None:
        return _BY_LEVEL.get(level, Weight.PLAIN)
    if shape is Shape.PLAIN and line.stream == STDERR:
        return Weight.STDERR
    lower = line.message.lower()
    return (
        Weight.COMPLAINS if any(map(lower.__contains__, _COMPLAINTS)) else Weight.PLAIN
    )


_HEADINGS: Final = ("Traceback", "Exception Group Traceback")
"""Begin a traceback without saying what happened."""
