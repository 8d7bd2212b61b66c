"""A log pane on its own, with lines to read and a place to look at the screen."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

import pytest
from textual.events import Key
from textual.geometry import Region

from chronotui.log.store import LogStore
from chronotui.model import STDERR, STDOUT, LogLine
from chronotui.ui.app import TypedAhead
from chronotui.ui.log.prompt import LogPane
from chronotui.ui.log.state import OpenLog
from chronotui.ui.log.view import LogView

M = TypeVar("M", bound="Message")

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from contextlib import AbstractAsyncContextManager

    from textual.app import ComposeResult
    from textual.message import Message
    from textual.pilot import Pilot

    from chronotui.ui.log import ViewSettings

START_NS = 1_700_000_000_000_000_000
NOW = datetime(2023, 11, 14, 22, 30, tzinfo=UTC)


def log_line(
    number: int, message: str | None = None, stream: str = STDOUT, attempt: int = 1
) -> LogLine:
    """Return a line; a tenth of a second lies between two numbers."""
    text = f"line {number}" if message is None else message
    return LogLine(attempt, number, stream, START_NS + number * 100_000_000, text)


class PaneApp(TypedAhead[None]):
    """A log pane and all it says."""

    def __init__(self, settings: ViewSettings | None) -> None:
        super().__init__()
        self.animation_level = "none"
        self.changes = 0
        self.pane = LogPane(
            settings=settings,
            local_zone=UTC,
            now=lambda: NOW,
            when_placed=self._note_place,
        )

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        self.pane.view.focus()

    def _note_place(self) -> None:
        self.changes += 1


class Bench:
    """A pane under test: its store, its screen, and the messages it posted."""

    def __init__(self, app: PaneApp, store: LogStore) -> None:
        self.app = app
        self.store = store
        self.opened = OpenLog(store, start_ns=START_NS)
        self._messages: dict[int, Message] = {}
        self.pilot: Pilot[None]

    def hear(self, message: Message) -> None:
        """Note a message once, however many widgets it passes."""
        self._messages.setdefault(id(message), message)

    @property
    def view(self) -> LogView:
        return self.app.pane.view

    async def press(self, *keys: str) -> None:
        """Press keys one after the other; quicker than the pilot, which rests."""
        for key in keys:
            self.app.post_message(Key(key, key if len(key) == 1 else None))
        await self.settled()

    async def type_in(self, text: str) -> None:
        """Put text into the open prompt as if it had been typed."""
        self.app.pane.prompt.input.value += text
        await self.settled()

    async def ask(self, key: str, text: str) -> None:
        """Open a prompt, answer it, and wait for what comes of it."""
        await self.press(key)
        await self.type_in(text)
        await self.press("enter")

    async def settled(self) -> None:
        """Wait until nothing is left to read through and all is painted."""
        await self.pilot.pause()
        while not self.opened.is_indexed:
            await self.pilot.pause(0.002)

    async def add(self, lines: Iterable[LogLine]) -> None:
        """Add lines as the engine does, and wait until they are taken over."""
        self.store.add(list(lines))
        self.view.sync()
        await self.settled()

    def screen(self) -> list[str]:
        """Return the text of the log's screen rows, without trailing blanks."""
        size = self.view.size
        strips = self.view.render_lines(Region(0, 0, size.width, size.height))
        return [strip.text.rstrip() for strip in strips]

    def shown(self) -> list[str]:
        """Return what is shown without the gutter, rows that are empty left out."""
        gutter = self.view.renderer().lines.gutter
        return [row[gutter:] for row in self.screen() if row]

    @property
    def current(self) -> str:
        line = self.opened.current_line
        return "" if line is None else line.message

    def said(self) -> str:
        """Return the last word for the reader."""
        said = self.posted(LogView.Said)
        return said[-1].text if said else ""

    def posted(self, kind: type[M]) -> list[M]:
        """Return the messages of a kind, first to last."""
        heard = self._messages.values()
        return [message for message in heard if isinstance(message, kind)]

    def remark(self) -> str:
        """Return what stands beside the prompt, or above it for want of room."""
        whole = self.app.pane.query_one("#whole")
        shown = whole if whole.display else self.app.pane.query_one("#remark")
        return str(shown.render())

    def bar(self) -> str:
        """Return the filter and search line, empty when it is not there."""
        bar = self.app.pane.query_one("#bar")
        return str(bar.render()) if bar.display else ""


class OpenPane(Protocol):
    """Opens a pane over lines; yields its bench."""

    def __call__(
        self,
        lines: Iterable[LogLine] | int = 100,
        *,
        size: tuple[int, int] = (60, 12),
        settings: ViewSettings | None = None,
    ) -> AbstractAsyncContextManager[Bench]: ...


@pytest.fixture
def open_pane() -> OpenPane:
    @asynccontextmanager
    async def open_it(
        lines: Iterable[LogLine] | int = 100,
        *,
        size: tuple[int, int] = (60, 12),
        settings: ViewSettings | None = None,
    ) -> AsyncIterator[Bench]:
        store = LogStore()
        store.add(
            list(map(log_line, range(lines)) if isinstance(lines, int) else lines)
        )
        bench = Bench(PaneApp(settings), store)
        async with bench.app.run_test(size=size, message_hook=bench.hear) as pilot:
            bench.pilot = pilot
            bench.app.pane.show(bench.opened)
            await bench.settled()
            yield bench

    return open_it


@pytest.fixture
def mixed_lines() -> list[LogLine]:
    """Fifty lines; every tenth on stderr, every seventh a warning."""
    return [
        log_line(n, f"error {n}", STDERR)
        if n % 10 == 0
        else log_line(n, f"warn {n}" if n % 7 == 0 else None)
        for n in range(50)
    ]
