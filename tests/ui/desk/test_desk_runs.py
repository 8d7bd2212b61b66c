"""The desk of an app: its runs in tree, table and details, opened and saved."""

from __future__ import annotations

import json
import stat
from datetime import timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input

from chronotui.demo.clock import DemoClock
from chronotui.demo.dify_server import DifyDemo
from chronotui.engine.timing import WatchTiming
from chronotui.model import JobStatus
from chronotui.storage.settings import AuthSettings, Config, Profile, Secret, UiSettings
from chronotui.tree.filters import TreeFilters
from chronotui.ui.app import DeskApp
from chronotui.ui.desk.pane_tabs import DETAILS, HISTORY, LIVE
from chronotui.ui.desk.plan import DeskPlan
from chronotui.ui.dialogs import RadioRow
from chronotui.ui.log import ViewSettings
from tests.ui.desk.scenes import MOMENT, desk, press, shown, until, until_shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

    from chronotui.model import Job


def still_app(**options: object) -> DifyDemo:
    """Return a demo app whose world stands still at the moment."""
    clock = DemoClock(start_ns=int(MOMENT.timestamp()) * 1_000_000_000, speed=0)
    options.setdefault("count", 120)
    return DifyDemo(clock=clock, **options)  # type: ignore[arg-type]


def desk_of_app(
    server: DifyDemo, save_folder: Path = Path("/tmp"), **changes: object
) -> DeskApp:
    profile = Profile(
        name="etl",
        kind="dify",
        url=server.url,
        poll_seconds=0.5,
        auth=AuthSettings(method="bearer", token=Secret(server.key)),
    )
    changes.setdefault("timing", WatchTiming(quiet_after=3600.0))
    plan = DeskPlan(
        profile,
        save_folder,
        ui=UiSettings(),
        view_settings=ViewSettings(zone="utc"),
        now=lambda: MOMENT,
        **changes,  # type: ignore[arg-type]
    )
    return DeskApp(plan, Config(Path("/dev/null")))


def jobs_of(pilot: Pilot[int]) -> list[Job]:
    """Return the loaded runs in the server's order."""
    session = desk(pilot).desk.session
    assert session is not None
    branch = next(session.catalog.tree.branches())
    return [branch.jobs[row] for row in branch.listing.ids]


def first(pilot: Pilot[int], status: str) -> Job:
    return next(job for job in jobs_of(pilot) if job.status == status)


async def highlight(pilot: Pilot[int], job: Job) -> None:
    """Go down the tree to a run."""
    side = desk(pilot).desk.log_side
    for _ in range(200):
        if side.details.job is not None and side.details.job.id == job.id:
            return
        await press(pilot, "j")
    pytest.fail(shown(pilot))


async def test_details_come_with_the_row_and_are_completed() -> None:
    with still_app() as server:
        app = desk_of_app(server)
        async with app.run_test(size=(120, 40)) as pilot:
            await until_shown(pilot, "of 12")
            await until_shown(pilot, "dify 1.14.2")
            job = first(pilot, "FAILED")
            await highlight(pilot, job)
            assert job.run_id in shown(pilot)
            text = await until_shown(pilot, "shows them")
            assert "Inputs" in text
            assert "Outputs" in text
            await until(pilot, lambda: server.load.most.get("run") == 1)
            await press(pilot, "D", "tab")
            assert app.desk.log_side.pane == DETAILS
            await press(pilot, "x", "p", "G")
            await until(pilot, lambda: "sys.user_id" in _details(app))
            assert '"created_by_role"' in _details(app)
        assert server.load.changes == []


def _details(app: DeskApp) -> str:
    return "\n".join(f"{p.label}{p.text}" for p in app.desk.log_side.details.laid_out)


