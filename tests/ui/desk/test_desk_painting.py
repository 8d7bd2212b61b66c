"""The desk on the frugal driver, in an emulated terminal."""

from __future__ import annotations

from tests.ui.desk.scenes import desk_on, history, press, still_server, until_shown
from tests.ui.term.emulated import emulate


async def test_the_desk_looks_like_stock_painting_whatever_lies_over_it() -> None:
    with still_server() as server:
        async with emulate(desk_on(server), (120, 36)) as emulation:
            pilot = emulation.pilot
            await history(pilot)
            assert await emulation.is_like_stock(), emulation.differences()
            for key, text in (
                ("question_mark", "esc closes"),
                ("escape", "sealed ✓"),
                ("z", "sealed ✓"),
                ("slash", "/"),
                ("escape", "sealed ✓"),
                ("s", "new file"),
                ("escape", "sealed ✓"),
            ):
                await press(pilot, key)
                await until_shown(pilot, text)
                assert await emulation.is_like_stock(), emulation.differences()
            await emulation.resize(80, 24)
            assert await emulation.is_like_stock(), emulation.differences()


async def test_what_a_key_changes_and_what_is_said_of_it_come_in_one_frame() -> None:
    with still_server() as server:
        async with emulate(desk_on(server), (120, 36)) as emulation:
            await history(emulation.pilot)
            assert await emulation.is_like_stock(), emulation.differences()
            before = len(emulation.driver.terminal.written)
            await press(emulation.pilot, "k")
            assert await emulation.is_like_stock(), emulation.differences()
            frames = emulation.driver.terminal.written[before:]
            assert len([frame for frame in frames if "H" in frame]) == 1
