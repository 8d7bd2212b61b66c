"""The driver: a terminal that is gone, and the release it is written for."""

from __future__ import annotations

import asyncio
import os
import select
import time
from io import StringIO
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING

import textual
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers._writer_thread import MAX_QUEUED_WRITES, WriterThread
from textual.events import Key

import chronotui.ui.term.driver as driver_module
from chronotui.ui.term.driver import release
from chronotui.ui.term.pace import STATUS, Budget, Pace
from tests.ui.term.emulated import emulate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pytest
    from textual.message import Message


def test_the_release_is_the_one_textual_says() -> None:
    assert textual.__version__.startswith(f"{release()}.")


def test_without_its_folder_textual_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(textual, "__file__", str(tmp_path / "textual" / "__init__.py"))
    monkeypatch.setattr(textual, "__version__", "9.1.2", raising=False)
    assert release() == "9.1"


def test_of_two_folders_neither_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("textual-8.2.8.dist-info", "textual-7.0.0.dist-info"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(textual, "__file__", str(tmp_path / "textual" / "__init__.py"))
    monkeypatch.setattr(textual, "__version__", "7.0.0", raising=False)
    assert release() == "7.0"


class _Refuses(XTermParser):
    """Fails on a tab, as Textual's own does on some reports of keys."""

    def feed(self, data: str) -> Iterable[Message]:
        if "\t" in data:
            raise ValueError("no number")
        yield from super().feed(data)


async def test_keys_are_heard_behind_one_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(driver_module, "XTermParser", _Refuses)
    heard: Queue[Message] = Queue()
    async with emulate(App[None]()) as emulation:
        driver = emulation.driver
        monkeypatch.setattr(driver, "process_message", heard.put)
        reader, writer = os.pipe()
        driver.fileno = reader
        reading = Thread(target=driver._read_keys)
        reading.start()
        try:
            for keys in (b"j", b"\t", b"k"):
                os.write(writer, keys)
                if keys != b"\t":
                    event = await asyncio.to_thread(heard.get, timeout=60)
                    assert isinstance(event, Key)
                    assert event.character == keys.decode()
                else:
                    until_read(reader)
        finally:
            driver.exit_event.set()
            reading.join()
            os.close(reader)
            os.close(writer)


def until_read(end: int) -> None:
    """Wait until nothing is left in a pipe."""
    while select.select([end], [], [], 0)[0]:
        time.sleep(0)


class _Holds(Pace):
    """Holds frames back for given seconds, one after the other."""

    def __init__(self, *seconds: float) -> None:
        super().__init__(Budget(0.0))
        self._seconds = list(seconds)

    def hold(self) -> float:
        return self._seconds.pop(0) if self._seconds else 0.0


async def test_a_frame_goes_out_as_soon_as_an_answer_lets_it() -> None:
    async with emulate(App[None]()) as emulation:
        driver = emulation.driver
        driver.settle()
        driver._pace = _Holds(1e6, 0.01)
        written = driver.terminal.written
        before = len(written)
        driver.write("\x1b[1;1Hheld back")
        assert len(written) == before
        driver._take_answer(STATUS)
        async with asyncio.timeout(30):
            while len(written) == before:  # noqa: ASYNC110 - a timer writes it
                await asyncio.sleep(0.005)
        assert "held back" in written[before]


# A terminal that is gone keeps nobody waiting.


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
