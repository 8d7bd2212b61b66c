"""The desk on a real server: find, watch, page back, save, and every bad day."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from textual.events import Key

from chronotui.demo.routes import Dialect
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine.timing import WatchTiming
from chronotui.model import STDERR
from chronotui.tree.model import NodeKey
from chronotui.ui.desk.pane_tabs import HISTORY, LIVE
from tests.ui.desk.scenes import (
    desk,
    desk_on,
    history,
    live,
    press,
    shown,
    still_server,
    until,
    until_shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from textual.pilot import Pilot

    from chronotui.demo.server import DemoServer


DIALECTS = list(Dialect)


@pytest.fixture(params=DIALECTS, ids=str)
def server(request: pytest.FixtureRequest) -> Iterator[DemoServer]:
    with still_server(dialect=request.param) as running:
        yield running


async def test_a_running_job_opens_on_live_and_every_side_is_reached_by_keys(
    server: DemoServer,
) -> None:
    app = desk_on(server)
    async with app.run_test(size=(80, 24)) as pilot:
        await live(pilot)
        assert app.desk.log_side.pane == LIVE
        job = app.desk.log_side.current
        assert job is not None
        truth = server.world.truth(job.job.id, until_now=True)
        await until(pilot, lambda: job.opened.log.state.at_end)
        newest = job.opened.log.store.line(len(job.opened.log.store) - 1)
        assert newest.message == truth[-1].message
        assert not app.desk.tree_side.display
        await press(pilot, "tab")
        assert app.desk.tree_side.display
        await press(pilot, "tab", "H", "D", "L", "z")
        assert app.desk.has_class("-zoomed")
        pane = app.desk.log_side.log_pane
        assert pane is not None
        assert pane.view.region.y == 0, "where mosh looks for rows that scrolled"
        await press(pilot, "escape")
        assert not app.desk.has_class("-zoomed")
        await press(pilot, "q")
        assert not app.desk.has_class("-in-log")
        app.simulate_key("q")
        await until(pilot, lambda: app.return_value is not None, settle=False)
    assert app.return_value == 0


async def test_history_of_a_running_job_stays_where_it_is_read() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 36)) as pilot:
            await live(pilot)
            await press(pilot, "H")
            await until_shown(pilot, "History stays where you read")
            pane = app.desk.log_side.log_pane
            assert pane is not None
            assert not pane.view.place.following
            last = pane.view.opened.viewport.last_shown
            assert pane.view.opened.viewport.current == last
            await press(pilot, "G", "L", "H")
            assert pane.view.place.following
            await press(pilot, "L")
            assert app.desk.log_side.place.following


async def test_an_ended_job_is_read_back_searched_saved_and_come_back_to(
    server: DemoServer, tmp_path: Path
) -> None:
    app = desk_on(server, save_folder=tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        await history(pilot)
        side = app.desk.log_side
        job = side.current
        assert job is not None
        truth = server.world.truth(job.job.id)
        assert side.pane == HISTORY
        await until_shown(pilot, "FAILED after")
        await until_shown(pilot, "0 missing")
        await a_line_not_loaded_yet_is_loaded_and_gone_to(pilot)
        await a_hit_of_the_servers_search_is_loaded_and_gone_to(pilot)
        # Saved as the server gives it.
        await press(pilot, "s")
        await until_shown(pilot, "new file")
        await press(pilot, "enter")
        saved = tmp_path / f"{job.job.id}-logs.txt"
        await until_shown(pilot, "counted against")
        assert sorted(saved.read_text(encoding="utf-8").splitlines()) == sorted(
            part for line in truth for part in line.message.splitlines() or [""]
        )
        await press(pilot, "escape")
        await until(pilot, lambda: app.screen is app.desk)
        # Coming back to a job is instant and keeps the place.
        place = side.place.number
        await press(pilot, "tab", "j", "enter")
        await until(pilot, lambda: side.current is not job)
        await press(pilot, "tab", "k", "enter")
        await pilot.pause()
        assert side.current is job
        assert side.place.number == place
        # Going to the start loads the whole log.
        await press(pilot, "g")
        await until(pilot, lambda: job.opened.log.state.at_start)
        store = job.opened.log.store
        await until(pilot, lambda: len(store) == len(truth))
        assert sorted(line.message for line in store.lines(0, len(store))) == sorted(
            line.message for line in truth
        )


async def a_line_not_loaded_yet_is_loaded_and_gone_to(pilot: Pilot[int]) -> None:
    side = desk(pilot).desk.log_side
    await press(pilot, "colon", "1", "2", "enter")
    await until(pilot, lambda: side.place.number == 12)
    assert side.log_pane is not None
    assert not side.place.following
    assert side.state is not None
    assert side.log_pane.view.edges.more_above is not side.state.at_start


async def a_hit_of_the_servers_search_is_loaded_and_gone_to(pilot: Pilot[int]) -> None:
    side = desk(pilot).desk.log_side
    await press(pilot, "S")
    await until_shown(pilot, "Search the server")
    await press(pilot, *"Connecting", "enter")
    await until_shown(pilot, "found")
    await press(pilot, "end", "enter")

    def stands_on_it() -> bool:
        line = side.place.line
        return line is not None and "Connecting to database" in line.message

    await until(pilot, stands_on_it)


async def test_a_deep_link_opens_the_job() -> None:
    with still_server() as server:
        app = desk_on(server, workflow="nightly-report", job="17c3be")
        async with app.run_test(size=(120, 36)) as pilot:
            await until_shown(pilot, "FAILED after")
            assert app.desk.log_side.pane == HISTORY


async def test_no_size_breaks_the_desk_or_its_dialogs() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 36)) as pilot:
            await history(pilot)
            for size in ((10, 3), (59, 19), (60, 20)):
                await pilot.resize_terminal(*size)
                await pilot.pause()
                if size == (59, 19):
                    await until_shown(pilot, "Too small: 60×20 is the least.")
                await pilot.resize_terminal(120, 36)
                await until_shown(pilot, "FAILED after")
            for size in ((1, 1), (20, 5), (40, 10), (300, 100)):
                await pilot.resize_terminal(*size)
                await pilot.pause()
                await everything_opens_and_closes(pilot)
                if size == (20, 5):
                    assert shown(pilot).splitlines()[-1].startswith(" Too small: 60×20")
                await pilot.resize_terminal(120, 36)
                await press(pilot, "H")
                await until_shown(pilot, "FAILED after")


async def everything_opens_and_closes(pilot: Pilot[int]) -> None:
    app = desk(pilot)
    for key in ("question_mark", "P", "s", "S", "ctrl+p"):
        await press(pilot, key)
        await until(pilot, lambda: len(app.screen_stack) > 1)
        await press(pilot, "escape")
        await until(pilot, lambda: app.screen is app.desk)
    await press(pilot, "D", "G", "tab", "f", "enter", "escape", "escape")


async def test_an_unreachable_server_is_said_and_the_desk_lives() -> None:
    with still_server() as server:
        app = desk_on(server)
        server.stop()
        async with app.run_test(size=(120, 36)) as pilot:
            text = await until_shown(pilot, "✗")
            assert "refused" in text or "reach" in text
            await press(pilot, "question_mark")
            await until_shown(pilot, "esc closes")


async def test_data_stay_when_the_server_goes() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 36)) as pilot:
            await history(pilot)
            before = app.desk.log_side.current
            server.stop()
            await press(pilot, "pageup", "tab", "r")
            await until(
                pilot,
                lambda: (
                    app.desk.session is not None
                    and app.desk.session.catalog.problem is not None
                ),
            )
            await until_shown(pilot, "nightly-report")
            assert app.desk.log_side.current is before


async def test_hostile_names_and_lines_are_shown_harmlessly() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 36)) as pilot:
            tree = app.desk.tree_side.tree_view
            await until_shown(pilot, "deploy [red]prod[/")
            hostile = server.world.named("hostile")
            tree.model.select(NodeKey.workflow(hostile.id))
            tree.sync()
            await press(pilot, "enter")
            await until_shown(pilot, "manual")
            await press(pilot, "j", "enter")
            await until(pilot, lambda: app.desk.log_side.place.number is not None)
            for pane in "HLD":
                await press(pilot, pane)
                text = shown(pilot)
                assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)


async def test_keys_are_remapped_by_name_and_a_command_of_the_palette_runs() -> None:
    with still_server() as server:
        app = desk_on(server)
        app.set_keymap({"desk.zoom": "x"})
        async with app.run_test(size=(120, 36)) as pilot:
            await history(pilot)
            await press(pilot, "x")
            assert app.desk.has_class("-zoomed")
            await press(pilot, "ctrl+p", *"bookmark")
            await until_shown(pilot, "log.")
            await press(pilot, "enter")
            await until(pilot, lambda: len(app.screen_stack) == 1)
            current = app.desk.log_side.current
            assert current is not None
            await until(pilot, lambda: bool(current.views[HISTORY].bookmarks))


@pytest.mark.parametrize("size", [(120, 36), (20, 2)])
async def test_page_keys_reach_the_palette_before_its_list_is_shown(
    size: tuple[int, int],
) -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=size) as pilot:
            for key in ("ctrl+p", "pagedown", "pageup"):
                app.post_message(Key(key, None))
            await until(pilot, lambda: len(app.screen_stack) == 2)
            await press(pilot, "pagedown", "pageup", "escape")
            await until(pilot, lambda: len(app.screen_stack) == 1)


async def test_an_error_far_above_is_loaded_and_gone_to() -> None:
    with still_server() as server:
        lines = [ScriptLine(f"line {n}", retained=0.0) for n in range(2500)]
        lines[7] = ScriptLine("it failed here", STDERR, retained=0.0)
        script = Script(lines, rate=1000, starts_in=-600, ends_after=1.0)
        job = server.world.add_job(script)
        app = desk_on(server, workflow=job.workflow_id, job=job.id)
        async with app.run_test(size=(120, 36)) as pilot:
            await until_shown(pilot, "line 2499")
            await press(pilot, "E")
            await until_shown(pilot, "it failed here")
            assert app.desk.log_side.place.number == 7
            await press(pilot, "E")
            await until_shown(pilot, "No error above this line.")


async def test_a_log_that_is_not_kept_cannot_be_saved_and_why_is_said() -> None:
    with still_server() as server:
        job = server.world.newest_job("vault-rotate")
        # Where the job was answered for first, its refusal has to last to be believed.
        timing = WatchTiming(refusal_lasts=0.2, retry_first=0.05, retry_cap=0.1)
        app = desk_on(server, workflow="vault-rotate", job=job.id, timing=timing)
        async with app.run_test(size=(120, 36)) as pilot:
            await until_shown(pilot, "retention is off")
            await press(pilot, "s")
            text = await until_shown(pilot, "There is nothing to save.")
            assert "Save log of" not in text
