"""The left side of the desk: filters, headings and tree, fed by a catalog."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from textual import on
from textual.containers import Vertical
from textual.message import Message

from chronotui.errors import ChronotuiError
from chronotui.text import clean
from chronotui.tree.listing import ListNote, NoteKind
from chronotui.tree.model import TreeModel
from chronotui.tree.order import TreeLook
from chronotui.ui.standing import while_standing
from chronotui.ui.tree import JobTree, utc_now
from chronotui.ui.tree_filters import FilterBar
from chronotui.ui.tree_headings import TreeHeadings, has_room

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo

    from textual.app import ComposeResult
    from textual.events import Resize

    from chronotui.engine.catalog import Catalog
    from chronotui.engine.fleet import Fleet
    from chronotui.model import Job
    from chronotui.tree.filters import TreeFilters, TreeSubject


CALM_SECONDS: Final = 0.5
"""Between two orders of the rows while all workflows are read."""


class JobTreePane(Vertical):
    """The left side of the desk: filters and tree together, fed by a catalog.

    ``JobOpened``, ``Highlighted`` and ``CopyWanted`` go on to the desk, as does what
    it may remember; the other messages of tree and filters are answered here. Before
    a catalog is attached the tree says that it is loading.

    Args:
        subject: What it will list.
        now: See `JobTree`.
        look: How the tree is looked at, at first.
    """

    class LookChanged(Message):
        """Somebody looks at the tree in another way; worth remembering."""

        def __init__(self, look: TreeLook) -> None:
            super().__init__()
            self.look = look

    BLANK = True  # filters and tree cover it
    DEFAULT_CSS = "JobTreePane { width: 1fr; height: 1fr; }"

    def __init__(
        self,
        *,
        subject: TreeSubject | None = None,
        now: Callable[[], datetime] = utc_now,
        look: TreeLook | None = None,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        waiting = TreeModel(subject)
        self._look = look or TreeLook()
        self.filter_bar = FilterBar(leave=self._focus_tree, now=now)
        self.filter_bar.offer(waiting.subject)
        self.headings = TreeHeadings()
        self.tree_view = JobTree(
            waiting,
            now=now,
            focus_filters=self.filter_bar.focus_filters,
            in_sight=self._seen,
            selected=self._name_columns,
        )
        self.tree_view.chosen_ages = self._look.ages
        self.catalog: Catalog | None = None
        self._fleet: Fleet | None = None
        self._calm_until = 0.0
        self._unsubscribe: list[Callable[[], None]] = []

    def compose(self) -> ComposeResult:
        yield self.filter_bar
        yield self.headings
        yield self.tree_view

    def on_resize(self, event: Resize) -> None:
        """Show the headings where there is room for them."""
        self.headings.set_class(has_room(*event.size), "-roomy")
        self.call_after_refresh(self._name_columns)

    def _name_columns(self) -> None:
        if self.headings.display:
            self.headings.show(self.tree_view.headings())

    def _focus_tree(self) -> None:
        self.screen.set_focus(self.tree_view)

    def attach(self, catalog: Catalog) -> None:
        """Show a catalog's tree from now on; whoever attaches it also runs it."""
        self.detach()
        self.catalog = catalog
        self._unsubscribe.append(catalog.subscribe(while_standing(self, self._sync)))
        tree = catalog.tree
        tree.set_order(self._look.order)
        self.filter_bar.offer(tree.subject, tree.zone)
        self.filter_bar.show(tree.filters)
        self.tree_view.show(catalog.tree)

    def attach_fleet(self, fleet: Fleet) -> None:
        """Tell on the rows of workflows what is read of all of them."""
        if self.catalog is not None:
            self._fleet = self.catalog.tree.known = fleet
            self._unsubscribe.append(
                fleet.subscribe(while_standing(self, self._fleet_changed))
            )
            self._fleet_changed()

    def _fleet_changed(self) -> None:
        """Take over what was read; rows are laid out anew where they may differ."""
        catalog, fleet = self.catalog, self._fleet
        if catalog is None or fleet is None:
            return
        only = catalog.tree.filters
        fleet.look_for(only.jobs if only.narrows_jobs else None)
        if catalog.tree.depends_on_known and self._may_lay_out(fleet):
            read = map(fleet.workflow, fleet.workflows)
            catalog.tree.add_known([workflow for workflow in read if workflow])
        self._sync()

    def _may_lay_out(self, fleet: Fleet) -> bool:
        """Whether rows may come and go: during a sweep now and then, for they dance."""
        now = monotonic()
        if fleet.is_sweeping and now < self._calm_until:
            return False
        self._calm_until = now + CALM_SECONDS
        return True

    def _seen(self, workflow_ids: list[str]) -> None:
        if self._fleet is not None and self.screen.is_current:
            self._fleet.want(workflow_ids)

    @on(JobTree.OrderWanted)
    def _order_anew(self, event: JobTree.OrderWanted) -> None:
        event.stop()
        if self.catalog is None:
            return
        order = self.catalog.tree.order.next
        self.catalog.tree.set_order(order)
        self._calm_until = 0.0
        self._fleet_changed()
        self._sync()
        self.tree_view.show_selected()
        self._look = self._look._replace(order=order)
        self.post_message(self.LookChanged(self._look))

    @on(JobTree.TimesChanged)
    def _tell_times(self, event: JobTree.TimesChanged) -> None:
        event.stop()
        self._look = self._look._replace(ages=event.ages)
        self.post_message(self.LookChanged(self._look))

    def set_zone(self, zone: tzinfo | None) -> None:
        """Tell the days and times of runs in a zone; None is the machine's own."""
        if self.catalog is not None:
            tree = self.catalog.tree
            tree.zone = zone
            tree.touch()
            self.filter_bar.offer(tree.subject, zone)
            self._sync()

    def detach(self) -> None:
        while self._unsubscribe:
            self._unsubscribe.pop()()
        self.catalog = self._fleet = None

    def on_unmount(self) -> None:
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
        self._calm_until = 0.0
        self._fleet_changed()
        self._sync()

    @on(FilterBar.FiltersChanged)
    def _take_filters(self, event: FilterBar.FiltersChanged) -> None:
        event.stop()
        self.set_filters(event.filters)

    @on(FilterBar.TextRefused)
    def _say_refusal(self, event: FilterBar.TextRefused) -> None:
        event.stop()
        said = ListNote(NoteKind.REFUSED, clean(event.sentence))
        self._say(said if event.sentence else None)

    def _say(self, remark: ListNote | None) -> None:
        """Say something of what was typed, in sight; None takes it back."""
        if self.catalog is None:
            return
        self.catalog.tree.say(remark)
        self._sync()
        if remark is not None:
            self.tree_view.scroll_to_row(0)

    @on(FilterBar.RunWanted)
    def _find_run(self, event: FilterBar.RunWanted) -> None:
        event.stop()
        if self.catalog is not None:
            words = f"looking for run {event.run_id}"
            self._say(ListNote(NoteKind.LOADING, words))
            finding = self._open_run(self.catalog, event.run_id)
            self.run_worker(finding, group="find-run", exclusive=True)

    async def _open_run(self, catalog: Catalog, run_id: str) -> None:
        """Open a run wherever the list has it, without the filters that hide it."""
        tree = catalog.tree
        try:
            key = await catalog.find_run(run_id)
        except ChronotuiError as problem:
            self._say(ListNote(NoteKind.REFUSED, clean(str(problem))))
            return
        self._say(None)
        if tree.rows.locate(key) is None:
            self.set_filters(tree.filters.cleared())
            tree.select(key)
        branch, job = tree.branch(key.workflow_id), tree.job(key)
        if branch is not None and job is not None and self.catalog is catalog:
            self.tree_view.show_selected()
            self.post_message(JobTree.JobOpened(branch.workflow, job))

    @on(JobTree.MoreWanted)
    def _read_more(self, event: JobTree.MoreWanted) -> None:
        event.stop()
        if self.catalog is not None:
            self.catalog.want_more(event.workflow_id)

    @on(JobTree.ExpansionWanted)
    def _expand(self, event: JobTree.ExpansionWanted) -> None:
        event.stop()
        if self.catalog is not None:
            self.catalog.set_expanded(event.workflow_id, event.expanded)
            self._sync()

    @on(JobTree.DayExpansionWanted)
    def _expand_day(self, event: JobTree.DayExpansionWanted) -> None:
        event.stop()
        if self.catalog is not None:
            self.catalog.set_day_expanded(event.node, event.expanded)
            self._sync()

    @on(JobTree.RefreshWanted)
    def _refresh_lists(self) -> None:
        """Read what is shown again; whoever shows more hears of it, too."""
        if self.catalog is not None:
            self.catalog.refresh()

    def _sync(self) -> None:
        """Show what changed."""
        self.tree_view.sync()
        self._name_columns()
