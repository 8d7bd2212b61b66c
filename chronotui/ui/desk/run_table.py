"""The history of an app: its runs as a table that can be sorted.

It shows the list that the tree shows, as far as it is loaded, and reads nothing
itself. ``RunRows`` is a window over it, drawn line by line; ``RunTable`` puts the
headings above and says below how it is sorted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.message import Message

from chronotui.text import plural
from chronotui.tree.listing import NoteKind, lines_of
from chronotui.tree.model import notes_below
from chronotui.tree.row import SPACE, Role, RowPiece, is_ticking, note_pieces
from chronotui.tree.run_row import RUN_SIGNS
from chronotui.ui.desk.run_columns import (
    COLUMNS,
    SIGN_CELLS,
    UNKNOWN_SIGN,
    RunCell,
    RunOrder,
    RunSort,
    columns_for,
    row_texts,
)
from chronotui.ui.desk.run_details import RunSummary
from chronotui.ui.keys import help_key
from chronotui.ui.row_window import RowWindow, fitted, motion_keys
from chronotui.ui.term.driver import OwnRow
from chronotui.ui.tree import JobTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime, tzinfo

    from textual.app import ComposeResult
    from textual.events import Click

    from chronotui.model import Job
    from chronotui.tree.branch import Branch
    from chronotui.tree.listing import NoteLine
    from chronotui.tree.model import TreeModel

FAILED_COLUMNS: Final = frozenset({"started", "elapsed", "run", "error"})
ASKED_FOR: Final = frozenset({NoteKind.MORE, NoteKind.ON_DEMAND})


def _role_of(column: str, state: Role) -> Role:
    """Return the part a column plays: a failed run is seen from afar."""
    if column == "status" or (state is Role.FAILED and column in FAILED_COLUMNS):
        return state
    return Role.MUTED if column in {"origin", "who"} else Role.PLAIN


class RunRows(RowWindow, inherit_bindings=False):
    """Shows an app's runs in an order, and moves a selection over them.

    Whoever changes the tree calls ``sync``. A keypress and a frame cost what the
    window is high; the list is sorted once a change.

    Args:
        now: The time that running ones are told against, aware.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *motion_keys("runs", last="last that is loaded"),
        Binding("enter,l", "open", "open", id="runs.open"),
        Binding(
            "greater_than_sign",
            "sort_column(1)",
            "sort",
            tooltip="sort by the next column, at the end by none",
            id="runs.sort_next",
        ),
        help_key(
            "less_than_sign",
            "sort_column(-1)",
            "sort by the column before",
            "runs.sort_previous",
        ),
        Binding(
            "o,equals_sign",
            "turn",
            "turn",
            tooltip="turn the order round",
            id="runs.turn",
        ),
    ]

    class Highlighted(Message):
        """Another run was selected here."""

        def __init__(self, job: Job) -> None:
            super().__init__()
            self.job = job

    class MoreWanted(Message):
        """The end of a list that goes on came into view."""

        def __init__(self, app_id: str) -> None:
            super().__init__()
            self.app_id = app_id

    class Sorted(Message):
        """The list is in another order, or holds another number of runs."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.order = RunOrder()
        self.zone: tzinfo | None = None
        """What times are told in; None is the zone here."""
        self._now = now
        self._tree: TreeModel | None = None
        self._notes: Sequence[NoteLine] = ()
        self._selected = ""
        self._row = 0
        self._offset = 0
        self._is_stale = True

    @property
    def count(self) -> int:
        return len(self.order)

    @property
    def current(self) -> int:
        return self._row

    # what changed

    def attach(self, tree: TreeModel) -> None:
        """Show the runs of a tree's app from now on, the one selected in it first."""
        self._tree = tree
        selected = tree.job(tree.selected) if tree.selected is not None else None
        if selected is not None:
            self._selected = selected.id
        self.sync()

    @property
    def branch(self) -> Branch | None:
        """The app and its runs; None before the server told of it."""
        return None if self._tree is None else next(self._tree.branches(), None)

    def sync(self) -> None:
        """Take over what changed in the tree; the place on the screen stays.

        A table that nobody sees waits until it is seen.
        """
        self._is_stale = True
        if self.is_on_screen:
            self._update()

    @property
    def is_on_screen(self) -> bool:
        return self.is_mounted and all(
            node.display for node in self.ancestors_with_self
        )

    def _update(self) -> None:
        self._is_stale = False
        branch = self.branch
        if branch is None:
            return
        self.order.update(branch.listing, branch.jobs, self._now())
        assert self._tree is not None  # noqa: S101 - the branch is of it
        notes = notes_below(self._tree, branch)
        self._notes = lines_of(notes, max(self.row_width - SIGN_CELLS, 0))
        self._take_height()
        at = self.order.place(self._selected)
        top = self.first_row
        self._row = min(self._row, max(len(self.order) - 1, 0)) if at is None else at
        stays_on_top = top == 0 and self._row < self.page_rows
        if at is not None and not stays_on_top:
            top = self._row - self._offset
        self.scroll_to_row(top)
        self.repaint_changed()
        self._window_changed(moved=False)
        self.post_message(self.Sorted())

    def _take_height(self) -> None:
        rows = len(self.order) + len(self._notes)
        if (
            rows != self.virtual_size.height
            or self.row_width != self.virtual_size.width
        ):
            self.virtual_size = Size(self.row_width, rows)

    def select(self, job: Job) -> None:
        """Select a run that was chosen elsewhere."""
        if job.id == self._selected:
            return
        self._selected = job.id
        if self.is_on_screen and not self._is_stale:
            self._show_selected()

    # the selection

    @property
    def selected(self) -> Job | None:
        branch = self.branch
        if branch is None or not self._row < len(self.order):
            return None
        return branch.jobs.get(self.order.ids[self._row])

    def go_to(self, row: int) -> None:
        """Select the row nearest to a number, and say so."""
        if not len(self.order):
            return
        row = min(max(row, 0), len(self.order) - 1)
        self._selected = self.order.ids[row]
        self._show_selected()
        job = self.selected
        if job is not None:
            self.post_message(self.Highlighted(job))

    def _show_selected(self) -> None:
        """Bring the selected row into the window; below the last one the notes."""
        at = self.order.place(self._selected)
        if at is None:
            return
        self._take_height()  # a list in the server's order grows before it is told
        self._row = at
        top, height = self.first_row, self.page_rows
        last = at if at < len(self.order) - 1 else at + len(self._notes)
        if last >= top + height:
            top = last - height + 1
        top = min(top, at)
        if top != self.first_row:
            self.scroll_to_row(top)
        self.repaint_changed()
        self._window_changed(moved=True)

    # what is drawn

    def columns(self) -> dict[str, int]:
        """Return the cells of each column there is room for, from left to right."""
        branch = self.branch
        length = 0 if branch is None else branch.jobs.short_ids.length
        return dict(columns_for(self.row_width, length, self.order.sort.column))

    def words(self, row: int) -> tuple[tuple[RowPiece, ...], bool] | None:
        """Return what a row says and whether it is selected; None below the last."""
        branch, runs = self.branch, len(self.order)
        if branch is None or row >= runs + len(self._notes):
            return None
        if row >= runs:
            line = self._notes[row - runs]
            return tuple(note_pieces(line, self.row_width, nested=False)), False
        job = branch.jobs[self.order.ids[row]]
        return tuple(self._pieces(branch, job)), row == self._row

    def _pieces(self, branch: Branch, job: Job) -> Iterator[RowPiece]:
        sign, state = RUN_SIGNS.get(str(job.status), UNKNOWN_SIGN)
        yield RowPiece(sign, Role.FAILED_SIGN if state is Role.FAILED else state, 1)
        short_id = branch.jobs.short_ids.of(job.shown_id)
        cell = RunCell(RunSummary.of(job), short_id, self._now(), self.zone)
        columns = self.columns()
        for name, text in zip(columns, row_texts(cell, columns), strict=True):
            role, right = _role_of(name, state), COLUMNS[name].right
            yield SPACE
            yield RowPiece(text, role, columns[name], right)

    def _window_changed(self, *, moved: bool) -> None:
        """Ask for more where the list's end is seen; tick while a run in view runs.

        Sorted, the end is no place that more would push away: only who goes there
        asks, or all of the list would be read by itself.
        """
        top, branch = self.first_row, self.branch
        self._offset = self._row - top
        if branch is None:
            return
        shown = range(top, min(top + self.page_rows, len(self.order)))
        jobs = (branch.jobs[self.order.ids[row]] for row in shown)
        self.tick_if(any(is_ticking(job) for job in jobs))
        ends = top + self.page_rows > len(self.order)
        kinds = {line.note.kind for line in self._notes}
        by_itself = not self.order.sort.column and NoteKind.MORE in kinds
        if ends and (by_itself or (moved and kinds & ASKED_FOR)):
            self.post_message(self.MoreWanted(branch.workflow.id))

    # keys

    def action_open(self) -> None:
        """Open the selected run, as the tree does."""
        job, branch = self.selected, self.branch
        if job is not None and branch is not None:
            self.post_message(JobTree.JobOpened(branch.workflow, job))

    def action_sort_column(self, step: int) -> None:
        """Sort by the column at the right or left; beside the last by none."""
        self.sort(self.order.sort.beside(step, list(self.columns())))

    def action_turn(self) -> None:
        """Turn the order round; the server's has only one way."""
        self.sort(self.order.sort.turned())

    def sort(self, sort: RunSort) -> None:
        """Show the runs in another order; what is selected stays selected."""
        self.order.choose(sort)
        self._painted.clear()
        self._update()
        self._show_selected()
        self.refresh()

    # the mouse

    def on_click(self, event: Click) -> None:
        """Select a row; a second click opens it."""
        row = self.first_row + event.y
        if row < len(self.order):
            self.go_to(row)
            if event.chain == 2:
                self.action_open()

    # what Textual tells

    def scrolled(self) -> None:
        self._window_changed(moved=False)

    def on_show(self) -> None:
        """Take over what changed while nobody looked."""
        self._update()
        self._show_selected()

    def on_resize(self) -> None:
        """Lay rows out for another width; what is selected stays in view."""
        self._painted.clear()
        if self.is_on_screen:
            self._update()
            self._show_selected()
        self.refresh()


