"""An app on the frugal driver with an emulated terminal, and what stock would show."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from queue import Queue
from time import monotonic
from typing import TYPE_CHECKING, Any

import pyte
from textual._context import visible_screen_stack
from textual.events import Key, Resize
from textual.geometry import Size

from chronotui.ui.term.diff import Painter
from chronotui.ui.term.driver import FrugalDriver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from rich.console import Console
    from textual.app import App
    from textual.pilot import Pilot

    from chronotui.ui.term.buffer import DrawnRow

LONGEST_SECONDS = 30.0
NO_WRAP = "\x1b[?7l"
"""What Textual's driver says at its start."""

Cells = list[list[tuple[object, ...]]]


class Terminal:
    """Takes the place of the thread that writes, and shows what was written."""

    def __init__(self, width: int, height: int) -> None:
        self._queue: Queue[str] = Queue()
        self.written: list[str] = []
        self.screen = pyte.Screen(width, height)
        self._stream = pyte.Stream(self.screen)
        self._stream.feed(NO_WRAP)

    def write(self, text: str) -> None:
        self.written.append(text)
        self._stream.feed(text.replace("\n", "\r\n"))

    def is_alive(self) -> bool:
        return True

    def stop(self) -> None:
        pass


class EmulatedDriver(FrugalDriver):
    """The frugal driver without a terminal of its own."""

    erases = True

    def __init__(self, *args: Any, **options: Any) -> None:
        kept = {number: signal.getsignal(number) for number in (20, 18)}
        super().__init__(*args, **options)
        for number, handler in kept.items():
            signal.signal(number, handler)
        self._painter = Painter(0, 0, erases_in_colour=self.erases)
        self.by_rows = 0

    @property
    def terminal(self) -> Terminal:
        terminal: Any = self._writer_thread
        assert isinstance(terminal, Terminal)
        return terminal

    def start_application_mode(self) -> None:
        terminal: Any = Terminal(*self._app.size)
        self._writer_thread = terminal
        self._forget()

    def stop_application_mode(self) -> None:
        self._cancel()

    def close(self) -> None:
        self._cancel()

    def disable_input(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def paint_rows(
        self, x: int, rows: Mapping[int, DrawnRow], width: int, console: Console
    ) -> bool:
        taken = super().paint_rows(x, rows, width, console)
        self.by_rows += taken
        return taken

    def _write_now(self, text: str) -> None:
        self.terminal.write(text)

    def settle(self) -> None:
        """Have what is due written."""
        self._flush()


class Emulation:
    """An app, its terminal, and the comparison with stock painting."""

    def __init__(self, app: App[Any], pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def driver(self) -> EmulatedDriver:
        driver = self.app._driver
        assert isinstance(driver, EmulatedDriver)
        return driver

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.app.post_message(Key(key, key if len(key) == 1 else None))
            await self.pilot._wait_for_screen()

    async def resize(self, width: int, height: int) -> None:
        """Give the terminal another size, as it tells of it."""
        size = Size(width, height)
        self.driver.terminal.screen.resize(height, width)
        self.app.post_message(Resize(size, size))
        deadline = monotonic() + LONGEST_SECONDS
        while self.app.screen.size != size:
            assert monotonic() < deadline, self.app.screen.size
            await asyncio.sleep(0.005)

    def shown(self) -> Cells:
        """Return what the terminal shows."""
        self.driver.settle()
        return _cells(self.driver.terminal.screen)

    def stock(self) -> Cells:
        """Return what it would show had Textual painted all of it anew."""
        visible_screen_stack.set(self.app._background_screens)
        screen = pyte.Screen(*self.app.size)
        stream = pyte.Stream(screen)
        stream.feed(NO_WRAP)
        for y, strip in enumerate(self.app.screen._compositor.render_strips()):
            stream.feed(f"\x1b[{y + 1};1H{strip.render(self.app.console)}")
        return _cells(screen)

    async def is_like_stock(self) -> bool:
        """Let the app come to rest and compare."""
        deadline = monotonic() + LONGEST_SECONDS
        while True:
            await self.pilot._wait_for_screen()
            if self.shown() == self.stock():
                return True
            if monotonic() > deadline:
                return False
            await asyncio.sleep(0.01)

    async def until_shown(self, text: str) -> None:
        """Let the app work until the terminal shows a text."""
        deadline = monotonic() + LONGEST_SECONDS
        while not any(
            text in "".join(str(cell[0]) for cell in row) for row in self.shown()
        ):
            assert monotonic() < deadline, self.differences()
            await asyncio.sleep(0.005)

    def differences(self) -> list[str]:
        """Return where the two differ, for a failed test."""
        pairs = enumerate(zip(self.shown(), self.stock(), strict=True))
        return [
            f"row {y}: {''.join(str(c[0]) for c in row)!r} "
            f"for {''.join(str(c[0]) for c in wanted)!r}"
            for y, (row, wanted) in pairs
            if row != wanted
        ]


def _cells(screen: pyte.Screen) -> Cells:
    return [
        [_visible(screen.buffer[y][x]) for x in range(screen.columns)]
        for y in range(screen.lines)
    ]


def _visible(cell: pyte.screens.Char) -> tuple[object, ...]:
    if cell.data == " " and not cell.underscore and not cell.strikethrough:
        return (" ", cell.fg if cell.reverse else cell.bg, cell.reverse)
    return tuple(cell)


@asynccontextmanager
async def emulate(
    app: App[Any], size: tuple[int, int] = (80, 24), *, erases: bool = True
) -> AsyncIterator[Emulation]:
    """Run an app on an emulated terminal."""
    app.driver_class = type("_Driver", (EmulatedDriver,), {"erases": erases})
    async with app.run_test(
        headless=False, size=size, notifications=True, tooltips=True
    ) as pilot:
        yield Emulation(app, pilot)
