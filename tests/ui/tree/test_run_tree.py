"""The tree of an app's runs, by key: days, filters, ids, places that stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from textual.app import App
from textual.widgets import Input

from chronotui.engine.catalog import Catalog, CatalogSettings
from chronotui.model import JobStatus
from chronotui.sources.protocol import DIFY
from chronotui.tree.filters import TreeFilters, TreeSubject
from chronotui.tree.model import NodeKey, TreeNodeKind
from chronotui.ui.tree import JobTree
from chronotui.ui.tree_pane import JobTreePane
from tests.engine.scripted_runs import APP, ScriptedRuns, run, run_id, runs
from tests.ui.conftest import until

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.pilot import Pilot

    from chronotui.model import Job
    from chronotui.tree.branch import Branch

FAST = CatalogSettings(poll_seconds=0.02, retry_first=0.02, retry_cap=0.1)
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
HOURS = timedelta(hours=1)


class Host(App[None]):
    """The pane on runs in memory, as the desk attaches it; the clock stands."""

    def __init__(self, server: ScriptedRuns) -> None:
        super().__init__()
        self.server = server
        self.catalog = Catalog(server, settings=FAST, kind=DIFY)
        self.catalog.tree.zone = UTC
        self.opened: list[Job] = []

    def compose(self) -> ComposeResult:
        yield JobTreePane(now=lambda: NOW)

    def on_mount(self) -> None:
        self.pane.attach(self.catalog)
        self.pane.tree_view.focus()
        self.run_worker(self.catalog.run(), group="catalog")

    def on_job_tree_job_opened(self, event: JobTree.JobOpened) -> None:
        self.opened.append(event.job)

    @property
    def pane(self) -> JobTreePane:
        return self.query_one(JobTreePane)

    @property
    def branch(self) -> Branch:
        branch = self.catalog.tree.branch(APP.id)
        assert branch is not None
        return branch

    @property
    def selected(self) -> NodeKey:
        key = self.catalog.tree.selected
        assert key is not None
        return key

    def rows(self) -> list[str]:
        strips = self.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    def shows(self, words: str) -> bool:
        return any(words in row for row in self.rows())


async def loaded(pilot: Pilot[None], app: Host) -> None:
    await until(pilot, lambda: app.catalog.tree.branch(APP.id) is not None)
    await until(pilot, lambda: app.branch.listing.answered)
    await until(pilot, lambda: app.shows("Nightly ETL"))


async def typed(pilot: Pilot[None], text: str) -> None:
    """Type a filter and send it."""
    await pilot.press("slash")
    await pilot.pause()
    field = pilot.app.query_one(Input)
    field.value = text
    await pilot.press("enter")
    await pilot.pause()


async def test_runs_stand_under_their_days_below_the_app() -> None:
    app = Host(ScriptedRuns(runs(40, now=NOW, apart=HOURS), limit=30))
    async with app.run_test(size=(60, 20)) as pilot:
        await loaded(pilot, app)
        rows = app.rows()
        assert rows[0] == "status: any ▾ / filter"
        assert rows[2].startswith("▾ Nightly ETL · workflow · dify 1.14.2")
        assert rows[2].split("  ")[-1].strip() == "30 of 40 runs"
        assert rows[3].split() == ["▾", "today", "12"]
        assert rows[4].split() == [
            "✓",
            "11:00:00",
            "12",
            "s",
            run_id(40)[:6],
            "nightly-etl",
        ]
        assert rows[16].split() == ["▾", "yesterday", "18"]


async def test_a_day_folds_like_a_workflow_and_h_goes_up() -> None:
    app = Host(ScriptedRuns(runs(30, now=NOW, apart=HOURS), limit=30))
    async with app.run_test(size=(60, 50)) as pilot:
        await loaded(pilot, app)
        await pilot.press("j", "j", "j")
        assert app.selected.kind is TreeNodeKind.JOB
        await pilot.press("h")
        today = app.selected
        assert today == NodeKey(TreeNodeKind.DAY, APP.id, "2026-11-28")
        await pilot.press("enter")
        await until(pilot, lambda: app.rows()[3].split() == ["▸", "today", "12"])
        assert app.rows()[4].split() == ["▾", "yesterday", "18"]
        await pilot.press("right", "right")
        await until(pilot, lambda: app.selected.kind is TreeNodeKind.JOB)
        await pilot.press("o")
        await until(pilot, lambda: app.selected == today)
        await pilot.press("h")
        assert app.selected == NodeKey.workflow(APP.id)
        await pilot.press("h")
        await until(pilot, lambda: app.rows()[2].startswith("▸ Nightly ETL"))


async def test_a_click_on_a_days_triangle_folds_it() -> None:
    app = Host(ScriptedRuns(runs(30, now=NOW, apart=HOURS), limit=30))
    async with app.run_test(size=(60, 20)) as pilot:
        await loaded(pilot, app)
        await pilot.click(JobTree, offset=(2, 1))
        await until(pilot, lambda: app.rows()[3].split() == ["▸", "today", "12"])


async def test_a_folded_last_day_does_not_read_the_whole_list() -> None:
    app = Host(ScriptedRuns(runs(400, now=NOW, apart=HOURS), limit=30))
    async with app.run_test(size=(60, 12)) as pilot:
        await loaded(pilot, app)
        last = NodeKey(TreeNodeKind.DAY, APP.id, "2026-11-27")
        app.catalog.set_day_expanded(last, False)
        await pilot.press("G")
        await until(pilot, lambda: app.shows("more (30 of 400): enter"))
        rounds = app.server.count("newer")
        await until(pilot, lambda: app.server.count("newer") > rounds + 3)
        assert len(app.branch.listing) == 30
        await pilot.press("enter")
        await until(pilot, lambda: len(app.branch.listing) > 30)


async def test_the_end_of_the_list_loads_more_and_refreshes_leave_the_place() -> None:
    app = Host(ScriptedRuns(runs(90, now=NOW, apart=HOURS), limit=30))
    async with app.run_test(size=(60, 16)) as pilot:
        await loaded(pilot, app)
        await pilot.press("G")
        await until(pilot, lambda: len(app.branch.listing) >= 60)
        await until(pilot, lambda: not any("30 of 90" in row for row in app.rows()))
        key, top = app.selected, app.pane.tree_view.first_row
        seen = [row[:58].rstrip() for row in app.rows()[5:]]
        for number in range(200, 212):
            app.server.begin(run(number, NOW, "RUNNING"))
        await until(pilot, lambda: "row-211" in app.branch.listing)
        await until(pilot, lambda: app.pane.tree_view.first_row == top + 12)
        assert app.selected == key
        assert [row[:58].rstrip() for row in app.rows()[5:]] == seen


async def test_text_narrows_runs_on_enter_alone_and_is_told_in_words() -> None:
    rows = runs(20, now=NOW, apart=HOURS)
    rows[4:4] = [run(500, NOW - 4 * HOURS, "FAILED", by="jo", run_id=run_id(500))]
    app = Host(ScriptedRuns(rows, limit=30))
    async with app.run_test(size=(70, 20)) as pilot:
        await loaded(pilot, app)
        asked = app.server.count("jobs")
        await pilot.press("slash", *"user:jo")
        rounds = app.server.count("newer")
        await until(pilot, lambda: app.server.count("newer") > rounds + 3)
        assert app.server.count("jobs") == asked
        await pilot.press("enter")
        await until(pilot, lambda: app.branch.listing.ids == ["row-500"])
        assert isinstance(app.focused, JobTree)
        await until(pilot, lambda: app.rows()[0].endswith("/ user jo"))
        await typed(pilot, "timeout user:jo since:06:00")
        only = app.catalog.tree.filters.jobs
        assert (only.keyword, only.user) == ("timeout", "jo")
        assert only.since == NOW - 6 * HOURS
        said = "/ “timeout” · user jo · since 2026-11-28 06:00"
        await until(pilot, lambda: app.rows()[0].endswith(said))
        await pilot.press("0")
        await until(pilot, lambda: len(app.branch.listing) == 21)
        assert app.rows()[0].endswith("/ filter")


async def test_a_filter_on_a_folded_app_is_seen_to_filter() -> None:
    app = Host(ScriptedRuns(runs(20, now=NOW, apart=HOURS)))
    async with app.run_test(size=(70, 20)) as pilot:
        await loaded(pilot, app)
        await pilot.press("h")
        await until(pilot, lambda: app.rows()[2].startswith("▸"))
        await pilot.press("slash", "x", "y", "enter")
        await until(pilot, lambda: app.rows()[0].endswith("/ “xy”"))
        assert app.rows()[2].startswith("▾ Nightly ETL")
        assert isinstance(app.focused, JobTree)


async def test_what_cannot_be_meant_is_said_in_sight_and_escape_takes_it_back() -> None:
    app = Host(ScriptedRuns(runs(20, now=NOW, apart=HOURS)))
    async with app.run_test(size=(70, 20)) as pilot:
        await loaded(pilot, app)
        await typed(pilot, "since:10:99")
        await until(pilot, lambda: app.shows("✗ since: '10:99' is no time"))
        assert isinstance(app.focused, Input)
        assert app.catalog.tree.filters == TreeFilters()
        await pilot.press("escape")
        await until(pilot, lambda: not app.shows("is no time"))
        assert isinstance(app.focused, JobTree)
        assert app.rows()[0].endswith("/ filter")


async def test_the_status_offers_what_runs_may_be() -> None:
    rows = runs(20, now=NOW, apart=HOURS)
    app = Host(ScriptedRuns(rows))
    app.server.turn(rows[3].id, status=JobStatus.PAUSED, completed_at=None)
    async with app.run_test(size=(70, 20)) as pilot:
        await loaded(pilot, app)
        await pilot.press("f", "space", "space", "escape")
        assert app.catalog.tree.filters.status == JobStatus.PAUSED
        await until(pilot, lambda: app.branch.listing.complete)
        await until(pilot, lambda: app.shows("1 of 20 loaded is PAUSED"))
        await pilot.press("full_stop")
        assert not app.catalog.tree.filters.terminated


async def test_the_id_of_a_run_opens_it_wherever_it_stands() -> None:
    app = Host(ScriptedRuns(runs(200, now=NOW, apart=HOURS), limit=20))
    async with app.run_test(size=(70, 20)) as pilot:
        await loaded(pilot, app)
        far = app.server.rows[150]
        app.pane.set_filters(TreeFilters(JobStatus.FAILED))
        await typed(pilot, far.run_id)
        await until(pilot, lambda: app.opened)
        assert app.opened == [far]
        assert app.selected == NodeKey.job(APP.id, far.id)
        assert app.catalog.tree.filters == TreeFilters()
        await until(pilot, lambda: app.shows(far.run_id[:6]))
        await typed(pilot, run_id(9999))
        await until(pilot, lambda: app.shows("no such run"))
        assert len(app.opened) == 1


async def test_only_the_rows_in_sight_are_asked_for_whatever_is_loaded() -> None:
    looked: set[str] = set()
    app = Host(ScriptedRuns(runs(3000, now=NOW, apart=HOURS / 12), limit=3000))
    async with app.run_test(size=(60, 20)) as pilot:
        await loaded(pilot, app)
        branch = app.branch
        time_of = branch.time_of

        def counted(job_id: str) -> datetime | None:
            looked.add(job_id)
            return time_of(job_id)

        branch.time_of = counted  # type: ignore[method-assign]
        app.catalog.tree.touch()
        app.pane.tree_view.sync()
        await pilot.press("j", "k", "ctrl+d")
        assert len(looked) < 60
        looked.clear()
        branch.merge([run(5000, NOW)])
        app.catalog.tree.touch()
        app.pane.tree_view.sync()
        days = len(branch.listing) // (12 * 24) + 2
        assert len(looked) < days * 16 + 60


class Waiting(App[None]):
    """The pane before anything is attached to it."""

    AUTO_FOCUS = None

    def compose(self) -> ComposeResult:
        yield JobTreePane(subject=TreeSubject("run", "runs", "app", "apps", runs=True))


async def test_before_anything_is_read_the_app_is_what_is_waited_for() -> None:
    app = Waiting()
    async with app.run_test(size=(60, 4)) as pilot:
        await pilot.pause()
        strips = app.screen._compositor.render_strips()
        rows = ["".join(part.text for part in strip).rstrip() for strip in strips]
        assert rows[:2] == ["status: any ▾ / filter", "⋮ loading the app"]
