"""The tree of workflows and jobs: a window over the rows of a ``TreeModel``.

It is drawn line by line; `chronotui.ui.tree_pane` feeds it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message

from chronotui.tree.listing import NoteKind
from chronotui.tree.model import NodeKey, TreeModel, TreeNodeKind
from chronotui.tree.row import (
    RowTimes,
    flagged,
    is_ticking,
    job_headings,
    job_pieces,
    marked,
    note_pieces,
)
from chronotui.tree.run_row import app_pieces, day_pieces, run_headings, run_pieces
from chronotui.tree.workflow_row import workflow_headings, workflow_pieces
from chronotui.ui.keys import help_key
from chronotui.ui.row_window import RowWindow, motion_keys
from chronotui.ui.tree_filters import FilterBar

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.events import Click

    from chronotui.model import Job, Workflow
    from chronotui.tree.branch import Branch
    from chronotui.tree.row import RowPiece

FOLD_SIGN_CELLS: Final = 2
FOLDING: Final = frozenset({TreeNodeKind.WORKFLOW, TreeNodeKind.DAY})


def utc_now() -> datetime:
    return datetime.now(UTC)


class JobTree(RowWindow, inherit_bindings=False):
    """Shows a tree model, and moves its selection; reads nothing itself.

    Whoever changes the model calls ``sync``. A keypress and a frame cost what the
    window is high, whatever the tree holds.

    Args:
        model: The tree to show.
        now: The time that ages and running durations are told against, aware.
        focus_filters: Goes to the filters, to their text when called with True;
            called, not told by a message: keys typed ahead are meant for the
            filters already.
        in_sight: Takes the ids of the workflows whose rows are in the window.
        selected: Called when another row is selected, before that is told.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *motion_keys("tree"),
        help_key("h,left", "out", "fold, or to the workflow", "tree.out"),
        help_key("right", "expand", "unfold", "tree.expand"),
        Binding("enter,l", "open", "open", id="tree.open"),
        Binding("o", "fold", "fold", tooltip="expand or collapse", id="tree.toggle"),
        Binding("r,f5", "refresh_lists", "refresh", id="tree.refresh"),
        Binding("f", "filters", "filters", id="tree.filters"),
        help_key("slash", "filters(True)", "find", "tree.text"),
        help_key("0", "clear_filters", "no filter", "tree.clear"),
        help_key(
            "full_stop", "terminated", "terminated workflows too", "tree.terminated"
        ),
        help_key("t", "times", "age or start time", "tree.times"),
        help_key("O", "order", "order by trouble, by name, as listed", "tree.order"),
        help_key("y", "copy_id", "copy the id", "tree.copy"),
    ]

    class JobOpened(Message):
        def __init__(self, workflow: Workflow, job: Job) -> None:
            super().__init__()
            self.workflow = workflow
            self.job = job

    class Highlighted(Message):
        """Another row is selected, or what is known of the selected one changed.

        ``workflow`` and ``job`` are what the row belongs to, None where it has none;
        ``sentence`` is the whole text of a note, "" on other rows.
        """

        def __init__(
            self,
            node: NodeKey,
            workflow: Workflow | None,
            job: Job | None,
            sentence: str,
        ) -> None:
            super().__init__()
            self.node = node
            self.workflow = workflow
            self.job = job
            self.sentence = sentence

    class MoreWanted(Message):
        """The end of a list that has a further page came into view.

        ``workflow_id`` is "" for the list of workflows.
        """

        def __init__(self, workflow_id: str) -> None:
            super().__init__()
            self.workflow_id = workflow_id

    class ExpansionWanted(Message):
        """A workflow is to show its jobs, or to fold them away."""

        def __init__(self, workflow_id: str, expanded: bool) -> None:
            super().__init__()
            self.workflow_id = workflow_id
            self.expanded = expanded

    class DayExpansionWanted(Message):
        """The day that a row is or stands in is to show its runs, or to fold them."""

        def __init__(self, node: NodeKey, expanded: bool) -> None:
            super().__init__()
            self.node = node
            self.expanded = expanded

    class RefreshWanted(Message):
        """Everything shown is to be read again now."""

    class OrderWanted(Message):
        """Workflows are to be ordered in the next way."""

    class TimesChanged(Message):
        """Times are told in another way from now on."""

        def __init__(self, ages: bool) -> None:
            super().__init__()
            self.ages = ages

    class CopyWanted(Message):
        """An id is to be copied; ``what`` is what it is one of."""

        def __init__(self, what: str, item_id: str) -> None:
            super().__init__()
            self.what = what
            self.item_id = item_id

    def __init__(
        self,
        model: TreeModel | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
        focus_filters: Callable[[bool], object] = lambda _text: None,
        in_sight: Callable[[list[str]], object] = lambda _ids: None,
        selected: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__()
        self.chosen_ages: bool | None = None
        """What was chosen of `ages`; None is what fits what is listed."""
        self._in_sight = in_sight
        self._selected = selected
        self.model = TreeModel() if model is None else model
        self._now = now
        self._focus_filters = focus_filters
        self._highlighted: object = None
        self._anchor: NodeKey | None = None
        self._anchor_offset = 0

    @property
    def count(self) -> int:
        return len(self.model.rows)

    @property
    def current(self) -> int:
        return self.model.selected_row

    # what changed

    def show(self, model: TreeModel) -> None:
        self.model = model
        self._anchor = None
        model.set_note_width(self.row_width)
        self.scroll_to_row(0)
        self.sync()

    def sync(self) -> None:
        """Take over what changed in the model; the place on the screen stays."""
        if not self.is_mounted:
            return
        self.take_height(self.count)
        self._restore_anchor()
        self.repaint_changed()
        self._window_changed()
        self._post_highlighted()

    def show_selected(self) -> None:
        """Bring the selected row into the window and say what it is."""
        self.take_height(self.count)
        self.bring_in(self.current)
        self._window_changed()
        self._post_highlighted()

    def go_to(self, row: int) -> None:
        """Select the row nearest to a number."""
        self.model.select_row(row)
        self.show_selected()

    def _post_highlighted(self) -> None:
        """Say what the selected row is, if that is not what was said last."""
        key = self.model.selected
        if key is None:
            return
        branch, job = self.model.branch(key.workflow_id), self.model.job(key)
        workflow = None if branch is None else branch.workflow
        line = self.model.rows.note(key)
        highlighted = (key, workflow, job, "" if line is None else line.note.text)
        if highlighted != self._highlighted:
            self._highlighted = highlighted
            self._selected()
            # A message bubbles no further than its sender, and that may be the pane.
            self.post_message(self.Highlighted(*highlighted).set_sender(self))

    # what is drawn

    def words(self, row: int) -> tuple[NodeKey, tuple[RowPiece, ...], bool] | None:
        """Return what a row is, what it says, and whether it is selected."""
        if row >= self.count:
            return None
        key = self.model.rows.key(row)
        return key, self._pieces(key), row == self.model.selected_row

    def _pieces(self, key: NodeKey) -> tuple[RowPiece, ...]:
        """Return what a row says, and whether it has an alert."""
        pieces, model = self._bare_pieces(key), self.model
        is_job = key.kind is TreeNodeKind.JOB
        is_folder = key.kind is TreeNodeKind.WORKFLOW
        subject = key.item if is_job else key.workflow_id
        if subject not in model.flagged or not (is_job or is_folder):
            return pieces
        return tuple(flagged(pieces, indented=is_job))

    def _bare_pieces(self, key: NodeKey) -> tuple[RowPiece, ...]:
        model, width = self.model, self.row_width
        branch = model.branch(key.workflow_id)
        if key.kind is TreeNodeKind.NOTE or branch is None:
            line = model.rows.note(key)
            nested = bool(key.workflow_id)
            return tuple(note_pieces(line, width, nested=nested)) if line else ()
        if model.subject.runs:
            return tuple(self._run_pieces(key, branch))
        if key.kind is TreeNodeKind.WORKFLOW:
            return tuple(
                workflow_pieces(
                    branch,
                    width,
                    open_=model.rows.is_open(key.workflow_id),
                    health=model.health(key.workflow_id),
                    has_health=model.known is not None,
                )
            )
        job = branch.jobs[key.item]
        pieces = job_pieces(branch, job, width, self.times)
        return tuple(marked(pieces) if job in model.marks else pieces)

    def headings(self) -> list[RowPiece]:
        """Return what stands above the columns of the selected row, and its like."""
        model, width, key = self.model, self.row_width, self.model.selected
        branch = None if key is None else model.branch(key.workflow_id)
        if model.subject.runs:
            branch = branch or next(model.branches(), None)
            if key is None or branch is None:
                return []
            job, dated = model.job(key), model.rows.day(key) is None
            return run_headings(branch, job, width, self.times, dated=dated)
        if key is None or branch is None or key.kind is TreeNodeKind.WORKFLOW:
            return workflow_headings(width, has_health=model.known is not None)
        return job_headings(branch, width, self.times)

    @property
    def ages(self) -> bool:
        """Whether rows tell how long ago, not when: those of runs stand under days."""
        runs, chosen = self.model.subject.runs, self.chosen_ages
        return not runs if chosen is None else chosen

    @property
    def times(self) -> RowTimes:
        """How rows tell times, now."""
        return RowTimes(self._now(), self.ages, self.model.zone)

    def _run_pieces(self, key: NodeKey, branch: Branch) -> list[RowPiece]:
        """Return what the row of an app, of a day or of a run says."""
        model, width = self.model, self.row_width
        if key.kind is TreeNodeKind.WORKFLOW:
            open_, run = model.rows.is_open(key.workflow_id), model.subject.item
            return app_pieces(branch, width, open_=open_, run=run)
        times, day = self.times, model.rows.day(key)
        if key.kind is TreeNodeKind.JOB:
            job, dated = branch.jobs[key.item], day is None
            return run_pieces(branch, job, width, times, dated=dated)
        if day is None:
            return []
        today, open_ = times.today, model.rows.is_day_open(key)
        return day_pieces(day, width, today, open_=open_)

    # what stays in place

    def _restore_anchor(self) -> None:
        """Hold the row under the eye where it is, though rows came or went above."""
        top = self.first_row
        row = self.model.rows.locate(self._anchor) if self._anchor is not None else None
        if row is not None and not (top == 0 and row < self.page_rows):
            top = row - self._anchor_offset
        self.scroll_to_row(top)

    def _set_anchor(self) -> None:
        """Remember which row is under the eye: the selected one, else the top one."""
        rows, top, row = self.model.rows, self.first_row, self.model.selected_row
        if not top <= row < top + self.page_rows:
            row = top
        if row >= len(rows):
            return
        # A note goes down with the end of its list, and would ask for more for ever.
        while row > top and rows.key(row).kind is TreeNodeKind.NOTE:
            row -= 1
        self._anchor, self._anchor_offset = rows.key(row), row - top

    def _window_changed(self) -> None:
        """Ask for more where a list's end is seen; tick while a job runs in view."""
        self._set_anchor()
        rows, top = self.model.rows, self.first_row
        # The end of a list above the anchor would stay in sight until all is read.
        asks_from = top + self._anchor_offset if self._anchor is not None else top
        ticking = False
        folded: list[str] = []
        for row in range(top, min(top + self.page_rows, len(rows))):
            key = rows.key(row)
            if key.kind is TreeNodeKind.WORKFLOW:
                folded.append(key.workflow_id)
            job = self.model.job(key) if key.kind is TreeNodeKind.JOB else None
            ticking = ticking or (job is not None and is_ticking(job))
            line = rows.note(key)
            if line and line.note.kind is NoteKind.MORE and row >= asks_from:
                self.post_message(self.MoreWanted(key.workflow_id))
        self._in_sight(folded)
        # What is said of a health's age grows by itself.
        self.tick_if(ticking or (bool(folded) and self.model.known is not None))

    # keys

    def action_open(self) -> None:
        """Open a job, unfold or fold a workflow or a day, ask a list again."""
        key = self.model.selected
        if key is None:
            return
        if key.kind in FOLDING:
            self.action_fold()
        elif key.kind is TreeNodeKind.NOTE:
            self._act_on_note(key)
        else:
            branch, job = self.model.branch(key.workflow_id), self.model.job(key)
            if branch is not None and job is not None:
                self.post_message(self.JobOpened(branch.workflow, job))

    def _act_on_note(self, key: NodeKey) -> None:
        line = self.model.rows.note(key)
        if line is None:
            return
        if line.note.kind is NoteKind.PROBLEM:
            self.post_message(self.RefreshWanted())
        elif line.note.kind in {NoteKind.MORE, NoteKind.ON_DEMAND}:
            self.post_message(self.MoreWanted(key.workflow_id))

    def action_fold(self) -> None:
        """Unfold or fold the workflow, or the day, the selected row belongs to."""
        key = self.model.selected
        if key is not None and self.model.rows.day(key) is not None:
            expanded = not self.model.rows.is_day_open(key)
            self.post_message(self.DayExpansionWanted(key, expanded))
        elif key is not None and key.workflow_id:
            expanded = not self.model.rows.is_open(key.workflow_id)
            self.post_message(self.ExpansionWanted(key.workflow_id, expanded))

    def action_expand(self) -> None:
        """Unfold a workflow or a day; on an unfolded one go to its first row."""
        key = self.model.selected
        if key is None or key.kind not in FOLDING:
            return
        if self._is_open(key):
            self.action_move(1)
        else:
            self.action_fold()

    def action_out(self) -> None:
        """Fold what is unfolded; from below, or folded, go to what it stands in."""
        key = self.model.selected
        if key is None or self.model.branch(key.workflow_id) is None:
            return
        if key.kind in FOLDING and self._is_open(key):
            self.action_fold()
            return
        day = self.model.rows.day(key) if key.kind is TreeNodeKind.JOB else None
        above = NodeKey.workflow(key.workflow_id)
        if day is not None:
            above = NodeKey.day(key.workflow_id, day)
        self.model.select(above)
        self.show_selected()

    def _is_open(self, key: NodeKey) -> bool:
        """Whether what stands below a workflow's or a day's row is shown."""
        if key.kind is TreeNodeKind.DAY:
            return self.model.rows.is_day_open(key)
        return self.model.rows.is_open(key.workflow_id)

    def action_refresh_lists(self) -> None:
        self.post_message(self.RefreshWanted())

    def action_filters(self, text: bool = False) -> None:
        self._focus_filters(text)

    def action_clear_filters(self) -> None:
        self.post_message(FilterBar.FiltersChanged(self.model.filters.cleared()))

    def action_terminated(self) -> None:
        """Show terminated workflows as well, or no more; an app has none."""
        if self.model.subject.runs:
            return
        filters = self.model.filters.with_terminated_toggled()
        self.post_message(FilterBar.FiltersChanged(filters))

    def action_times(self) -> None:
        """Tell how long ago, or when."""
        self.chosen_ages = not self.ages
        self.repaint_changed()
        self._selected()
        self.post_message(self.TimesChanged(self.ages))

    def action_order(self) -> None:
        if not self.model.subject.runs:
            self.post_message(self.OrderWanted())

    def action_copy_id(self) -> None:
        """Copy the id of the selected job, or workflow, whole."""
        key, subject = self.model.selected, self.model.subject
        branch = None if key is None else self.model.branch(key.workflow_id)
        if key is None or branch is None:
            return
        job = self.model.job(key)
        if job is not None:
            self.post_message(self.CopyWanted(subject.item, job.shown_id or job.id))
        else:
            self.post_message(self.CopyWanted(subject.group, branch.workflow.id))

    # the mouse

    def on_click(self, event: Click) -> None:
        """Select a row; its triangle folds, a second click opens."""
        row = self.first_row + event.y
        if row >= len(self.model.rows):
            return
        self.go_to(row)
        key = self.model.rows.key(row)
        if key.kind in FOLDING and event.x < self._fold_sign_end(key):
            self.action_fold()
        elif event.chain == 2 or key.kind is TreeNodeKind.NOTE:
            self.action_open()

    def _fold_sign_end(self, key: NodeKey) -> int:
        """Return the cell behind the triangle of a row."""
        is_day = key.kind is TreeNodeKind.DAY
        return FOLD_SIGN_CELLS + (self._pieces(key)[0].width if is_day else 0)

    def scrolled(self) -> None:
        self._window_changed()

    def on_resize(self) -> None:
        """Lay rows out for another width; what was selected stays in view."""
        self.model.set_note_width(self.row_width)
        self.virtual_size = Size(self.row_width, len(self.model.rows))
        self.show_selected()
