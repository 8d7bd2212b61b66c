"""Searching: matches stand out, ``n`` and ``N`` go from one to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.binding import Binding

from chronotui.core.log import BadPattern, compile_pattern
from chronotui.ui.log_view.messages import OlderErrorWanted
from chronotui.ui.log_view.motions import Motions
from chronotui.ui.log_view.wording import percent

if TYPE_CHECKING:
    from textual.binding import BindingType

    from chronotui.core.log import Anchor, Jump, Pattern, Search
    from chronotui.core.reading import Spot
    from chronotui.ui.log_view.open_log import OpenLog


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


class Finding(Motions):
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
            self._origin = Origin(self.opened.reading.spot, pattern)

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
            opened.reading.return_to(self._origin.spot)
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
            opened.reading.return_to(origin.spot)
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
        reading = opened.reading
        self._go_to(Wanted(search, reading.current, step, reading.spot))
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
            or not opened.reading.spot.is_at(wanted.spot)
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
            opened.reading.go_to(jump.row)
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
        return gap if gap < opened.reading.current else None

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
        reading = opened.reading
        if not reading.spot.is_at(self._left_at):
            return True
        jump = opened.errors.next(reading.current, -1, wrap=False)
        if _is_unread(self._unread(opened), jump):
            return False
        if jump is None:
            self.say("No error above this line.")
        else:
            reading.go_to(jump.row)
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
