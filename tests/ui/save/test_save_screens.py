"""Progress, results, the list of saves and leaving, over real saves."""

from __future__ import annotations

import os
import stat
from contextlib import AsyncExitStack, nullcontext
from functools import partial
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from textual.app import App
from textual.widgets import OptionList, Static

from chronotui.demo.scripts import Script
from chronotui.engine.save import Saves
from chronotui.engine.save_request import SavePhase, SaveProgress
from chronotui.model import Job, JobStatus, Trigger
from chronotui.sources.chronoverse import open_chronoverse
from chronotui.sources.protocol import CookieAuth
from chronotui.ui.save import SaveDialog, SaveSubject, amounts, bar, share, sign
from chronotui.ui.save_list import (
    LeaveScreen,
    SaveScreen,
    SavesScreen,
    ask_and_save,
    show_saves,
)
from tests.ui.conftest import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from textual.pilot import Pilot

    from chronotui.demo.server import DemoServer


class Desk(App[None]):
    """A desk with nothing but saves."""

    def __init__(self, saves: Saves, subject: SaveSubject) -> None:
        super().__init__()
        self.saves = saves
        self.subject = subject
        self.folders: list[Path] = []

    def save(self) -> None:
        self.run_worker(
            ask_and_save(self, self.saves, self.subject, on_folder=self.folders.append)
        )

    def list_saves(self) -> None:
        self.run_worker(show_saves(self, self.saves))


@pytest.fixture
async def desk(demo: DemoServer, tmp_path: Path) -> AsyncIterator[Desk]:
    async def session() -> str:
        return demo.open_session()[0]

    lines = [f"line {n} " + "x" * 90 for n in range(1000)]
    made = demo.world.add_job(Script(lines, starts_in=-660.0, ends_after=60.0))
    job = Job(made.id, made.workflow_id, JobStatus.COMPLETED, Trigger.MANUAL)
    folder = tmp_path / "saved"
    folder.mkdir()
    async with AsyncExitStack() as stack:
        client = open_chronoverse(demo.url, CookieAuth(session))
        stack.push_async_callback(client.aclose)
        saves = Saves(client)
        stack.push_async_callback(saves.close)
        yield Desk(saves, SaveSubject(job=job, folder=folder, known_lines=1000))


async def save_screen(pilot: Pilot[None], desk: Desk) -> SaveScreen:
    """Press through the dialog to the screen of the save."""
    desk.save()
    await until(pilot, lambda: isinstance(desk.screen, SaveDialog))
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(desk.screen, SaveScreen))
    screen = desk.screen
    assert isinstance(screen, SaveScreen)
    return screen


def slow_down(demo: DemoServer) -> None:
    demo.faults.bytes_per_second = 30_000
    demo.faults.split_bytes = (500, 1000)


def words(screen: SaveScreen) -> str:
    lines = [line for line in screen.query(Static) if line.display]
    return "\n".join(str(line.content) for line in lines)


def names(desk: Desk) -> set[str]:
    return {entry.name for entry in desk.subject.folder.iterdir()}


async def test_from_the_key_to_the_file(desk: Desk) -> None:
    async with desk.run_test(size=(80, 24)) as pilot:
        screen = await save_screen(pilot, desk)
        await until(pilot, lambda: "Saved 1,000 lines" in words(screen))
        assert "y copies the path" in words(screen)
        await pilot.press("y")
        await pilot.press("escape")
        await until(pilot, lambda: desk.screen is not screen)
    saved = desk.subject.folder / f"{desk.subject.job.id}-logs.txt"
    assert desk.clipboard == str(saved)
    assert desk.folders == [desk.subject.folder]
    assert saved.read_bytes().count(b"\n") == 1000


async def test_progress_and_cancelling(desk: Desk, demo: DemoServer) -> None:
    slow_down(demo)
    async with desk.run_test(size=(60, 20)) as pilot:
        screen = await save_screen(pilot, desk)
        await until(pilot, lambda: "downloading" in words(screen))
        await until(pilot, lambda: "% of 1,000 lines" in words(screen))
        assert "esc cancels" in words(screen)
        await pilot.press("escape")
        await until(pilot, lambda: "The save was cancelled." in words(screen))
        await pilot.press("escape")
        await until(pilot, lambda: desk.screen is not screen)
        assert names(desk) == set()


async def test_hidden_it_goes_on_and_is_listed(desk: Desk, demo: DemoServer) -> None:
    slow_down(demo)
    async with desk.run_test(size=(80, 24)) as pilot:
        screen = await save_screen(pilot, desk)
        await pilot.press("enter")
        await until(pilot, lambda: desk.screen is not screen)
        assert len(desk.saves.running) == 1
        desk.list_saves()
        await until(pilot, lambda: isinstance(desk.screen, SavesScreen))
        listed = desk.screen.query_one(OptionList)
        await until(pilot, lambda: bool(listed.options))
        await until(pilot, lambda: "downloading" in str(listed.options[0].prompt))
        await pilot.press("c")
        await until(pilot, lambda: "cancelled" in str(listed.options[0].prompt))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(desk.screen, SaveScreen))
        assert "was cancelled" in words(desk.screen)  # type: ignore[arg-type]


