"""Filters, tried while they are typed and put on when they are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chronotui.core.log import BadPattern
from chronotui.ui.log_view.filters import is_begun, parse_filter
from chronotui.ui.log_view.motions import Motions

if TYPE_CHECKING:
    from chronotui.core.log import Anchor
    from chronotui.core.reading import Spot
    from chronotui.ui.log_view.filters import Filter
    from chronotui.ui.log_view.open_log import OpenLog, Shown


class Unfiltered(NamedTuple):
    """What a log was before a filter was typed, to come back to."""

    opened: OpenLog
    spot: Spot[Anchor]
    shown: Shown


class Filtering(Motions):
    """Takes a filter as typed; every method returns what is wrong with it, or ""."""

    _unfiltered: Unfiltered | None = None

    def begin_filter(self) -> None:
        """Remember what is shown, before the first letter is typed."""
        opened = self.opened
        if opened is not None:
            self._unfiltered = Unfiltered(opened, opened.reading.spot, opened.shown)

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
        opened.reading.return_to(before.spot)
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
