from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import App

from chronotui.demo.faults import Failure
from chronotui.engine.catalog import Catalog, CatalogSettings
from chronotui.model import JobStatus
from chronotui.sources.chronoverse import open_chronoverse
from chronotui.sources.protocol import CookieAuth
from chronotui.tree.filters import TreeFilters
from chronotui.tree.model import NodeKey, TreeNodeKind
from chronotui.ui.tree import JobTree
from chronotui.ui.tree_pane import JobTreePane
from tests.ui.conftest import until

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from chronotui.demo.server import DemoServer
    from chronotui.model import Job

FAST = CatalogSettings(poll_seconds=0.05, retry_first=0.05, retry_cap=0.2)


class Host(App[None]):
    """The pane on a real server, as the desk attaches it."""

    def __init__(self, demo: DemoServer) -> None:
        super().__init__()
        self.demo = demo
        self.opened: list[Job] = []

    def compose(self) -> ComposeResult:
        yield JobTreePane()

    async def on_mount(self) -> None:
        async def session() -> str:
            return self.demo.open_session()[0]

        self.client = open_chronoverse(self.demo.url, CookieAuth(session))
        self.catalog = Catalog(self.client, settings=FAST)
        self.pane.attach(self.catalog)
        self.pane.tree_view.focus()
        self.run_worker(self.catalog.run(), group="catalog")

    async def on_unmount(self) -> None:
        await self.client.aclose()

    @property
    def pane(self) -> JobTreePane:
        return self.query_one(JobTreePane)

    def on_job_tree_job_opened(self, event: JobTree.JobOpened) -> None:
        self.opened.append(event.job)

    def rows(self) -> list[str]:
        strips = self.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


async def test_from_start_to_an_opened_job(demo: DemoServer) -> None:
    app = Host(demo)
    async with app.run_test(size=(50, 24)) as pilot:
        await until(pilot, lambda: any("nightly-report" in row for row in app.rows()))
        await pilot.press("enter")
        await until(pilot, lambda: "auto" in app.rows()[3] or "manual" in app.rows()[3])
        await pilot.press("j", "enter")
        await until(pilot, lambda: app.opened)
        newest = demo.world.newest_job("nightly-report")
        assert app.opened[0].id == newest.id
        assert app.opened[0].id[:6] in app.rows()[3]


async def test_a_window_higher_than_a_page_is_filled_by_itself(
    demo: DemoServer,
) -> None:
    app = Host(demo)
    async with app.run_test(size=(50, 40)) as pilot:
        tree = app.catalog.tree
        await until(pilot, lambda: tree.workflows.complete)
        await pilot.press("enter")
        workflow_id = demo.world.named("nightly-report").id
        branch = tree.branch(workflow_id)
        assert branch is not None
        await until(pilot, lambda: len(branch.listing) >= 30)
        await pilot.pause(3 * FAST.poll_seconds)
        assert len(branch.listing) < 60


async def test_filtering_by_key_narrows_the_tree_and_zero_widens_it(
    demo: DemoServer,
) -> None:
    app = Host(demo)
    async with app.run_test(size=(50, 24)) as pilot:
        tree = app.catalog.tree
        await until(pilot, lambda: tree.workflows.complete)
        workflow_id = demo.world.named("nightly-report").id
        branch = tree.branch(workflow_id)
        assert branch is not None
        await pilot.press("enter", "f", *["space"] * 5, "escape")
        assert tree.filters.status == JobStatus.FAILED
        await until(pilot, lambda: branch.listing.answered and len(branch.listing))
        statuses = {branch.jobs[job_id].status for job_id in branch.listing.ids}
        assert statuses == {JobStatus.FAILED}
        await pilot.press("0")
        assert tree.filters == TreeFilters()
        assert isinstance(app.focused, JobTree)


async def test_typing_selects_the_first_match_and_clearing_gives_the_place_back(
    demo: DemoServer,
) -> None:
    app = Host(demo)
    async with app.run_test(size=(50, 24)) as pilot:
        tree = app.catalog.tree
        await until(pilot, lambda: tree.workflows.complete)
        await pilot.press("j", "j", "j", "j", "j")
        place = tree.selected
        await pilot.press("slash", *"heart", "enter")
        first = NodeKey.workflow(demo.world.named("heartbeat-api").id)
        assert tree.selected == first
        await until(pilot, lambda: tree.workflows.answered)
        assert isinstance(app.focused, JobTree)
        await pilot.press("0")
        await until(pilot, lambda: tree.selected == place)


async def test_a_server_that_fails_is_said_in_the_tree_and_r_tries_again(
    demo: DemoServer,
) -> None:
    demo.faults.fail_rate = 1.0
    demo.faults.fail_with = (Failure.FORBIDDEN,)
    app = Host(demo)
    async with app.run_test(size=(30, 12)) as pilot:
        await until(pilot, lambda: "✗" in app.rows()[1])
        demo.faults.fail_rate = 0.0
        await pilot.press("r")
        await until(pilot, lambda: "nightly-report" in app.rows()[1])


async def test_the_end_key_does_not_read_a_long_list_to_its_end(
    demo: DemoServer,
) -> None:
    app = Host(demo)
    async with app.run_test(size=(50, 12)) as pilot:
        tree = app.catalog.tree
        await until(pilot, lambda: tree.workflows.complete)
        sweeper = demo.world.named("queue-sweeper").id
        app.pane.set_filters(TreeFilters(text="queue-sweeper"))
        await until(pilot, lambda: tree.workflows.ids == [sweeper])
        await pilot.press("enter")
        branch = tree.branch(sweeper)
        assert branch is not None
        await until(pilot, lambda: len(branch.listing))
        await pilot.press("G")
        await until(pilot, lambda: len(branch.listing) >= 20)
        selected = tree.selected
        assert selected is not None
        assert len(branch.listing) <= 60
        assert selected.kind is not TreeNodeKind.WORKFLOW
