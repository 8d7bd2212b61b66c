"""Keys are answered while every command of the log runs on the worst lines."""

from __future__ import annotations

import asyncio
import gc
import json
from contextlib import asynccontextmanager
from time import thread_time
from typing import TYPE_CHECKING, Final

import pytest
from textual.events import Key

from chronotui.model import STDERR, STDOUT
from chronotui.ui.keys import actions_of, own_bindings
from chronotui.ui.log.line_screen import LineScreen
from chronotui.ui.log.prompt import LogPane
from chronotui.ui.log.view import LogView
from tests.ui.log.conftest import log_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from textual.message_pump import MessagePump

    from chronotui.model import LogLine
    from chronotui.ui.keys import Action
    from tests.ui.log.conftest import Bench, OpenPane

KIB: Final = 1 << 10
LONG: Final = 64 * KIB
LONGEST: Final = 1 << 20

MOST_SECONDS: Final = 0.5
"""Of the loop's own thread at one stretch. The clock on the wall would tell of who
else the machine works for; what this bounds held every key up for 45 s."""


WORST: Final = 20
"""The row of the line that is opened, copied and shown as JSON."""

SLOWER: Final = 25.0
"""How much longer than on usual lines, where the machine is as slow as that."""


def repeated(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]


SHAPES: Final[dict[str, str]] = {
    "no space": repeated("a", LONGEST),
    "a return in the middle": repeated("a", LONG // 2)
    + "\r"
    + repeated("b", LONG // 2),
    "a long bar": repeated(f"{'=' * 60}>\r", LONG) + "done",
    "returns": repeated("\r", LONG) + "a",
    "colours": repeated("\x1b[31ma\x1b[0mb", LONG),
    "escapes that do not end": repeated("\x1b[1;", LONG),
    "controls": repeated("\x00a", LONG),
    "a list": json.dumps([1] * (LONG // 3)),
    "objects in objects": '{"a":' * (LONG // 6) + "1" + "}" * (LONG // 6),
    "one text in JSON": json.dumps({"message": repeated("line\n", LONG)}),
    "wide": repeated("漢字 ", LONG),
    "no width": repeated("\u200b", LONG),
    "combining": repeated("a\u0301\u0302", LONG),
    "tabs": repeated("a\t", LONG),
    "words": repeated("level=error lorem ipsum ", LONGEST),
}

TYPED: Final = {
    "log.search": ("a", "+", "b", "$"),
    "log.filter": ("a", "|", "\\d"),
    "log.goto": ("9",),
}
"""What is typed letter by letter where an action asks; the expression takes the square
of a line's length."""


def lines_of(message: str) -> list[LogLine]:
    """Return two tries of lines that fill some screens, the worst among usual ones."""
    last = message[:LONG]
    return [
        log_line(
            number,
            text,
            STDERR if number % 5 == 0 else STDOUT,
            attempt=attempt,
        )
        for attempt in (1, 2)
        for number, text in enumerate(
            [*["usual"] * WORST, message, "a\rb", *[last] * 12, "usual", last]
        )
    ]


ACTIONS: Final = actions_of(own_bindings(LogPane), own_bindings(LogView))

READING: Final = frozenset(
    f"log.{name}"
    for name in (
        *("search", "filter", "goto", "next_match", "previous_match", "open", "back"),
        *("next_error", "previous_error", "page_up", "page_down", "start", "end"),
        *("next_attempt", "previous_attempt", "both_streams", "only_stderr", "json"),
    )
)
"""Those that look for rows or lines; the others do with a filter what they do without
one: they draw the rows that are there in another way."""


class Stalls:
    """The longest stretches in which the loop got to nothing else, by action."""

    def __init__(self) -> None:
        self.doing = "opening"
        self.longest: dict[str, float] = {}

    def begin(self, doing: str) -> None:
        """Take note of what is done from here on."""
        self.doing = doing
        self.longest.setdefault(doing, 0.0)

    async def watch(self) -> None:
        while True:
            before, doing = thread_time(), self.doing
            await asyncio.sleep(0.001)
            took = thread_time() - before
            for name in (doing, self.doing):
                self.longest[name] = max(self.longest.get(name, 0.0), took)


@asynccontextmanager
async def watched() -> AsyncIterator[Stalls]:
    stalls = Stalls()
    # What a thousand tests before have left is not for this one to look through.
    gc.collect()
    task = asyncio.create_task(stalls.watch())
    try:
        yield stalls
    finally:
        assert not task.done()
        task.cancel()


async def press(bench: Bench, *keys: str) -> None:
    """Press keys, each when the one before has been answered; waits for no search."""
    for key in keys:
        bench.app.post_message(Key(key, key if len(key) == 1 else None))
        await answered(bench.app)
        await answered(bench.app.screen.focused or bench.app.screen)


async def answered(pump: MessagePump) -> None:
    """Wait until all that was posted to somebody so far is done."""
    done = asyncio.Event()
    pump.call_later(done.set)
    await done.wait()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.001)


async def go_to_worst(bench: Bench) -> None:
    """Go from the start to the longest line, as if a key had led there."""
    await press(bench, "g")
    bench.app.pane.view.go_to_row(WORST)
    await answered(bench.app)


async def do(bench: Bench, action: Action, stalls: Stalls) -> None:
    """Press an action's key, and answer and close what it opens."""
    stalls.begin(action.id)
    await press(bench, action.keys[0])
    prompt = bench.app.pane.prompt
    if prompt.display:
        for letter in TYPED[action.id]:
            prompt.input.value += letter
            await press(bench, "end")
        await press(bench, "enter")
        if prompt.display:  # there is no such place where rows are still looked for
            await press(bench, "escape")


async def look_at_line(bench: Bench, stalls: Stalls) -> None:
    """Press every key of the line's own screen, as a tree and as text."""
    app = bench.app
    await until(lambda: isinstance(app.screen, LineScreen) and app.screen.focused)
    screen, focused = app.screen, app.screen.focused
    assert focused is not None
    for each in actions_of(own_bindings(LineScreen), own_bindings(type(focused))):
        if each.id != "line.close":
            stalls.begin(each.id)
            await press(bench, each.keys[0])
    await press(bench, "escape")
    await until(lambda: app.screen is not screen)


async def stalls_on(open_pane: OpenPane, lines: list[LogLine]) -> dict[str, float]:
    """Run every action, filtered and not, and return what each held up."""
    async with watched() as stalls, open_pane(lines, size=(100, 30)) as bench:
        for filtered in (True, False):
            await go_to_worst(bench)
            for action in ACTIONS:
                if action.id in READING if filtered else action.id != "log.filter":
                    await do(bench, action, stalls)
            await press(bench, *["escape"] * 4)
        assert not bench.opened.filters
        await press(bench, "slash", "a", "enter")
        await go_to_worst(bench)
        await press(bench, "enter")
        await look_at_line(bench, stalls)
    return stalls.longest


@pytest.mark.parametrize("shape", SHAPES)
async def test_no_command_keeps_the_loop_from_the_next_key(
    open_pane: OpenPane, shape: str
) -> None:
    longest = await stalls_on(open_pane, lines_of(SHAPES[shape]))
    if max(longest.values()) > MOST_SECONDS:
        usual = await stalls_on(open_pane, lines_of("usual"))
        most = max(MOST_SECONDS, SLOWER * max(usual.values()))
        assert {doing: took for doing, took in longest.items() if took > most} == {}
