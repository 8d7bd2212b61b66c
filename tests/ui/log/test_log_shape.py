"""The strip of a log's shape: what it shows, and where it goes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chronotui.times import NS
from chronotui.ui.log.shape import ShapeStrip
from tests.ui.conftest import until
from tests.ui.log.conftest import START_NS, log_line

if TYPE_CHECKING:
    from chronotui.model import LogLine
    from tests.ui.log.conftest import Bench, OpenPane


def strip(bench: Bench) -> list[str]:
    """Return the text of the strip, without trailing blanks."""
    shown = bench.app.pane.shape
    rows = range(shown.size.height) if shown.display else ()
    return [shown.render_line(y).text.rstrip() for y in rows]


def has_rows(bench: Bench, rows: int) -> bool:
    return len(strip(bench)) == rows


async def open_shape(bench: Bench) -> None:
    """Show the strip, and wait until it has its room and what it shows is read."""
    await bench.press("i")
    shown = bench.app.pane.shape
    await until(bench.pilot, lambda: shown.size.height > 0 and shown.shape.complete)
    shown.on_resize()


def timed(number: int, message: str | None = None) -> LogLine:
    """Return a line; ten of them come at once, then there is a minute's pause."""
    time_ns = START_NS + number // 10 * 60 * NS
    return log_line(number, message)._replace(time_ns=time_ns)


def lines() -> list[LogLine]:
    texts = {12: "WARN slow", 33: "ERROR bad"}
    return [timed(n, texts.get(n)) for n in range(50)]


def bursts(signs: str) -> str:
    """Return what stands in a row for five bursts, their pauses between them."""
    return f" {(' ' * 11).join(signs)}".rstrip()


async def test_the_shape_tells_lines_errors_and_the_reader(open_pane: OpenPane) -> None:
    async with open_pane(lines(), size=(60, 24)) as bench:
        assert strip(bench) == []
        await open_shape(bench)
        assert strip(bench) == [
            bursts("█████"),
            bursts(" ! ✗▲"),
            " 22:13:20       22:17:20: 10 lines        22:17:25",
        ]
        await bench.press("enter")
        assert bench.view.has_focus
        assert "50 lines, 1 error, 1 warning; 5" in strip(bench)[2]
        await bench.press("i")
        assert strip(bench) == []
        assert bench.view.has_focus


async def test_moving_in_it_goes_there(open_pane: OpenPane) -> None:
    async with open_pane(lines(), size=(60, 24)) as bench:
        await bench.press("i", "left")
        assert bench.current == "line 30"
        await bench.press("left", "left", "left")
        assert bench.current == "line 0"
        assert bench.said() == ""
        await bench.press("left")
        assert bench.said() == "No line before this slice."
        await bench.press("e")
        assert bench.current == "line 30"
        await bench.press("e")
        assert bench.said() == "No error after this slice."
        await bench.press("G")
        assert bench.view.place.following
        await bench.press("E", "escape", "k")
        assert (bench.current, bench.view.has_focus) == ("line 29", True)
        await open_shape(bench)
        await bench.pilot.click(ShapeStrip, offset=(13, 0))
        assert bench.current == "line 10"


async def test_it_follows_filters_and_arrivals(open_pane: OpenPane) -> None:
    async with open_pane(lines(), size=(60, 24)) as bench:
        await open_shape(bench)
        await bench.press("enter")
        await bench.ask("ampersand", "ERROR")
        bench.app.pane.shape.on_resize()
        assert "1 line, 1 error" in strip(bench)[2]
        await bench.press("escape")
        await bench.add([timed(n) for n in range(50, 60)])
        bench.app.pane.shape.on_resize()
        assert strip(bench)[0].count("█") == 6
        assert "60 lines" in strip(bench)[2]


async def test_it_takes_what_room_there_is(open_pane: OpenPane) -> None:
    async with open_pane(lines(), size=(60, 12)) as bench:
        await open_shape(bench)
        assert strip(bench) == [bursts("█!█✗▲")]
        for height, rows in ((18, 2), (24, 3), (30, 4), (40, 5)):
            await bench.pilot.resize_terminal(60, height)
            await until(bench.pilot, partial(has_rows, bench, rows))


async def test_a_log_without_times_says_so(open_pane: OpenPane) -> None:
    untimed = [line._replace(time_ns=None) for line in lines()]
    async with open_pane(untimed, size=(60, 24)) as bench:
        await open_shape(bench)
        await bench.press("left", "g", "e")
        assert strip(bench)[0] == " No line here has a time."
