"""Finding the suspect lines among the new kinds of a log, and what each is part of.

What a line says, and whether the job went on after it as ever, tells whether it is
suspect (see `causes`). Lines next to each other are one event, and of it the line comes
first that is nearest to why.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.causes import (
    SUSPECT,
    KnownSteps,
    Weight,
    complains,
    evidence,
    is_detail,
    is_heading,
    is_name,
    is_root,
    is_tried_again,
    reason_points,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.log.differences import KindChange, LogKinds

NEAR_LINES: Final = 20
NEAR_SHARE: Final = 0.05
"""So many lines, or this share of the log, without anything new: it went on as ever."""

NEIGHBOURS: Final = 2
"""Lines from one to the next of an event."""

MOST_EVENT: Final = 6
"""Lines that the beginning of an event may take."""

MOST_CAUSES: Final = 10
"""Lines below ``Caused by:`` that are looked at."""

MOST_JUDGED: Final = 2000
"""New kinds, the first ones, among which the cause is looked for."""


class Event(NamedTuple):
    """When what a suspect line is part of began, and how much it tells of that.

    Attributes:
        since: The line it began with.
        root: How near it is to why: the exception that others were raised for, the
            last one named, or what is said below an error. -1 for other lines.
        reason: How much of a reason it names, see `causes.reason_points`.
        says_why: Whether it says that something is not as it should be.
        is_raised: Whether it is an exception or a crash.
    """

    since: int
    root: int
    reason: int
    says_why: bool
    is_raised: bool

    @property
    def order(self) -> tuple[int, ...]:
        told = -self.root, -self.reason, not self.says_why, not self.is_raised
        return self.since, *told


class Silences:
    """How long nothing new is said after new lines, runs of neighbours being one."""

    def __init__(self, places: Sequence[int], lines: int) -> None:
        self._places = places
        self._near = max(NEAR_LINES, NEAR_SHARE * lines)
        self._until = [lines] * len(places)
        self._ends = list(places)
        for at in range(len(places) - 2, -1, -1):
            if places[at + 1] - places[at] <= NEIGHBOURS:
                self._ends[at] = self._ends[at + 1]
                self._until[at] = self._until[at + 1]
            else:
                self._until[at] = places[at + 1]

    def follows(self, place: int) -> bool:
        """Whether the job went on as ever after a new line and its neighbours."""
        at = bisect_left(self._places, place)
        return self._until[at] - self._ends[at] > self._near


class _EventsFound:
    """Puts suspect lines, as they come, into events."""

    def __init__(self) -> None:
        self.of: dict[str, Event] = {}
        self._begin = self._last = -MOST_EVENT - 1
        self._is_loud = False

    def reach(self, since: int, *, loud: bool, detail: bool) -> bool:
        """Whether a line belongs to the last event: what is calm has details alone."""
        is_near = since - self._last <= NEIGHBOURS
        fits = detail or (loud and self._is_loud)
        return fits and is_near and since - self._begin <= MOST_EVENT

    def put(self, each: KindChange, event: Event, *, joins: bool, loud: bool) -> None:
        if joins:
            self._last, event = event.since, event._replace(since=self._begin)
        else:
            self._begin = self._last = event.since
            self._is_loud = loud
        self.of[each.kind] = event


def _is_below_caused_by(log: LogKinds, at: int) -> bool:
    """Whether a line is indented below ``Caused by:``, numbered or not, as Rust's."""
    for before in range(at, max(at - MOST_CAUSES, -1), -1):
        message = log.message_like(before)
        if not message[:1].isspace():
            return before < at and message.rstrip() == "Caused by:"
    return False


def events_of(
    log: LogKinds, before: LogKinds, found: Sequence[KindChange]
) -> dict[str, Event]:
    """Return the event that each suspect kind is part of, first of all once.

    Args:
        found: The new kinds as they come; one that was said before complains now.
    """
    stderr_tells = before.on_stderr * 2 <= before.kinds.lines
    steps = KnownSteps(before.kinds.seen, stderr_tells=stderr_tells)
    new = {each.kind for each in found}
    silences = Silences(log.kinds.places_of(new), log.kinds.lines)
    seen, events = log.kinds.seen, _EventsFound()
    for each in found[:MOST_JUDGED]:
        first, message = seen[each.kind].first, each.line.message
        is_raised = each.weight is Weight.RAISED
        is_deeper = is_root(message) or _is_below_caused_by(log, first)
        ends = (is_name(message) and log.ends_traceback(first)) or is_deeper
        is_of_crash = ends or is_heading(log.message_like(first - 1))
        since = log.begin_of(first) if is_raised or ends else first - is_of_crash
        loud = each.weight >= Weight.WARNS
        detail = is_detail(message, beside=True)
        joins = events.reach(since, loud=loud, detail=detail)
        weight = Weight.RAISED if is_of_crash else each.weight
        beside = joins or is_deeper
        proof = evidence(each, weight, steps, beside=beside)
        may_pass = loud or is_tried_again(each.kind)
        passed = may_pass and not joins and silences.follows(seen[each.kind].last)
        said_before = each.lines_before > 0
        if not said_before and (
            proof.points < SUSPECT or (passed and not proof.was_well)
        ):
            continue
        is_deeper = is_deeper or (joins and detail)
        event = Event(
            since,
            first if is_deeper else -1,
            reason_points(each.kind),
            (complains(each.kind) or is_of_crash) and not is_heading(message),
            is_raised or is_of_crash,
        )
        events.put(each, event, joins=joins, loud=loud)
    return events.of
