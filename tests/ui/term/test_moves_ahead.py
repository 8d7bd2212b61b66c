"""A key obeyed ahead of Textual's dispatch does what it does the usual way."""

from __future__ import annotations

import asyncio
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from textual.binding import Binding
from textual.events import Key

from chronotui.ui.app import DeskApp, TypedAhead
from chronotui.ui.log.render import RowRenderer
from tests.ui.term.emulated import emulate
from tests.ui.term.test_shortcut import Dialog, SideBySide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.log.marks import Row
    from chronotui.ui.log.render import Flags
    from tests.ui.term.emulated import Cells, Emulation

MOTIONS = (
    *("j", "k", "down", "up", "space", "b", "pagedown", "pageup"),
    *("ctrl+d", "ctrl+u"),
)
OTHERS = (
    *("g", "G", "F", "w", "t", "m", "v", "2", "0", "p", "x", "left", "right", "l"),
)
KEYMAPS: tuple[dict[str, str], ...] = (
    {},
    {"log.down": "x,ctrl+n", "log.page_down": "j"},
    {"log.up": "j", "log.down": "k", "log.range": "space"},
)


class Moving(SideBySide, TypedAhead[None]):
    """The log, and its own use of keys that move in it."""

    BINDINGS = [Binding("up", "count", "counts", priority=True)]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.counted = 0

    def action_count(self) -> None:
        self.counted += 1


class Picture(NamedTuple):
    cells: Cells
    spot: object
    counted: int


def events(keys: Sequence[str]) -> list[Key]:
    characters = {"space": " ", "slash": "/"}
    return [
        Key(key, characters.get(key, key if len(key) == 1 else None)) for key in keys
    ]


async def pictures(seed: int, *, ahead: bool) -> list[Picture]:
    """Press keys, as fast as they come; return what was to be seen in between."""
    rng, app = Random(seed), Moving()
    taken: list[Picture] = []
    async with emulate(app, (80, 24)) as emulation:
        app.set_keymap(KEYMAPS[seed % len(KEYMAPS)])
        await emulation.is_like_stock()
        for _ in range(25):
            match rng.randrange(10):
                case 0:
                    app.grow(rng.choice([1, 40]))
                    app.pane.view.sync()
                case 1 if isinstance(app.screen, Dialog):
                    await emulation.press("escape")
                case 1:
                    await app.push_screen(Dialog())
            pressed = [*rng.choices(MOTIONS, k=rng.randrange(9)), rng.choice(OTHERS)]
            for event in events(pressed[rng.randrange(2) :]):
                send(emulation, event, ahead=ahead)
            taken.append(await picture(emulation, app))
    return taken


def send(emulation: Emulation, event: Key, *, ahead: bool) -> None:
    if ahead:
        emulation.driver._deliver(event)
    else:
        emulation.app.post_message(event)


async def picture(emulation: Emulation, app: Moving) -> Picture:
    assert await emulation.is_like_stock(), emulation.differences()
    viewport: Any = app.pane.view.opened.viewport
    # By and by the last row counts what is read of a filtered log, and the log behind a
    # dialog is painted.
    cells = [] if isinstance(app.screen, Dialog) else emulation.shown()[:-1]
    return Picture(cells, viewport.spot, app.counted)


@pytest.mark.parametrize("seed", range(6))
async def test_it_shows_what_the_usual_way_shows(seed: int) -> None:
    usual = await pictures(seed, ahead=False)
    for number, found in enumerate(await pictures(seed, ahead=True)):
        assert found == usual[number], number


async def test_keys_that_move_are_obeyed_at_once() -> None:
    app = Moving()
    async with emulate(app) as emulation:
        await emulation.is_like_stock()
        viewport = app.pane.view.opened.viewport
        before = viewport.current
        for key, lines in (("k", -1), ("k", -1), ("j", 1)):
            emulation.driver._deliver(events([key])[0])
            before += lines
            assert viewport.current == before


async def test_what_comes_behind_another_key_waits_for_it() -> None:
    app = Moving()
    async with emulate(app) as emulation:
        await emulation.is_like_stock()
        before = app.pane.view.opened.viewport.current
        for event in events(["slash", "k", "j"]):
            emulation.driver._deliver(event)
        await emulation.until_shown("/kj")
        assert app.pane.view.opened.viewport.current == before


async def test_what_fails_in_it_is_a_fault_of_the_app() -> None:
    faults: asyncio.Queue[Exception] = asyncio.Queue()
    app: Any = SimpleNamespace(_handle_exception=faults.put_nowait)
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(
        lambda loop, context: DeskApp._failed_aside(app, loop, context)
    )
    loop.call_soon(int, "no number")
    assert isinstance(await faults.get(), ValueError)
    loop.set_exception_handler(before)


async def test_the_next_page_is_drawn_before_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[object] = []
    draw = RowRenderer._draw

    def counted(self: RowRenderer, row: Row, above: int | None, how: Flags) -> Any:
        drawn.append(row)
        return draw(self, row, above, how)

    monkeypatch.setattr(RowRenderer, "_draw", counted)
    app = Moving()
    async with emulate(app) as emulation:
        app.grow(400)
        view = app.pane.view
        view.action_log_start()
        await emulation.is_like_stock()
        emulation.driver._deliver(events(["space"])[0])
        await emulation.is_like_stock()
        next_page = view.opened.viewport.last_shown + view.size.height - 1
        assert next_page in view.renderer().at_rest
        drawn.clear()
        emulation.driver._deliver(events(["space"])[0])
        assert view.opened.viewport.last_shown == next_page
        assert not drawn
