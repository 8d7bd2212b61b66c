"""Keys that are changed from the help: asked, refused, kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.storage.config import load_config
from chronotui.storage.settings import Config
from chronotui.storage.state import StateFile
from chronotui.ui.desk.board import BoardScreen
from chronotui.ui.key_change import KeyChange
from tests.ui.desk.scenes import (
    desk_on,
    press,
    shown,
    still_server,
    until,
    until_shown,
)

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_key_is_changed_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# mine\n[keys]\nlog.wrap = 'W'\n")
    with still_server() as server:
        app = desk_on(server, memory=StateFile(tmp_path))
        app.config = Config(path)
        async with app.run_test(size=(110, 40)) as pilot:
            await until_shown(pilot, "nightly-report")
            await press(pilot, "question_mark", "c")
            await until_shown(pilot, "Press the key that is to be changed.")
            await press(pilot, "f4")
            await until_shown(pilot, "Nothing is on F4.")
            await press(pilot, "B")
            await until_shown(pilot, "board of all workflows. Press its new key.")
            await press(pilot, "T")
            await until_shown(pilot, "T is taken.")
            await press(pilot, "f3")
            await until(pilot, lambda: not isinstance(app.screen, KeyChange))
            await until_shown(pilot, "Kept in")
            await press(pilot, "slash", *"f3")
            await until_shown(pilot, "desk.board")
            await press(pilot, "escape", "escape", "B")
            assert not isinstance(app.screen, BoardScreen)
            await press(pilot, "f3")
            await until(pilot, lambda: isinstance(app.screen, BoardScreen))
    assert load_config(path).keys == {"log.wrap": "W", "desk.board": "f3"}
    assert "# mine" in path.read_text()


async def test_an_action_keeps_its_other_keys_and_the_next_one_is_a_key_away() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(110, 40)) as pilot:
            await until_shown(pilot, "nightly-report")
            await press(pilot, "question_mark", "c", "r")
            await until_shown(pilot, "r again: the next of")
            first = shown(pilot)
            await press(pilot, "r")
            await until(pilot, lambda: shown(pilot) != first)
            await press(pilot, "escape")
            assert "Kept" not in shown(pilot)
            await press(pilot, "c", "l", "f3")
            await until_shown(pilot, "Until the desk is left")
    assert app.config.keys["tree.open"] == "enter,f3"
