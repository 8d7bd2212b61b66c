"""Answers of the prompt, put into effect: filters and places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.core.log import BadPattern
from chronotui.ui.log_view.filters import parse_filter
from chronotui.ui.log_view.goto import row_of
from chronotui.ui.log_view.motions import Motions

if TYPE_CHECKING:
    from datetime import datetime


class Asking(Motions):
    """Takes what was typed; every method returns what is wrong with it, or ""."""

    def wrong_filter(self, typed: str) -> str:
        """Say what is wrong with a filter as typed so far."""
        try:
            parse_filter(typed)
        except BadPattern as error:
            return str(error)
        return ""

    def put_filter(self, typed: str) -> str:
        """Put one more filter on the log; an empty one takes all patterns away."""
        opened = self.opened
        if opened is None:
            return ""
        try:
            wanted = parse_filter(typed) if typed.removeprefix("!") else None
        except BadPattern as error:
            return str(error)
        opened.filters.suspended = False
        if wanted is None:
            opened.filters.clear()
        else:
            opened.filters.filters.append(wanted)
        self.refilter()
        return ""

    def go_to_place(self, typed: str, now: datetime) -> str:
        """Go where ``:`` was told to go.

        Args:
            typed: A line number, a time, ``start`` or ``end``; empty goes nowhere.
            now: Aware; what ``-15m`` and ``14:05`` count from.
        """
        opened = self.opened
        place = typed.strip().lower()
        if opened is None or not place:
            return ""
        if place == "start":
            self.action_log_start()
        elif place == "end":
            self.action_follow()
        else:
            try:
                row = row_of(place, opened, now.astimezone(self.zone))
            except ValueError as error:
                return str(error)
            self.go_to_row(row)
        return ""
