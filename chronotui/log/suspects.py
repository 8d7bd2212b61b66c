"""Choosing the few lines of a failed log that its likely cause is among.

What fails loudly is seldom why: an exception, a retry and a refusal follow from
something that was said before, often once and calmly. So each line that the good run
has not, or has with quite another value, gets points for a few signs that engineers
look for; how loud it is counts little. Lines next to each other are one event, and each
earlier event that was bad enough takes points away from the later ones, as those are
likely to follow from it. The lines with the most points are shown first, the one with
the most of all on top, no two of the same wording.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.causes import (
    Weight,
    is_crash_heading,
    is_name,
    is_root,
    names_exception,
    says_nothing,
    wording_of,
)
from chronotui.log.levels import LOOKED_AT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chronotui.log.differences import KindChange, LogKinds
    from chronotui.log.odd_values import UsualSettings

MOST_SUSPECTS: Final = 5
"""Lines that the cause is said to be among: they are read at a glance."""

MOST_OF_EVENT: Final = 3
"""Lines of one event that are among them."""

MOST_JUDGED: Final = 2000
"""New kinds, the last ones, among which the cause is looked for."""

NEIGHBOURS: Final = 2
"""Lines from one to the next of an event."""

MOST_CAUSES: Final = 10
"""Lines below ``Caused by:`` that are looked at."""

MANY: Final = 3
"""Lines of a kind from which it is what goes on, not what began it."""

# Points: fitted to a hundred failing jobs and 65 real builds, small so that none of
# them decides alone.
RAISED: Final = 4
ERROR: Final = 1
WRONG: Final = 2
OFF: Final = 2
PHRASE: Final = 3
REASON: Final = 3
ROOT: Final = 6
ODD_VALUE: Final = 1
SETTLED: Final = -3
REPEATED: Final = -1
USUAL: Final = -2
"""Another line of the good run has the same words around its names and values."""

LEAST: Final = 0
"""Points from which a line is suspect."""

BAD: Final = 3
"""Points from which an event is one that others may follow from."""

EACH_EARLIER: Final = -2
MOST_EARLIER: Final = 4
"""Points for each earlier event that was bad, so many of them at most."""


_MARKS: Final = ",.:;!?()[]'\""


class Suspect(NamedTuple):
    """A line that may be the cause.

    Attributes:
        points: More are worse.
        wording: Its words, names and values left out.
        event: Counts the events; -1 for a line that only has another value.
    """

    points: int
    found: KindChange
    wording: str
    event: int


def wording_without_names(message: str) -> str:
    """Return the words of a line that would be the same of something else."""
    words = (word.strip(_MARKS) for word in message[:LOOKED_AT].split())
    return " ".join(word.lower() for word in words if word.isalpha())


def suspects_of(
    log: LogKinds,
    found: Sequence[KindChange],
    usual: Iterable[str],
    settings: UsualSettings,
) -> list[KindChange]:
    """Return the lines that the cause is likely among, the likeliest first.

    Args:
        found: Kinds that are new or of an odd value, in the order of the log.
        usual: The first line of each kind that the good run has.
        settings: Those of the good run.
    """
    wordings = set(map(wording_without_names, usual))
    judged = []
    for each, event in _in_events(found[-MOST_JUDGED:]):
        if not says_nothing(each.line.message):
            wording = wording_without_names(each.line.message)
            is_odd = each.is_known or settings.has_odd(each.line.message)
            points = _points(log, each, is_odd=is_odd)
            points += USUAL * (wording in wordings and not is_odd)
            judged.append(Suspect(points, each, wording, event))
    return [each.found for each in _chosen(_less_for_later(judged))]


def _in_events(found: Iterable[KindChange]) -> Iterator[tuple[KindChange, int]]:
    """Yield each with its event."""
    event, last = -1, -NEIGHBOURS - 1
    for each in found:
        if each.is_known:
            yield each, -1
        else:
            event += each.at - last > NEIGHBOURS
            last = each.at
            yield each, event


def _points(log: LogKinds, found: KindChange, *, is_odd: bool) -> int:
    message = found.line.message
    words = wording_of(message)
    is_raised = not is_crash_heading(message) and (
        found.weight is Weight.RAISED
        or names_exception(message)
        or (is_name(message) and log.ends_traceback(found.at))
    )
    is_deep = is_root(message) or _is_below_caused_by(log, found.at)
    signs = (
        (is_raised, RAISED),
        (found.weight is Weight.ERROR, ERROR),
        (words.wrong, WRONG),
        (words.off, OFF),
        (words.phrase, PHRASE),
        (words.reason, REASON),
        (is_deep, ROOT),
        (is_odd, ODD_VALUE),
        (words.settled, SETTLED),
        (found.lines >= MANY, REPEATED),
    )
    return sum(points for holds, points in signs if holds)


def _is_below_caused_by(log: LogKinds, at: int) -> bool:
    """Whether a line is indented below ``Caused by:``, numbered or not, as Rust's."""
    for before in range(at, max(at - MOST_CAUSES, -1), -1):
        message = log.message_like(before)
        if not message[:1].isspace():
            return before < at and message.rstrip() == "Caused by:"
    return False


def _less_for_later(judged: Sequence[Suspect]) -> list[Suspect]:
    """Return them with less points for each earlier event that was bad."""
    bad = {each.event for each in judged if each.points >= BAD} - {-1}
    begun: set[int] = set()
    counted = []
    for each in judged:
        earlier = min(len(begun - {each.event}), MOST_EARLIER)
        counted.append(each._replace(points=each.points + EACH_EARLIER * earlier))
        if each.event in bad:
            begun.add(each.event)
    return counted


def _chosen(judged: Iterable[Suspect]) -> list[Suspect]:
    """Return those of most points, of an event a few, and of a wording one.

    More of an event only where the others leave room.
    """
    chosen, further = list[Suspect](), list[Suspect]()
    of_event: Counter[int] = Counter()
    wordings: set[str] = set()
    for each in sorted(judged, key=lambda each: (-each.points, each.found.at)):
        if each.points < LEAST:
            break
        if each.wording in wordings:
            continue
        wordings.add(each.wording)
        of_event[each.event] += 1
        is_of_few = each.event < 0 or of_event[each.event] <= MOST_OF_EVENT
        (chosen if is_of_few else further).append(each)
    return [*chosen, *further][:MOST_SUSPECTS]
