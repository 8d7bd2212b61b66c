"""What is remembered between runs, and what is said when it is not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input

from chronotui.storage.config import load_config
from chronotui.storage.settings import Config, Profile
from chronotui.ui.app import DeskApp
from chronotui.ui.desk.plan import plan_for
from tests.ui.desk.scenes import (
    auth_for,
    desk_on,
    history,
    press,
    shown,
    still_server,
    until,
    until_shown,
)

if TYPE_CHECKING:
    from pathlib import Path

    from chronotui.demo.server import DemoServer


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder, with a file in it that cannot be read."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "state" / "chronotui"
    folder.mkdir(parents=True)
    (folder / "state.json").write_text("{", encoding="utf-8")
    return folder


def remembering_desk(server: DemoServer, config: Config) -> DeskApp:
    profile = Profile("demo", server.url, poll_seconds=0.5, auth=auth_for(server))
    return DeskApp(plan_for(profile, config), config)


def readable_config(folder: Path, server: DemoServer) -> Config:
    """Return a configuration that holds a secret and that others may read."""
    path = folder / "config.toml"
    path.write_text(
        f'[profiles.p]\nurl = "{server.url}"\n'
        '[profiles.p.auth]\nmethod = "bearer"\ntoken = "t"\n',
        encoding="utf-8",
    )
    path.chmod(0o644)
    return load_config(path)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
async def test_what_was_lost_and_what_is_open_to_others_is_said_once(
    tmp_path: Path, state: Path
) -> None:
    with still_server() as server:
        app = remembering_desk(server, readable_config(tmp_path, server))
        async with app.run_test(size=(280, 30)) as pilot:
            text = await until_shown(pilot, "state.json cannot be read")
            assert "chmod 600" in text
            app.desk.say("")
            await history(pilot)
            await press(pilot, "w")
            kept = state / "state.json"
            await until(pilot, lambda: kept.read_text(encoding="utf-8") != "{")
            assert "state.json" not in shown(pilot)


async def test_choices_that_cannot_be_kept_are_said_once(
    tmp_path: Path, state: Path
) -> None:
    with still_server() as server:
        app = remembering_desk(server, Config(tmp_path / "none.toml"))
        async with app.run_test(size=(280, 30)) as pilot:
            await history(pilot)
            app.desk.say("")
            (state / "state.json").unlink()
            (state / "state.json").mkdir()
            await press(pilot, "w")
            await until_shown(pilot, "was not written")
            app.desk.say("")
            await press(pilot, "w")
            assert "was not written" not in shown(pilot)


async def test_the_next_save_begins_where_the_last_one_went(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with still_server() as server:
        app = desk_on(server, save_folder=tmp_path)
        async with app.run_test(size=(120, 36)) as pilot:
            await history(pilot)
            await press(pilot, "s")
            await until_shown(pilot, "new file")
            app.screen.query_one("#path", Input).value = str(other)
            await press(pilot, "enter")
            await until_shown(pilot, "✓ saved")
            await press(pilot, "escape")
            await until(pilot, lambda: app.screen is app.desk)
            await press(pilot, "s")
            await until_shown(pilot, "new file")
            path = app.screen.query_one("#path", Input).value
            assert path.startswith(str(other))
            await until_shown(pilot, path[-20:])