async def test_history_lists_the_runs_and_moves_with_the_tree(
    in_zone: Callable[[str], None],
) -> None:
    in_zone("Asia/Tokyo")
    with still_app() as server:
        app = desk_of_app(server)
        async with app.run_test(size=(120, 40)) as pilot:
            await until_shown(pilot, "of 12")
            job = first(pilot, "FAILED")
            await highlight(pilot, job)
            await press(pilot, "H")
            side = app.desk.log_side
            await until(pilot, lambda: side.table is not None and side.pane == HISTORY)
            assert side.table is not None
            rows = side.table.rows
            await until(pilot, lambda: len(rows.order) > 0)
            await until_shown(pilot, "Nightly ETL ▸")
            assert job.started_at is not None
            began = f"{job.started_at:%m-%d %H:%M:%S}"
            await until_shown(pilot, f"✗ {began}")
            assert rows.selected is not None
            assert rows.selected.id == job.id
            await press(pilot, "j")
            below = rows.selected
            assert below.id != job.id
            tree = app.desk.tree_side.tree_view.model
            assert tree.selected is not None
            assert tree.selected.item == below.id
            assert side.details.job is not None
            assert side.details.job.id == below.id
            await press(pilot, "T")
            await until_shown(pilot, "Times in UTC+9.")
            there = job.started_at.astimezone(timezone(timedelta(hours=9)))
            await until_shown(pilot, f"✗ {there:%m-%d %H:%M:%S}")
            await until_shown(pilot, f"✗ {there:%H:%M:%S}")
            await press(pilot, "T")
            await until_shown(pilot, f"✗ {began}")
            assert f"✗ {there:%H:%M:%S}" not in shown(pilot)
            for away in ("tab", "D"):  # in the tree, then over the details
                await press(pilot, away, "T")
                await until_shown(pilot, f"✗ {there:%H:%M:%S}")
                await until_shown(pilot, "Times in UTC+9.")
                await press(pilot, "T")
                await until_shown(pilot, f"✗ {job.started_at:%H:%M:%S}")
                await until_shown(pilot, "Times in UTC.")
            await press(pilot, "H", "enter")
            await until(pilot, lambda: side.pane == LIVE)
            assert side.current is not None
            assert side.current.job.id == below.id
            await press(pilot, "escape")
            assert side.pane == HISTORY
            await until(pilot, lambda: rows.has_focus)
            await press(pilot, "escape")
            await until(pilot, lambda: app.desk.tree_side.tree_view.has_focus)


async def test_the_end_of_the_table_loads_more_and_a_sorted_one_says_how_much() -> None:
    with still_app() as server:
        app = desk_of_app(server)
        async with app.run_test(size=(100, 24)) as pilot:
            await until_shown(pilot, "of 12")
            await press(pilot, "H")
            table = app.desk.log_side.table
            assert table is not None
            await until(pilot, lambda: len(table.rows.order) > 0)
            loaded = len(table.rows.order)
            await press(pilot, "greater_than_sign", "o")
            await until_shown(pilot, f"oldest first, {loaded} of 12")
            await press(pilot, *["less_than_sign"])
            for _ in range(8):
                before = len(table.rows.order)
                await press(pilot, "G")
                if table.rows.branch is not None and table.rows.branch.listing.complete:
                    break
                await until(pilot, lambda n=before: len(table.rows.order) > n)  # type: ignore[misc]
            assert len(table.rows.order) > loaded
            assert server.load.most["runs"] == 1


async def test_a_run_opens_on_live_and_its_bar_keeps_its_id() -> None:
    with still_app() as server:
        for size in ((120, 40), (80, 24), (60, 20)):
            app = desk_of_app(server)
            async with app.run_test(size=size) as pilot:
                await until_shown(pilot, "of 12")
                job = first(pilot, "FAILED")
                await highlight(pilot, job)
                await press(pilot, "enter")
                await until(pilot, lambda app=app: app.desk.log_side.pane == LIVE)  # type: ignore[misc]
                text = await until_shown(pilot, "ended FAILED")
                named = f"Nightly ETL ▸ {app.desk.short_id(job)}  FAILED"
                assert named in text.split("\n")[0]
                await press(pilot, "S")
                await until_shown(pilot, "no search in logs")
                await press(pilot, "left_square_bracket")


async def test_the_bar_names_what_the_details_are_of() -> None:
    with still_app() as server:
        app = desk_of_app(server)
        async with app.run_test(size=(120, 40)) as pilot:
            await until_shown(pilot, "of 12")
            opened, other = first(pilot, "FAILED"), first(pilot, "CANCELED")
            await highlight(pilot, opened)
            await press(pilot, "enter")
            await until_shown(pilot, "ended FAILED")
            await press(pilot, "D", "tab")
            assert app.desk.short_id(opened) in shown(pilot).split("\n")[0]
            await highlight(pilot, other)
            bar = shown(pilot).split("\n")[0]
            assert f"{app.desk.short_id(other)}  CANCELED after" in bar
            assert app.desk.short_id(opened) not in bar
            await press(pilot, "L")
            assert app.desk.short_id(opened) in shown(pilot).split("\n")[0]


