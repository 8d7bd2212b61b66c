"""The tree on the desk: health, orders, filters, and keys about what is highlighted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input

from chronotui.model import JobStatus
from chronotui.storage.state import StateFile
from chronotui.tree.filters import TreeFilters
from chronotui.tree.model import NodeKey
from chronotui.tree.order import WorkflowOrder
from chronotui.ui.desk.pane_tabs import DETAILS, HISTORY, LIVE
from tests.ui.desk.scenes import (
    desk,
    desk_on,
    history,
    is_swept,
    press,
    shown,
    still_server,
    unfold_report,
    until,
    until_shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from textual.pilot import Pilot

    from chronotui.demo.server import DemoServer

WIDE = (120, 36)


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    with still_server() as running:
        yield running


def tree_rows(pilot: Pilot[int]) -> list[str]:
    width = desk(pilot).desk.tree_side.size.width
    return [line[:width].rstrip() for line in shown(pilot).splitlines()]


def row_of(pilot: Pilot[int], name: str) -> str:
    return next(row for row in tree_rows(pilot) if name in row)


def bar(pilot: Pilot[int]) -> str:
    """Return what the row over the panes says."""
    return shown(pilot).splitlines()[0][desk(pilot).desk.tree_side.size.width :]


async def swept(pilot: Pilot[int]) -> None:
    await until_shown(pilot, "nightly-report")
    await until(pilot, lambda: is_swept(pilot) and "✓✗●" in shown(pilot))


async def test_folded_rows_tell_how_workflows_have_been_doing(
    server: DemoServer,
) -> None:
    app = desk_on(server)
    async with app.run_test(size=WIDE) as pilot:
        await swept(pilot)
        assert row_of(pilot, "nightly-report").endswith("✗ 1  ● 1  ✓✓✓✗●")
        assert "last runs" in tree_rows(pilot)[1]
        await press(pilot, "enter")
        await until_shown(pilot, "2:05")
        # Unfolding moves nothing in the row.
        assert row_of(pilot, "nightly-report").endswith("✗ 1  ● 1  ✓✓✓✗●")
        await press(pilot, "j")
        assert tree_rows(pilot)[1].split() == ["job", "by", "age", "took"]
        await press(pilot, "t")
        assert tree_rows(pilot)[1].split() == ["job", "by", "start", "took"]
        assert "10:00:03" in tree_rows(pilot)[3]


async def test_only_rows_in_sight_are_looked_at(server: DemoServer) -> None:
    app = desk_on(server)
    async with app.run_test(size=(80, 24)) as pilot:
        await swept(pilot)
        session = app.desk.session
        assert session is not None
        assert session.fleet is not None
        tree = app.desk.tree_side.tree_view
        seen = {
            tree.model.rows.key(row).workflow_id
            for row in range(tree.first_row, tree.first_row + tree.page_rows)
            if row < len(tree.model.rows)
        }
        assert session.fleet._wish.ids == seen - {""}


async def test_workflows_are_ordered_by_trouble_and_that_is_remembered(
    server: DemoServer, tmp_path: Path
) -> None:
    memory = StateFile(tmp_path)
    app = desk_on(server, memory=memory)
    async with app.run_test(size=WIDE) as pilot:
        await swept(pilot)
        await press(pilot, "O")
        await until_shown(pilot, "by trouble")
        rows = [row for row in tree_rows(pilot) if row.startswith("▸")]
        failing = ["✗ " in row for row in rows]
        assert failing == sorted(failing, reverse=True)
        assert any(failing)
        assert not all(failing)
        await press(pilot, "O")
        await until_shown(pilot, "by name")
        names = [row.split()[1] for row in tree_rows(pilot) if row.startswith("▸")]
        assert names == sorted(names, key=str.casefold)
        await press(pilot, "t")
        app.theme = "nord"
        await until(pilot, lambda: memory.read("demo").theme == "nord")
    kept = memory.read("demo")
    assert kept.tree_order == WorkflowOrder.NAME
    assert kept.tree_ages is False


async def test_details_tell_of_what_a_typed_filter_leaves(server: DemoServer) -> None:
    app = desk_on(server)
    async with app.run_test(size=WIDE) as pilot:
        await unfold_report(pilot)
        await press(pilot, "j", "slash", *"etl")
        await until(pilot, lambda: "etl-orders" in shown(pilot).splitlines()[0])
        workflow, job = app.desk.meant
        assert (workflow and workflow.name, job) == ("etl-orders", None)


async def test_a_filter_hides_workflows_without_such_a_job(server: DemoServer) -> None:
    app = desk_on(server)
    async with app.run_test(size=WIDE) as pilot:

        def folded() -> list[str]:
            return [row for row in tree_rows(pilot) if row.startswith("▸")]

        await swept(pilot)
        running = [row for row in folded() if "● " in row]
        tree = app.desk.tree_side
        tree.set_filters(TreeFilters(status=JobStatus.RUNNING))
        await until_shown(pilot, "workflows are hidden")
        # What has more jobs than are listed is asked, one after the other.
        await until(pilot, lambda: all("● " in row for row in folded()))
        assert len(folded()) == len(running)
        await press(pilot, "0")
        assert "hidden" not in shown(pilot)


async def test_what_is_saved_and_named_is_what_is_highlighted_or_shown(
    server: DemoServer, tmp_path: Path
) -> None:
    app = desk_on(server, save_folder=tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await history(pilot)
        await what_is_saved_is_what_is_highlighted(pilot, tmp_path)
        await the_bar_names_what_the_pane_below_it_shows(pilot)


async def what_is_saved_is_what_is_highlighted(pilot: Pilot[int], folder: Path) -> None:
    app = desk(pilot)
    opened = app.desk.log_side.current
    assert opened is not None
    await press(pilot, "tab", "j")
    meant = app.desk.meant.job
    assert meant is not None
    assert meant.id != opened.job.id
    await press(pilot, "s")
    await until_shown(pilot, "new file")
    path = app.screen.query_one("#path", Input).value
    assert path.endswith(f"{meant.id}-logs.txt")
    await press(pilot, "enter")
    await until(pilot, (folder / f"{meant.id}-logs.txt").exists)
    await until_shown(pilot, "Saved")
    await press(pilot, "escape")
    await until(pilot, lambda: app.screen is app.desk)
    await press(pilot, "tab")
    await until(pilot, lambda: app.desk.has_class("-in-log"))
    assert app.desk.meant.job == opened.job


async def the_bar_names_what_the_pane_below_it_shows(pilot: Pilot[int]) -> None:
    app = desk(pilot)
    opened = app.desk.log_side.current
    assert opened is not None
    await press(pilot, "tab", "j")
    other = app.desk.meant.job
    assert other is not None
    assert opened.job.id[:6] in bar(pilot)
    await press(pilot, "D")
    assert app.desk.log_side.pane == DETAILS
    await until(pilot, lambda: other.id[:6] in bar(pilot))
    assert opened.job.id[:6] not in bar(pilot)
    await until(pilot, lambda: app.focused is app.desk.tree_side.tree_view)
    await press(pilot, "H")
    assert app.desk.log_side.pane == HISTORY
    assert opened.job.id[:6] in bar(pilot)
    assert app.desk.has_class("-in-log")


async def test_a_pane_that_is_asked_for_in_the_tree_opens_the_first_job_there(
    server: DemoServer,
) -> None:
    app = desk_on(server)
    async with app.run_test(size=WIDE) as pilot:
        await until_shown(pilot, "nightly-report")
        await press(pilot, "L")
        # A workflow is no job: nothing to put the focus in.
        await until(pilot, lambda: app.focused is app.desk.tree_side.tree_view)
        await press(pilot, "enter")
        await until_shown(pilot, "2:05")
        await press(pilot, "j", "j", "L")
        await until(pilot, lambda: app.desk.log_side.current is not None)
        assert app.desk.log_side.pane == LIVE
        assert app.desk.has_class("-in-log")


async def test_details_are_gone_to_where_the_tree_covers_them(
    server: DemoServer,
) -> None:
    app = desk_on(server)
    async with app.run_test(size=(60, 20)) as pilot:
        await until_shown(pilot, "nightly-report")
        await press(pilot, "D")
        await until_shown(pilot, "CONTAINER")
        await until(pilot, lambda: app.focused is app.desk.log_side.details)


async def test_an_id_is_copied_whole(server: DemoServer) -> None:
    app = desk_on(server)
    async with app.run_test(size=WIDE) as pilot:
        await until_shown(pilot, "nightly-report")
        await press(pilot, "y")
        await until_shown(pilot, "The id of the workflow")
        workflow = app.desk.meant.workflow
        assert workflow is not None
        assert app.clipboard == workflow.id
        await press(pilot, "enter")
        await until_shown(pilot, "2:05")
        await press(pilot, "j", "y")
        await until_shown(pilot, "The id of the job")
        job = app.desk.meant.job
        assert job is not None
        assert app.clipboard == job.id


async def test_keys_typed_ahead_are_meant_for_the_row_they_went_to(
    server: DemoServer,
) -> None:
    app = desk_on(server)
    async with app.run_test(size=WIDE) as pilot:
        await unfold_report(pilot)
        tree = app.desk.tree_side.tree_view
        tree.model.select_row(2)
        job = tree.model.job(tree.model.selected or NodeKey.workflow(""))
        assert app.desk.meant.job == job
        assert job is not None
