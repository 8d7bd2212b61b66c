"""Everything that has a key stands in the help, in the palette and in ``[keys]``."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from textual.app import App
from textual.binding import BindingsMap
from textual.dom import DOMNode

import chronotui.ui
from chronotui.engine.actions import UnfinishedJobs
from chronotui.engine.save import Save, Saves
from chronotui.engine.save_request import SaveRequest
from chronotui.model import Job, JobStatus, Trigger, Workflow, WorkflowKind
from chronotui.storage.action_journal import AskedAction
from chronotui.storage.config_edit import Edit
from chronotui.storage.settings import Config, Profile
from chronotui.ui.actions import (
    ActionsScreen,
    ChangeQuestion,
    LookedAt,
    LookingDialog,
    TerminateDialog,
    UnansweredQuestion,
)
from chronotui.ui.desk.server_search import ServerSearchScreen
from chronotui.ui.dialogs import SecretDialog
from chronotui.ui.help import HelpScreen
from chronotui.ui.keys import (
    ACT,
    GROUPS,
    OTHER,
    PURPOSES,
    actions_of,
    all_actions,
    commands,
    desk_actions,
    own_bindings,
)
from chronotui.ui.profiles import (
    FirstRunApp,
    ProfileForm,
    ProfilesScreen,
    RemoveScreen,
)
from chronotui.ui.save import SaveDialog, SaveSubject
from chronotui.ui.save_list import LeaveScreen, SavesScreen, StopScreen
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
    from collections.abc import Callable, Iterator

    from textual.pilot import Pilot
    from textual.screen import Screen

    from chronotui.model import SearchPage

HERE = Path("/tmp")
WORKFLOW = Workflow("w", "nightly [/]", WorkflowKind.CONTAINER)
JOB = Job("j", "w", JobStatus.COMPLETED, Trigger.MANUAL)
DESK_GROUPS = ("app.", "desk.", "tree.", "filters.", "log.", "details.")
MENU = "filters.menu_"


async def nothing(_query: str, _cursor: str | None) -> SearchPage:
    raise AssertionError("nobody asked for anything")


async def looked_at() -> LookedAt:
    await asyncio.Event().wait()
    raise AssertionError("it never ends")


def saves_screen() -> SavesScreen:
    saves: Any = Saves.__new__(Saves)
    saves._saves = []
    return SavesScreen(saves)


DIALOGS: list[Callable[[], Screen[Any]]] = [
    lambda: SaveDialog(SaveSubject(job=JOB, folder=HERE), HERE / "x.txt"),
    lambda: LeaveScreen([]),
    lambda: StopScreen(Save(None, SaveRequest(workflow_id="w", job_id="j"))),  # type: ignore[arg-type]
    lambda: ServerSearchScreen(nothing),
    lambda: SecretDialog("who"),
    lambda: ProfileForm(HERE / "none.toml"),
    lambda: ProfilesScreen(
        Config(HERE, profiles={"a": Profile("a", "https://h")}), "a"
    ),
    lambda: RemoveScreen("a", Edit(HERE, "", "")),
    lambda: HelpScreen(all_actions(), {}),
    lambda: ChangeQuestion("Run it now?", ["Once."], "Run now"),
    lambda: LookingDialog(WORKFLOW, looked_at),
    lambda: TerminateDialog(WORKFLOW, UnfinishedJobs((JOB,))),
    lambda: UnansweredQuestion(AskedAction(id="1", what="start")),
    lambda: ActionsScreen([AskedAction(id="1", what="start", key="k")], "https://h"),
]


def classes_with_keys() -> Iterator[type[DOMNode]]:
    for module in pkgutil.walk_packages(chronotui.ui.__path__, "chronotui.ui."):
        importlib.import_module(module.name)
    waiting, seen = [DOMNode], set()
    while waiting:
        for found in waiting.pop().__subclasses__():
            if found not in seen:
                seen.add(found)
                waiting.append(found)
                if found.__module__.startswith("chronotui."):
                    yield found


def test_every_key_has_a_name_and_stands_in_the_help() -> None:
    listed = {action.id for action in all_actions()}
    for found in classes_with_keys():
        if found is FirstRunApp:  # a form alone, before there is any help
            continue
        for _key, binding in BindingsMap(found.__dict__.get("BINDINGS", ())):
            hint = f"name the key, and its module in ui/keys.py: {binding}"
            assert binding.id in listed, hint
            assert binding.description
    assert {action.group for action in all_actions()} <= set(GROUPS.values())


@pytest.mark.parametrize("make", DIALOGS)
async def test_the_palette_over_a_dialog_has_its_actions(
    make: Callable[[], Screen[Any]],
) -> None:
    app = App[None]()
    async with app.run_test(size=(80, 30)) as pilot:
        screen = make()
        await app.push_screen(screen)
        await pilot.pause()
        wanted = {action.id for action in actions_of(own_bindings(type(screen)))}
        assert wanted
        assert wanted <= {command.help for command in commands(screen, {})}
        for command in commands(screen, dict.fromkeys(wanted, "ctrl+x,slash")):
            assert command.title.endswith("  (^x /)") is (command.help in wanted)


async def test_the_palette_of_the_desk_has_every_action_of_the_desk() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(100, 30)) as pilot:
            await history(pilot)
            await press(pilot, "tab", "slash", "escape")
            told = {command.help for command in app.get_system_commands(app.screen)}
            wanted = {
                action.id
                for action in all_actions()
                if action.id.startswith(DESK_GROUPS)
                and not action.id.startswith(MENU)
                and action.purpose != ACT
            }
            assert wanted <= told
            assert "find: status: all values  (enter ↓ j)" in {
                command.title for command in app.get_system_commands(app.screen)
            }


async def test_the_keys_of_a_dialog_are_shown_over_it_first() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(100, 30)) as pilot:
            await until_shown(pilot, "nightly-report")
            await press(pilot, "P", "f1")
            text = await until_shown(pilot, "Everywhere")
            assert text.index("test the connection") < text.index("Everywhere")
            await press(pilot, "escape", "escape")
            await until(pilot, lambda: app.screen is app.desk)


@pytest.mark.parametrize(("width", "named"), [(40, False), (60, False), (80, True)])
async def test_help_keeps_each_action_readable(width: int, *, named: bool) -> None:
    app = App[None]()
    async with app.run_test(size=(width, 20)) as pilot:
        await app.push_screen(HelpScreen(all_actions(), {}))
        await pilot.pause()
        rows = [
            "".join(segment.text for segment in strip).strip(" │╭╰▁▂▃▄▅▆▇█▔")
            for strip in app.screen._compositor.render_strips()
        ]
        assert any("f1" in row.lower() and "help" in row for row in rows)
        assert any("app.help" in row for row in rows) is named
        assert "app.help" not in rows


def test_every_action_of_the_desk_has_a_purpose() -> None:
    lost = {action.id for action in desk_actions() if action.purpose == OTHER}
    assert not lost, "say what one does it for, in PURPOSES of ui/keys.py"


async def test_help_opens_at_the_focused_part_and_finds_what_is_typed() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(100, 30)) as pilot:
            await history(pilot)
            await press(pilot, "f1")
            text = await until_shown(pilot, "Log: ")
            assert "Tree: " not in text
            await press(pilot, "slash", *"bookmark next")
            text = await until_shown(pilot, "Go to the next bookmark")
            assert "take its bookmark away" not in text
            assert "Everywhere" not in text
            await press(pilot, *"zzz")
            await until_shown(pilot, "Nothing here fits")
            await press(pilot, "escape")
            await until_shown(pilot, "Log: watch")
            await press(pilot, "escape")
            await until(pilot, lambda: app.screen is app.desk)
            await press(pilot, "tab", "f1")
            await until_shown(pilot, "Tree: ")


async def test_the_palette_begins_with_what_one_looks_for_first() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(100, 30)) as pilot:
            await history(pilot)
            told = [one.title for one in app.get_system_commands(app.screen)]
            purposes = [title.partition(": ")[0] for title in told]
            ours = [one for one in purposes if one in PURPOSES]
            assert list(dict.fromkeys(ours)) == [
                purpose for purpose in PURPOSES if purpose in ours
            ]


async def test_the_footer_tells_what_matters_now_and_fills_its_width() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(100, 30)) as pilot:
            await history(pilot)
            await press(pilot, "G")
            await until(pilot, lambda: "newest" not in footer_of(pilot))
            assert len(footer_of(pilot)) > 80
            assert footer_of(pilot).endswith("? help")
            await press(pilot, "k")
            await until(pilot, lambda: "G newest" in footer_of(pilot))
            assert footer_of(pilot).index("newest") < footer_of(pilot).index("search")
            await press(pilot, "v")
            app.desk.say("")  # what the key said stands over the footer for a while
            await until(pilot, lambda: "y copy" in footer_of(pilot))
            await press(pilot, "tab")
            await until(pilot, lambda: "o fold" in footer_of(pilot))
            assert "G newest" not in footer_of(pilot)


def footer_of(pilot: Pilot[int]) -> str:
    return shown(pilot).splitlines()[-1].strip()
