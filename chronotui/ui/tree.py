"""How the rows of the tree look: one style for each part a piece plays."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from chronotui.tree.listing import NoteKind
from chronotui.tree.model import NodeKey, TreeModel, TreeNodeKind
from chronotui.tree.row import (
    Role,
    is_ticking,
    job_pieces,
    note_pieces,
    workflow_pieces,
)
from chronotui.ui import tree_messages as messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.style import Style
    from textual.events import Click, MouseScrollDown, MouseScrollUp
    from textual.timer import Timer
    from textual.widget import Widget

    from chronotui.tree.row import RowPiece

PREFIX: Final = "job-tree--"
CURSOR: Final = f"{PREFIX}cursor"
COMPONENTS: Final = frozenset({CURSOR, *(f"{PREFIX}{role}" for role in Role)})

LOOK_CSS: Final = """
JobTree {
    & > .job-tree--muted { color: $text-muted; }
    & > .job-tree--name { text-style: bold; }
    & > .job-tree--alarm { color: $text-error; }
    & > .job-tree--running { color: $text-success; text-style: bold; }
    & > .job-tree--waiting { color: $text-warning; }
    & > .job-tree--completed { color: $text-muted; }
    & > .job-tree--failed { color: $text-error; text-style: bold; }
    & > .job-tree--failed-sign {
        background: $error; color: $background; text-style: bold;
    }
    & > .job-tree--canceled { color: $text-muted; }
    & > .job-tree--unknown { color: $text-warning; }
    & > .job-tree--cursor { background: $surface; }
    &:focus > .job-tree--cursor { background: $panel; }
    &:nocolor > .job-tree--cursor { text-style: underline; }
    &:nocolor:focus > .job-tree--cursor { text-style: reverse; }
    &:nocolor > .job-tree--failed-sign { text-style: bold reverse; }
}
"""


class TreeStyles:
    """The styles of one widget under one theme.

    Args:
        widget: The tree whose stylesheet tells them.
    """

    def __init__(self, widget: Widget) -> None:
        cursor = widget.get_component_rich_style(CURSOR, partial=True)
        self._filling = {False: widget.rich_style, True: widget.rich_style + cursor}
        self._parts = {}
        for role in Role:
            style = widget.get_component_rich_style(f"{PREFIX}{role}")
            stays = role is Role.FAILED_SIGN
            self._parts[role, False] = style
            self._parts[role, True] = style if stays else style + cursor

    def filling(self, cursor: bool) -> Style:
        """Return the style of a row's empty cells."""
        return self._filling[cursor]

    def of(self, role: Role, cursor: bool) -> Style:
        """Return the style of a piece, on the selected row or off it."""
        return self._parts[role, cursor]


# Rows of the tree as strips of exactly the width asked for.


def pieces_at(
    model: TreeModel, key: NodeKey, width: int, now: datetime
) -> tuple[RowPiece, ...]:
    """Return the words of a row."""
    branch = model.branch(key.workflow_id)
    if key.kind is TreeNodeKind.NOTE or branch is None:
        line = model.note(key)
        nested = bool(key.workflow_id)
        return () if line is None else tuple(note_pieces(line, width, nested=nested))
    if key.kind is TreeNodeKind.WORKFLOW:
        open_ = model.is_open(key.workflow_id)
        return tuple(workflow_pieces(branch, width, open_=open_))
    return tuple(job_pieces(branch, branch.jobs[key.item], width, now))


def ticks(model: TreeModel, key: NodeKey) -> bool:
    """Whether a row changes by itself every second."""
    if key.kind is not TreeNodeKind.JOB:
        return False
    job = model.job(key)
    return job is not None and is_ticking(job)


def strip_of(
    pieces: tuple[RowPiece, ...], width: int, look: TreeStyles, cursor: bool
) -> Strip:
    """Draw a row.

    Args:
        pieces: Its words.
        width: Its cells.
        look: The styles.
        cursor: Whether it is the selected row.
    """
    segments = []
    for piece in pieces:
        text = fitted(piece.text, piece.width, right=piece.right)
        words = text.lstrip(" ")
        if len(words) < len(text):
            space = " " * (len(text) - len(words))
            segments.append(Segment(space, look.filling(cursor)))
        segments.append(Segment(words, look.of(piece.role, cursor)))
    strip = Strip(segments).simplify()
    return strip.adjust_cell_length(width, look.filling(cursor))


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """Cut or fill clean text to exactly ``width`` cells; a cut is shown by "…"."""
    cells = cell_len(text)
    if cells > width:
        return set_cell_size(set_cell_size(text, width - 1) + "…", width)
    return " " * (width - cells) + text if right else text + " " * (width - cells)


