"""``:`` goes to a line, a time, an end; or says why it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.ui.log_view.conftest import OpenPane


PLACES = {
    "17": "line 16",
    "start": "line 0",
    "end": "line 9999",
    "22:15": "line 1000",
    "22:15:30": "line 1300",
    "-15m": "line 1000",
    "2023-11-14T22:14:00Z": "line 400",
    "9,999": "line 9998",
}
NO_PLACES = {
    "0": "There is no line 0: 10,000 are loaded.",
    "10001": "There is no line 10,001: 10,000 are loaded.",
    "99999999999999999999": "There is no line",
    "tomorrow": "No such place; try 120, 14:05, -15m, end.",
    "25:99": "No such place",
}


async def test_goto(open_pane: OpenPane) -> None:
    async with open_pane(10000) as bench:
        for typed, current in PLACES.items():
            await bench.ask("colon", typed)
            assert (typed, bench.current) == (typed, current)
            assert not bench.app.pane.prompt.display


async def test_goto_says_what_it_cannot_find(open_pane: OpenPane) -> None:
    async with open_pane(10000) as bench:
        for typed, wrong in NO_PLACES.items():
            await bench.ask("colon", typed)
            assert bench.remark().startswith(wrong)
            assert bench.app.pane.prompt.display
            await bench.press("escape")
