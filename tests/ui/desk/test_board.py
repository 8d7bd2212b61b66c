"""The board over the desk: what it shows, where its keys lead, and back again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unittest.mock import patch

from msgspec.structs import force_setattr
from textual.widgets import Input

from chronotui.demo.faults import Faults
from chronotui.ui.desk.board import BoardScreen, heading_of
from chronotui.ui.profiles import ProfilesScreen
from tests.terminal import Terminal, environment_for
from tests.ui.desk.scenes import (
    board_of_the_moment,
    desk,
    desk_on,
    press,
    shown,
    still_app,
    still_server,
    told_of,
    until,
    until_shown,
)

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from chronotui.demo.server import DemoServer
    from chronotui.ui.app import DeskApp


RUNNING = re.compile(r"^ Board .*\b[1-9]\d* running")


def desk_in_haste(server: DemoServer) -> DeskApp:
    """Return a desk that may ask ten times as often."""
    app = desk_on(server)
    force_setattr(app.plan.profile, "requests_per_minute", 600.0)
    return app


def board_on(pilot: Pilot[int]) -> BoardScreen:
    screen = pilot.app.screen
    assert isinstance(screen, BoardScreen), screen
    return screen


async def opened(pilot: Pilot[int]) -> BoardScreen:
    await board_of_the_moment(pilot)
    await press(pilot, "B")
    await until(pilot, lambda: isinstance(pilot.app.screen, BoardScreen))
    await until_shown(pilot, "newest line")
    return board_on(pilot)


async def sign_in(pilot: Pilot[int], password: str) -> None:
    pilot.app.screen.query_one(Input).value = password
    await press(pilot, "enter")


def row_of(pilot: Pilot[int], words: str) -> str:
    rows = shown(pilot).splitlines()
    return next((line for line in rows[1:] if words in line), "")


async def test_what_runs_and_what_failed_stands_first_with_its_newest_line() -> None:
    with still_server() as server:
        app = desk_in_haste(server)
        async with app.run_test(size=(120, 40)) as pilot:
            board = await opened(pilot)
            await until(
                pilot,
                lambda: all(
                    told_of(board.session, job) for job in board.rows.running()
                ),
            )
            await until(pilot, lambda: shown(pilot).count("≥") == 3)
            rows = shown(pilot).splitlines()[2:-1]
            signs = "".join(row[2] for row in rows)
            assert signs.startswith("●●●●✗")
            assert signs.rindex("●") < signs.index("✗")
            await until_shown(pilot, "4 running")
            report = row_of(pilot, "nightly-report")
            assert " auto " in report
            assert " ×2 " in report
            assert "nothing heard yet" in report
            assert "layer 0839" in row_of(pilot, "image-build")
            # Each that runs in sight has a stream, and nothing else has.
            assert server.requests.streams == len(board.rows.running())
            await press(pilot, "escape")
            await until(pilot, lambda: server.requests.streams == 0)
            assert desk(pilot).screen is desk(pilot).desk


async def test_enter_opens_the_log_and_back_is_the_same_row() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 36)) as pilot:
            board = await opened(pilot)
            await press(pilot, "j", "j", "j", "j", "j")
            chosen = board.rows.selected
            row = board.rows.selected_row
            await press(pilot, "enter")
            await until(pilot, lambda: app.desk.log_side.current is not None)
            current = app.desk.log_side.current
            assert current is not None
            assert chosen is not None
            assert current.job.id == chosen.job_id
            await until_shown(pilot, "sealed")
            assert app.desk.has_class("-in-log")
            await press(pilot, "escape")
            await until(pilot, lambda: isinstance(pilot.app.screen, BoardScreen))
            again = board_on(pilot)
            assert again.rows.selected == chosen
            assert again.rows.selected_row == row
            # Its details come back to it as well.
            await press(pilot, "D")
            await until_shown(pilot, "attempts")
            assert pilot.app.screen is app.desk
            await press(pilot, "escape")
            await until(pilot, lambda: isinstance(pilot.app.screen, BoardScreen))
            # Opened by its key it begins at the top again.
            await press(pilot, "q", "B")
            await until(pilot, lambda: isinstance(pilot.app.screen, BoardScreen))
            assert board_on(pilot).rows.selected_row == 0


async def test_keys_and_clicks_are_about_the_highlighted_row() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(60, 20)) as pilot:
            board = await opened(pilot)
            await it_fits_and_tells_times_as_wanted(pilot)
            # Nothing shines through the board; a dialog is seen over it.
            assert app._background_screens == []
            # Profiles open over the board, and back is the board.
            await press(pilot, "j", "P")
            await until(pilot, lambda: isinstance(app.screen, ProfilesScreen))
            assert app._background_screens == [board]
            await press(pilot, "P", "escape")
            await until(pilot, lambda: app.screen is board)
            assert board.rows.selected_row == 1
            await press(pilot, "f")
            await until_shown(pilot, "esc to the list")
            await press(pilot, "escape", "j", "j", "j", "j")
            await card_save_and_copy_mean_what_is_highlighted(pilot)
            # A click selects, and a second one opens.
            await press(pilot, "g")
            assert board.rows.selected_row == 0
            await pilot.click(board.list, offset=(6, 5))
            assert board.rows.selected_row == 5
            chosen = board.rows.selected
            await pilot.click(board.list, offset=(6, 5), times=2)
            await until(pilot, lambda: app.desk.log_side.current is not None)
            current = app.desk.log_side.current
            assert current is not None
            assert chosen is not None
            assert current.job.id == chosen.job_id


async def it_fits_and_tells_times_as_wanted(pilot: Pilot[int]) -> None:
    report = row_of(pilot, "nightly-report")
    assert report.startswith("  ●")
    assert ":" in report
    await until_shown(pilot, "? help")
    await pilot.resize_terminal(120, 36)
    await until_shown(pilot, " start ")
    await press(pilot, "t")
    await until_shown(pilot, " age ")
    assert row_of(pilot, "✗").count("min") + row_of(pilot, "✗").count(" h")


async def card_save_and_copy_mean_what_is_highlighted(pilot: Pilot[int]) -> None:
    board = board_on(pilot)
    workflow, job = board.meant
    assert workflow is not None
    assert job is not None
    short = board.rows.short_id(job)
    await press(pilot, "c")
    await until_shown(pilot, f"{short} ─")
    await press(pilot, "escape")
    await press(pilot, "s")
    await until_shown(pilot, "Save log of")
    await press(pilot, "escape")
    await press(pilot, "y")
    await until_shown(pilot, f"The id of the job, {job.id}, was sent")
    assert isinstance(pilot.app.screen, BoardScreen)


async def test_marked_rows_are_shown_merged_and_back_is_the_board() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 36)) as pilot:
            board = await opened(pilot)
            await press(pilot, "m", "j", "m")
            await until_shown(pilot, "M shows 2 jobs merged")
            assert [row[1] for row in shown(pilot).splitlines()[2:5]] == [*"++ "]
            await press(pilot, "M")
            await until_shown(pilot, "2 jobs merged by time")
            await press(pilot, "escape")
            await until(pilot, lambda: pilot.app.screen is board)
            await press(pilot, "m")
            await until_shown(pilot, "Mark taken away; M shows 1 job merged")
            await press(pilot, "a")
            await until_shown(pilot, "Alert: ")


async def test_filters_narrow_the_board_and_say_what_they_hide() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 36)) as pilot:
            board = await opened(pilot)
            await press(pilot, "slash", *"etl", "enter")
            await until_shown(pilot, "filtered out")
            names = {
                workflow.name
                for row in range(len(board.rows))
                if (workflow := board.rows.workflow(board.rows.key(row)))
            }
            assert names == {"etl-orders"}
            await press(pilot, "slash", *"xyz", "enter")
            words = "The filters leave no job; 0 shows all again."
            await until_shown(pilot, words)
            await press(pilot, "enter")  # says as well why there is none to open
            await until(pilot, lambda: shown(pilot).count(words) > 1)
            await press(pilot, "0")
            assert not board.rows.hidden
            await press(pilot, "f", "l", "l", "l", "escape")  # RUNNING
            await until(pilot, lambda: len(board.rows) == 4)
            await until_shown(pilot, "4 running shown")
            await until_shown(pilot, "RUNNING")


async def test_a_sweep_is_cut_by_escape_and_said() -> None:
    faults = Faults(retention_lag=(0.0, 0.0))
    with still_server(fleet=120, faults=faults) as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 36)) as pilot:
            await until_shown(pilot, "nightly-report")
            session = app.desk.session
            assert session is not None
            fleet = session.fleet
            assert fleet is not None
            faults.latency = (0.3, 0.3)
            await press(pilot, "B")
            await until(pilot, lambda: isinstance(pilot.app.screen, BoardScreen))
            await until_shown(pilot, "esc stops")
            await press(pilot, "escape")
            await until_shown(pilot, "Stopped at")
            assert isinstance(pilot.app.screen, BoardScreen)
            faults.latency = (0.0, 0.0)
            await until(pilot, lambda: not fleet.is_sweeping)
            read, _total = fleet.progress
            assert read < 118
            await press(pilot, "escape")
            await until(pilot, lambda: pilot.app.screen is app.desk)


async def test_an_outage_is_said_on_the_board_and_over() -> None:
    with still_server() as server:
        app = desk_in_haste(server)
        async with app.run_test(size=(120, 36)) as pilot:
            board = await opened(pilot)
            server.stop()
            await until_shown(pilot, "✗ OFFLINE")
            assert len(board.rows)
            server.start()
            await press(pilot, "r")
            await until(pilot, lambda: "OFFLINE" not in shown(pilot))


async def test_a_session_that_ended_asks_over_the_board() -> None:
    with still_server() as server:
        app = desk_on(server)
        force_setattr(app.plan.profile.auth, "password", None)
        async with app.run_test(size=(120, 36)) as pilot:
            await until_shown(pilot, "Password of")
            await sign_in(pilot, server.password)
            board = await opened(pilot)
            server.service.accounts.sessions.clear()
            await until_shown(pilot, "Password of")
            await sign_in(pilot, server.password)
            await until(pilot, lambda: pilot.app.screen is board)
            await until(pilot, lambda: "SIGN IN" not in shown(pilot))
            assert len(board.rows)


async def test_counts_of_an_hour_ago_are_marked() -> None:
    with still_server() as server:
        async with desk_on(server).run_test(size=(120, 36)) as pilot:
            board = await opened(pilot)
            fleet = board.session.fleet
            assert fleet is not None
            assert "caution" not in [
                part.tone for part in heading_of(board.rows, fleet, "demo")
            ]
            with patch.object(fleet, "age", return_value=3600.0):
                (old,) = [
                    part
                    for part in heading_of(board.rows, fleet, "demo")
                    if part.tone == "caution"
                ]
            assert old.short == "oldest 1 h ago"


def test_in_the_real_program_a_running_job_is_two_keys_away(tmp_path: Path) -> None:
    command, environment = ["-m", "chronotui", "demo"], environment_for(tmp_path)
    with Terminal(command, environment=environment) as terminal:
        terminal.until("nightly-report")
        terminal.press("B")
        # Painted or not, what runs is its first row once it counts something.
        terminal.until(lambda text: RUNNING.search(text) is not None)
        terminal.press("enter")
        terminal.until("following")
        terminal.press("escape")
        terminal.until("newest line")
        terminal.press("ctrl+c")
        terminal.until("again to quit")
        terminal.press("ctrl+c")
        assert terminal.wait() == 130


async def test_an_app_has_no_board_and_it_is_said() -> None:
    with still_app() as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 36)) as pilot:
            await until_shown(pilot, "of 1,2")
            await press(pilot, "B")
            await until_shown(pilot, "Dify has one app to a profile")
            assert pilot.app.screen is app.desk
