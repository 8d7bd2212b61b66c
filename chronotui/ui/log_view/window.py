"""The window over an opened log: what every key and every arrival ends in."""

from __future__ import annotations

from asyncio import get_running_loop
from time import monotonic
from typing import TYPE_CHECKING, Final

from chronotui.ui.log_view.canvas import LogCanvas
from chronotui.ui.log_view.edges import EdgeWatch
from chronotui.ui.log_view.messages import Place, PlaceChanged, ReadOn, Said
from chronotui.ui.log_view.placing import place_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from textual.events import Resize

    from chronotui.ui.log_view.messages import Tone
    from chronotui.ui.log_view.open_log import OpenLog
    from chronotui.ui.log_view.settings import ViewSettings

FRAME_SECONDS: Final = 1 / 30
"""Least time between two takings-over of what arrived."""

FLOOD_SECONDS: Final = 1 / 15.5
"""The same while a picture keeps less than half of the one before."""

SLICE_SECONDS: Final = 0.006
"""Longest piece of indexing between two frames."""

PROGRESS_SECONDS: Final = 0.1
"""Pause between two tellings of how far that has come."""

REDRAW_SECONDS: Final = 0.05
"""Least time between two pictures of rows that a filter is still looking through."""

REST_SECONDS: Final = 0.002
"""Pause between two slices, for keys and painting."""


class LogWindow(LogCanvas):
    """Follows a log as it grows, and tells where its reader is.

    Args:
        settings: How lines are shown.
        local_zone: The reader's zone; None is the machine's own.

    Attributes:
        place: Where the reader is.
        when_placed: Called with each change of it, before the picture that changed it
            is on its way: what is painted then comes in the same frame.
    """

    def __init__(
        self,
        *,
        settings: ViewSettings | None = None,
        local_zone: tzinfo | None = None,
        id: str | None = None,  # noqa: A002 - Textual's own name
    ) -> None:
        super().__init__(settings=settings, local_zone=local_zone, id=id)
        self.edges = EdgeWatch()
        self.place = Place()
        self.when_placed: Callable[[], None] = lambda: None
        self._taking_over = False
        self._indexing = False
        self._last_taken = 0.0
        self._rest = FRAME_SECONDS
        self._last_told = 0.0
        self._last_redrawn = 0.0

    # What is shown

    def show(self, opened: OpenLog | None) -> None:
        """Show a log where its reader left it; None shows nothing."""
        self.opened = opened
        self.edges.forget()
        if opened is not None:
            opened.refresh()
        self.redraw()

    def explain_empty(self, title: str, sentence: str) -> None:
        """Say why there is nothing, for as long as there is nothing."""
        if (title, sentence) != self._reason:
            self._reason = (title, sentence)
            if self.opened is None or not len(self.opened.rows):
                self.redraw()

    def redraw(self) -> None:
        """Draw everything anew: the way of showing changed."""
        if self.size:
            self.settle()
            self.moved()

    def moved(self) -> None:
        """Show and tell what the reader's step, or an arrival, changed."""
        self.repaint()
        self._tell()
        self._index()

    def refilter(self) -> None:
        """Show what the filters of the log say now."""
        if self.opened is not None:
            self.opened.refilter()
            self.redraw()

    def say(self, text: str, tone: Tone = "text") -> None:
        """Tell the reader in one short sentence what came of a key."""
        self.post_message(Said(self, text, tone))

    def on_resize(self, _event: Resize) -> None:
        """Keep the place in a window of another size."""
        self.redraw()

    def _tell(self) -> None:
        opened = self.opened
        place = place_of(opened, self.zone) if opened is not None else Place()
        if place != self.place:
            self.place = place
            self.when_placed()
            self.post_message(PlaceChanged(self, place))
        if opened is not None:
            self.edges.look(self, opened)

    # Arrivals and indexing

    def log_changed(self) -> None:
        """Take over what the store changed, once a frame however often it is said."""
        if self._taking_over or self.opened is None:
            return
        self._taking_over = True
        wait = self._last_taken + self._rest - monotonic()
        if wait > 0:
            # A timer of Textual's is a task: too much for each frame.
            get_running_loop().call_later(wait, self.call_later, self.take_over)
        else:
            self.call_later(self.take_over)

    def take_over(self) -> None:
        """Take over what the store changed, now."""
        self._taking_over = False
        self._last_taken = monotonic()
        if self.opened is None:
            return
        before = len(self.opened.rows)
        self.opened.refresh()
        arrived = len(self.opened.rows) - before
        floods = arrived * 2 > self.size.height
        self._rest = FLOOD_SECONDS if floods else FRAME_SECONDS
        if not self.size:
            return
        self.prepare(self.opened)
        self.opened.reading.resettle()
        self.moved()

    def indexed(self) -> None:
        """Take note that more rows have been read through; for those who wait."""

    def _index(self) -> None:
        """Go on reading rows for the filter and the search, slice by slice."""
        if self.opened is None or self._indexing or self.opened.is_indexed:
            return
        self._indexing = True
        self.set_timer(REST_SECONDS, self._index_slice)

    def _index_slice(self) -> None:
        self._indexing = False
        opened = self.opened
        if opened is None:
            return
        changed = opened.index(SLICE_SECONDS)
        self.indexed()
        if monotonic() - self._last_told >= PROGRESS_SECONDS or opened.is_indexed:
            self._last_told = monotonic()
            self.post_message(ReadOn(self))
        if changed and (
            opened.is_indexed or monotonic() - self._last_redrawn >= REDRAW_SECONDS
        ):
            self.moved()
            self._last_redrawn = monotonic()
        else:
            self._index()
