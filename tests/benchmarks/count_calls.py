"""``python -m tests.benchmarks.count_calls [NAME …]``: calls a small act costs.

Counts how many of the package's own Python functions one act passes through, and how
many calls that makes: a measure of how far a reader has to go to follow it, which no
busy machine blurs. A comprehension belongs to the function it stands in.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import chronotui
from chronotui.demo.faults import Faults
from chronotui.demo.scripts import Script
from chronotui.demo.server import DemoServer
from chronotui.engine.job_log import JobLog
from chronotui.engine.timing import WatchSettings
from chronotui.log.store import LogStore
from chronotui.model import STDOUT, LogLine
from chronotui.storage.settings import AuthSettings, Config, Profile, Secret
from chronotui.ui.app import DeskApp, TypedAhead
from chronotui.ui.desk.plan import DeskPlan
from chronotui.ui.log.prompt import LogPane
from chronotui.ui.log.state import OpenLog
from tests.benchmarks import texts
from tests.exactness import client_of
from tests.ui.term.emulated import emulate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import FrameType

    from textual.app import ComposeResult

    from chronotui.ui.log import ViewportPlace
    from tests.ui.term.emulated import Emulation

PACKAGE: Final = str(Path(chronotui.__file__).parent)
LINES: Final = 100_000
SIZE: Final = (120, 40)


@dataclass
class Calls:
    """The package's functions that were called, and how often."""

    by_function: Counter[str] = field(default_factory=Counter)

    def within(self, room: str) -> Calls:
        """Return those of one room of the package, ``ui.term``."""
        found = {f: n for f, n in self.by_function.items() if f.startswith(f"{room}.")}
        return Calls(Counter(found))

    @property
    def functions(self) -> int:
        return len(self.by_function)

    @property
    def total(self) -> int:
        return self.by_function.total()

    def note(self, frame: FrameType, event: str, _value: object) -> None:
        """Take one event of ``sys.setprofile``."""
        code = frame.f_code
        inlined = code.co_name.endswith(("comp>", "genexpr>"))
        if event == "call" and not inlined and code.co_filename.startswith(PACKAGE):
            module = code.co_filename[len(PACKAGE) + 1 : -3].replace("/", ".")
            self.by_function[f"{module}.{code.co_qualname}"] += 1


@contextmanager
def counted() -> Iterator[Calls]:
    """Count what is called within."""
    calls = Calls()
    sys.setprofile(calls.note)
    try:
        yield calls
    finally:
        sys.setprofile(None)


class LogApp(TypedAhead[None]):
    """A log pane over the usual lines, on the whole terminal."""

    def __init__(self) -> None:
        super().__init__()
        self.animation_level = "none"
        self.pane = LogPane(when_placed=self._placed)
        self.place: ViewportPlace | None = None

    def _placed(self) -> None:
        """Look where the reader is, as the desk's status line does in each frame."""
        self.place = self.pane.view.place

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        store = LogStore()
        start_ns = texts.START_SECONDS * 10**9
        store.add(
            [
                LogLine(
                    1, number, STDOUT, start_ns + number * 10**6, texts.text(number)
                )
                for number in range(LINES)
            ]
        )
        self.pane.show(OpenLog(store))
        self.pane.set_scope(older=False, newer=True)
        self.pane.view.focus()


async def _press(emulation: Emulation, *keys: str) -> None:
    for key in keys:
        await emulation.press(key)
        emulation.driver.settle()


async def _line_down(keys_before: int) -> Calls:
    """Go a line down in a settled view, up to the bytes for the terminal."""
    async with emulate(LogApp(), SIZE) as emulation:
        await _press(emulation, "g", *["j"] * keys_before)
        await asyncio.sleep(0.2)
        with counted() as calls:
            await _press(emulation, "j")
    return calls


async def _live_line() -> Calls:
    """Have a line come to a watched job, up to who listens and reads it there.

    The job is settled: its newest page was read again after connecting, and nothing
    is due. Counted until the engine has come to rest again.
    """
    with DemoServer(faults=Faults(retention_lag=(0.0, 0.05)), plans=[]) as demo:
        made = demo.world.add_job(Script([f"before {n}" for n in range(300)]))
        client = client_of(demo)
        job = await client.job(made.workflow_id, made.id)
        log = JobLog(client, None, job, settings=WatchSettings(poll_seconds=60.0))
        read: list[object] = []

        def listen() -> None:
            count = len(log.store)
            read.append((log.state, log.store.lines(count - 1, count)))

        log.subscribe(listen)
        watching = asyncio.create_task(log.watch())
        await asyncio.sleep(2.0)
        await asyncio.to_thread(made.write, "one before")
        await asyncio.sleep(3.0)
        read.clear()
        with counted() as calls:
            await asyncio.to_thread(made.write, "the line")
            await asyncio.sleep(0.5)
        assert read
        watching.cancel()
        await asyncio.wait([watching])
        log.store.close()
        await client.aclose()
    return calls


async def _live_line_shown() -> Calls:
    """Have a line come to a job that is followed on the desk, up to the terminal.

    Nothing else is due in that second: lists and job are asked once a minute.
    """
    with DemoServer(faults=Faults(retention_lag=(0.0, 0.05)), plans=[]) as demo:
        made = demo.world.add_job(Script([f"before {n}" for n in range(300)]))
        auth = AuthSettings(email=demo.email, password=Secret(demo.password))
        profile = Profile(name="demo", url=demo.url, poll_seconds=60.0, auth=auth)
        plan = DeskPlan(profile, Path(), workflow=made.workflow_id, job=made.id)
        async with emulate(DeskApp(plan, Config(Path("/dev/null"))), SIZE) as emulation:
            await asyncio.sleep(4.0)
            await asyncio.to_thread(made.write, "one before")
            await asyncio.sleep(3.1)
            with counted() as calls:
                await asyncio.to_thread(made.write, "the line")
                await asyncio.sleep(0.3)
            emulation.driver.settle()
            assert "the line" in "".join(emulation.driver.terminal.screen.display)
    return calls


ACTS: Final[dict[str, Callable[[], Awaitable[Calls]]]] = {
    "j within the window": lambda: _line_down(SIZE[1] // 2),
    "j at its edge": lambda: _line_down(SIZE[1] + 5),
    "a live line, without a screen": _live_line,
    "a live line, on the desk": _live_line_shown,
}


def count(what: str) -> Calls:
    """Return what one of `ACTS` calls."""

    async def act() -> Calls:
        return await ACTS[what]()

    return asyncio.run(act())


def main() -> None:
    """Print a table of the named acts, or of all; with one name its functions."""
    names = sys.argv[1:] or list(ACTS)
    print("| what | functions | calls | of these in ui.term | |\n|---|---|---|---|---|")
    for name in names:
        calls = count(name)
        term = calls.within("ui.term")
        print(
            f"| {name} | {calls.functions} | {calls.total} "
            f"| {term.functions} | {term.total} |"
        )
    if len(names) == 1:
        for function, times in calls.by_function.most_common():
            print(f"{times:6} {function}")


if __name__ == "__main__":
    main()
