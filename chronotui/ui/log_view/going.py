"""Going to a place that was typed, which may have to be loaded first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.ui.log_view.goto import find_goal, goal_of, is_unread
from chronotui.ui.log_view.messages import OlderWanted
from chronotui.ui.log_view.motions import Motions

if TYPE_CHECKING:
    from datetime import datetime

    from chronotui.core.log import Anchor
    from chronotui.core.reading import Spot
    from chronotui.ui.log_view.goto import Goal


class Going(Motions):
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
                self._asked_at = opened.reading.spot
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
        if opened.reading.spot.is_at(asked_at):
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