# The tree under the mouse: selecting, folding, opening, scrolling.

WHEEL_ROWS: Final = 3
SIGN_CELLS: Final = 2


class TreeMouse:
    """Handlers of mouse events; mixed into the tree before its motions."""

    model: TreeModel

    if TYPE_CHECKING:

        @property
        def first_row(self) -> int:
            """The row at the top of the window."""
            ...

        def scroll_to_row(self, row: int) -> None:
            """Let the window begin at a row."""

        def go_to(self, row: int) -> None:
            """Select a row."""

        def action_fold(self) -> None:
            """Fold or unfold the selected workflow."""

        def action_open(self) -> None:
            """Open what is selected."""

    def on_click(self, event: Click) -> None:
        """Select a row; its triangle folds, a second click opens."""
        row = self.first_row + event.y
        if row >= len(self.model):
            return
        self.go_to(row)
        key = self.model.key(row)
        if key.kind is TreeNodeKind.WORKFLOW and event.x < SIGN_CELLS:
            self.action_fold()
        elif event.chain == 2 or key.kind is TreeNodeKind.NOTE:
            self.action_open()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Move the window down."""
        self._wheel(event, WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Move the window up."""
        self._wheel(event, -WHEEL_ROWS)

    def _wheel(self, event: MouseScrollDown | MouseScrollUp, rows: int) -> None:
        event.stop()
        event.prevent_default()
        self.scroll_to_row(self.first_row + rows)


# Keys of the tree: moving, opening, folding.

MOVES: Final[list[BindingType]] = [
    Binding("j,down", "move(1)", "down", show=False, id="tree.down"),
    Binding("k,up", "move(-1)", "up", show=False, id="tree.up"),
    Binding(
        "space,ctrl+f,pagedown", "page(1)", "page down", show=False, id="tree.page_down"
    ),
    Binding("b,ctrl+b,pageup", "page(-1)", "page up", show=False, id="tree.page_up"),
    Binding("ctrl+d", "page(0.5)", "half a page down", show=False, id="tree.half_down"),
    Binding("ctrl+u", "page(-0.5)", "half a page up", show=False, id="tree.half_up"),
    Binding("g,home", "first", "first", show=False, id="tree.first"),
    Binding("G,end", "last", "last", show=False, id="tree.last"),
    Binding("h,left", "out", "fold, or to the workflow", show=False, id="tree.out"),
    Binding("right", "expand", "unfold", show=False, id="tree.expand"),
]
ACTS: Final[list[BindingType]] = [
    Binding("enter,l", "open", "open", id="tree.open"),
    Binding("o", "fold", "fold", tooltip="expand or collapse", id="tree.toggle"),
    Binding("r,f5", "refresh_lists", "refresh", id="tree.refresh"),
    Binding("f", "filters", "filters", id="tree.filters"),
    Binding("slash", "filters(True)", "find", id="tree.text", show=False),
    Binding("0", "clear_filters", "no filter", id="tree.clear", show=False),
    Binding(
        "full_stop",
        "terminated",
        "terminated workflows too",
        id="tree.terminated",
        show=False,
    ),
]


