"""Searching: matches stand out, ``n`` and ``N`` go from one to the next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, TypeAlias

from textual.binding import Binding

from chronotui.log.attempts import LineKey, key_of
from chronotui.log.marks import Anchor, GapRow, LineRow
from chronotui.log.pattern import BadPattern, compile_pattern
from chronotui.times import NS, parse_when
from chronotui.ui.log.cells import gap_text, percent
from chronotui.ui.log.messages import OlderErrorWanted, OlderWanted
from chronotui.ui.log.render import wall_time
from chronotui.ui.log.state import is_begun, parse_filter
from chronotui.ui.log.window import ViewportMotions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.binding import BindingType

    from chronotui.log.marks import Row
    from chronotui.log.pattern import Pattern
    from chronotui.log.search import Jump, Search
    from chronotui.model import LogLine
    from chronotui.ui.log.state import Filter, OpenLog, Shown
    from chronotui.viewport import Spot


class Origin(NamedTuple):
    """Where a search was begun, to come back to when it is given up."""

    spot: Spot[Anchor]
    pattern: Pattern | None


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


class SearchKeys(ViewportMotions):
    """Search with live preview, next and previous match, next and previous error."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "n",
            "next_match(1)",
            "Next match",
            show=False,
            id="log.next_match",
            tooltip="Go to the next match of the search",
        ),
        Binding(
            "N",
            "next_match(-1)",
            "Previous match",
            show=False,
            id="log.previous_match",
            tooltip="Go to the match before",
        ),
        Binding(
            "e",
            "next_error(1)",
            "Next error",
            show=False,
            id="log.next_error",
            tooltip="Go to the next line on stderr, or with an error's level",
        ),
        Binding(
            "E",
            "next_error(-1)",
            "Previous error",
            show=False,
            id="log.previous_error",
            tooltip="Go to the error before",
        ),
    ]

    _origin: Origin | None = None
    _wanted: Wanted | None = None
    _left_at: Spot[Anchor] | None = None

    def begin_search(self) -> None:
        """Remember where the reader is, before the first letter is typed."""
        if self.opened is not None:
            search = self.opened.search
            pattern = search.pattern if search is not None else None
            self._origin = Origin(self.opened.viewport.spot, pattern)

    def preview_search(self, text: str) -> str:
        """Show the matches of what is typed so far, and go to the first one.

        Returns:
            What is wrong with the pattern, empty when nothing is.
        """
        opened = self.opened
        if opened is None:
            return ""
        try:
            pattern = compile_pattern(text) if text else None
        except BadPattern as error:
            return error.brief
        search = opened.search_for(pattern)
        self._wanted = None
        if self._origin is not None:
            opened.viewport.return_to(self._origin.spot)
            if search is not None:
                self._go_to(self._first_from(self._origin.spot, opened, search))
        self.redraw()
        return ""

    def end_search(self, *, keep: bool) -> None:
        """Keep the search, or go back to where it was begun."""
        origin, self._origin = self._origin, None
        opened = self.opened
        if opened is None or keep:
            return
        opened.search_for(origin.pattern if origin is not None else None)
        self._wanted = None
        if origin is not None:
            opened.viewport.return_to(origin.spot)
        self.redraw()

    def _first_from(
        self, spot: Spot[Anchor], opened: OpenLog, search: Search
    ) -> Wanted:
        """Look on from where the reader was, but back from the newest line."""
        if spot.following or spot.anchor is None:
            return Wanted(search, len(opened.rows), -1, spot, told=False)
        row = opened.rows.locate(spot.anchor) - 1
        return Wanted(search, row, 1, spot, told=False)

    def action_next_match(self, step: int) -> None:
        """Go to another match.

        Args:
            step: 1 for the next one, -1 for the one before.
        """
        opened = self.opened
        if opened is None:
            return
        if opened.search is None:
            self.say("Nothing is searched for; / searches.")
            return
        self._look_for(opened, opened.search, step)

    def action_next_error(self, step: int) -> None:
        """Go to another error.

        Args:
            step: 1 for the next one, -1 for the one before.
        """
        opened = self.opened
        if opened is None or not len(opened.rows):
            return
        self._look_for(opened, opened.errors, step)

    def _look_for(self, opened: OpenLog, search: Search, step: int) -> None:
        viewport = opened.viewport
        self._go_to(Wanted(search, viewport.current, step, viewport.spot))
        self.moved()

    def indexed(self) -> None:
        """Go to a match that was asked for before it was found."""
        super().indexed()
        if self._wanted is not None:
            self._go_to(self._wanted)

    def _go_to(self, wanted: Wanted) -> None:
        """Go to a match, or wait for it while lines are still read through.

        A reader who went elsewhere meanwhile is left alone.
        """
        self._wanted = None
        opened, search = self.opened, wanted.search
        if (
            opened is None
            or not opened.searches_with(search)
            or not opened.viewport.spot.is_at(wanted.spot)
        ):
            return
        is_error = search is not opened.search
        jump = search.next(wanted.row, wanted.step, wrap=not is_error)
        if jump is None and not search.complete:
            self._wait_for(wanted)
            return
        if is_error and wanted.step < 0 and _is_unread(self._unread(opened), jump):
            self._left_at = wanted.spot
            self.post_message(OlderErrorWanted(self))
            return
        if jump is not None:
            opened.viewport.go_to(jump.row)
        if wanted.told:
            self.say(self._outcome(wanted, jump, is_error=is_error))
        if jump is None and wanted.step < 0:
            self.edges.ask_again("top")

    def _unread(self, opened: OpenLog) -> int | None:
        """Return the row above the reader that lines are not loaded at; None: nowhere.

        -1 stands for above the first row.
        """
        if not self.edges.more_above:
            return None
        gap = opened.rows.unread_row
        if gap is None:
            return -1
        return gap if gap < opened.viewport.current else None

    def went_to_older_error(self) -> bool:
        """Go to the error before among lines loaded since it was asked for.

        Returns:
            Whether no more of them need be loaded: it is there, or there is none, or
            the reader went elsewhere.
        """
        opened = self.opened
        if opened is None or self._left_at is None:
            return True
        self.take_over()
        viewport = opened.viewport
        if not viewport.spot.is_at(self._left_at):
            return True
        jump = opened.errors.next(viewport.current, -1, wrap=False)
        if _is_unread(self._unread(opened), jump):
            return False
        if jump is None:
            self.say("No error above this line.")
        else:
            viewport.go_to(jump.row)
            self.moved()
        return True

    def _wait_for(self, wanted: Wanted) -> None:
        self._wanted = wanted
        if wanted.told:
            self.say(f"Looking on … {percent(*wanted.search.progress)} read.")

    def _outcome(self, wanted: Wanted, jump: Jump | None, *, is_error: bool) -> str:
        """Return what a jump is worth saying; empty when it just went on."""
        if jump is not None:
            return _reached(wanted, jump)
        if is_error:
            where = "below" if wanted.step > 0 else "above"
            return f"No error {where} this line."
        if self.edges.more_above:
            return "No line matches in what is loaded; S asks the server."
        return "No line matches."


