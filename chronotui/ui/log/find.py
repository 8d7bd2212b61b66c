"""Finding in an opened log: searches, errors, filters as they are typed, ``:`` goals.

Nothing here draws or posts: `LogFinder` moves the place of reading and says what came
of it, the view shows it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from chronotui.log.attempts import LineKey, key_of
from chronotui.log.marks import Anchor, LineRow, Mark
from chronotui.log.pattern import BadPattern, compile_pattern
from chronotui.times import NS, parse_when
from chronotui.ui.log.cells import percent
from chronotui.ui.log.render import gap_text, wall_time
from chronotui.ui.log.state import is_begun, parse_filter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chronotui.log.marks import Row
    from chronotui.log.pattern import Pattern
    from chronotui.log.search import Jump, Search
    from chronotui.model import LogLine
    from chronotui.ui.log.state import EdgeWatch, OpenLog, Shown
    from chronotui.viewport import Spot


class Wanted(NamedTuple):
    """A match to go to as soon as it is found.

    ``row`` is where to look from, ``spot`` where the reader was then, ``told``
    whether to say how it went.
    """

    search: Search
    row: int
    step: int
    spot: Spot[Anchor]
    told: bool = True


class Outcome(NamedTuple):
    """What came of looking for something.

    ``said`` is worth saying, "" takes the last word away, None leaves it;
    ``wants_older`` says that older lines must be loaded to go on.
    """

    said: str | None = None
    wants_older: bool = False


class LogFinder:
    """Looks for matches, errors and places in the log of one view.

    Texts as typed give what is wrong with them, or "".
    """

    def __init__(self, edges: EdgeWatch) -> None:
        self._edges = edges
        self._origin: tuple[Spot[Anchor], Pattern | None] | None = None
        self._wanted: Wanted | None = None
        self._left_at: Spot[Anchor] | None = None
        self._asked_at: Spot[Anchor] | None = None
        self._unfiltered: tuple[Spot[Anchor], Shown] | None = None

    # Searching

    def begin_search(self, opened: OpenLog) -> None:
        pattern = opened.search.pattern if opened.search is not None else None
        self._origin = (opened.viewport.spot, pattern)

    def preview_search(self, opened: OpenLog, text: str) -> str:
        """Mark the matches of what is typed so far, and go to the first one."""
        try:
            pattern = compile_pattern(text) if text else None
        except BadPattern as error:
            return error.brief
        search = opened.search_for(pattern)
        self._wanted = None
        if self._origin is not None:
            spot, _pattern = self._origin
            opened.viewport.return_to(spot)
            if search is not None:
                self._go_to(opened, self._first_from(spot, opened, search))
        return ""

    def end_search(self, opened: OpenLog, *, keep: bool) -> None:
        origin, self._origin = self._origin, None
        if keep:
            return
        opened.search_for(origin[1] if origin is not None else None)
        self._wanted = None
        if origin is not None:
            opened.viewport.return_to(origin[0])

    def _first_from(
        self, spot: Spot[Anchor], opened: OpenLog, search: Search
    ) -> Wanted:
        """Look on from where the reader was, but back from the newest line."""
        if spot.following or spot.anchor is None:
            return Wanted(search, len(opened.rows), -1, spot, told=False)
        row = opened.rows.locate(spot.anchor) - 1
        return Wanted(search, row, 1, spot, told=False)

    def next(self, opened: OpenLog, search: Search, step: int) -> Outcome:
        """Go to another match of a search or of the errors, 1 on or -1 back."""
        viewport = opened.viewport
        return self._go_to(
            opened, Wanted(search, viewport.current, step, viewport.spot)
        )

    def indexed(self, opened: OpenLog) -> Outcome:
        """Go to a match that was asked for before it was found."""
        return self._go_to(opened, self._wanted) if self._wanted else Outcome()

    def _go_to(self, opened: OpenLog, wanted: Wanted) -> Outcome:
        """Go to a match, or wait for it while lines are still read through.

        A reader who went elsewhere meanwhile is left alone.
        """
        self._wanted = None
        search = wanted.search
        if not (
            opened.searches_with(search) and opened.viewport.spot.is_at(wanted.spot)
        ):
            return Outcome()
        is_error = search is not opened.search
        jump = search.next(wanted.row, wanted.step, wrap=not is_error)
        if jump is None and not search.complete:
            self._wanted = wanted
            read = f"Looking on … {percent(*search.progress)} read."
            return Outcome(read if wanted.told else None)
        if is_error and wanted.step < 0 and self._is_unread(opened, jump):
            self._left_at = wanted.spot
            return Outcome(wants_older=True)
        if jump is not None:
            opened.viewport.go_to(jump.row)
        elif wanted.step < 0:
            self._edges.ask_again("top")
        words = self._words(wanted, jump, is_error=is_error)
        return Outcome(words if wanted.told else None)

    def _words(self, wanted: Wanted, jump: Jump | None, *, is_error: bool) -> str:
        """Return what a jump is worth saying; empty when it just went on."""
        if jump is not None:
            return _reached(wanted, jump)
        if is_error:
            below = "No error below this line; E looks above."
            return below if wanted.step > 0 else "No error above this line."
        if self._edges.more_above:
            return "No line matches in what is loaded; S asks the server."
        return "No line matches."

    def older_error(self, opened: OpenLog) -> Outcome:
        """Go to the error before among lines loaded since it was asked for.

        It wants older lines still while neither it is there, nor the log's start, nor
        the reader elsewhere.
        """
        viewport = opened.viewport
        if self._left_at is None or not viewport.spot.is_at(self._left_at):
            return Outcome()
        jump = opened.errors.next(viewport.current, -1, wrap=False)
        if self._is_unread(opened, jump):
            return Outcome(wants_older=True)
        if jump is None:
            return Outcome("No error above this line.")
        viewport.go_to(jump.row)
        return Outcome()

    def _is_unread(self, opened: OpenLog, jump: Jump | None) -> bool:
        """Whether lines not loaded come before what a step back leads to."""
        unread = self._edges.unread_above(opened)
        return unread is not None and (jump is None or jump.row < unread)

    # Places that have to be loaded

    def must_load(self, opened: OpenLog, goal: Goal) -> bool:
        """Whether a goal has to be loaded first, the reader staying here meanwhile."""
        if not (self._edges.more_above and is_unread(goal, opened)):
            return False
        self._asked_at = opened.viewport.spot
        return True

    def is_awaited(self, opened: OpenLog) -> bool:
        """Whether the reader is still where `must_load` left them."""
        asked_at = self._asked_at
        return asked_at is not None and opened.viewport.spot.is_at(asked_at)

    # Filters

    def begin_filter(self, opened: OpenLog) -> None:
        self._unfiltered = (opened.viewport.spot, opened.shown)

    def preview_filter(self, opened: OpenLog, typed: str) -> str:
        """Show what a filter as typed so far would leave.

        A text that cannot be read leaves what is shown.
        """
        try:
            tried = None if not typed or is_begun(typed) else parse_filter(typed)
        except BadPattern as error:
            return error.brief
        if tried != opened.filters.tried:
            opened.filters.tried = tried
            if tried is None and self._unfiltered is not None:
                opened.show(self._unfiltered[1])
            else:
                opened.refilter()
        return ""

    def give_up_filter(self, opened: OpenLog) -> Spot[Anchor] | None:
        """Show again what was shown; return where the reader was then."""
        before, self._unfiltered = self._unfiltered, None
        if before is None:
            return None
        spot, shown = before
        opened.filters.tried = None
        opened.show(shown)
        return spot

    def put_filter(self, opened: OpenLog, typed: str) -> str:
        """Put one more filter on the log; an empty one takes all patterns away."""
        try:
            wanted = parse_filter(typed) if typed else None
        except BadPattern as error:
            return error.brief
        filters = opened.filters
        is_shown = wanted is not None and wanted == filters.tried
        filters.suspended, filters.tried = False, None
        if wanted is None:
            filters.filters.clear()
        else:
            filters.filters.append(wanted)
        self._unfiltered = None
        if not is_shown:
            opened.refilter()
        return ""


def _reached(wanted: Wanted, jump: Jump) -> str:
    if not jump.wrapped:
        return ""
    if jump.row == wanted.row:
        return "This is the only match."
    if wanted.step > 0:
        return "Went on from the start: that was the last match."
    return "Went on from the end: that was the first match."


# Where ``:`` goes.

MOST_DIGITS: Final = 18

NOTICES: Final = 4
"""Rows next to a gap among which the nearest line is looked for."""


class LineGoal(NamedTuple):
    """A line of an attempt; ``number`` is its sequence number."""

    attempt: int
    number: int


class TimeGoal(NamedTuple):
    """The first line not before a time; ``word`` says how the time was meant."""

    time_ns: int
    word: str = ""


Goal: TypeAlias = LineGoal | TimeGoal


def goal_of(typed: str, opened: OpenLog, now: datetime) -> Goal:
    """Read where to go.

    Args:
        typed: The number of a line of the current line's attempt; or a time, as
            `chronotui.times.parse_when` reads it.
        opened: The log, with lines.
        now: Aware, in the zone the reader sees.

    Raises:
        ValueError: It cannot be read; the message is a sentence for the reader.
    """
    text = typed.strip()
    digits = text.replace(",", "")
    if digits.isascii() and digits.isdigit():
        number = int(digits[:MOST_DIGITS])
        return LineGoal(opened.attempt, _sequence_num(number, opened))
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
    first = opened.store.line(0)
    if isinstance(goal, LineGoal):
        return goal < first[:2]
    oldest = first.time_ns
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


def find_goal(goal: Goal, opened: OpenLog) -> tuple[int, str]:
    """Return the row of a goal, or of what is nearest to it, and a word of that.

    Raises:
        ValueError: The log has no such place; the message is a sentence.
    """
    if not len(opened.rows):
        raise ValueError("There are no lines to go to.")
    if isinstance(goal, LineGoal):
        return _find_line(goal, opened)
    if is_before_loaded(goal, opened):
        return 0, "The log begins later: this is its first line."
    return opened.rows.row_at_time(goal.time_ns), goal.word


def _find_line(goal: LineGoal, opened: OpenLog) -> tuple[int, str]:
    store, rows = opened.store, opened.rows
    index = store.bisect(_lowest(goal))
    line = store.line(index) if index < len(store) else None
    if line is None or line.attempt != goal.attempt:
        raise ValueError(_beyond(goal, index, opened))
    row = rows.locate(Anchor(key_of(line)))
    above = rows.row(row - 1) if row else None
    gap = above.gap if isinstance(above, Mark) else None
    if line.sequence_num > goal.number and gap is not None:
        return row - 1, f"That line is among those: {gap_text(gap)}."
    if rows.anchor(row) != Anchor(key_of(line)):
        return row, "The filter hides that line; this one is near it."
    return row, ""


def _beyond(goal: LineGoal, index: int, opened: OpenLog) -> str:
    """Say that an attempt has no such line; ``index`` is where it would be."""
    last = opened.number_of(opened.store.line(max(index - 1, 0)))
    of = f" in attempt {goal.attempt}" if opened.has_attempts else ""
    return f"There is no line {goal.number:,}{of}: the newest is {last:,}."


def _sequence_num(number: int, opened: OpenLog) -> int:
    """Return the number in the store of a line that is known by the one shown."""
    store = opened.store
    if not store.is_sparse:
        return number
    if not number:
        raise ValueError("Lines are counted from 1 here.")
    if number > len(store):
        words = f"There is no line {number:,}: the newest is {len(store):,}."
        raise ValueError(words)
    return store.line(number - 1).sequence_num


def _lowest(goal: LineGoal) -> LineKey:
    return LineKey(goal.attempt, goal.number, -1, "")
