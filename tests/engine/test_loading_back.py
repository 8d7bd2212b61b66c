"""Loading back to a line or a time, no further than that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine.history import load_back_to_line, load_back_to_time

if TYPE_CHECKING:
    import pytest

    from chronotui.demo.server import DemoServer
    from chronotui.engine.job_log import JobLog
    from tests.engine.conftest import Readers


async def opened(readers: Readers, demo: DemoServer) -> JobLog:
    """Return the log of an ended job of 950 lines, its newest 200 loaded."""
    lines = [ScriptLine(f"line {n}", retained=0.0) for n in range(950)]
    script = Script(lines, rate=1000, starts_in=-600, ends_after=1.0)
    log = await readers.log(demo, demo.world.add_job(script), tail=150)
    await log.watch()
    assert len(log.store) == 200
    return log


async def test_pages_are_loaded_back_to_a_line(
    demo: DemoServer, readers: Readers
) -> None:
    log = await opened(readers, demo)
    await load_back_to_line(log.history, 1, 520)
    assert 400 <= log.store.line(0).sequence_num <= 520
    await load_back_to_line(log.history, 1, -5)
    assert log.state.at_start


async def test_pages_are_loaded_back_to_a_time(
    demo: DemoServer, readers: Readers
) -> None:
    log = await opened(readers, demo)
    oldest, newest = (log.store.line(n).time_ns for n in (0, 199))
    assert oldest is not None
    assert newest is not None
    await load_back_to_time(log.history, oldest)
    assert len(log.store) == 200
    await load_back_to_time(log.history, oldest - (newest - oldest))
    assert 450 <= log.store.line(0).sequence_num <= 550
    assert demo.requests.count("raw") == 0
    await load_back_to_time(log.history, 0)
    assert log.state.at_start


async def test_a_time_far_back_is_one_download(
    demo: DemoServer, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chronotui.engine.history.FAR_LINES", 300)
    log = await opened(readers, demo)
    oldest = log.store.line(0).time_ns
    assert oldest is not None
    await load_back_to_time(log.history, oldest - 500_000_000)
    assert demo.requests.count("raw") == 1
    assert len(log.store) == 950
