"""What the desk is composed of, each part alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from textual.app import App

from chronotui.engine.connection import Connection, ConnectionKind
from chronotui.engine.job_log import LogState
from chronotui.errors import FailedAnswerError
from chronotui.model import Job, JobStatus, Trigger
from chronotui.ui.desk.log_side import LineLoader
from chronotui.ui.desk.status import STATUS_DELAY, StatusTimer

if TYPE_CHECKING:
    from chronotui.ui.log.prompt import LogPane

JOB = Job("j", "w", JobStatus.RUNNING, Trigger.MANUAL)
STATE = LogState(Connection(ConnectionKind.LIVE), JOB, lines=9)
PANE: LogPane = None  # type: ignore[assignment]  # nothing is moved in these tests


async def test_a_flood_is_counted_on_with_its_lines_and_a_step_at_once() -> None:
    shown: list[str] = []
    timer = StatusTimer(lambda: shown.append("shown"))
    timer.moved(following=True)
    assert len(shown) == 1
    for _line in range(9):
        timer.moved(following=True)
        timer.soon()
    assert len(shown) == 1
    await asyncio.sleep(2 * STATUS_DELAY)
    assert len(shown) == 2
    timer.moved(following=False)
    assert len(shown) == 3
    timer.soon()
    timer.stop()
    await asyncio.sleep(2 * STATUS_DELAY)
    assert len(shown) == 3


class Log:
    """A log whose requests end when told to."""

    def __init__(self, state: LogState = STATE) -> None:
        self.state = state
        self.asked: list[str] = []
        self.answer = asyncio.Event()
        self.fault: Exception | None = None
        self.history = self

    async def _load(self, what: str) -> bool:
        self.asked.append(what)
        await self.answer.wait()
        if self.fault is not None:
            raise self.fault
        return True

    async def load_older(self) -> bool:
        return await self._load("older")

    async def load_newer(self) -> bool:
        return await self._load("newer")

    async def load_all(self) -> bool:
        return await self._load("all")


class Host(App[None]):
    """What runs the loader's workers."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.said: list[str] = []
        self.loader = LineLoader(self, self.say)
        opened: Any = log
        self.loader.log = opened

    def say(self, sentence: str, *, seconds: float = 0.0) -> None:
        del seconds
        self.said.append(sentence)


async def test_each_edge_is_asked_for_once_at_a_time() -> None:
    log = Log()
    app = Host(log)
    loader = app.loader
    async with app.run_test() as pilot:
        for _step in range(3):
            loader.load_edge("top")
            loader.load_edge("bottom")
        await pilot.pause()
        assert sorted(log.asked) == ["newer", "older"]
        log.answer.set()
        await app.workers.wait_for_complete()
        log.state = replace(log.state, at_start=True)
        loader.load_edge("top")
        loader.load_edge("bottom")
        await app.workers.wait_for_complete()
        assert sorted(log.asked) == ["newer", "newer", "older"]
        loader.log = None
        loader.load_edge("bottom")


async def test_a_long_load_is_said_and_stopped() -> None:
    log = Log()
    app = Host(log)
    async with app.run_test() as pilot:
        assert not app.loader.stop()
        app.loader.load_all(PANE)
        app.loader.load_all(PANE)
        await pilot.pause()
        assert log.asked == ["all"]
        assert app.loader.stop()
        assert app.said == [
            "Loading the log to its start … esc stops.",
            "Stopped; what was loaded stays.",
        ]


async def test_a_load_that_fails_is_said() -> None:
    log = Log()
    log.fault = FailedAnswerError("The proxy failed (502).")
    log.answer.set()
    app = Host(log)
    async with app.run_test():
        app.loader.load_edge("top")
        await app.workers.wait_for_complete()
        app.loader.load_all(PANE)
        await app.workers.wait_for_complete()
        assert [words for words in app.said if "502" in words] == [str(log.fault)] * 2