def _is_unread(unread: int | None, jump: Jump | None) -> bool:
    """Whether lines that are not loaded come before what a step back leads to."""
    return unread is not None and (jump is None or jump.row < unread)


def _reached(wanted: Wanted, jump: Jump) -> str:
    if not jump.wrapped:
        return ""
    if jump.row == wanted.row:
        return "This is the only match."
    if wanted.step > 0:
        return "Went on from the start: that was the last match."
    return "Went on from the end: that was the first match."


# Where ``:`` goes: a line number, a time.

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


class GoalFound(NamedTuple):
    """Where a goal is, and what the reader must be told of it."""

    row: int
    word: str = ""


def goal_of(typed: str, opened: OpenLog, now: datetime) -> Goal:
    """Read where to go.

    Args:
        typed: The place of a line in the log of the current line's try, from 1; or a
            time, as `chronotui.times.parse_when` reads it.
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


def find_goal(goal: Goal, opened: OpenLog) -> GoalFound:
    """Return the row of a goal, or of what is nearest to it.

    Raises:
        ValueError: The log has no such place; the message is a sentence.
    """
    if not len(opened.rows):
        raise ValueError("There are no lines to go to.")
    if isinstance(goal, LineGoal):
        return _find_line(goal, opened)
    if is_before_loaded(goal, opened):
        return GoalFound(0, "The log begins later: this is its first line.")
    return GoalFound(opened.rows.row_at_time(goal.time_ns), goal.word)


def _find_line(goal: LineGoal, opened: OpenLog) -> GoalFound:
    store, rows = opened.store, opened.rows
    index = store.bisect(_lowest(goal))
    line = store.line(index) if index < len(store) else None
    if line is None or line.attempt != goal.attempt:
        raise ValueError(_beyond(goal, index, opened))
    row = rows.locate(Anchor(key_of(line)))
    above = rows.row(row - 1) if row else None
    if line.sequence_num > goal.number and isinstance(above, GapRow):
        return GoalFound(row - 1, f"That line is among those: {gap_text(above.gap)}.")
    if rows.anchor(row) != Anchor(key_of(line)):
        return GoalFound(row, "The filter hides that line; this one is near it.")
    return GoalFound(row)


def _beyond(goal: LineGoal, index: int, opened: OpenLog) -> str:
    """Say that a try has no such line; ``index`` is where it would be."""
    number = goal.number + 1 - opened.first_number
    last = opened.number_of(opened.store.line(max(index - 1, 0)))
    of = f" in attempt {goal.attempt}" if opened.has_attempts else ""
    return f"There is no line {number:,}{of}: the newest is {last:,}."


def _lowest(goal: LineGoal) -> LineKey:
    return LineKey(goal.attempt, goal.number, -1, "")


# Going to a place that was typed, which may have to be loaded first.


class Going(ViewportMotions):
    """Lines by number, times, start and end."""

    _asked_at: Spot[Anchor] | None = None

    def go_to_place(self, typed: str, now: datetime) -> str:
        """Go where ``:`` was told to go; what is not loaded is asked for.

        Args:
            typed: A line number, a time, ``start`` or ``end``; empty goes nowhere.
            now: Aware; what ``-15m`` and ``14:05`` count from.

        Returns:
            What is wrong with it, empty when nothing is.
        """
        opened = self.opened
        place = typed.strip().lower()
        if opened is None or not place:
            return ""
        if place == "start":
            self.action_log_start()
            return ""
        if place == "end":
            self.action_follow()
            return ""
        if not len(opened.store):
            return "There are no lines to go to."
        try:
            goal = goal_of(place, opened, now.astimezone(self.zone))
            if self.edges.more_above and is_unread(goal, opened):
                self._asked_at = opened.viewport.spot
                self.post_message(OlderWanted(self, goal, place))
            else:
                self.go_to_goal(goal)
        except ValueError as error:
            return str(error)
        return ""

    def go_to_loaded(self, goal: Goal) -> None:
        """Go to a place that was asked for, unless the reader went elsewhere meanwhile.

        Raises:
            ValueError: The log has no such place; the message is a sentence.
        """
        opened, asked_at = self.opened, self._asked_at
        if opened is None or asked_at is None:
            return
        self.take_over()
        if opened.viewport.spot.is_at(asked_at):
            self.go_to_goal(goal)

    def go_to_goal(self, goal: Goal) -> None:
        """Go to a place, and say so if it is not quite the one that was meant.

        Raises:
            ValueError: The log has no such place; the message is a sentence.
        """
        if self.opened is not None:
            found = find_goal(goal, self.opened)
            self.go_to_row(found.row)
            self.say(found.word)


# Filters, tried while they are typed and put on when they are answered.


class Unfiltered(NamedTuple):
    """What a log was before a filter was typed, to come back to."""

    opened: OpenLog
    spot: Spot[Anchor]
    shown: Shown


class Filtering(ViewportMotions):
    """Takes a filter as typed; every method returns what is wrong with it, or ""."""

    _unfiltered: Unfiltered | None = None

    def begin_filter(self) -> None:
        """Remember what is shown, before the first letter is typed."""
        opened = self.opened
        if opened is not None:
            self._unfiltered = Unfiltered(opened, opened.viewport.spot, opened.shown)

    def preview_filter(self, typed: str) -> str:
        """Show what a filter as typed so far would leave.

        A text that cannot be read leaves what is shown.
        """
        opened = self.opened
        if opened is None:
            return ""
        try:
            tried = None if not typed or is_begun(typed) else parse_filter(typed)
        except BadPattern as error:
            return error.brief
        if tried != opened.filters.tried:
            self._try(opened, tried)
        return ""

    def _try(self, opened: OpenLog, tried: Filter | None) -> None:
        opened.filters.tried = tried
        if tried is None and self._unfiltered is not None:
            opened.show(self._unfiltered.shown)
            self.redraw()
        else:
            self.refilter()

    def give_up_filter(self) -> None:
        """Show again what was shown before a filter was typed."""
        before, self._unfiltered = self._unfiltered, None
        if before is None:
            return
        opened = before.opened
        opened.filters.tried = None
        opened.show(before.shown)
        self.prepare(opened)
        opened.viewport.return_to(before.spot)
        self.redraw()

    def put_filter(self, typed: str) -> str:
        """Put one more filter on the log; an empty one takes all patterns away."""
        opened = self.opened
        if opened is None:
            return ""
        try:
            wanted = parse_filter(typed) if typed else None
        except BadPattern as error:
            return error.brief
        filters = opened.filters
        is_shown = wanted is not None and wanted == filters.tried
        filters.suspended, filters.tried = False, None
        if wanted is None:
            filters.clear()
        else:
            filters.filters.append(wanted)
        self._unfiltered = None
        if not is_shown:
            self.refilter()
        return ""