async def test_a_failed_save_offers_another_try(desk: Desk, demo: DemoServer) -> None:
    demo.faults.raw_cut_after = 3000
    async with desk.run_test(size=(80, 24)) as pilot:
        first = await save_screen(pilot, desk)
        await until(pilot, lambda: "broke off after" in words(first))
        assert "r tries again" in words(first)
        demo.faults.raw_cut_after = None
        await pilot.press("r")
        await until(pilot, lambda: desk.screen is not first)
        again = desk.screen
        assert isinstance(again, SaveScreen)
        await until(pilot, lambda: "Saved 1,000 lines" in words(again))
        await pilot.press("escape")
        await pilot.pause()
    assert names(desk) == {f"{desk.subject.job.id}-logs.txt"}
    assert len(desk.saves.all) == 1


@pytest.mark.parametrize("keep", [True, False])
async def test_the_part_is_kept_only_when_asked(
    desk: Desk, demo: DemoServer, keep: bool
) -> None:
    demo.faults.raw_cut_after = 3000
    async with desk.run_test(size=(80, 24)) as pilot:
        screen = await save_screen(pilot, desk)
        await until(pilot, lambda: "k keeps the part" in words(screen))
        await pilot.press("k" if keep else "escape")
        await until(pilot, lambda: desk.screen is not screen)
    await desk.saves.close()
    part = f"{desk.subject.job.id}-logs.txt.part"
    assert names(desk) == ({part} if keep else set())


async def test_the_folder_of_a_failed_save_is_not_remembered(
    desk: Desk, demo: DemoServer
) -> None:
    demo.faults.raw_cut_after = 3000
    async with desk.run_test(size=(80, 24)) as pilot:
        screen = await save_screen(pilot, desk)
        await until(pilot, lambda: "broke off after" in words(screen))
        await pilot.press("escape")
        await until(pilot, lambda: desk.screen is not screen)
        await desk.workers.wait_for_complete()
    assert desk.folders == []


async def test_a_second_save_finds_a_free_name(desk: Desk) -> None:
    async with desk.run_test(size=(80, 24)) as pilot:
        for _ in range(2):
            screen = await save_screen(pilot, desk)
            await until(pilot, lambda screen=screen: "Saved" in words(screen))  # type: ignore[misc]
            await pilot.press("escape")
            await until(pilot, lambda screen=screen: desk.screen is not screen)  # type: ignore[misc]
    job = desk.subject.job.id
    assert names(desk) == {f"{job}-logs.txt", f"{job}-logs-2.txt"}


async def test_open_suspends_the_desk_for_the_pager(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pager = tmp_path / "pager"
    pager.write_text(f'#!/bin/sh\nprintf "%s" "$2" > {tmp_path}/opened\n')
    pager.chmod(pager.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setitem(os.environ, "PAGER", f"{pager} -R")
    monkeypatch.setattr(desk, "suspend", nullcontext)
    async with desk.run_test(size=(80, 24)) as pilot:
        screen = await save_screen(pilot, desk)
        await until(pilot, lambda: "Saved" in words(screen))
        await pilot.press("o")
        await until(pilot, (tmp_path / "opened").exists)
    assert (tmp_path / "opened").read_text().endswith("-logs.txt")


async def test_a_pager_that_fails_is_said(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk.run_test(size=(80, 24)) as pilot:
        screen = await save_screen(pilot, desk)
        await until(pilot, lambda: "Saved" in words(screen))
        await pilot.press("o")
        await until(pilot, lambda: "cannot leave the desk" in words(screen))
        monkeypatch.setattr(desk, "suspend", nullcontext)
        for command, said in (
            ("/no/such/pager", "cannot be started"),
            ("false", "ended with 1"),
            ("'unclosed", "cannot be started: 'unclosed"),
        ):
            monkeypatch.setitem(os.environ, "PAGER", command)
            await pilot.press("o")
            await until(pilot, partial(lambda text: text in words(screen), said))


@pytest.mark.parametrize(
    ("keys", "leaves"),
    [(["enter"], False), (["tab", "enter"], True)],
)
async def test_leaving_asks(
    desk: Desk, demo: DemoServer, keys: list[str], leaves: bool
) -> None:
    slow_down(demo)
    answers: list[bool | None] = []
    async with desk.run_test(size=(60, 20)) as pilot:
        screen = await save_screen(pilot, desk)
        await pilot.press("enter")
        await until(pilot, lambda: desk.screen is not screen)
        desk.push_screen(LeaveScreen(desk.saves.running), answers.append)
        await pilot.pause()
        await pilot.press(*keys)
        await until(pilot, lambda: bool(answers))
    assert answers == [leaves]


async def test_an_empty_list_says_how_to_save(desk: Desk) -> None:
    async with desk.run_test(size=(60, 20)) as pilot:
        desk.list_saves()
        await until(pilot, lambda: isinstance(desk.screen, SavesScreen))
        assert "s saves the log" in str(desk.screen.query_one("#none", Static).content)
        await pilot.press("q")
        await until(pilot, lambda: not isinstance(desk.screen, SavesScreen))


@pytest.mark.parametrize("phase", list(SavePhase))
def test_what_a_save_does_and_how_much_fit_a_row_each(phase: SavePhase) -> None:
    room = 60 - 4  # the least terminal, less the box
    now = SaveProgress(phase, 99_900_000_000, 100_000_000, 99_900_000.0, 359_999.0)
    assert len(f"{sign(now)} {now.phase}") <= room
    assert len(f"  {amounts(now)}") <= room


def test_no_part_done_is_told_of_a_recording() -> None:
    reading = SaveProgress(SavePhase.READING_PAGES, 10, 40, 0.0, 1.0, total_lines=80)
    assert share(reading) == "about 50 % of 80 lines"
    recording = replace(reading, phase=SavePhase.RECORDING, lines=153)
    assert share(recording) == bar(recording, 20) == ""
