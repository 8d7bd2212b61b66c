"""A recording on the desk: told of, never lost by a key, kept when the desk is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.events import Key

from chronotui.demo.scripts import Script
from chronotui.ui.save_list import LeaveScreen, SaveScreen, SavesScreen, StopScreen
from tests.ui.desk.scenes import desk_on, press, shown, until, until_shown

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer
    from chronotui.ui.app import DeskApp


@pytest.fixture
def job(demo: DemoServer) -> ScriptedJob:
    """A job that runs, with 40 lines."""
    return demo.world.add_job(Script([f"line {n}" for n in range(40)]))


@pytest.fixture
def app(demo: DemoServer, job: ScriptedJob, tmp_path: Path) -> DeskApp:
    return desk_on(demo, save_folder=tmp_path, workflow="scripted", job=job.id)


async def recording(pilot: Pilot[int]) -> None:
    """Record the opened job and go back to the log."""
    await until_shown(pilot, "0 missing")
    await press(pilot, "s")
    await until_shown(pilot, "new file")
    await press(pilot, "enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, SaveScreen))
    await until_shown(pilot, "recording until the job ends")
    saves = pilot.app.desk.session.saves  # type: ignore[attr-defined]
    await until(pilot, lambda: saves.running[0].progress.lines == 40)
    await press(pilot, "escape")
    await until_shown(pilot, "is recorded to its end; W lists it.")


def names(folder: Path) -> set[str]:
    return {entry.name.partition("logs.txt")[2] for entry in folder.glob("*logs*")}


def lines_saved(folder: Path) -> int:
    (saved,) = folder.glob("*logs.txt")
    return len(saved.read_text(encoding="utf-8").splitlines())


async def test_escape_closes_and_nothing_else(
    app: DeskApp, job: ScriptedJob, tmp_path: Path
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await recording(pilot)
        for size in ((80, 24), (60, 20)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda: "● rec" in shown(pilot))
            await until_shown(pilot, "0 missing")
        await press(pilot, "W")
        await until(pilot, lambda: isinstance(app.screen, SavesScreen))
        await press(pilot, "escape", "escape")
        await press(pilot, "W")
        await until(pilot, lambda: isinstance(app.screen, SavesScreen))
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, SaveScreen))
        await press(pilot, "escape", "escape")
        job.write("after all those keys")
        await until(pilot, lambda: "● rec" in shown(pilot) and "41" in shown(pilot))
        job.end()
        await until_shown(pilot, "Saved 41 lines")
        assert names(tmp_path) == {""}
        await until(pilot, lambda: "● rec" not in shown(pilot))


@pytest.mark.parametrize(
    ("keys", "left"),
    [
        (["right", "enter"], {".part", ".part.state"}),
        (["k"], {".part", ".part.state"}),
        (["y"], set()),
    ],
)
async def test_cancelling_asks_and_only_yes_deletes(
    app: DeskApp, tmp_path: Path, keys: list[str], left: set[str]
) -> None:
    async with app.run_test(size=(60, 20)) as pilot:
        await recording(pilot)
        await press(pilot, "W")
        await until(pilot, lambda: isinstance(app.screen, SavesScreen))
        assert app.desk.session is not None
        saves, kept = app.desk.session.saves, {".part", ".part.state"}
        for goes_on in ("enter", "escape"):
            await answer(pilot, goes_on)
            assert saves.running
            await until(pilot, lambda: names(tmp_path) == kept)
        await answer(pilot, *keys)
        await until(pilot, lambda: not saves.running)
        await until(pilot, lambda: names(tmp_path) == left)


async def answer(pilot: Pilot[int], *keys: str) -> None:
    """Cancel the recording, and answer what is asked then."""
    await press(pilot, "c")
    await until_shown(pilot, "Stop and delete 40 recorded lines?")
    assert isinstance(pilot.app.screen, StopScreen)
    await press(pilot, *keys)
    await until(pilot, lambda: isinstance(pilot.app.screen, SavesScreen))


async def test_leaving_says_that_it_is_kept_and_the_next_desk_goes_on(
    app: DeskApp, demo: DemoServer, job: ScriptedJob, tmp_path: Path
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await recording(pilot)
        await press(pilot, "ctrl+q")
        await until_shown(pilot, "It is kept as .part")
        assert isinstance(app.screen, LeaveScreen)
        assert "cancelled" not in shown(pilot)
        app.post_message(Key("y", "y"))
        await until(pilot, lambda: not app.is_running, settle=False)
    assert names(tmp_path) == {".part", ".part.state"}
    (kept,) = app.parting
    assert "(40 lines) is kept" in kept
    assert f"chronotui --profile demo save {job.workflow_id} {job.id} -O" in kept
    again = desk_on(demo, save_folder=tmp_path, workflow="scripted", job=job.id)
    async with again.run_test(size=(80, 24)) as pilot:
        job.write("while away")
        await until_shown(pilot, "0 missing")
        await press(pilot, "s")
        await until_shown(pilot, "goes on with a recording of 40 lines")
        await press(pilot, "enter")
        await until_shown(pilot, "41 lines")
        job.end()
        await until_shown(pilot, "Saved 41 lines")
    assert names(tmp_path) == {""}


async def test_a_server_that_is_away_is_said_and_ends_nothing(
    app: DeskApp, demo: DemoServer, job: ScriptedJob, tmp_path: Path
) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await recording(pilot)
        demo.stop()
        await until_shown(pilot, "server away")
        demo.start()
        await until(pilot, lambda: "server away" not in shown(pilot))
        job.write("back again")
        await until(pilot, lambda: "41 lines" in shown(pilot))
        job.end()
        await until(pilot, lambda: names(tmp_path) == {""})
    assert lines_saved(tmp_path) == 41
