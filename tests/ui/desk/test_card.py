"""The card over the desk, a line handed over, and the way back to it."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.routes import Dialect
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.log.handoff import LinePlace
from chronotui.model import STDERR, JobStatus
from chronotui.tree.model import NodeKey
from chronotui.ui.card import CardScreen
from tests.ui.desk.scenes import (
    desk,
    desk_on,
    history,
    press,
    still_app,
    still_server,
    until,
    until_shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from textual.pilot import Pilot

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer


@pytest.fixture(params=list(Dialect), ids=str)
def server(request: pytest.FixtureRequest) -> Iterator[DemoServer]:
    with still_server(dialect=request.param) as running:
        yield running


async def until_read(pilot: Pilot[int]) -> str:
    """Wait for the card to have everything in it."""
    await until(pilot, lambda: isinstance(pilot.app.screen, CardScreen))
    screen = pilot.app.screen
    assert isinstance(screen, CardScreen)
    await until(pilot, lambda: screen.is_read)
    return screen.markdown


def failed_job(server: DemoServer, lines: int = 1200) -> ScriptedJob:
    """A job that ended badly long ago, an error in the middle and one at the end."""
    said = [ScriptLine(f"line {n}") for n in range(lines)]
    said[lines // 2] = ScriptLine("KeyError: ```middle", stream=STDERR)
    said += [
        ScriptLine("Traceback (most recent call last):", stream=STDERR),
        ScriptLine('  File "load.py", line 88', stream=STDERR),
        ScriptLine("ValueError: bad row ````", stream=STDERR),
    ]
    script = Script(said, starts_in=-6000, rate=500, ends_after=1, outcome="FAILED")
    return server.world.add_job(script)


async def test_c_shows_the_failure_of_the_open_job_and_y_and_s_take_it(
    server: DemoServer, tmp_path: Path
) -> None:
    app = desk_on(server, save_folder=tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        await history(pilot)
        await press(pilot, "c")
        text = await until_read(pilot)
        job = app.desk.log_side.current
        assert job is not None
        assert text.startswith(f"**`nightly-report` `{job.job.id}` FAILED** after 2:05")
        assert "Last error, attempt 3, line " in text
        await until_shown(pilot, "FAILED** after 2:05")
        assert "RuntimeError: gave up" in text
        assert "New against the last good run, `" in text
        assert "missing" in text
        assert f"--job {job.job.id} --line 3:" in text
        await press(pilot, "y")
        await until_shown(pilot, "Sent the card")
        assert app._clipboard == text
        await press(pilot, "s")
        await until_shown(pilot, "Saved as ")
        saved = tmp_path / f"nightly-report-{job.job.id}-card.md"
        assert saved.read_text(encoding="utf-8") == text
        assert stat.S_IMODE(saved.stat().st_mode) == 0o600
        await press(pilot, "enter")
        await until(pilot, (tmp_path / f"{saved.stem}-2.md").exists)
        await press(pilot, "escape")
        assert app.screen is app.desk


async def test_c_on_a_job_that_is_only_highlighted_reads_its_log(
    server: DemoServer,
) -> None:
    job = failed_job(server)
    app = desk_on(server, workflow="scripted")
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shown(pilot, "scripted")
        await press(pilot, "enter")
        await until_shown(pilot, job.id[:6])
        await press(pilot, "j")
        await until(pilot, lambda: app.desk.meant.job is not None)
        await press(pilot, "c")
        text = await until_read(pilot)
        assert job.id in text
        assert "ValueError: bad row ````\n`````" in text
        assert "Log: whole, 1,203 lines, 0 missing." in text
        assert "No good run before it to compare with." in text
        assert app.desk.log_side.current is None


async def test_the_command_of_a_handed_line_opens_that_line(server: DemoServer) -> None:
    job = failed_job(server)
    number = server.world.truth(job.id)[600].sequence_num
    app = desk_on(server, workflow="scripted", job=job.id, line=LinePlace(1, number))
    async with app.run_test(size=(100, 30)) as pilot:
        await until_current(pilot, "KeyError: ```middle")
        await press(pilot, "Y")
        await until_shown(pilot, "Sent 1 line with the command")
        first, command = app._clipboard.splitlines()
        assert "KeyError: ```middle" in first
        assert "scripted" in first
        place = LinePlace.parse(command.split()[-1])
        assert f"--job {job.id}" in command
    again = desk_on(server, workflow="scripted", job=job.id, line=place)
    async with again.run_test(size=(100, 30)) as pilot:
        await until_current(pilot, "KeyError: ```middle")


async def until_current(pilot: Pilot[int], message: str) -> None:
    """Wait until the reader stands on a line."""

    def stands() -> bool:
        pane = desk(pilot).desk.log_side.log_pane
        line = None if pane is None else pane.view.opened.current_line
        return line is not None and line.message == message

    await until(pilot, stands)


async def test_a_line_that_is_not_there_is_said(server: DemoServer) -> None:
    job = failed_job(server, lines=10)
    app = desk_on(server, workflow="scripted", job=job.id, line=LinePlace(2, 7))
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shown(pilot, "The log has no line 2:7")


async def test_a_range_is_handed_over_and_in_the_tree_the_job(
    server: DemoServer,
) -> None:
    job = failed_job(server, lines=10)
    app = desk_on(server, workflow="scripted", job=job.id)
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shown(pilot, "ended FAILED")
        await press(pilot, "k", "v", "k", "Y")
        await until_shown(pilot, "Sent 2 lines with the command")
        assert len(app._clipboard.splitlines()) == 3
        await press(pilot, "escape", "Y")
        await until_shown(pilot, "Sent the command that opens it")
        assert app._clipboard.splitlines()[1].endswith(f"--job {job.id}")


async def test_the_card_of_a_run_tells_its_error_and_what_was_not_seen() -> None:
    with still_app() as server:
        app = desk_on(server)
        async with app.run_test(size=(100, 30)) as pilot:
            await until_shown(pilot, "✗")
            session = app.desk.session
            assert session is not None
            tree = session.catalog.tree
            branch = next(iter(tree.branches()))
            failed = next(
                branch.jobs[each]
                for each in branch.listing.ids
                if branch.jobs[each].status == JobStatus.FAILED
            )
            tree.select(NodeKey.job(branch.workflow.id, failed.id))
            app.desk.tree_side.tree_view.show_selected()
            await press(pilot, "k", "j", "c")
            text = await until_read(pilot)
            assert "run `" in text
            assert "FAILED**" in text
            assert "Error:" in text
            assert "Open: `chronotui --job " in text
            assert server.key not in text
            await press(pilot, "escape", "enter")
            await until_shown(pilot, "ended FAILED")
            await press(pilot, "c")
            text = await until_read(pilot)
            assert "Not seen: the server keeps no log of a run's steps" in text


async def test_an_error_before_what_is_loaded_is_found_nevertheless() -> None:
    with still_server() as server:
        said = [ScriptLine(f"line {n}") for n in range(5000)]
        said[10] = ScriptLine("KeyError: early", stream=STDERR)
        script = Script(said, starts_in=-6000, rate=500, ends_after=1, outcome="FAILED")
        job = server.world.add_job(script)
        app = desk_on(server, workflow="scripted", job=job.id)
        async with app.run_test(size=(100, 30)) as pilot:
            await until_shown(pilot, "ended FAILED")
            await press(pilot, "c")
            text = await until_read(pilot)
            assert "```\nKeyError: early\n```" in text
            assert "Log: whole, 5,000 lines, 0 missing." in text
