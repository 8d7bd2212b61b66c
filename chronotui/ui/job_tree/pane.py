"""Filters and tree together, fed by a catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical

from chronotui.core.tree.model import TreeModel
from chronotui.ui.job_tree.filter_bar import FilterBar
from chronotui.ui.job_tree.tree import JobTree, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from textual.app import ComposeResult

    from chronotui.core.tree import TreeFilters
    from chronotui.engine.catalog import Catalog
    from chronotui.model import Job
    from chronotui.ui.job_tree import messages


class JobTreePane(Vertical):
    """The left side of the desk.

    ``JobOpened`` and ``Highlighted`` go on to the desk; the other messages of tree
    and filters are answered here. Before a catalog is attached the tree says that
    it is loading.
    """

    BLANK = True  # filters and tree cover it
    DEFAULT_CSS = "JobTreePane { width: 1fr; height: 1fr; }"

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = utc_now,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._now = now
        self.catalog: Catalog | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._model = TreeModel()

    def compose(self) -> ComposeResult:
        """Put the filters above the tree."""
        yield FilterBar(leave=self._to_tree)
        yield JobTree(self._model, now=self._now, find=self._to_filters)

    @property
    def tree_view(self) -> JobTree:
        """The tree."""
        return self.query_one(JobTree)

    @property
    def filter_bar(self) -> FilterBar:
        """The filters."""
        return self.query_one(FilterBar)

    def attach(self, catalog: Catalog) -> None:
        """Show a catalog's tree from now on; whoever attaches it also runs it."""
        self.detach()
        self.catalog = catalog
        self._unsubscribe = catalog.subscribe(self._sync)
        self.filter_bar.show(catalog.tree.filters)
        self.tree_view.show(catalog.tree)

    def detach(self) -> None:
        """Take no more changes over."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        self.catalog = None

    def on_unmount(self) -> None:
        """Let the catalog go."""
        self.detach()

    def update_job(self, job: Job) -> None:
        """Show what a watch has learned of a job before the next polling."""
        if self.catalog is not None:
            self.catalog.tree.update_job(job)
            self._sync()

    def note_no_logs(self, workflow_id: str) -> None:
        """Show that a workflow keeps no logs, as the answer about one has said."""
        if self.catalog is not None:
            self.catalog.tree.note_no_logs(workflow_id)
            self._sync()

    def set_filters(self, filters: TreeFilters) -> None:
        """Filter the tree, and show by what."""
        self.filter_bar.show(filters)
        if self.catalog is not None:
            self.catalog.set_filters(filters)
        self._sync()

    def on_filter_bar_filters_changed(self, event: messages.FiltersChanged) -> None:
        """Filter the tree."""
        event.stop()
        self.set_filters(event.filters)

    def _to_filters(self, text: bool) -> None:
        self.filter_bar.focus_filters(text=text)

    def _to_tree(self) -> None:
        self.screen.set_focus(self.tree_view)

    def on_job_tree_more_wanted(self, event: messages.MoreWanted) -> None:
        """Read the next page of a list."""
        event.stop()
        if self.catalog is not None:
            self.catalog.want_more(event.workflow_id)

    def on_job_tree_expansion_wanted(self, event: messages.ExpansionWanted) -> None:
        """Unfold or fold a workflow."""
        event.stop()
        if self.catalog is not None:
            self.catalog.set_expanded(event.workflow_id, event.expanded)
            self._sync()

    def on_job_tree_refresh_wanted(self) -> None:
        """Read what is shown again; whoever shows more hears of it, too."""
        if self.catalog is not None:
            self.catalog.refresh()

    def _sync(self) -> None:
        """Show what changed; while the desk closes there is no tree any more."""
        for tree in self.query(JobTree):
            tree.sync()