class TreeMotions:
    """Actions of the tree; mixed into the widget, which shows what they select."""

    model: TreeModel
    find: Callable[[bool], object] | None
    """Goes to the filters, to their text when called with True; called, not told
    by a message: keys typed ahead are meant for the filters already."""

    if TYPE_CHECKING:

        @property
        def page_rows(self) -> int:
            """Rows the window shows."""
            ...

        def show_selected(self) -> None:
            """Bring the selected row into the window and say what it is."""

        def post_message(self, message: object) -> bool:
            """Send a message to whoever composes the desk."""
            ...

    def go_to(self, row: int) -> None:
        """Select the row nearest to a number."""
        self.model.select_row(row)
        self.show_selected()

    def action_move(self, rows: int) -> None:
        """Move the selection by rows."""
        self.go_to(self.model.selected_row + rows)

    def action_page(self, pages: float) -> None:
        """Move the selection by pages, keeping one row of overlap."""
        rows = max(int(abs(pages) * (self.page_rows - 1)), 1)
        self.go_to(self.model.selected_row + (rows if pages > 0 else -rows))

    def action_first(self) -> None:
        """Select the first row."""
        self.go_to(0)

    def action_last(self) -> None:
        """Select the last loaded row."""
        self.go_to(len(self.model) - 1)

    def action_open(self) -> None:
        """Open a job, unfold or fold a workflow, ask a list again."""
        key = self.model.selected
        if key is None:
            return
        if key.kind is TreeNodeKind.JOB:
            self._open_job(key)
        elif key.kind is TreeNodeKind.WORKFLOW:
            self.action_fold()
        else:
            self._act_on_note(key)

    def action_fold(self) -> None:
        """Unfold or fold the workflow the selected row belongs to."""
        key = self.model.selected
        if key is not None and key.workflow_id:
            expanded = not self.model.is_open(key.workflow_id)
            self.post_message(messages.ExpansionWanted(key.workflow_id, expanded))

    def action_expand(self) -> None:
        """Unfold a workflow; on an unfolded one go to its first job."""
        key = self.model.selected
        if key is None or key.kind is not TreeNodeKind.WORKFLOW:
            return
        if self.model.is_open(key.workflow_id):
            self.action_move(1)
        else:
            self.post_message(messages.ExpansionWanted(key.workflow_id, True))

    def action_out(self) -> None:
        """Fold an unfolded workflow; from below go to its row."""
        key = self.model.selected
        if key is None or not key.workflow_id:
            return
        if key.kind is not TreeNodeKind.WORKFLOW:
            self.model.select(NodeKey.workflow(key.workflow_id))
            self.show_selected()
        elif self.model.is_open(key.workflow_id):
            self.post_message(messages.ExpansionWanted(key.workflow_id, False))

    def action_refresh_lists(self) -> None:
        """Read everything shown again."""
        self.post_message(messages.RefreshWanted())

    def action_filters(self, text: bool = False) -> None:
        """Go to the filters."""
        if self.find is not None:
            self.find(text)

    def action_clear_filters(self) -> None:
        """Show everything again."""
        kept = self.model.filters.terminated
        cleared = type(self.model.filters)(terminated=kept)
        self.post_message(messages.FiltersChanged(cleared))

    def action_terminated(self) -> None:
        """Show terminated workflows as well, or no longer."""
        filters = self.model.filters
        self.post_message(messages.FiltersChanged(filters.with_terminated_toggled()))

    def _open_job(self, key: NodeKey) -> None:
        branch, job = self.model.branch(key.workflow_id), self.model.job(key)
        if branch is not None and job is not None:
            self.post_message(messages.JobOpened(branch.workflow, job))

    def _act_on_note(self, key: NodeKey) -> None:
        line = self.model.note(key)
        if line is None:
            return
        if line.note.kind is NoteKind.PROBLEM:
            self.post_message(messages.RefreshWanted())
        elif line.note.kind is NoteKind.MORE:
            self.post_message(messages.MoreWanted(key.workflow_id))


# The tree of workflows and jobs: a window over rows, drawn line by line.

TICK_SECONDS: Final = 1.0
"""How often the durations of running jobs are drawn again, if any is in view."""


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class JobTree(
    TreeMouse, TreeMotions, ScrollView, can_focus=True, inherit_bindings=False
):
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
        self._look: TreeStyles | None = None
        self._painted: dict[int, tuple[NodeKey, tuple[RowPiece, ...], bool]] = {}
        self._strips: dict[tuple[tuple[RowPiece, ...], bool], Strip] = {}
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
            self._look = TreeStyles(self)
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

    def _words(self, row: int) -> tuple[NodeKey, tuple[RowPiece, ...], bool]:
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
        while row > top and self.model.key(row).kind is TreeNodeKind.NOTE:
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
            line = self.model.note(key) if key.kind is TreeNodeKind.NOTE else None
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
