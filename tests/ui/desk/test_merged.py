"""Several jobs on one screen: marked, merged, heard one by one, and left again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chronotui.demo.scripts import Script, ScriptLine
from chronotui.model import STDERR
from chronotui.ui.desk.merged import MergedScreen, MergedView
from chronotui.ui.log.view import LogView
from chronotui.ui.save import SaveDialog
from tests.ui.desk.scenes import (
    desk,
    desk_on,
    is_swept,
    press,
    shown,
    still_app,
    still_server,
    until,
    until_shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.pilot import Pilot

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer

SIZE = (120, 40)


@pytest.fixture
def server() -> Iterator[DemoServer]:
    with still_server() as running:
        yield running


def job_of(
    server: DemoServer, name: str, lines: int, *, starts_in: float
) -> ScriptedJob:
    entries = [
        ScriptLine(f"{name} line {n}", STDERR if n % 5 == 0 else "stdout", retained=0.0)
        for n in range(lines)
    ]
    script = Script(entries, rate=1, starts_in=starts_in)
    return server.world.add_job(script)


async def opened(pilot: Pilot[int], *jobs: ScriptedJob) -> MergedView:
    """Mark the jobs and show them."""
    await until_shown(pilot, "nightly-report")
    await until(pilot, lambda: is_swept(pilot))
    session = desk(pilot).desk.session
    assert session is not None
    for made in jobs:
        workflow_id, job_id = made.workflow_id, made.id
        workflow = await session.client.workflow(workflow_id)
        job = await session.client.job(workflow_id, job_id)
        session.marks.toggle(workflow, job)
    await press(pilot, "M")
    await until(pilot, lambda: isinstance(pilot.app.screen, MergedScreen))
    view = session.beside
    assert isinstance(view, MergedView)
    return view


def tags(pilot: Pilot[int]) -> set[str]:
    """What stands before the lines in sight."""
    view = pilot.app.screen.query_one(LogView)
    rows = view.opened.rows
    numbers = {row for row, _ in view.opened.viewport.window_rows() if row >= 0}
    found = set()
    for number in numbers:
        line = getattr(rows.row(number), "line", None)
        if line is not None and view.opened.tags is not None:
            found.add(view.opened.tags.of(line)[0].strip())
    return found


async def test_all_that_runs_is_shown_by_time(server: DemoServer) -> None:
    async with desk_on(server).run_test(size=SIZE) as pilot:
        view = await opened(pilot)
        await until(pilot, lambda: len(view.merged.jobs) == 4)
        text = await until_shown(pilot, "4 jobs merged by time")
        await until(pilot, lambda: len(tags(pilot)) >= 3)
        assert "missing in all" in text.splitlines()[0]
        await press(pilot, "escape")
        assert pilot.app.screen is desk(pilot).desk
        await until(
            pilot,
            lambda: all(each.opened.watching is None for each in view.merged.jobs),
        )


async def test_marks_are_made_in_the_tree_and_told(server: DemoServer) -> None:
    async with desk_on(server).run_test(size=SIZE) as pilot:
        await until_shown(pilot, "nightly-report")
        await press(pilot, "m")
        await until_shown(pilot, "m marks jobs")
        await press(pilot, "enter")
        await until_shown(pilot, "2:05")
        await press(pilot, "j", "m", "j", "m")
        text = await until_shown(pilot, "M shows 2 jobs merged")
        assert sum(line.lstrip().startswith("+") for line in text.splitlines()) == 2
        await press(pilot, "m")
        await until_shown(pilot, "Mark taken away; M shows 1 job merged")
        await press(pilot, "m", "M")
        await until_shown(pilot, "2 jobs merged by time")


async def test_solo_and_mute_and_all_again(server: DemoServer) -> None:
    one = job_of(server, "one", 40, starts_in=-60)
    two = job_of(server, "two", 40, starts_in=-60.4)
    three = job_of(server, "three", 40, starts_in=-60.7)
    async with desk_on(server).run_test(size=SIZE) as pilot:
        view = await opened(pilot, one, two, three)
        await until(pilot, lambda: len(view.merged.store) == 120)
        await until(pilot, lambda: len(tags(pilot)) == 3)
        await press(pilot, "k", "comma")
        await until(pilot, lambda: len(tags(pilot)) == 1)
        await until_shown(pilot, "Only scripted")
        await press(pilot, "comma")
        await until(pilot, lambda: len(tags(pilot)) == 3)
        await press(pilot, "semicolon")
        await until(pilot, lambda: len(tags(pilot)) == 2)
        await until_shown(pilot, "without")
        await press(pilot, "semicolon")
        await until(pilot, lambda: len(tags(pilot)) == 3)
        await press(pilot, "semicolon", "k", "semicolon")
        await until(pilot, lambda: len(tags(pilot)) == 1)
        await press(pilot, "k", "semicolon")
        await until_shown(pilot, "last job")
        await press(pilot, "escape")
        await until(pilot, lambda: len(tags(pilot)) == 3)
        assert isinstance(pilot.app.screen, MergedScreen)


async def test_a_line_opens_in_its_own_log_and_back(server: DemoServer) -> None:
    one = job_of(server, "one", 60, starts_in=-90)
    two = job_of(server, "two", 60, starts_in=-90.5)
    async with desk_on(server).run_test(size=SIZE) as pilot:
        view = await opened(pilot, one, two)
        await until(pilot, lambda: len(view.merged.store) == 120)
        await press(pilot, *"kkkkkkk")
        line = view.opened.current_line
        assert line is not None
        place, owner = view.merged.place(line), view.merged.owner(line)
        await press(pilot, "enter")
        the_desk = desk(pilot).desk
        await until(pilot, lambda: pilot.app.screen is the_desk)

        def is_there() -> bool:
            pane = the_desk.log_side.log_pane
            own = None if pane is None else pane.view.opened.current_line
            return own is not None and own[:2] == place[:2]  # type: ignore[index]

        await until(pilot, is_there)
        assert the_desk.log_side.current is not None
        assert the_desk.log_side.current.job.id == owner.job.id
        await press(pilot, "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, MergedScreen))
        assert view.opened.current_line == line
        await press(pilot, "escape", "M")
        await until(pilot, lambda: isinstance(pilot.app.screen, MergedScreen))
        assert view.opened.current_line == line


async def test_rows_of_a_job_that_is_not_heard_are_not_shown(
    server: DemoServer,
) -> None:
    one = job_of(server, "one", 20, starts_in=-60)
    over = job_of(server, "over", 20, starts_in=-400)
    over.end()
    async with desk_on(server).run_test(size=SIZE) as pilot:
        view = await opened(pilot, one, over)
        await until(pilot, lambda: len(view.merged.store) == 40)
        await until_shown(pilot, "ended COMPLETED")
        await press(pilot, "G", "comma")
        await until(pilot, lambda: len(tags(pilot)) == 1)
        await until(pilot, lambda: "ended COMPLETED" not in shown(pilot))
        await press(pilot, "escape")
        await until_shown(pilot, "ended COMPLETED")


async def test_lines_are_handed_over_with_whose_they_are(server: DemoServer) -> None:
    one = job_of(server, "one", 20, starts_in=-60)
    two = job_of(server, "two", 20, starts_in=-60.5)
    async with desk_on(server).run_test(size=SIZE) as pilot:
        view = await opened(pilot, one, two)
        await until(pilot, lambda: len(view.merged.store) == 40)
        await press(pilot, "k", "v", "k", "k")
        lines = view.opened.picked_lines()
        place = view.merged.place(lines[0])
        owner = view.merged.owner(lines[0])
        await press(pilot, "Y")
        text = await until_shown(pilot, "3 lines with the command that opens it")
        assert "bytes" in text
        first, *_rest, command = pilot.app.clipboard.splitlines()
        assert f"scripted {owner.short_id} attempt 1" in first
        assert first.endswith(lines[0].message)
        assert command.endswith(f"--job {owner.job.id} --line {place}")


async def test_the_line_that_is_read_stays_where_it_is(server: DemoServer) -> None:
    one = job_of(server, "one", 60, starts_in=-90)
    two = job_of(server, "two", 60, starts_in=-90.5)
    async with desk_on(server).run_test(size=SIZE) as pilot:
        view = await opened(pilot, one, two)
        await until(pilot, lambda: len(view.merged.store) == 120)
        await press(pilot, *"kkkkkkkkkk")
        before = view.opened.current_line
        log = pilot.app.screen.query_one(LogView)
        offset = view.opened.viewport.screen_y
        one.write(*[ScriptLine(f"later {n}", retained=0.0) for n in range(30)])
        await until(pilot, lambda: len(view.merged.store) == 150)
        await until(pilot, lambda: len(view.opened.rows) >= 150)
        log.sync()
        assert view.opened.current_line == before
        assert view.opened.viewport.screen_y == offset
        assert "▼ 30 new" in await until_shown(pilot, "▼ 30 new")


async def test_the_start_is_loaded_and_gone_to(server: DemoServer) -> None:
    one = job_of(server, "one", 1500, starts_in=-2000)
    two = job_of(server, "two", 40, starts_in=-90)
    async with desk_on(server).run_test(size=SIZE) as pilot:
        view = await opened(pilot, one, two)
        await until(pilot, lambda: len(view.merged.store) == 1040)
        await press(pilot, "g")
        await until(pilot, lambda: len(view.merged.store) == 1540)
        await until(pilot, lambda: view.merged.state.at_start)
        await until_shown(pilot, "one line 0")
        await until(pilot, lambda: view.opened.viewport.current == 0)
        await until(pilot, lambda: "not loaded" not in shown(pilot))
        line = view.opened.current_line
        assert line is not None
        assert line.message == "one line 0"


async def test_each_job_has_its_row_on_demand(server: DemoServer) -> None:
    one = job_of(server, "one", 5, starts_in=-60)
    two = job_of(server, "two", 7, starts_in=-60)
    async with desk_on(server).run_test(size=(80, 24)) as pilot:
        await opened(pilot, one, two)
        await until_shown(pilot, "two line 6")
        await press(pilot, "D")
        text = await until_shown(pilot, "5 lines  0 missing")
        assert "7 lines  0 missing" in text
        await press(pilot, "D")
        await until(pilot, lambda: "5 lines  0 missing" not in shown(pilot))
        await press(pilot, "s")
        await until(pilot, lambda: isinstance(pilot.app.screen, SaveDialog))
        await press(pilot, "escape")
        await until_shown(pilot, "Merged, they are printed by: chronotui")


async def test_the_server_going_away_and_back_is_said(server: DemoServer) -> None:
    one = job_of(server, "one", 5, starts_in=-60)
    async with desk_on(server).run_test(size=SIZE) as pilot:
        view = await opened(pilot, one)
        await until_shown(pilot, "● LIVE")
        server.faults.refuse(503, times=-1)
        view.merged.ask_now()
        await until_shown(pilot, "503")
        server.faults.relent()
        await press(pilot, "r")
        await until(pilot, lambda: "503" not in shown(pilot))


async def test_an_app_has_none() -> None:
    with still_app() as server:
        async with desk_on(server).run_test(size=SIZE) as pilot:
            await until_shown(pilot, "of 1,2")
            await press(pilot, "M")
            await until_shown(pilot, "no logs of several runs")


async def test_nothing_is_said_to_run_before_it_is_known(server: DemoServer) -> None:
    server.stop()
    async with desk_on(server).run_test(size=SIZE) as pilot:
        under = desk(pilot).desk
        await until(pilot, lambda: under.session is not None)
        session, under.session = under.session, None
        await press(pilot, "M")
        assert pilot.app.screen is under
        await until_shown(pilot, "Not connected yet: nothing is known to run.")
        under.session = session
        await press(pilot, "M")
        text = await until_shown(pilot, "No job is known to run yet.")
        assert "No job runs." not in text
        await until_shown(pilot, "✗ OFFLINE")


async def test_keys_of_a_search_are_told_while_there_is_one(server: DemoServer) -> None:
    made = job_of(server, "one", 40, starts_in=-60)
    async with desk_on(server).run_test(size=SIZE) as pilot:
        await opened(pilot, made)
        await until_shown(pilot, "one line 39")
        await press(pilot, "slash", *"line", "enter")
        await until_shown(pilot, "n next match")
        await press(pilot, "escape")
        await until(pilot, lambda: "n next match" not in shown(pilot))
        await press(pilot, "ampersand", *"line", "enter")
        await until_shown(pilot, "in full log")
        await press(pilot, "escape")
        await until(pilot, lambda: "in full log" not in shown(pilot))
