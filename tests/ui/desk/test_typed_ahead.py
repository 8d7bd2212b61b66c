"""Keys that come in one read, as over a slow line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.events import Key
from textual.widgets import Input

from chronotui.ui.log.view import LogView
from tests.ui.desk.scenes import (
    desk,
    desk_on,
    history,
    press,
    shown,
    still_server,
    until,
    until_shown,
)

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from chronotui.ui.app import DeskApp
    from chronotui.ui.log.prompt import LogPane
    from chronotui.ui.log.state import OpenLog


def typed(app: DeskApp, *keys: str) -> None:
    """Have all keys come at once: none is obeyed before the next one is there."""
    for key in keys:
        name = {"/": "slash", ":": "colon"}.get(key, key)
        app.post_message(Key(name, key if len(key) == 1 else None))


def opened_in(pane: LogPane) -> OpenLog:
    opened = pane.view.opened
    assert opened is not None
    return opened


async def test_keys_that_come_at_once_are_obeyed_one_by_one() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 36)) as pilot:
            await history(pilot)
            await what_follows_a_slash_is_searched_and_enter_ends_it(pilot)
            await what_follows_a_colon_is_gone_to_or_said_to_be_wrong(pilot)
            # The tree is narrowed, and moved in, with one paste.
            typed(app, "tab", "/", *"etl-q", "backspace", "enter", "g", "j")
            tree = app.desk.tree_side
            await until(pilot, lambda: tree.filter_bar.filters.text == "etl-")
            await until(pilot, lambda: app.focused is tree.tree_view)


async def what_follows_a_slash_is_searched_and_enter_ends_it(
    pilot: Pilot[int],
) -> None:
    app = desk(pilot)
    pane = app.desk.log_side.log_pane
    assert pane is not None
    typed(app, "/", *"row", "enter", "m", "w")
    await until(pilot, lambda: pane.view.settings.wrap)
    await until(pilot, lambda: isinstance(app.focused, LogView))
    assert opened_in(pane).search_text == "row"
    assert len(opened_in(pane).bookmarks) == 1


async def what_follows_a_colon_is_gone_to_or_said_to_be_wrong(
    pilot: Pilot[int],
) -> None:
    app = desk(pilot)
    pane, job = app.desk.log_side.log_pane, app.desk.log_side.current
    assert pane is not None
    assert job is not None
    typed(app, ":", *"start", "enter")
    await until(pilot, lambda: job.opened.log.state.at_start)
    await until(pilot, lambda: opened_in(pane).viewport.current == 0)
    typed(app, ":", *"xyz", "enter")
    await until_shown(pilot, "No such place")
    await press(pilot, "1")
    await until(pilot, lambda: "No such place" not in shown(pilot))
    await press(pilot, "escape")
    await until(pilot, lambda: isinstance(app.focused, LogView))


async def test_what_is_typed_before_an_input_hears_of_its_focus_stays() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 36)) as pilot:
            await history(pilot)
            for opening in (("question_mark", "/"), ("tab", "/"), ("f", "/")):
                await an_input_keeps_all_of_a_word(pilot, opening)
                await press(pilot, "escape", "escape")


async def an_input_keeps_all_of_a_word(
    pilot: Pilot[int], opening: tuple[str, ...]
) -> None:
    """What stood in it before gives way, as where one waits before typing."""
    app = desk(pilot)
    typed(app, *opening, *"et")
    await until(pilot, lambda: isinstance(app.focused, Input) and app.focused.has_focus)
    typed(app, "l")
    field = app.focused
    assert isinstance(field, Input)
    await until(pilot, lambda: field.value == "etl")
    assert field.select_on_focus
