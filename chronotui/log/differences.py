"""What one log says that another one did not, the likely cause of a failure first."""

from __future__ import annotations

from enum import StrEnum
from math import sqrt
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.causes import Weight, complains, weight_of
from chronotui.log.kinds import Kinds
from chronotui.log.odd_values import UsualSettings, is_far_off, values_before
from chronotui.log.suspects import suspects_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.log.kinds import Seen
    from chronotui.log.line_slice import LineSlice
    from chronotui.model import LogLine

MOST_KEPT: Final = 4000
"""Characters of a message kept as an example of its kind."""

MOST_PARTS: Final = 200
"""Lines of a traceback that are looked at for where it begins."""

FEW: Final = 20
"""Lines of a kind that is seldom said."""

SINGLE: Final = 2
"""Lines of a kind whose values can be held against each other."""

LEAST_FACTOR: Final = 2.0
LEAST_DEVIATION: Final = 4.0
"""How far off a count is at least: in times, and in standard deviations of chance."""


SUSPECT: Final = "suspect"
"""What stands before a line that the cause is likely among, in place of its change."""


class Change(StrEnum):
    NEW = "new"
    VALUE = "value"
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
        at: How many lines are before that one in its log.
        is_suspect: Whether it is one of the few that the cause is likely among.
        before: What its values were in the other log, where they are odd now.
    """

    change: Change
    kind: str
    lines: int
    lines_before: int
    line: LogLine
    weight: Weight
    at: int
    is_suspect: bool = False
    before: str = ""

    @property
    def is_known(self) -> bool:
        """Whether the other log says the same with another value."""
        return self.change is Change.VALUE


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


def differences(
    log: LogKinds, before: LogKinds, *, ended_well: bool = False
) -> list[KindChange]:
    """Return what is new in a log, what is far off in number, and what is gone.

    First of all those that the cause of a failure is likely among.

    Args:
        ended_well: Whether there is nothing to suspect.
    """
    here, there = log.kinds.seen, before.kinds.seen
    usual = [before.line_of(seen).message for seen in there.values()]
    settings = UsualSettings(usual)
    new = [
        _difference(Change.NEW, kind, here[kind], 0, log)
        for kind in here.keys() - there.keys()
    ]
    new.sort(key=lambda each: each.at)
    found = sorted([*new, *_odd(log, before)], key=lambda each: each.at)
    suspects = [] if ended_well else suspects_of(log, found, usual, settings)
    chosen = {each.kind for each in suspects}
    rest = [each for each in new if each.kind not in chosen]
    rest.sort(key=lambda each: (-each.weight, each.lines > FEW))
    return [
        *(_suspected(each, settings) for each in suspects),
        *rest,
        *(each for each in _far_off(log, before) if each.kind not in chosen),
        *_gone(before, there.keys() - here.keys()),
    ]


def _suspected(found: KindChange, settings: UsualSettings) -> KindChange:
    before = found.before or settings.before(found.line.message)
    return found._replace(is_suspect=True, before=before)


def _odd(log: LogKinds, before: LogKinds) -> list[KindChange]:
    """Return seldom kinds of both logs that say something else now."""
    here, there = log.kinds.seen, before.kinds.seen
    found = []
    for kind in here.keys() & there.keys():
        now, then = here[kind], there[kind]
        most = max(now.lines, then.lines)
        said = log.line_of(now).message, before.line_of(then).message
        if most <= FEW and _is_odd(*said, is_single=most <= SINGLE):
            value = _difference(Change.VALUE, kind, now, then.lines, log)
            found.append(value._replace(before=values_before(*said)))
    return found


def _is_odd(now: str, then: str, *, is_single: bool) -> bool:
    """Whether a line that both logs have says something else now.

    A value is far off, or it complains and did not, as ``0 rows rejected`` and
    ``12 rows rejected``.
    """
    if now == then:
        return False
    is_off = is_single and is_far_off(now, then)
    return is_off or (complains(now) and not complains(then))


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
    return KindChange(
        change, kind, seen.lines, before, line, weight_of(line), seen.first
    )
