"""Screens that are closed, or left with the desk, while what they show is still read.

What was begun goes to its end in the engine and tells of it when the screen's widgets
are gone already: nobody may listen then. A fault would come out of `run_test`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from msgspec.structs import replace
from textual import work
from textual.app import App
from textual.widgets import Static

from chronotui.demo.faults import Failure
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.ui.actions import LookingDialog
from chronotui.ui.card import CardScreen
from chronotui.ui.desk.across import AcrossScreen
from chronotui.ui.desk.board import BoardScreen
from chronotui.ui.desk.log_side import has_worker
from chronotui.ui.desk.merged import MergedScreen
from chronotui.ui.desk.server_search import ServerSearchScreen
from chronotui.ui.dialogs import Dialog
from chronotui.ui.news import NewsScreen
from chronotui.ui.profiles import ProfilesScreen
from chronotui.ui.standing import stands
from tests.ui.desk.scenes import desk_on, press, still_server, until, until_shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.pilot import Pilot
    from textual.screen import Screen

    from chronotui.demo.server import DemoServer
    from chronotui.ui.app import DeskApp


def reads_news(screen: Screen[Any]) -> bool:
    assert isinstance(screen, NewsScreen)
    screen._told_at = 0.0  # whatever is told next is shown, and not put off
    return bool(screen.news.state.doing)


def searches(screen: Screen[Any]) -> bool:
    assert isinstance(screen, AcrossScreen)
    return screen.search.is_running


def works(group: str) -> Callable[[Screen[Any]], bool]:
    return lambda screen: has_worker(screen, group)


class Way(NamedTuple):
    """How a screen is opened and set to work, and how it is closed."""

    kind: type[Screen[Any]]
    keys: list[str]
    is_busy: Callable[[Screen[Any]], bool] = lambda _screen: True
    closes: tuple[str, ...] = ("escape",)


WAYS = [
    Way(NewsScreen, ["X"], reads_news),
    Way(CardScreen, ["c"], works("card")),
    Way(LookingDialog, ["f8"], works("looking")),
    Way(ProfilesScreen, ["P", "t"], works("profile-test")),
    Way(AcrossScreen, ["R", *"row", "enter"], searches, ("escape", "escape")),
    Way(MergedScreen, ["M"]),
    Way(BoardScreen, ["B"], closes=("escape", "escape")),
    Way(ServerSearchScreen, ["S", *"row", "enter"], works("server-search")),
]


def desk_with_a_failed_job(server: DemoServer) -> DeskApp:
    said = [ScriptLine(f"row {n}") for n in range(40)]
    for hours, outcome in ((3, "COMPLETED"), (1, "FAILED")):
        script = Script(said, starts_in=-hours * 3600, ends_after=1, outcome=outcome)
        job = server.world.add_job(script)
    app = desk_on(server, workflow="scripted", job=job.id)
    profile = replace(app.plan.profile, actions=True)
    app.plan = replace(app.plan, profile=profile)
    app.config = replace(app.config, profiles={profile.name: profile})
    return app


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.kind.__name__)
async def test_a_screen_is_closed_while_it_waits_for_an_answer(way: Way) -> None:
    with still_server() as server:
        app = desk_with_a_failed_job(server)
        async with app.run_test(size=(120, 36)) as pilot:
            await until_shown(pilot, "ended FAILED")
            server.faults.fail_with = (Failure.SILENCE,)
            server.faults.fail_rate = 1.0
            screen = await set_to_work(pilot, way)
            await press(pilot, *way.closes)
            await until(pilot, lambda: app.screen is app.desk)
            await until(pilot, lambda: not screen.is_running)
            await set_to_work(pilot, way)  # and is left with the desk


async def set_to_work(pilot: Pilot[int], way: Way) -> Screen[Any]:
    await press(pilot, *way.keys)
    await until(pilot, lambda: isinstance(pilot.app.screen, way.kind))
    screen = pilot.app.screen
    await until(pilot, lambda: way.is_busy(screen))
    return screen


class SlowToGo(Static):
    """Is taken out when it is allowed to."""

    allowed: asyncio.Event

    async def on_unmount(self) -> None:
        await self.allowed.wait()


class Reading(Dialog[None]):
    """Shows what it reads in a widget that goes before the other one."""

    def __init__(self) -> None:
        super().__init__()
        self.answered, self.slow = asyncio.Event(), SlowToGo()
        self.slow.allowed = asyncio.Event()

    def compose(self) -> ComposeResult:
        yield Static(id="shown")
        yield self.slow

    def on_mount(self) -> None:
        self.read()

    @work
    async def read(self) -> None:
        await self.answered.wait()
        self.query_one("#shown", Static).update("answer")


async def test_work_ends_before_the_first_widget_goes() -> None:
    async with App[int]().run_test() as pilot:
        dialog = Reading()
        await pilot.app.push_screen(dialog)
        shown = dialog.query_one("#shown")
        (reading,) = dialog.workers
        dialog.dismiss()
        await until(pilot, lambda: not shown.is_attached, settle=False)
        assert dialog.is_attached
        assert not stands(dialog)
        dialog.answered.set()
        await until(pilot, lambda: reading.is_finished, settle=False)
        dialog.slow.allowed.set()
