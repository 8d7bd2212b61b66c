"""A pattern searched across runs on the desk: found, opened, come back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine import across_search
from chronotui.engine.across_search import AcrossState
from chronotui.model import STDERR
from chronotui.ui.desk.across import AcrossScreen
from chronotui.ui.profiles import ProfilesScreen
from tests.ui.desk.scenes import (
    desk,
    desk_on,
    press,
    shown,
    still_server,
    until,
    until_shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.pilot import Pilot

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer

HOUR = 3600


@pytest.fixture
def server() -> Iterator[DemoServer]:
    with still_server() as running:
        yield running


def run_of(
    server: DemoServer, hours: int, *lines: str, outcome: str = "COMPLETED"
) -> ScriptedJob:
    """A run that ended long since: these lines behind 150 others."""
    script = [
        ScriptLine(text, STDERR if "!" in text else "stdout", retained=0.0)
        for text in [*(f"row {n}" for n in range(150)), *lines]
    ]
    return server.world.add_job(
        Script(script, starts_in=-hours * HOUR, ends_after=1, outcome=outcome)
    )


def across(pilot: Pilot[int]) -> AcrossScreen:
    screen = pilot.app.screen
    assert isinstance(screen, AcrossScreen)
    return screen


async def search_for(pilot: Pilot[int], *keys: str) -> AcrossScreen:
    """Press R on the workflow that is highlighted, and type a pattern."""
    await until_shown(pilot, "scripted")
    await until(pilot, lambda: desk(pilot).desk.meant.workflow is not None)
    await press(pilot, "R")
    await until(pilot, lambda: isinstance(pilot.app.screen, AcrossScreen))
    screen = across(pilot)
    await press(pilot, *keys, "enter")
    await until(pilot, lambda: screen.search.state is AcrossState.DONE)
    await until(pilot, lambda: "done" in shown(pilot))
    return screen


async def test_what_matches_is_listed_and_opened_and_come_back_to(
    server: DemoServer,
) -> None:
    old = run_of(server, 3, "pump [red]failed[/]!", "pump on", outcome="FAILED")
    run_of(server, 2, "nothing")
    new = run_of(server, 1, "pump \x1b[31mfailed\x1b[0m later")
    app = desk_on(server, workflow="scripted")
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await search_for(pilot, *"pump")
        text = shown(pilot)
        assert "3 lines in 2 runs  3 runs read  done" in text
        rows = [row.run.job.id for row in screen.search.rows]
        assert rows == [new.id, new.id, old.id, old.id, old.id]
        assert "pump failed later" in text
        assert "▌ pump [red]failed[/]!" in text
        assert screen.list.current == 1
        await press(pilot, "n", "j")
        await press(pilot, "enter")
        await until(pilot, lambda: app.screen is app.desk)
        side = app.desk.log_side
        await until(
            pilot, lambda: side.current is not None and side.current.job.id == old.id
        )
        await until(pilot, lambda: side.log_pane is not None)
        pane = side.log_pane
        assert pane is not None
        await until(
            pilot,
            lambda: (
                [line.message for line in pane.view.opened.picked_lines()]
                == ["pump [red]failed[/]!"]
            ),
        )
        await press(pilot, "escape")
        await until(pilot, lambda: isinstance(app.screen, AcrossScreen))
        again = across(pilot)
        assert again.search is screen.search
        assert again.list.current == 3
        await press(pilot, "escape")
        assert app.screen is app.desk


async def test_since_when_stands_over_what_was_found(server: DemoServer) -> None:
    without = run_of(server, 3, "well")
    first = run_of(server, 2, "sick")
    run_of(server, 1, "sick")
    app = desk_on(server, workflow="scripted")
    async with app.run_test(size=(120, 36)) as pilot:
        await search_for(pilot, *"sick")
        before = server.requests.count("raw")
        await press(pilot, "w")
        await until_shown(pilot, "no run between")
        text = " ".join(shown(pilot).split())
        assert f"Not in run {without.id[:6]} (started " in text
        assert f"in run {first.id[:6]} (started " in text
        assert server.requests.count("raw") == before  # all of it was known


async def test_since_when_counts_what_the_search_has_read(server: DemoServer) -> None:
    oldest = run_of(server, 6, "sick")
    for hours, words in enumerate(("sick", "well", "sick", "well", "sick"), 1):
        run_of(server, 6 - hours, words)
    app = desk_on(server, workflow="scripted")
    async with app.run_test(size=(120, 36)) as pilot:
        await search_for(pilot, *"sick")
        await press(pilot, "w")
        await until_shown(pilot, "no run between")
        text = " ".join(shown(pilot).split())
        assert (
            f"Of older ones 3 have it, the oldest of them run {oldest.id[:6]}" in text
        )
        assert ", 1 lacks it. 6 runs looked at." in text
        assert "not looked at" not in text


async def test_since_when_lets_a_search_go_on_and_the_heading_says_what_is_left(
    server: DemoServer,
) -> None:
    for hours in range(1, 17):
        run_of(server, hours, "sick" if hours < 7 else "well")
    server.faults.latency = (0.1, 0.1)
    app = desk_on(server, workflow="scripted")
    async with app.run_test(size=(120, 36)) as pilot:
        await until_shown(pilot, "scripted")
        await until(pilot, lambda: app.desk.meant.workflow is not None)
        await press(pilot, "R")
        await until(pilot, lambda: isinstance(app.screen, AcrossScreen))
        screen = across(pilot)
        await press(pilot, *"sick", "enter", "w")
        await until_shown(pilot, "searching and looking since when, esc stops")
        await until(pilot, lambda: screen.search.ended > 1)
        await press(pilot, "escape")
        assert screen.search.state.value == "stopped"
        left = screen.search.not_read
        assert left is not None
        assert left == 16 - screen.search.ended > 0
        await until_shown(pilot, f"stopped, {left} runs not read")
        server.faults.latency = (0.0, 0.0)
        await press(pilot, "w")  # what a stop left out it still finds, and says so
        await until_shown(pilot, "no run between")
        await until_shown(pilot, f"stopped, {left} runs not read")
        await press(pilot, "r", "w")
        await until_shown(pilot, "6 lines in 6 runs  16 runs read  done")
        await until_shown(pilot, "no run between")
        text = " ".join(shown(pilot).split())
        assert "Of older ones 9 lack it. 16 runs looked at." in text
        await press(pilot, "P")
        await until(pilot, lambda: isinstance(app.screen, ProfilesScreen))
        await press(pilot, "escape")
        assert app.screen is screen


async def test_a_bad_pattern_is_said_and_nothing_is_asked(server: DemoServer) -> None:
    run_of(server, 1, "x")
    app = desk_on(server, workflow="scripted")
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "scripted")
        await until(pilot, lambda: app.desk.meant.workflow is not None)
        await press(pilot, "R")
        await until(pilot, lambda: isinstance(app.screen, AcrossScreen))
        await press(pilot, *"(x", "enter")
        await until_shown(pilot, "no regular expression")
        assert across(pilot).search.state is AcrossState.IDLE
        await press(pilot, "escape")
        assert app.screen is app.desk


async def test_escape_stops_first_and_r_searches_again(server: DemoServer) -> None:
    for hours in range(1, 30):
        run_of(server, hours, "x marks")
    server.faults.latency = (0.3, 0.3)
    app = desk_on(server, workflow="scripted")
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "scripted")
        await until(pilot, lambda: app.desk.meant.workflow is not None)
        await press(pilot, "R")
        await until(pilot, lambda: isinstance(app.screen, AcrossScreen))
        await press(pilot, *"marks", "enter")
        screen = across(pilot)
        await until_shown(pilot, "x marks")
        await press(pilot, "escape")
        assert screen.search.state is AcrossState.STOPPED
        assert app.screen is screen
        await until_shown(pilot, "stopped")
        server.faults.latency = (0.0, 0.0)
        await press(pilot, "r")
        await until(pilot, lambda: screen.search.state is AcrossState.DONE)
        assert (screen.search.lines, screen.search.ended) == (29, 29)


async def test_a_server_that_fails_is_told_with_the_key_that_helps(
    server: DemoServer,
) -> None:
    run_of(server, 1, "x")
    app = desk_on(server, workflow="scripted")
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "scripted")
        await until(pilot, lambda: app.desk.meant.workflow is not None)
        await press(pilot, "R")
        await until(pilot, lambda: isinstance(app.screen, AcrossScreen))
        server.faults.refuse(412, route="logs", times=-1)
        await press(pilot, "x", "enter")
        await until_shown(pilot, "1 not read whole")
        await until_shown(pilot, "not read whole: ")
        server.faults.relent()
        await press(pilot, "r")
        await until_shown(pilot, "1 line in 1 run")


async def test_more_lines_than_are_kept_are_counted(
    server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(across_search, "MOST_OF_RUN", 5)
    monkeypatch.setattr(across_search, "MOST_LINES", 8)
    for hours in (1, 2, 3):
        run_of(server, hours, *[f"match {n}" for n in range(9)])
    app = desk_on(server, workflow="scripted")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await search_for(pilot, *"match")
        lines = [sum(bool(row.line) for row in screen.search.rows)]
        assert lines == [11]
        assert sum(row.more for row in screen.search.rows) == 3
        await until_shown(pilot, "27 lines in 3 runs")
        await until_shown(pilot, "further lines of this run")
