"""What one log says that another one did not, the likely cause of a failure first."""

from __future__ import annotations

from enum import StrEnum
from math import sqrt
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.attempts import STDERR_RANK
from chronotui.log.causes import Weight, complains, weight_of
from chronotui.log.errors import Shape, shape_of
from chronotui.log.finders import lines_of_rank
from chronotui.log.kinds import Kinds
from chronotui.log.suspects import events_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.log.kinds import Seen
    from chronotui.log.line_slice import LineSlice
    from chronotui.model import LogLine

MOST_KEPT: Final = 4000
"""Characters of a message kept as an example of its kind."""

MOST_PARTS: Final = 200
"""Lines of a traceback that are looked at for where its error begins."""

_PARTS: Final = frozenset(
    (Shape.RAISED, Shape.OPENS, Shape.GOES_ON, Shape.FRAME, Shape.BLANK)
)

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


class KindChange(NamedTuple):
    """A kind of line that two logs differ in.

    Attributes:
        kind: The line without its values.
        lines: How many lines of it the log has.
        lines_before: How many the log has that it is compared with.
        line: The first one, from the log that has it; a very long message is cut.
        weight: How loudly it tells of an error.
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
        self.on_stderr = 0
        self._firsts: dict[int, LogLine] = {}

    def take(self, piece: LineSlice) -> None:
        """Take the lines that come next, none between them left out."""
        block, start = piece.alone(), self.kinds.lines
        self.on_stderr += len(lines_of_rank(block, 0, STDERR_RANK))
        for index in self.kinds.take(block):
            line = block.line(index, piece.attempt, piece.ids)
            cut = line._replace(message=line.message[:MOST_KEPT])
            self._firsts[start + index] = cut

    def line_of(self, seen: Seen) -> LogLine:
        return self._firsts[seen.first]

    def message_like(self, at: int) -> str:
        """Return the first message of the kind that a line is of; "" for none."""
        first = self.kinds.first_like(at) if at >= 0 else None
        return "" if first is None else self._firsts[first].message

    def ends_traceback(self, at: int) -> bool:
        """Whether a line comes next after the frames of a Python traceback."""
        for before in range(at - 1, max(at - MOST_PARTS, -1), -1):
            message = self.message_like(before)
            if not message[:1].isspace():
                return message.startswith("Traceback (most recent call last)")
        return False

    def begin_of(self, at: int) -> int:
        """Return where the error begins that an exception's name, at a line, is of.

        That is the line of a level before it and before its traceback, if there is one.
        What kind a line is of tells its shape.
        """
        begin = at
        for before in range(at - 1, max(at - MOST_PARTS, -1), -1):
            shape = shape_of(self.message_like(before))
            if shape is Shape.GRAVE:
                return before
            if shape not in _PARTS:
                break
            begin = before
        return begin


def differences(log: LogKinds, before: LogKinds) -> list[KindChange]:
    """Return what is new in a log, what is far off in number, and what is gone."""
    here, there = log.kinds.seen, before.kinds.seen
    turned = {kind for kind in here.keys() & there.keys() if _turned(kind, log, before)}
    return [
        *_new(log, before, (here.keys() - there.keys()) | turned),
        *_far_off(log, before),
        *_gone(before, there.keys() - here.keys()),
    ]


def _turned(kind: str, log: LogKinds, before: LogKinds) -> bool:
    """Whether a kind complains now and did not: ``0 rows rejected``, ``12 rejected``.

    Of each log the first line of the kind is asked, so only seldom ones are.
    """
    seen = log.kinds.seen[kind], before.kinds.seen[kind]
    if max(each.lines for each in seen) > FEW or not complains(kind):
        return False
    now, then = log.line_of(seen[0]), before.line_of(seen[1])
    return complains(now.message) and not complains(then.message)


def _new(log: LogKinds, before: LogKinds, kinds: set[str]) -> list[KindChange]:
    """Return the new kinds: what is suspect first, as it came, then the loudest."""
    seen = log.kinds.seen
    usual = before.kinds.seen
    found = [
        _difference(
            Change.NEW, kind, seen[kind], usual[kind].lines if kind in usual else 0, log
        )
        for kind in kinds
    ]
    found.sort(key=lambda each: seen[each.kind].first)
    events = events_of(log, before, found)

    def order(each: KindChange) -> tuple[int, ...]:
        event = events.get(each.kind)
        first = seen[each.kind].first
        if event is None:
            return 1, -each.weight, each.lines > FEW, first
        return 0, *event.order, first

    return sorted(found, key=order)


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
