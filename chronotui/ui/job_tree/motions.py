"""Keys of the tree: moving, opening, folding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.binding import Binding, BindingType

from chronotui.core.tree.keys import NodeKey, NodeKind
from chronotui.core.tree.notes import NoteKind
from chronotui.ui.job_tree import messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.core.tree import TreeModel

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


class Motions:
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
        if key.kind is NodeKind.JOB:
            self._open_job(key)
        elif key.kind is NodeKind.WORKFLOW:
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
        if key is None or key.kind is not NodeKind.WORKFLOW:
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
        if key.kind is not NodeKind.WORKFLOW:
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