class RunHeading(OwnRow):
    """The titles of the columns, the sorted one marked; a click sorts by one."""

    DEFAULT_CSS = """
    RunHeading {
        height: 1; color: $text-muted;
        & > .run-heading--sorted { color: $text-accent; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"run-heading--sorted"}

    class Chosen(Message):
        """A heading was clicked."""

        def __init__(self, column: str) -> None:
            super().__init__()
            self.column = column

    def __init__(self, rows: RunRows) -> None:
        super().__init__()
        self._rows = rows

    def line(self, width: int) -> Text:
        sort = self._rows.order.sort
        line = Text(" ", no_wrap=True, end="")
        for name, cells in self._rows.columns().items():
            column, title, tone = COLUMNS[name], COLUMNS[name].title, ""
            if name == sort.column:
                title, tone = title + ("↓" if sort.down else "↑"), "run-heading--sorted"
            line.append(" ")
            line.append(fitted(title, cells, right=column.right), self.tone(tone))
        line.truncate(width)
        return line

    def on_click(self, event: Click) -> None:
        right = 1
        for name, cells in self._rows.columns().items():
            right += 1 + cells
            if event.x < right:
                self.post_message(self.Chosen(name))
                return


class RunsSaid(OwnRow):
    """How the runs are sorted, and of how many; not there in the server's order."""

    DEFAULT_CSS = "RunsSaid { height: 1; color: $text-muted; display: none; }"

    def __init__(self) -> None:
        super().__init__()
        self._words = ""

    def say(self, words: str) -> None:
        if words != self._words:
            self._words = words
            self.display = bool(words)
            self.repaint()

    def line(self, width: int) -> Text:
        words = Text(f" {self._words}", no_wrap=True, end="")
        words.truncate(width, overflow="ellipsis")
        return words


