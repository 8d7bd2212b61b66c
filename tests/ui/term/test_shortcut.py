"""A log painted past the compositor looks as if stock painting had painted it."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from textual.app import App
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Static

from chronotui.log.store import LogStore
from chronotui.model import STDERR, STDOUT, LogLine
from chronotui.ui.log.prompt import LogPane
from chronotui.ui.log.state import OpenLog
from tests.ui.term.emulated import emulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from tests.ui.term.emulated import Emulation

WIDE = ("日本語テキスト", "é👨‍👩‍👧 ")
NARROW = (
    "hello world ",
    "\x1b[31mred\x1b[0m and \x1b[1;44mbold\x1b[0m",
    "\x1b[2J\x1b]0;title\x07",
    "x" * 70,
    "a\tb",
    "━━┃ ok ✓",
    '{"level": "error", "n": 1}',
    "",
)
KEYS = (
    *("j", "k", "down", "up", "pagedown", "pageup", "G", "g", "F"),
    *("t", "w", "m", "v", "right", "left", "p", "2", "0", "enter", "escape"),
)


def a_line(number: int, words: Sequence[str]) -> LogLine:
    rng = Random(number)
    message = "".join(rng.choice(words) for _ in range(rng.randrange(4)))
    stream = STDERR if rng.random() < 0.2 else STDOUT
    return LogLine(1, number, stream, 1_700_000_000_000_000_000 + number, message)


class Dialog(ModalScreen[None]):
    """Lies over a part of the log and lets the rest shine through."""

    DEFAULT_CSS = "Dialog { align: center middle; } Dialog > Static { width: 20; }"
    BINDINGS = [("escape", "dismiss", "close")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        yield Static("a dialog\nover it")


class SideBySide(App[None]):
    """A log beside something else, below which something may float."""

    CSS = """
    #tree { width: 12; }
    #float { layer: above; width: 15; height: 3; offset: 20 4; display: none; }
    Screen { layers: below above; }
    """

    def __init__(self, words: Sequence[str] = (*NARROW, *WIDE)) -> None:
        super().__init__()
        self.words = words
        self.animation_level = "none"
        self.store = LogStore()
        self.pane = LogPane()
        self.number = 0

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static("tree\n日本\nx", id="tree")
            yield self.pane
        yield Static("floats", id="float")

    def on_mount(self) -> None:
        self.grow(200)
        self.pane.show(OpenLog(self.store))
        self.pane.view.focus()

    def grow(self, lines: int) -> None:
        numbers = range(self.number, self.number + lines)
        self.store.add([a_line(number, self.words) for number in numbers])
        self.number += lines
        self.pane.view.log_changed()


async def _cover(emulation: Emulation, app: SideBySide, rng: Random) -> None:
    """Lay something over the log, or take it away."""
    if isinstance(app.screen, Dialog):
        await emulation.press("escape")
    elif app.words is not NARROW or rng.random() < 0.3:
        # Where words float Textual itself leaves half of a wide character blank.
        await app.push_screen(Dialog())
    elif rng.random() < 0.5:
        app.notify("a word that lies over the log", timeout=0.05)
    else:
        app.query_one("#float").display = rng.random() < 0.4
        # A dialog over a screen that was not laid out yet shows it as it was.
        await emulation.is_like_stock()


async def _do_something(emulation: Emulation, app: SideBySide, rng: Random) -> None:
    match rng.randrange(12):
        case 0 | 1 | 2:
            await _cover(emulation, app, rng)
        case 3:
            await emulation.resize(rng.randrange(1, 110), rng.randrange(1, 40))
        case 4:
            app.theme = rng.choice(["nord", "textual-light", "ansi-dark"])
        case 5:
            with app.batch_update():
                app.grow(3)
                app.pane.view.sync()
        case 6 | 7 | 8:
            app.grow(rng.choice([1, 1, 5, 300]))
        case _:
            await emulation.press(*rng.choices(KEYS, k=rng.randrange(1, 4)))


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_the_terminal_shows_what_stock_painting_shows(
    seed: int,
) -> None:
    rng = Random(seed)
    app = SideBySide(NARROW) if seed % 2 else SideBySide()
    async with emulate(app, (80, 24), erases=bool(seed % 3)) as emulation:
        for _ in range(30):
            for _ in range(rng.randrange(1, 4)):
                await _do_something(emulation, app, rng)
            assert await emulation.is_like_stock(), emulation.differences()


async def test_a_log_that_nothing_lies_over_goes_the_short_way() -> None:
    app = SideBySide()
    async with emulate(app) as emulation:
        assert await emulation.is_like_stock()
        before = emulation.driver.by_rows
        app.grow(1)
        app.pane.view.sync()
        assert emulation.driver.by_rows == before + 1
        assert emulation.shown() == emulation.stock()


WORD_OF = {"dialog": "over it", "float": "floats", "toast": "a word", "batch": "tree"}


@pytest.mark.parametrize("cover", WORD_OF)
async def test_a_log_that_something_lies_over_goes_the_long_way(cover: str) -> None:
    app = SideBySide()
    async with emulate(app) as emulation:
        if cover == "dialog":
            await app.push_screen(Dialog())
        elif cover == "float":
            app.query_one("#float").display = True
        elif cover == "toast":
            app.notify("a word", timeout=60)
        await emulation.until_shown(WORD_OF[cover])
        before = emulation.driver.by_rows
        if cover == "batch":
            with app.batch_update():
                app.grow(1)
                app.pane.view.sync()
        else:
            app.grow(1)
            app.pane.view.sync()
        assert emulation.driver.by_rows == before
        assert await emulation.is_like_stock(), emulation.differences()
