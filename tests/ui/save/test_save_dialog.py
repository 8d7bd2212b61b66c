"""The save dialog by keyboard and mouse."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from textual.app import App
from textual.widgets import Input, Static

from chronotui.engine.save_request import SaveRequest, SaveScope, completions, suggest
from chronotui.log.formats import JSON, JSONL, TXT
from chronotui.model import Job, JobStatus, Trigger
from chronotui.ui.dialogs import RadioRow
from chronotui.ui.save import SaveDialog, SaveSubject
from tests.ui.conftest import until

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot


class Desk(App[None]):
    """Shows the dialog and keeps its answer."""

    def __init__(self, dialog: SaveDialog) -> None:
        super().__init__()
        self.dialog = dialog
        self.answers: list[SaveRequest | None] = []

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self.answers.append)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    logs = tmp_path / "logs"
    logs.mkdir()
    return logs


def subject(folder: Path, status: str = "COMPLETED", **more: object) -> SaveSubject:
    job = Job("8f3c2160-job", "w1", JobStatus.parse(status), Trigger.MANUAL)
    fields = {"job": job, "folder": folder, "short_id": "8f3c21", **more}
    return SaveSubject(**fields)  # type: ignore[arg-type]


def desk_on(about: SaveSubject) -> Desk:
    path = suggest(about.folder, about.job.id, TXT)
    return Desk(SaveDialog(about, path))


def shown(desk: Desk, name: str) -> str:
    line = desk.dialog.query_one(f"#{name}", Static)
    return str(line.content) if line.display else ""


async def answer(pilot: Pilot[None], desk: Desk) -> SaveRequest:
    await until(pilot, lambda: bool(desk.answers))
    request = desk.answers[0]
    assert request is not None
    return request


async def test_opens_with_a_good_path_and_enter_saves(folder: Path) -> None:
    desk = desk_on(subject(folder, known_lines=7))
    async with desk.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: shown(desk, "preview") == "new file")
        assert desk.dialog.query_one("#path", Input).value == (
            "~/logs/8f3c2160-job-logs.txt"
        )
        await pilot.press("enter")
        request = await answer(pilot, desk)
    assert request.path == folder / "8f3c2160-job-logs.txt"
    assert request.format is TXT
    assert request.scope is SaveScope.WHOLE
    assert (request.stream, request.query, request.overwrite) == (None, None, False)
    assert (request.keep_part, request.known_lines) == (True, 7)


async def test_everything_is_chosen_by_keyboard(folder: Path) -> None:
    parts = {SaveScope.VIEW: lambda: ()}
    desk = desk_on(subject(folder, parts=parts))
    async with desk.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("up", *"error", "up", "right", "right")
        await pilot.press("up", "right", "right", "enter")
        request = await answer(pilot, desk)
    assert request.query == "error"
    assert request.stream == "stderr"
    assert request.format is JSONL
    assert request.path == folder / "8f3c2160-job-logs.jsonl"


async def test_another_scope_takes_its_lines_and_no_query(folder: Path) -> None:
    parts = {SaveScope.VIEW: lambda: (), SaveScope.SELECTION: lambda: ()}
    desk = desk_on(subject(folder, parts=parts, scope=SaveScope.SELECTION))
    async with desk.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert desk.dialog.query_one("#query").disabled
        await pilot.press("enter")
        request = await answer(pilot, desk)
    assert request.scope is SaveScope.SELECTION
    assert request.lines is parts[SaveScope.SELECTION]


async def test_a_click_chooses(folder: Path) -> None:
    desk = desk_on(subject(folder))
    async with desk.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert await pilot.click("#format", offset=(30, 0))
        assert desk.dialog.query_one("#format", RadioRow).value is JSONL
        assert await pilot.click("#save")
        request = await answer(pilot, desk)
    assert request.format is JSONL


async def test_escape_and_cancel_save_nothing(folder: Path) -> None:
    for way in ("escape", "enter on cancel"):
        desk = desk_on(subject(folder))
        async with desk.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            if way == "escape":
                await pilot.press("escape")
            else:
                desk.dialog.query_one("#cancel").focus()
                await pilot.press("enter")
            await until(pilot, lambda desk=desk: bool(desk.answers))  # type: ignore[misc]
        assert desk.answers == [None]
    assert not any(folder.iterdir())  # noqa: ASYNC240


async def test_an_existing_file_is_never_replaced_unasked(folder: Path) -> None:
    (folder / "there.txt").write_text("mine")
    desk = Desk(SaveDialog(subject(folder), folder / "there.txt"))
    async with desk.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "exists" in shown(desk, "preview"))
        await pilot.press("enter")
        await pilot.pause()
        assert desk.answers == []
        await pilot.press("down", "right")
        await until(pilot, lambda: shown(desk, "preview") == "will be replaced")
        await pilot.press("enter")
        request = await answer(pilot, desk)
    assert request.overwrite


async def test_a_path_that_cannot_be_is_said_while_typing(folder: Path) -> None:
    desk = desk_on(subject(folder))
    async with desk.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        for typed, words in (
            ("~/no/such.txt", "its folder does not exist"),
            ("~/no/", "its folder does not exist"),
            ("~/logs/" + "x" * 300, "the name is too long"),
        ):
            desk.dialog.query_one("#path", Input).value = typed
            said = partial(lambda words: words in shown(desk, "preview"), words)
            await until(pilot, said)
            await pilot.press("enter")
            await pilot.pause()
            assert desk.answers == []


async def test_a_relative_path_shows_where_it_leads(folder: Path) -> None:
    desk = desk_on(subject(folder))
    async with desk.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        desk.dialog.query_one("#path", Input).value = "x.log"
        await until(pilot, lambda: shown(desk, "preview") == "~/logs/x.log  (new file)")
        await pilot.press("enter")
        request = await answer(pilot, desk)
    assert request.path == folder / "x.log"


async def test_a_missing_configured_folder_is_made(folder: Path) -> None:
    own = folder / "incidents"
    desk = desk_on(subject(own, own_folder=own))
    async with desk.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "new folder" in shown(desk, "preview"))
        await pilot.press("enter")
        request = await answer(pilot, desk)
    assert request.make_folder


async def test_tab_completes_and_then_moves_on(folder: Path) -> None:
    (folder / "incidents").mkdir()
    (folder / "incoming").mkdir()
    desk = desk_on(subject(folder))
    async with desk.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        path = desk.dialog.query_one("#path", Input)
        path.value, path.cursor_position = "~/lo", 4
        await pilot.press("tab")
        await until(pilot, lambda: path.value == "~/logs/")
        await pilot.press("i", "tab")
        await until(pilot, lambda: path.value == "~/logs/inc")
        await pilot.press("tab")
        await until(pilot, lambda: "incidents  incoming" in shown(desk, "preview"))
        await until(pilot, lambda: path.has_focus)
        await pilot.press(*"i", "tab")
        await until(pilot, lambda: path.value == "~/logs/incidents/")
        await until(pilot, lambda: path.has_focus)
        await pilot.press("tab")
        await until(pilot, lambda: not path.has_focus)


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_everything_fits(folder: Path, size: tuple[int, int]) -> None:
    parts = {scope: (lambda: ()) for scope in list(SaveScope)[1:]}
    (folder / "there.txt").write_text("x")
    about = subject(folder, "RUNNING", parts=parts)
    desk = Desk(SaveDialog(about, folder / "there.txt"))
    async with desk.run_test(size=size) as pilot:
        await until(pilot, lambda: "exists" in shown(desk, "preview"))
        await pilot.pause()
        box = desk.dialog.query_one("#box")
        assert box.max_scroll_y == 0
        for field in desk.dialog.query("RadioRow, Input, Button, #note, #preview"):
            if field.display:
                assert field.region
                assert desk.dialog.region.contains_region(field.region), field
        assert "recorded" in shown(desk, "note")


async def test_hostile_names_do_no_harm(folder: Path) -> None:
    about = subject(folder, short_id="[/red]\x1b[2J")
    desk = desk_on(about)
    async with desk.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        title = str(desk.dialog.query_one("#box").border_title)
    assert "\x1b" not in title
    assert "[/red]" in title


def test_completions_say_folders_and_hide_what_is_hidden(folder: Path) -> None:
    (folder / "a b").mkdir()
    (folder / "a.txt").write_text("")
    (folder / "a.txt.part").write_text("")
    (folder / ".secret").write_text("")
    assert completions("~/logs/", folder) == ["~/logs/a b/", "~/logs/a.txt"]
    assert completions("a", folder) == ["a b/", "a.txt"]
    assert completions("~/logs/.", folder) == ["~/logs/.secret"]
    assert completions("/no/such/", folder) == []


def test_the_path_suggested_is_free(folder: Path) -> None:
    job = "../8f\x00"
    first = suggest(folder, job, JSON)
    first.write_text("")
    second = suggest(folder, job, JSON)
    assert (first.name, second.name) == ("8f-logs.json", "8f-logs-2.json")
    assert first.parent == folder


@pytest.mark.parametrize("typed", ["~/logs", "~/logs/", "", "."])
async def test_a_folder_alone_is_completed_with_the_usual_name(
    folder: Path, typed: str
) -> None:
    desk = desk_on(subject(folder))
    async with desk.run_test(size=(80, 24)) as pilot:
        path = desk.dialog.query_one("#path", Input)
        path.value = typed
        name = "~/logs/8f3c2160-job-logs.txt  (new file)"
        await until(pilot, lambda: shown(desk, "preview") == name)
        desk.dialog.query_one("#format", RadioRow).place = 2
        name = "~/logs/8f3c2160-job-logs.jsonl  (new file)"
        await until(pilot, lambda: shown(desk, "preview") == name)
        await pilot.press("enter")
        request = await answer(pilot, desk)
    assert request.path == folder / "8f3c2160-job-logs.jsonl"


async def test_in_a_folder_that_has_the_name_a_free_one_is_taken(folder: Path) -> None:
    (folder / "8f3c2160-job-logs.txt").touch()
    desk = desk_on(subject(folder))
    async with desk.run_test(size=(80, 24)) as pilot:
        desk.dialog.query_one("#path", Input).value = "~/logs"
        await until(pilot, lambda: "job-logs-2.txt" in shown(desk, "preview"))
        await pilot.press("enter")
        request = await answer(pilot, desk)
    assert request.path == folder / "8f3c2160-job-logs-2.txt"


async def test_the_ending_of_the_name_sets_the_format(folder: Path) -> None:
    desk = desk_on(subject(folder))
    async with desk.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: shown(desk, "preview") == "new file")
        await pilot.press("ctrl+u", *"x.jsonl")
        path = desk.dialog.query_one("#path", Input)
        await until(pilot, lambda: path.value == "x.jsonl")
        row = desk.dialog.query_one("#format", RadioRow)
        await until(pilot, lambda: row.value is JSONL)
        await pilot.press("enter")
        request = await answer(pilot, desk)
    assert (request.path, request.format) == (folder / "x.jsonl", JSONL)