class RunTable(Vertical):
    """The runs of an app, with headings, as they are loaded and sorted.

    Args:
        now: The time that running ones are told against, aware.
    """

    DEFAULT_CSS = "RunTable { height: 1fr; }"

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self.rows = RunRows(now=now)
        self._heading = RunHeading(self.rows)
        self._said = RunsSaid()

    def compose(self) -> ComposeResult:
        yield self._heading
        yield self.rows
        yield self._said

    class Changed(Message):
        """Another number of runs is shown, or in another order."""

    @property
    def subject(self) -> tuple[str, str]:
        """Whose runs are listed, and how many of them."""
        branch = self.rows.branch
        if branch is None:
            return "", ""
        shown, total = len(branch.listing), branch.listing.total
        if total is not None and total > shown and not branch.listing.passed_over:
            return branch.workflow.name, f"{shown:,} of {total:,} runs"
        return branch.workflow.name, plural(shown, "run")

    def set_zone(self, zone: tzinfo | None) -> None:
        """Tell times in another zone."""
        self.rows.zone = zone
        self.rows.refresh()

    @on(RunRows.Sorted)
    def _say_order(self, message: RunRows.Sorted) -> None:
        message.stop()
        order, branch = self.rows.order, self.rows.branch
        if branch is not None:
            total, complete = branch.listing.total, branch.listing.complete
            words = order.sort.words(len(order), total, complete=complete)
            self._said.say(words)
        self._heading.repaint()
        self.post_message(self.Changed())

    @on(RunHeading.Chosen)
    def _sort_by(self, message: RunHeading.Chosen) -> None:
        """Sort by the column that was clicked; the one sorted by is turned round."""
        message.stop()
        sort, name = self.rows.order.sort, message.column
        self.rows.sort(sort.turned() if name == sort.column else RunSort.by(name))
