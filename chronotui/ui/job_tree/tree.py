"""The tree of workflows and jobs: a window over rows, drawn line by line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from chronotui.core.tree.keys import NodeKey, NodeKind
from chronotui.core.tree.model import TreeModel
from chronotui.core.tree.notes import NoteKind
from chronotui.ui.job_tree import messages
from chronotui.ui.job_tree.look import COMPONENTS, LOOK_CSS, Look
from chronotui.ui.job_tree.motions import ACTS, MOVES, Motions
from chronotui.ui.job_tree.mouse import Mouse
from chronotui.ui.job_tree.row_painter import pieces_at, strip_of, ticks

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.binding import BindingType
    from textual.timer import Timer

    from chronotui.core.tree.pieces import Piece

TICK_SECONDS: Final = 1.0
"""How often the durations of running jobs are drawn again, if any is in view."""


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class JobTree(Mouse, Motions, ScrollView, can_focus=True, inherit_bindings=False):
    """Shows a tree model, and moves its selection; reads nothing itself.

    Whoever changes the model calls ``sync``. A keypress and a frame cost what the
    window is high, whatever the tree holds.

    Args:
        model: The tree to show.
        now: The time that ages and running durations are told against, aware.
        name: Textual's name of the widget.
        id: Textual's id of the widget.
        classes: Textual's classes of the widget.
    """

    DEFAULT_CSS = (
        """
    JobTree {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
    }
    """
        + LOOK_CSS
    )
    COMPONENT_CLASSES: ClassVar[set[str]] = set(COMPONENTS)
    BINDINGS: ClassVar[list[BindingType]] = [*MOVES, *ACTS]
    JobOpened: TypeAlias = messages.JobOpened
    Highlighted: TypeAlias = messages.Highlighted
    MoreWanted: TypeAlias = messages.MoreWanted
    ExpansionWanted: TypeAlias = messages.ExpansionWanted
    RefreshWanted: TypeAlias = messages.RefreshWanted

    def __init__(
        self,
        model: TreeModel | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
        find: Callable[[bool], object] | None = None,
        name: str | None = None,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.model = TreeModel() if model is None else model
        self._now = now
        self.find = find
        self._look: Look | None = None
        self._painted: dict[int, tuple[NodeKey, tuple[Piece, ...], bool]] = {}
        self._strips: dict[tuple[tuple[Piece, ...], bool], Strip] = {}
        self._ticker: Timer | None = None
        self._told: object = None
        self._held: NodeKey | None = None
        self._held_at = 0

    # what changed

    def show(self, model: TreeModel) -> None:
        """Show another tree."""
        self.model = model
        self._held = None
        model.set_note_width(self._width)
        self.scroll_to_row(0)
        self.sync()

    def sync(self) -> None:
        """Take over what changed in the model; the place on the screen stays."""
        if not self.is_mounted:
            return
        self._take_height()
        self._keep_place()
        self._repaint_changed()
        self._look_around()
        self._tell()

    def show_selected(self) -> None:
        """Bring the selected row into the window and say what it is."""
        self._take_height()
        row, top, height = self.model.selected_row, self.first_row, self.page_rows
        if row < top:
            self.scroll_to_row(row)
        elif row >= top + height:
            self.scroll_to_row(row - height + 1)
        if self.first_row == top:
            self._repaint_changed()
        self._look_around()
        self._tell()

    def _take_height(self) -> None:
        """Take over how many rows there are: none beyond can be scrolled to."""
        rows = len(self.model)
        if rows != self.virtual_size.height:
            self.virtual_size = Size(self._width, rows)

    # what is drawn

    @property
    def page_rows(self) -> int:
        """Rows the window shows."""
        return max(self.scrollable_content_region.height, 1)

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    @property
    def first_row(self) -> int:
        """The row at the top of the window."""
        return self.scroll_offset.y

    def render_line(self, y: int) -> Strip:
        """Draw one row of the window."""
        width = self._width
        if self._look is None:
            self._look = Look(self)
        row = self.first_row + y
        if row >= len(self.model):
            self._painted.pop(y, None)
            return Strip.blank(width, self._look.filling(False))
        words = self._words(row)
        self._painted[y] = words
        _key, pieces, cursor = words
        strip = self._strips.get((pieces, cursor))
        if strip is None:
            if len(self._strips) > 4 * self.page_rows:
                self._strips.clear()
            strip = strip_of(pieces, width, self._look, cursor)
            self._strips[pieces, cursor] = strip
        return strip

    def _words(self, row: int) -> tuple[NodeKey, tuple[Piece, ...], bool]:
        key = self.model.key(row)
        pieces = pieces_at(self.model, key, self._width, self._now())
        cursor = row == self.model.selected_row
        return key, pieces, cursor

    def _repaint_changed(self) -> None:
        """Repaint the rows of the window that read otherwise than painted."""
        top, rows = self.first_row, len(self.model)
        for y in range(self.page_rows):
            row = top + y
            words = self._words(row) if row < rows else None
            if words != self._painted.get(y):
                self.refresh_lines(row)

    # what stays in place

    def scroll_to_row(self, row: int) -> None:
        """Let the window begin at a row, or as near as there are rows.

        Forced, since a scrollbar that is not laid out yet would forbid it.
        """
        self.scroll_to(y=max(row, 0), animate=False, force=True)

    def _keep_place(self) -> None:
        """Hold the row under the eye where it is, though rows came or went above."""
        top = self.first_row
        row = self.model.locate(self._held) if self._held is not None else None
        if row is not None and not (top == 0 and row < self.page_rows):
            top = row - self._held_at
        self.scroll_to_row(top)

    def _hold(self) -> None:
        """Remember which row is under the eye: the selected one, else the top one."""
        top, row = self.first_row, self.model.selected_row
        if not top <= row < top + self.page_rows:
            row = top
        if row >= len(self.model):
            return
        # A note goes down with the end of its list, and would ask for more for ever.
        while row > top and self.model.key(row).kind is NodeKind.NOTE:
            row -= 1
        self._held, self._held_at = self.model.key(row), row - top

    # what the window shows

    def _look_around(self) -> None:
        """Ask for more where a list's end is seen; tick while a job runs in view."""
        self._hold()
        ticking = False
        for row in self._rows_in_view():
            key = self.model.key(row)
            ticking |= ticks(self.model, key)
            line = self.model.note(key) if key.kind is NodeKind.NOTE else None
            is_end = line is not None and line.note.kind is NoteKind.MORE
            if is_end and not self._is_passed(row):
                self.post_message(messages.MoreWanted(key.workflow_id))
        self._tick_if(ticking)

    def _is_passed(self, row: int) -> bool:
        """Whether a row stands above the one that is held where it is.

        The end of a list would stay in sight there until all of the list is read.
        """
        return self._held is not None and row < self.first_row + self._held_at

    def _rows_in_view(self) -> range:
        top = self.first_row
        return range(top, min(top + self.page_rows, len(self.model)))

    @property
    def is_ticking(self) -> bool:
        """Whether a timer redraws running durations."""
        return self._ticker is not None

    def _tick_if(self, ticking: bool) -> None:
        if ticking and self._ticker is None:
            self._ticker = self.set_interval(TICK_SECONDS, self._repaint_changed)
        elif not ticking and self._ticker is not None:
            self._ticker.stop()
            self._ticker = None

    def _tell(self) -> None:
        """Say what the selected row is, if that is not what was said last."""
        key = self.model.selected
        if key is None:
            return
        branch, job = self.model.branch(key.workflow_id), self.model.job(key)
        workflow = None if branch is None else branch.workflow
        line = self.model.note(key)
        sentence = "" if line is None else line.note.text
        told = (key, workflow, job, sentence)
        if told != self._told:
            self._told = told
            self.post_message(messages.Highlighted(*told))

    # what Textual tells

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Look at the rows that came into view."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._look_around()

    def notify_style_update(self) -> None:
        """Take the styles from the stylesheet again."""
        self._look = None
        self._strips.clear()
        super().notify_style_update()

    def on_resize(self) -> None:
        """Lay rows out for another width; what was selected stays in view."""
        self._strips.clear()
        self.model.set_note_width(self._width)
        self.virtual_size = Size(self._width, len(self.model))
        self.show_selected()

    def on_focus(self) -> None:
        """Show the cursor as active."""
        self.refresh()

    def on_blur(self) -> None:
        """Show the cursor as passive."""
        self.refresh()
