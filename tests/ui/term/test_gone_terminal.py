"""A terminal that is gone keeps nobody waiting."""

from __future__ import annotations

from io import StringIO
from threading import Thread

from textual.app import App
from textual.drivers._writer_thread import MAX_QUEUED_WRITES, WriterThread

from tests.ui.term.emulated import emulate


async def test_nothing_waits_for_a_terminal_that_is_gone() -> None:
    async with emulate(App[None]()) as emulation:
        driver, kept = emulation.driver, emulation.driver.terminal
        gone = WriterThread(StringIO())  # not running, as after its last write failed
        for _ in range(MAX_QUEUED_WRITES):
            gone.write("\x07")
        driver._writer_thread = gone
        bell = Thread(target=driver.write, args=["\x07"], daemon=True)
        bell.start()
        bell.join(30.0)
        driver._writer_thread = kept  # type: ignore[assignment]
        assert not bell.is_alive()
