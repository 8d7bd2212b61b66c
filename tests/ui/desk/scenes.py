"""States of the desk that a reader of the README would recognise.

One moment of one demo world, so the pictures in ``screenshots/`` and the snapshot
tests show the same.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from chronotui.core.tree import NodeKey, TreeFilters
from chronotui.demo import DemoServer
from chronotui.demo.clock import Clock
from chronotui.model import JobStatus
from chronotui.storage.secret import Secret
from chronotui.storage.settings import AuthSettings, Config, Profile, UiSettings
from chronotui.ui.app import DeskApp
from chronotui.ui.desk.plan import DeskPlan
from chronotui.ui.log_view import ViewSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.pilot import Pilot

MOMENT = datetime(2026, 11, 22, 10, 12, 44, tzinfo=UTC)
LONGEST_SECONDS = 20.0


def still_server(**options: object) -> DemoServer:
    """Return a demo server whose world stands still at the moment."""
    clock = Clock(start_ns=int(MOMENT.timestamp()) * 1_000_000_000, speed=0)
    return DemoServer(clock=clock, **options)  # type: ignore[arg-type]


def desk_on(server: DemoServer, **changes: object) -> DeskApp:
    """Return a desk on a demo server, with the moment's clock and zone."""
    auth = AuthSettings(email=server.email, password=Secret(server.password))
    profile = Profile(name="demo", url=server.url, poll_seconds=0.5, auth=auth)
    plan = DeskPlan(
        profile,
        Path("/tmp"),
        ui=UiSettings(),
        view_settings=ViewSettings(zone="utc"),
        now=lambda: MOMENT,
        remembers_session=False,
        **changes,  # type: ignore[arg-type]
    )
    return DeskApp(plan, Config(Path("/dev/null")))


async def until(pilot: Pilot[int], holds: Callable[[], bool]) -> None:
    """Let the desk work until something holds."""
    async with asyncio.timeout(LONGEST_SECONDS):
        while not holds():
            await pilot.pause()
            await asyncio.sleep(0.01)
    await pilot.pause()


def desk(pilot: Pilot[int]) -> DeskApp:
    """Return the desk a pilot flies."""
    app = pilot.app
    assert isinstance(app, DeskApp)
    return app


def shown(pilot: Pilot[int]) -> str:
    """Return what the screen shows, a line a row."""
    width, height = pilot.app.size
    strips = pilot.app.screen._compositor.render_strips()
    del width, height
    return "\n".join("".join(s.text for s in strip).rstrip() for strip in strips)


async def until_shown(pilot: Pilot[int], text: str) -> str:
    """Let the desk work until its screen shows a text; returns the screen."""
    await until(pilot, lambda: text in shown(pilot))
    return shown(pilot)


@dataclass(frozen=True)
class Scene:
    """A state of the desk: how to get there, and the size of its picture."""

    name: str
    title: str
    play: Callable[[Pilot[int]], Awaitable[None]]
    size: tuple[int, int] = (120, 36)


async def live(pilot: Pilot[int]) -> None:
    """Follow the report that is running."""
    await until_shown(pilot, "nightly-report")
    await pilot.press("enter")
    await until_shown(pilot, "●")
    await pilot.press("j", "enter")
    await until_shown(pilot, "0 missing")


async def history(pilot: Pilot[int]) -> None:
    """Read back in the one that failed before it."""
    await until_shown(pilot, "nightly-report")
    await pilot.press("enter")
    await until_shown(pilot, "●")
    await pilot.press("j", "j", "enter")
    await until_shown(pilot, "sealed")
    await pilot.press("pageup", "k", "k", "k")
    await until_shown(pilot, "line ")


async def searching(pilot: Pilot[int]) -> None:
    """Search the log, other lines staying."""
    await history(pilot)
    await pilot.press("slash", *"bad row", "enter")
    await until_shown(pilot, " of ")


async def save_dialog(pilot: Pilot[int]) -> None:
    """Ask what to save."""
    await history(pilot)
    await pilot.press("s")
    await until_shown(pilot, "new file")


async def filtered(pilot: Pilot[int]) -> None:
    """Show only failed jobs."""
    await until_shown(pilot, "nightly-report")
    await pilot.press("enter")
    await until_shown(pilot, "●")
    tree = desk(pilot).desk.tree_side
    tree.set_filters(TreeFilters(status=JobStatus.FAILED))
    await until(pilot, lambda: not any(sign in shown(pilot) for sign in ("● b", "✓ ")))


async def details(pilot: Pilot[int]) -> None:
    """Show every field of a job."""
    await until_shown(pilot, "nightly-report")
    await pilot.press("enter")
    await until_shown(pilot, "●")
    await pilot.press("j", "j")
    await until_shown(pilot, "attempts")


async def no_log(pilot: Pilot[int]) -> None:
    """Say why there is nothing to show."""
    await until_shown(pilot, "heartbeat-api")
    tree = desk(pilot).desk.tree_side.tree_view
    heartbeat = next(
        branch.workflow.id
        for branch in tree.model.branches()
        if branch.workflow.name == "heartbeat-api"
    )
    tree.model.select(NodeKey.workflow(heartbeat))
    tree.sync()
    await pilot.press("enter")
    await until_shown(pilot, "✓")
    await pilot.press("j", "enter")
    await until_shown(pilot, "No log")


async def help_screen(pilot: Pilot[int]) -> None:
    """Show the keys."""
    await live(pilot)
    await pilot.press("question_mark")
    await until_shown(pilot, "Everywhere")


SCENES = (
    Scene("live", "Following a running job", live),
    Scene("history", "Reading back in a failed job", history),
    Scene("search", "Searching, with the count", searching),
    Scene("save", "The save dialog over the log", save_dialog),
    Scene("filtered", "Only failed jobs", filtered),
    Scene("details", "Every field of a job", details),
    Scene("no-log", "Why there is nothing to show", no_log),
    Scene("live-80", "Following at 80×24", live, (80, 24)),
    Scene("help", "The keys", help_screen, (100, 40)),
)