async def test_a_deep_link_opens_a_run_without_a_workflow() -> None:
    with still_app() as server:
        row = next(
            row
            for row in server.world.rows(server.release, server.world.now)
            if row.run is not None
        )
        assert row.run is not None
        app = desk_of_app(server, job=row.run.id)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: app.desk.log_side.current is not None)
            assert app.desk.log_side.current is not None
            assert app.desk.log_side.current.job.run_id == row.run.id
            assert app.desk.log_side.pane == LIVE
        app = desk_of_app(server, job="00000000-0000-4000-8000-000000000000")
        async with app.run_test(size=(120, 40)) as pilot:
            await until_shown(pilot, "Dify has no run 00000000")


async def test_a_run_and_the_filtered_list_are_saved(tmp_path: Path) -> None:
    with still_app() as server:
        app = desk_of_app(server, tmp_path)
        async with app.run_test(size=(120, 40)) as pilot:
            await until_shown(pilot, "of 12")
            job = first(pilot, "FAILED")
            await highlight(pilot, job)
            await press(pilot, "s")
            await until_shown(pilot, "this run as json")
            assert "its events as text" not in shown(pilot)
            await until_shown(pilot, "new file")
            await press(pilot, "enter")
            await until_shown(pilot, "y copies the path")
            await press(pilot, "escape")
            file = tmp_path / f"Nightly-ETL-{job.run_id}.json"
            saved = json.loads(file.read_text())
            assert saved["detail"]["id"] == job.run_id
            assert saved["complete"] is True
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert server.key not in file.read_text()

            app.desk.tree_side.set_filters(TreeFilters(status=JobStatus.FAILED))
            await until(
                pilot,
                lambda: all(j.status == "FAILED" for j in jobs_of(pilot)) or False,
            )
            await press(pilot, "H", "s")
            await until_shown(pilot, "(•) the list of runs")
            await until_shown(pilot, "FAILED")
            app.screen.query_one("#format", RadioRow).place = 1
            path = app.screen.query_one("#path", Input)
            await until(pilot, lambda: path.value.endswith("Nightly-ETL-runs.jsonl"))
            await until_shown(pilot, "new file")
            await press(pilot, "enter")
            await until_shown(pilot, "y copies the path")
            await press(pilot, "escape", "W")
            await until_shown(pilot, "runs  0:0")
        lines = (tmp_path / "Nightly-ETL-runs.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        assert {row["workflow_run"]["status"] for row in rows} == {"failed"}
        assert len({row["id"] for row in rows}) == len(rows)


async def test_the_ending_of_a_name_is_the_format_of_a_list(tmp_path: Path) -> None:
    with still_app() as server:
        app = desk_of_app(server, tmp_path)
        async with app.run_test(size=(120, 40)) as pilot:
            await until_shown(pilot, "of 12")
            await press(pilot, "H", "tab", "s")
            await until_shown(pilot, "(•) the list of runs")
            path = app.screen.query_one("#path", Input)
            for name, form in (("x.jsonl", "jsonl"), ("x.json", "json")):
                path.value = name
                await until_shown(pilot, f"(•) {form}")
            path.value = "no.ending"
            await until_shown(pilot, "(•) json")
            app.screen.query_one("#format", RadioRow).place = 0
            await until_shown(pilot, "(•) csv")
            assert path.value == "no.ending"


async def test_the_events_of_an_opened_run_can_be_saved(tmp_path: Path) -> None:
    with still_app() as server:
        app = desk_of_app(server, tmp_path)
        async with app.run_test(size=(120, 40)) as pilot:
            await until_shown(pilot, "of 12")
            job = first(pilot, "FAILED")
            await highlight(pilot, job)
            await press(pilot, "enter")
            await until_shown(pilot, "ended FAILED")
            await press(pilot, "s")
            await until_shown(pilot, "its events as text")
            app.screen.query_one("#scope", RadioRow).place = 1
            path = app.screen.query_one("#path", Input)
            await until(pilot, lambda: path.value.endswith(".txt"))
            await until_shown(pilot, "new file")
            await press(pilot, "enter")
            await until_shown(pilot, "y copies the path")
        text = (tmp_path / f"Nightly-ETL-{job.run_id}.txt").read_text()
        assert text.startswith(f"# Run {job.run_id}")


async def test_nothing_is_said_of_jobs_or_workflows() -> None:
    with still_app() as server:
        app = desk_of_app(server)
        async with app.run_test(size=(180, 40)) as pilot:
            keys = (await until_shown(pilot, "of 12")).splitlines()[-1]
            assert "c card" in keys
            for none in ("board", "what is new", "merged", "across"):
                assert none not in keys
            await press(pilot, "W")
            await until_shown(pilot, "s saves a run, or the list")
            await press(pilot, "L")
            text = await until_shown(pilot, "No run is open.")
            assert "Choose a run in the tree" in text
            assert "orkflows" not in text
            assert " job" not in text
