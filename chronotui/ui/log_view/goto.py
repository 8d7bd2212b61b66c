"""Where ``:`` goes: a line number, a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from chronotui.core.log import Anchor, GapRow, LineKey, LineRow, key_of
from chronotui.core.times import NS, parse_when
from chronotui.ui.log_view.stamps import wall_time
from chronotui.ui.log_view.wording import gap_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chronotui.core.log import Row
    from chronotui.model import LogLine
    from chronotui.ui.log_view.open_log import OpenLog

MOST_DIGITS: Final = 18

NOTICES: Final = 4
"""Rows next to a gap among which the nearest line is looked for."""


class LineGoal(NamedTuple):
    """A line of a try; ``number`` is its sequence number."""

    attempt: int
    number: int


class TimeGoal(NamedTuple):
    """The first line not before a time; ``word`` says how the time was meant."""

    time_ns: int
    word: str = ""


Goal: TypeAlias = LineGoal | TimeGoal


class Found(NamedTuple):
    """Where a goal is, and what the reader must be told of it."""

    row: int
    word: str = ""


def goal_of(typed: str, opened: OpenLog, now: datetime) -> Goal:
    """Read where to go.

    Args:
        typed: The place of a line in the log of the current line's try, from 1; or a
            time, as `chronotui.core.times.parse_when` reads it.
        opened: The log, with lines.
        now: Aware, in the zone the reader sees.

    Raises:
        ValueError: It cannot be read; the message is a sentence for the reader.
    """
    text = typed.strip()
    digits = text.replace(",", "")
    if digits.isascii() and digits.isdigit():
        number = int(digits[:MOST_DIGITS])
        if not number:
            raise ValueError("Lines are counted from 1.")
        return LineGoal(opened.attempt, number - 1 + opened.first_number)
    return _time_goal(text, opened, now)


def _time_goal(text: str, opened: OpenLog, now: datetime) -> TimeGoal:
    newest = opened.newest_ns
    if newest is None:
        raise ValueError("No line here has a time.")
    time_ns = _nanoseconds(text, now)
    if time_ns <= newest:
        return TimeGoal(time_ns)
    last = wall_time(newest, now.tzinfo)
    time_ns = _nanoseconds(text, last)
    if time_ns > newest:
        return TimeGoal(newest, "The newest line is older than that.")
    return TimeGoal(time_ns, f"Counted from the newest line, {last:%H:%M:%S}.")


def _nanoseconds(text: str, now: datetime) -> int:
    try:
        when = parse_when(text, now)
    except ValueError as error:
        raise ValueError("No such place; try 120, 14:05, -15m, end.") from error
    return round(when.astimezone(UTC).timestamp()) * NS


def is_before_loaded(goal: Goal, opened: OpenLog) -> bool:
    """Whether a goal lies before all that is loaded."""
    if isinstance(goal, LineGoal):
        return opened.store.bisect(_lowest(goal)) == 0
    oldest = opened.store.line(0).time_ns
    return oldest is not None and goal.time_ns < oldest


def is_unread(goal: Goal, opened: OpenLog) -> bool:
    """Whether a goal lies before what is loaded, or between two stretches of it.

    Where there are two, the first one begins with the log.
    """
    gap, before = opened.rows.unread_row, is_before_loaded(goal, opened)
    if gap is None or before:
        return gap is None and before
    above = _first_line(reversed(opened.rows.rows(gap - NOTICES, gap)))
    below = _first_line(opened.rows.rows(gap + 1, gap + 1 + NOTICES))
    if isinstance(goal, LineGoal):
        return (above is None or above[:2] < goal) and (
            below is None or goal < below[:2]
        )
    return (above is None or (above.time_ns or 0) < goal.time_ns) and (
        below is None or goal.time_ns < (below.time_ns or 0)
    )


def _first_line(rows: Iterable[Row]) -> LogLine | None:
    return next((row.line for row in rows if isinstance(row, LineRow)), None)


def find_goal(goal: Goal, opened: OpenLog) -> Found:
    """Return the row of a goal, or of what is nearest to it.

    Raises:
        ValueError: The log has no such place; the message is a sentence.
    """
    if not len(opened.rows):
        raise ValueError("There are no lines to go to.")
    if isinstance(goal, LineGoal):
        return _find_line(goal, opened)
    if is_before_loaded(goal, opened):
        return Found(0, "The log begins later: this is its first line.")
    return Found(opened.rows.row_at_time(goal.time_ns), goal.word)


def _find_line(goal: LineGoal, opened: OpenLog) -> Found:
    store, rows = opened.store, opened.rows
    index = store.bisect(_lowest(goal))
    line = store.line(index) if index < len(store) else None
    if line is None or line.attempt != goal.attempt:
        raise ValueError(_beyond(goal, index, opened))
    row = rows.locate(Anchor(key_of(line)))
    above = rows.row(row - 1) if row else None
    if line.sequence_num > goal.number and isinstance(above, GapRow):
        return Found(row - 1, f"That line is among those: {gap_text(above.gap)}.")
    if rows.anchor(row) != Anchor(key_of(line)):
        return Found(row, "The filter hides that line; this one is near it.")
    return Found(row)


def _beyond(goal: LineGoal, index: int, opened: OpenLog) -> str:
    """Say that a try has no such line; ``index`` is where it would be."""
    number = goal.number + 1 - opened.first_number
    last = opened.number_of(opened.store.line(max(index - 1, 0)))
    of = f" in try {goal.attempt}" if opened.has_tries else ""
    return f"There is no line {number:,}{of}: the newest is {last:,}."


def _lowest(goal: LineGoal) -> LineKey:
    return LineKey(goal.attempt, goal.number, -1, "")
