"""What is new in a job's log: shown over the desk, gone to, and put over the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chronotui.demo.routes import Dialect
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.log.differences import Change
from chronotui.model import STDERR
from chronotui.ui.news import NewsRows, NewsScreen
from tests.ui.desk.scenes import (
    desk,
    desk_on,
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
    from chronotui.model import Job

CAUSE = "ValueError: bad [/row] 7"


@pytest.fixture(params=list(Dialect), ids=str)
def server(request: pytest.FixtureRequest) -> Iterator[DemoServer]:
    with still_server(dialect=request.param) as running:
        yield running


def routine(count: int) -> list[ScriptLine]:
    return [ScriptLine(f"row {n} read in {n % 7} ms") for n in range(count)]


def add_good(server: DemoServer) -> ScriptedJob:
    said = [*routine(900), ScriptLine("wrote 900 rows")]
    script = Script(said, starts_in=-9000, rate=500, ends_after=1)
    return server.world.add_job(script)


def add_failed(server: DemoServer) -> ScriptedJob:
    said = routine(900)
    said[450] = ScriptLine("cache is cold")
    said += [ScriptLine(CAUSE, stream=STDERR), ScriptLine("giving up")]
    script = Script(said, starts_in=-6000, rate=500, ends_after=1, outcome="FAILED")
    return server.world.add_job(script)


async def until_compared(pilot: Pilot[int]) -> NewsRows:
    """Wait for the logs to be compared; returns the list of what differs."""
    await until(pilot, lambda: isinstance(pilot.app.screen, NewsScreen))
    screen = screen_of(pilot)
    await until(pilot, lambda: not screen.news.state.doing)
    return screen.query_one(NewsRows)


def screen_of(pilot: Pilot[int]) -> NewsScreen:
    screen = pilot.app.screen
    assert isinstance(screen, NewsScreen)
    return screen


def current_message(pilot: Pilot[int]) -> str:
    pane = desk(pilot).desk.log_side.log_pane
    line = None if pane is None else pane.view.opened.current_line
    return "" if line is None else line.message


async def test_x_names_the_cause_first_and_enter_and_esc_go_there_and_back(
    server: DemoServer,
) -> None:
    good, failed = add_good(server), add_failed(server)
    app = desk_on(server, workflow="scripted", job=failed.id)
    async with app.run_test(size=(120, 30)) as pilot:
        await until_shown(pilot, "ended FAILED")
        await press(pilot, "X")
        rows = await until_compared(pilot)
        assert [(each.change, each.line.message) for each in rows.found] == [
            (Change.NEW, CAUSE),
            (Change.NEW, "cache is cold"),
            (Change.NEW, "giving up"),
            (Change.GONE, "wrote 900 rows"),
        ]
        screen = await until_shown(pilot, "3 kinds new")
        assert f"against {app.desk.short_id(app_job(pilot, good.id))}, good" in screen
        assert "902 lines against 901" in screen
        assert f"▌ {CAUSE}" in screen
        await press(pilot, "j", "enter")
        await until(pilot, lambda: current_message(pilot) == "cache is cold")
        await press(pilot, "escape")
        rows = await until_compared(pilot)
        await until(pilot, lambda: rows.current == 1)
        await press(pilot, "G", "enter")
        await until(pilot, lambda: current_message(pilot) == "wrote 900 rows")
        current = app.desk.log_side.current
        assert current is not None
        assert current.job.id == good.id
        await press(pilot, "escape")
        await until_compared(pilot)
        await press(pilot, "escape")
        assert app.screen is app.desk


def lines_held(pilot: Pilot[int]) -> int:
    state = desk(pilot).desk.log_side.state
    return 0 if state is None else state.lines


def app_job(pilot: Pilot[int], job_id: str) -> Job:
    session = desk(pilot).desk.session
    assert session is not None
    branches = session.catalog.tree.branches()
    return next(b.jobs[job_id] for b in branches if job_id in b.jobs)


@pytest.mark.parametrize("server", [Dialect.CURRENT], indirect=True)
async def test_twice_x_leaves_only_what_is_new_and_again_shows_all(
    server: DemoServer,
) -> None:
    add_good(server)
    failed = add_failed(server)
    app = desk_on(server, workflow="scripted", job=failed.id)
    async with app.run_test(size=(120, 30)) as pilot:
        await until_shown(pilot, "ended FAILED")
        await press(pilot, "X")
        await until_compared(pilot)
        await press(pilot, "X")
        await until_shown(pilot, "3 lines of 902")
        screen = await until_shown(pilot, "& only what is new since ")
        assert "row 899" not in screen
        assert CAUSE in screen
        await press(pilot, "X")
        await until_compared(pilot)
        await press(pilot, "G", "k", "k", "enter")
        await until(pilot, lambda: current_message(pilot) == "cache is cold")
        assert "lifted" not in shown(pilot)
        await press(pilot, "X")
        await until_compared(pilot)
        await press(pilot, "X")
        await until_shown(pilot, "row 451 read")
        assert "only what is new" not in shown(pilot)


@pytest.mark.parametrize("server", [Dialect.CURRENT], indirect=True)
async def test_the_job_that_failed_last_is_meant_on_its_workflow(
    server: DemoServer,
) -> None:
    add_failed(server)
    app = desk_on(server, workflow="scripted")
    async with app.run_test(size=(60, 20)) as pilot:
        await until_shown(pilot, "scripted")
        await press(pilot, "enter")
        await until(pilot, lambda: app.desk.meant.workflow is not None)
        await until_shown(pilot, "1 h ago")
        await press(pilot, "X")
        rows = await until_compared(pilot)
        await until_shown(pilot, "No run of this workflow completed")
        assert not rows.found
        await press(pilot, "X")
        assert isinstance(app.screen, NewsScreen)


async def test_a_job_that_goes_on_is_compared_as_far_as_it_has_come() -> None:
    with still_server() as server:
        add_good(server)
        said = [*routine(300), ScriptLine("lease lost"), *routine(600)]
        script = Script(said, starts_in=-1, rate=320, ends_after=1)
        running = server.world.add_job(script)
        app = desk_on(server, workflow="scripted", job=running.id)
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: bool(current_message(pilot)))
            await press(pilot, "X")
            await until_compared(pilot)
            screen = await until_shown(pilot, "as far as it has come")
            assert "not yet" in screen
            assert "lease lost" in screen
            before = screen_of(pilot).news.state.lines
            assert f"{before} lines against 901" in screen
            server.world.clock.advance(1.0)
            await until(pilot, lambda: lines_held(pilot) > before + 300)
            await press(pilot, "r")
            news = screen_of(pilot).news
            await until(pilot, lambda: news.state.lines > before + 300)


async def test_an_app_says_that_nothing_can_be_compared() -> None:
    with still_app() as server:
        app = desk_on(server)
        async with app.run_test(size=(100, 30)) as pilot:
            await until_shown(pilot, "✗")
            await press(pilot, "X")
            await until_shown(pilot, "keeps no log of a run's lines")
