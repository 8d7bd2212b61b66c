"""Alerts on the desk: set with two keys, told once, listed, removed."""

from __future__ import annotations

import shlex
import sys
from functools import partialmethod
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from textual.widgets import Input

from chronotui.demo.scripts import Script
from chronotui.engine import alert_watch
from chronotui.engine.alert_command import AlertCommand
from chronotui.storage.alert_book import Alert, AlertBook, AlertKind
from chronotui.storage.settings import AlertSettings, Config
from chronotui.storage.state import StateFile
from chronotui.ui.alerts import AlertScreen
from chronotui.ui.desk import alerting
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
    from chronotui.ui.app import DeskApp


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_watch, "CALM", 0.01)
    monkeypatch.setattr(alert_watch, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(alerting, "LOOK_FOR_KEYS", 0.05)


@pytest.fixture
def server() -> Iterator[DemoServer]:
    with still_server() as running:
        yield running


def running_job(server: DemoServer, *lines: str) -> ScriptedJob:
    return server.world.add_job(Script(list(lines) or ["begun"], starts_in=-60))


def app_on(
    server: DemoServer,
    job: ScriptedJob | None = None,
    memory: StateFile | None = None,
) -> DeskApp:
    """Return a desk with the scripted workflow, or a job of it, highlighted."""
    linked = None if job is None else job.id
    return desk_on(server, workflow="scripted", job=linked, memory=memory)


async def ready(pilot: Pilot[int]) -> None:
    """Wait until alerts can be set."""
    await until_shown(pilot, "scripted")
    one = desk(pilot).desk
    await until(pilot, lambda: one.session is not None and bool(one.session.alerts))


def dialog(pilot: Pilot[int]) -> AlertScreen:
    screen = pilot.app.screen
    assert isinstance(screen, AlertScreen)
    return screen


async def opened(pilot: Pilot[int]) -> AlertScreen:
    await press(pilot, "a")
    await until(pilot, lambda: isinstance(pilot.app.screen, AlertScreen))
    return dialog(pilot)


def standing(pilot: Pilot[int]) -> list[Alert]:
    session = desk(pilot).desk.session
    assert session is not None
    assert session.alerts is not None
    return [each.alert for each in session.alerts.standing()]


async def test_two_keys_and_the_end_of_the_open_job_is_told_everywhere(
    server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-kitty")
    job = running_job(server)
    app = app_on(server, job)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await ready(pilot)
        await until(pilot, lambda: app.desk.log_side.current is not None)
        written = terminal_of(app, monkeypatch)
        await press(pilot, "a", "enter")
        await until_shown(pilot, f"You will be told when scripted {job.id[:6]} ends.")
        await until_shown(pilot, "⚑")
        job.end("FAILED")
        await until(pilot, lambda: "Alert" in shown(pilot))
        await until_shown(pilot, f"scripted {job.id[:6]} FAILED")
        (told,) = written
        assert told.startswith("\x07\x1b[22;2t\x1b]2;scripted")
        assert "\x1b]9;scripted" in told
        await until(pilot, lambda: "⚑" not in shown(pilot))
        app.key_at = monotonic()
        await until(pilot, lambda: len(written) == 2)
        assert written[1] == "\x1b]2;\x07\x1b[23;2t"
        # Set again it is refused: there is nothing more to tell.
        screen = await opened(pilot)
        assert not screen.is_of_job
        await press(pilot, "up", "left")
        await until_shown(pilot, "This job has ended")
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, AlertScreen)
        assert standing(pilot) == []
        await until_shown(pilot, "Told lately:")
        await press(pilot, "escape")
        await until_shown(pilot, "Alert at ")


def terminal_of(app: DeskApp, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is written past the painter from now on."""
    written: list[str] = []
    driver = app._driver
    assert driver is not None
    inner = driver.write

    def write(text: str) -> None:
        if text.startswith(("\x07", "\x1b]2;")):
            written.append(text)
        inner(text)

    monkeypatch.setattr(driver, "write", write)
    return written


async def test_a_pattern_begins_with_what_is_searched_for(server: DemoServer) -> None:
    job = running_job(server, "bad row 1", "fine")
    app = app_on(server, job)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await ready(pilot)
        await until_shown(pilot, "bad row 1")
        await press(pilot, "slash", *"bad", "enter")
        screen = await opened(pilot)
        assert screen.query_one("#pattern", Input).value == "bad"
        await press(pilot, "right", "right")
        await until(pilot, lambda: screen.kind is AlertKind.PATTERN)
        await press(pilot, "enter")
        await until_shown(pilot, "has a line that matches bad")
        job.write("bad row 2 [red]\x1b]2;x\x07")
        await until(pilot, lambda: "Alert" in shown(pilot))
        assert "bad row 2 [red]␛]2;x␇" in shown(pilot).replace("\n", "")


async def test_every_run_of_a_workflow_and_removing(server: DemoServer) -> None:
    running_job(server)
    app = app_on(server)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await ready(pilot)
        await until(pilot, lambda: app.desk.meant.workflow is not None)
        await press(pilot, "a", "right", "enter")
        await until_shown(pilot, "You will be told when a run of")
        (alert,) = standing(pilot)
        assert alert.kind is AlertKind.FAILURE
        assert alert.job_id == ""
        await until_shown(pilot, "⚑")
        # The same again stands already.
        await press(pilot, "a", "right", "enter")
        await until_shown(pilot, "stands already")
        await press(pilot, "d")
        await until_shown(pilot, "d removes the alert")
        await press(pilot, "d")
        await until_shown(pilot, "No alert stands.")
        await press(pilot, "escape")
        await until(pilot, lambda: "⚑" not in shown(pilot))


async def test_of_an_app_s_runs_only_the_state_is_watched() -> None:
    with still_app() as server:
        app = desk_on(server)
        async with app.run_test(size=(100, 30)) as pilot:
            one = app.desk
            await until(
                pilot, lambda: one.session is not None and bool(one.session.alerts)
            )
            await until(pilot, lambda: one.meant.workflow is not None)
            await opened(pilot)
            await until_shown(pilot, "it fails")
            assert "a line matches" not in shown(pilot)
            await press(pilot, "enter")
            await until_shown(pilot, "You will be told")


async def test_left_the_desk_gives_the_title_back_and_a_bad_command_is_said(
    server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    job = running_job(server)
    app = app_on(server, job)
    app.config = replace(
        Config(Path("/dev/null")), alerts=AlertSettings(command="/no/such/program")
    )
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await until(pilot, lambda: app.desk.log_side.current is not None)
        written = terminal_of(app, monkeypatch)
        await press(pilot, "a", "enter")
        job.end("COMPLETED")
        await until_shown(pilot, "The command of alerts.command cannot be started")
        assert len(written) == 1
    assert written[-1] == "\x1b]2;\x07\x1b[23;2t"


async def test_what_ended_while_no_desk_was_open_is_told_at_the_next_start(
    server: DemoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine takes longer to start a program than a desk that leaves waits.
    patient = partialmethod(AlertCommand.finish, 30.0)
    monkeypatch.setattr(AlertCommand, "finish", patient)
    job = running_job(server)
    memory = StateFile(tmp_path)
    app = app_on(server, memory=memory)
    alert = Alert(AlertKind.END, job.workflow_id, job_id=job.id, shown_id=job.id)
    AlertBook.of(app.plan.profile, tmp_path).add(alert)
    job.end("FAILED")
    done = tmp_path / "done"
    code = f"import time; time.sleep(0.5); open({str(done)!r}, 'a').write('once')"
    for tells in (True, False):
        app = app_on(server, memory=memory)
        command = shlex.join([sys.executable, "-c", code])
        settings = AlertSettings(command=command)
        app.config = replace(Config(Path("/dev/null")), alerts=settings)
        async with app.run_test(size=(100, 30), notifications=True) as pilot:
            await ready(pilot)
            await until(pilot, lambda: standing(pilot) == [])
            if tells:
                await until(pilot, lambda: "Alert" in shown(pilot))
            assert (f"{job.id[:6]} FAILED" in shown(pilot)) is tells
        # Leaving, the desk waits a moment for the command.
        assert done.read_text() == "once"


async def test_it_fits_a_small_terminal_and_a_bad_pattern_is_said(
    server: DemoServer,
) -> None:
    app = app_on(server)
    async with app.run_test(size=(60, 20)) as pilot:
        await ready(pilot)
        session = app.desk.session
        assert session is not None
        assert session.alerts is not None
        for number in range(9):
            alert = Alert(AlertKind.PATTERN, "w", "w", pattern=f"pattern {number}")
            assert session.alerts.add(alert)
        screen = await opened(pilot)
        text = await until_shown(pilot, "Standing:")
        assert "it stalls" in text
        assert "Close" in text
        assert "pattern 0" in text
        await press(pilot, "right", "right", "enter")
        await until(pilot, lambda: screen.focused is screen.query_one("#pattern"))
        await press(pilot, "(", "enter")
        await until_shown(pilot, "regular expression")
        assert len(standing(pilot)) == 9
