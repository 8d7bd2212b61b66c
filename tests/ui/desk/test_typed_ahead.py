"""Keys that come in one read, as over a slow line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.events import Key

from chronotui.ui.log.view import LogView
from tests.ui.desk.scenes import (
    desk_on,
    history,
    press,
    shown,
    still_server,
    until,
    until_shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.demo.server import DemoServer
    from chronotui.ui.app import DeskApp
    from chronotui.ui.log.prompt import LogPane
    from chronotui.ui.log.state import OpenLog


@pytest.fixture
def server() -> Iterator[DemoServer]:
    with still_server() as running:
        yield running


def typed(app: DeskApp, *keys: str) -> None:
    """Have all keys come at once: none is obeyed before the next one is there."""
    for key in keys:
        name = {"/": "slash", ":": "colon"}.get(key, key)
        app.post_message(Key(name, key if len(key) == 1 else None))


def opened_in(pane: LogPane) -> OpenLog:
    opened = pane.view.opened
    assert opened is not None
    return opened


async def test_what_follows_a_slash_is_searched(server: DemoServer) -> None:
    app = desk_on(server)
    async with app.run_test(size=(120, 36)) as pilot:
        await history(pilot)
        typed(app, "/", *"row", "enter")
        pane = app.desk.log_side.log_pane
        assert pane is not None
        await until(pilot, lambda: opened_in(pane).search_text == "row")
        await until(pilot, lambda: isinstance(app.focused, LogView))


async def test_what_follows_a_colon_is_gone_to(server: DemoServer) -> None:
    app = desk_on(server)
    async with app.run_test(size=(120, 36)) as pilot:
        await history(pilot)
        typed(app, ":", *"start", "enter")
        job = app.desk.log_side.current
        assert job is not None
        await until(pilot, lambda: job.opened.log.state.at_start)
        pane = app.desk.log_side.log_pane
        assert pane is not None
        await until(pilot, lambda: opened_in(pane).viewport.current == 0)


async def test_the_keys_after_enter_belong_to_the_log(server: DemoServer) -> None:
    app = desk_on(server)
    async with app.run_test(size=(120, 36)) as pilot:
        await history(pilot)
        pane = app.desk.log_side.log_pane
        assert pane is not None
        typed(app, "/", *"row", "enter", "m", "w")
        await until(pilot, lambda: pane.view.settings.wrap)
        assert opened_in(pane).search_text == "row"
        assert len(opened_in(pane).bookmarks) == 1


async def test_the_tree_is_narrowed_and_moved_in_with_one_paste(
    server: DemoServer,
) -> None:
    app = desk_on(server)
    async with app.run_test(size=(120, 36)) as pilot:
        await history(pilot)
        typed(app, "tab", "/", *"etl-q", "backspace", "enter", "g", "j")
        tree = app.desk.tree_side
        await until(pilot, lambda: tree.filter_bar.filters.text == "etl-")
        assert app.focused is tree.tree_view


async def test_what_is_wrong_with_a_place_typed_at_once_is_said(
    server: DemoServer,
) -> None:
    app = desk_on(server)
    async with app.run_test(size=(120, 36)) as pilot:
        await history(pilot)
        typed(app, ":", *"xyz", "enter")
        await until_shown(pilot, "No such place")
        await press(pilot, "1")
        await until(pilot, lambda: "No such place" not in shown(pilot))
