"""The rows of the board: a window over the jobs of all workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.geometry import Size

from chronotui.tree.board_row import BoardFacts, board_headings, board_pieces
from chronotui.ui.row_window import RowWindow, motion_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.binding import BindingType
    from textual.events import Click
    from textual.timer import Timer

    from chronotui.model import Job
    from chronotui.tree.board import BoardRows, RowKey
    from chronotui.tree.row import RowPiece, RowTimes

REST_SECONDS: Final = 0.4
"""A window that rests for so long has its streams: scrolling past opens none."""


class BoardList(RowWindow, inherit_bindings=False):
    """The rows of the board; asks nothing itself.

    Args:
        rows: The jobs in their order.
        facts: Tells what a row says beside its job.
        times: How times are told, now.
        rested: Called once the window has rested on other rows.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*motion_keys("board")]

    def __init__(
        self,
        rows: BoardRows,
        facts: Callable[[Job], BoardFacts],
        times: Callable[[], RowTimes],
        rested: Callable[[], object],
    ) -> None:
        super().__init__()
        self.rows = rows
        self._facts = facts
        self._times = times
        self._rested = rested
        self._resting: Timer | None = None
        self._told: object = None
        self._said: dict[RowKey, tuple[Job, BoardFacts, tuple[RowPiece, ...]]] = {}
        self._anchor: RowKey | None = None
        self._anchor_offset = 0

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def current(self) -> int:
        return self.rows.selected_row

    def go_to(self, row: int) -> None:
        self.rows.select_row(row)
        self.show_selected()

    def sync(self) -> None:
        """Show what changed; the row under the eye stays where it is."""
        if not self.is_mounted:
            return
        self.take_height(self.count)
        top = self.first_row
        row = None if self._anchor is None else self.rows.locate(self._anchor)
        if row is not None and not (top == 0 and row < self.page_rows):
            top = row - self._anchor_offset
        self.scroll_to_row(top)
        self.repaint_changed()
        self._window_changed()

    def show_selected(self) -> None:
        """Bring the selected row into the window."""
        self.take_height(self.count)
        self.bring_in(self.current)
        self._window_changed()

    def in_sight(self) -> list[Job]:
        """The jobs of the window, the selected one first."""
        rows, top = self.rows, self.first_row
        end = min(top + self.page_rows, len(rows))
        keys = sorted(map(rows.key, range(top, end)), key=rows.selected.__ne__)
        return [job for job in map(rows.job, keys) if job is not None]

    def _window_changed(self) -> None:
        rows, top, row = self.rows, self.first_row, self.current
        if not top <= row < top + self.page_rows:
            row = top
        if row < len(rows):
            self._anchor, self._anchor_offset = rows.key(row), row - top
        if self._resting is None:
            self._resting = self.set_timer(REST_SECONDS, self._has_rested)
        self.tick_if(ticking=True)

    def _has_rested(self) -> None:
        self._resting = None
        self._rested()

    # what is drawn

    def words(self, row: int) -> tuple[RowKey, tuple[RowPiece, ...], bool] | None:
        if row >= self.count:
            return None
        key = self.rows.key(row)
        job = self.rows.job(key)
        if job is None:
            return None
        return key, self._pieces(key, job), key == self.rows.selected

    def _pieces(self, key: RowKey, job: Job) -> tuple[RowPiece, ...]:
        """Return what a row says; within a second it is worked out after changes."""
        facts, times, length = self._facts(job), self._times(), self.rows.id_length
        until = times.now.replace(microsecond=0)
        told = (until, times.ages, times.zone, self.row_width, length)
        if told != self._told:
            self._told = told
            self._said.clear()
        known = self._said.get(key)
        if known is not None and known[0] is job and known[1] == facts:
            return known[2]
        pieces = board_pieces(job, facts, self.row_width, times, length)
        self._said[key] = (job, facts, pieces)
        return pieces

    def headings(self) -> list[RowPiece]:
        return board_headings(self.row_width, self._times(), self.rows.id_length)

    def scrolled(self) -> None:
        self._window_changed()

    def on_click(self, event: Click) -> None:
        """Select a row; a second click opens it."""
        if self.first_row + event.y < self.count:
            self.go_to(self.first_row + event.y)
            if event.chain == 2:
                self.call_later(self.run_action, "screen.open")

    def on_resize(self) -> None:
        self.virtual_size = Size(self.row_width, len(self.rows))
        self.show_selected()
