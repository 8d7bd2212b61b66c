"""Keys that change how lines are shown, and notices in place of lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Region

from chronotui.log.marks import GapMark, GapState
from chronotui.model import STDERR, STDOUT
from chronotui.times import Timestamps, utc_clock
from chronotui.ui.log import ViewSettings
from chronotui.ui.log.cells import LONGEST
from chronotui.ui.log.view import LogView
from tests.ui.log.conftest import log_line

if TYPE_CHECKING:
    import pytest

    from tests.ui.log.conftest import OpenPane


async def test_t_goes_through_the_times_and_tells_them(open_pane: OpenPane) -> None:
    async with open_pane(3) as bench:
        seen = []
        for _ in range(5):
            await bench.press("t")
            seen.append(bench.screen()[1].removesuffix("   line 1").strip())
        assert seen == [
            "2023-11-14 22:13:20.100+00:00",
            "+0.100",
            "+0.100",
            "",
            "22:13:20.100",
        ]
        changed = bench.posted(LogView.SettingsChanged)
        assert [m.settings.timestamps for m in changed] == [
            Timestamps.FULL,
            Timestamps.ELAPSED,
            Timestamps.DELTA,
            Timestamps.OFF,
            Timestamps.TIME,
        ]


async def test_the_zone_changes_and_is_named(open_pane: OpenPane) -> None:
    from zoneinfo import ZoneInfo

    async with open_pane(3) as bench:
        bench.view.local_zone = ZoneInfo("Asia/Kolkata")
        bench.view.redraw()
        await bench.settled()
        assert bench.screen()[0].startswith(" 03:43:20.000")
        assert bench.view.place.zone == "UTC+5:30"
        await bench.press("T")
        assert bench.screen()[0].startswith(" 22:13:20.000")
        assert bench.view.place.zone == "UTC"
        assert bench.said() == "Times in UTC."


async def test_the_end_is_told_in_the_zone_of_the_lines(open_pane: OpenPane) -> None:
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    async with open_pane(3) as bench:
        bench.view.local_zone = ZoneInfo("Asia/Kolkata")
        ended = datetime(2026, 3, 3, 9, 14, 7, tzinfo=UTC)
        words = f"ended FAILED {utc_clock(ended)} after 2:05"
        bench.store.set_section(1, None, words, ended_at=ended)
        await bench.add([])
        told = "ended FAILED 14:44:07 UTC+5:30 after 2:05"
        assert told in "\n".join(bench.screen())
        await bench.press("T")
        assert words in "\n".join(bench.screen())


async def test_wrapping_keeps_the_current_line_where_it_is(open_pane: OpenPane) -> None:
    lines = [log_line(n, f"{n} " + "word " * 30) for n in range(100)]
    async with open_pane(lines) as bench:
        await bench.press("b", "b", "k", "k")
        current, y = bench.current, bench.opened.viewport.screen_y
        await bench.press("w")
        assert (bench.current, bench.opened.viewport.screen_y) == (current, y)
        assert bench.screen()[y].endswith("word word")
        assert bench.screen()[y + 1].strip().startswith("word")
        await bench.press("w")
        assert (bench.current, bench.opened.viewport.screen_y) == (current, y)


async def test_wrapping_near_the_end_leaves_no_row_blank(open_pane: OpenPane) -> None:
    lines = [log_line(n, f"{n} " + "word " * 30) for n in range(100)]
    async with open_pane(lines, settings=ViewSettings(wrap=True)) as bench:
        await bench.press("k", "k")
        before, current = bench.screen(), bench.current
        await bench.press("w")
        assert len(bench.shown()) == bench.view.size.height
        assert bench.shown()[-1].startswith("99 ")
        assert bench.current == current
        await bench.press("w")
        assert bench.screen() == before


async def test_a_stream_alone_fills_the_window_and_both_come_back_in_place(
    open_pane: OpenPane,
) -> None:
    lines = [log_line(n, stream=STDERR if n % 3 else STDOUT) for n in range(90)]
    async with open_pane(lines) as bench:
        await bench.press("k", "k", "k", "k", "k")
        before, current = bench.screen(), bench.current
        await bench.press("1")
        assert bench.shown()[-1] == "line 87"
        assert len(bench.shown()) == bench.view.size.height
        await bench.press("0")
        assert bench.screen() == before
        assert bench.current == current


async def test_settings_from_outside_are_shown_and_not_told(
    open_pane: OpenPane,
) -> None:
    settings = ViewSettings(timestamps=Timestamps.OFF)
    async with open_pane(3, settings=settings) as bench:
        assert bench.screen()[0] == "   line 0"
        assert not bench.posted(LogView.SettingsChanged)


async def test_streams(open_pane: OpenPane) -> None:
    lines = [log_line(n, stream=STDERR if n % 2 else STDOUT) for n in range(6)]
    async with open_pane(lines) as bench:
        await bench.press("1")
        assert bench.shown() == ["line 0", "line 2", "line 4"]
        assert "only stdout" in bench.bar()
        await bench.press("2")
        assert bench.shown() == ["line 1", "line 3", "line 5"]
        await bench.press("0")
        assert len(bench.shown()) == 6
        assert bench.bar() == ""


async def test_p_indents_json_and_back(open_pane: OpenPane) -> None:
    async with open_pane([log_line(0, '{"a": [1, 2]}'), log_line(1)]) as bench:
        await bench.press("p")
        assert bench.said() == "This line is not JSON."
        await bench.press("k", "p")
        assert bench.shown()[:3] == ["{", '  "a": [', "    1,"]
        await bench.add([log_line(2, '{"a": "' + "x" * LONGEST + '"}')])
        await bench.press("G", "p")
        assert bench.said() == "This line is too large to lay out here; enter opens it."
        await bench.press("k", "k")
        await bench.press("p")
        assert bench.shown()[:2] == ['{"a": [1, 2]}', "line 1"]


async def test_missing_lines_stand_in_their_place_and_heal(open_pane: OpenPane) -> None:
    lines = [log_line(n) for n in (0, 1, 39, 40)]
    async with open_pane(lines) as bench:
        for state, words in {
            GapState.FETCHING: "⋯ 37 lines not received, fetching",
            GapState.AWAITED: "⋯ 37 lines not received, and not retained yet; asked",
            GapState.LOST: "⋯ 37 lines not received, and not in the retained",
            GapState.UNREAD: "⋯ 37 lines not loaded",
        }.items():
            bench.store.set_gaps([GapMark(1, 2, 38, 37, state)])
            await bench.add([])
            assert words.startswith(bench.shown()[2])
        bench.store.set_gaps([])
        await bench.add(map(log_line, range(2, 39)))
        assert not any("⋯" in row for row in bench.screen())
        assert bench.current == "line 40"


async def test_sections_and_edges(open_pane: OpenPane) -> None:
    async with open_pane([log_line(0), log_line(0, attempt=2)]) as bench:
        bench.store.set_section(1, "attempt 1", "attempt 1 ended FAILED")
        bench.store.set_section(2, "attempt 2")
        bench.store.set_edge("⋮ older lines not loaded yet", "end of log")
        await bench.add([])
        rows = [row.strip(" ─") for row in bench.screen() if row]
        assert rows[0] == "⋮ older lines not loaded yet"
        assert rows[1] == "attempt 1"
        assert rows[3] == "attempt 1 ended FAILED"
        assert rows[-1] == "end of log"
        assert bench.current == "line 0"
        await bench.press("y")
        assert bench.said() == "Sent 1 line, 6 bytes, to the terminal."


async def test_an_empty_log_says_why(open_pane: OpenPane) -> None:
    async with open_pane(0) as bench:
        sentence = "Log retention is off. D tells."
        bench.app.pane.view.explain_empty("No log to show.", sentence)
        await bench.settled()
        text = "\n".join(bench.screen())
        assert "No log to show." in text
        assert sentence in text
        await bench.press("j", "k", "space", "n", "e", "m", "y", "v", "enter", "p", "l")
        await bench.add([log_line(0)])
        assert bench.shown() == ["line 0"]


async def test_all_sizes(open_pane: OpenPane) -> None:
    async with open_pane(300, settings=ViewSettings(wrap=True)) as bench:
        for size in [(1, 1), (2, 1), (4, 3), (5, 2), (500, 200), (16, 4)]:
            await bench.pilot.resize_terminal(*size)
            await bench.press("k", "w", "t")
            width, height = bench.view.size
            assert all(len(row) <= width for row in bench.screen())
            assert len(bench.screen()) == height


async def test_no_colour_leaves_signs(
    open_pane: OpenPane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_pane(3) as bench:
        assert [row[0] for row in bench.screen()[:3]] == [" ", " ", "►"]
        await bench.press("m")
        (strip,) = bench.view.render_lines(Region(0, 2, 40, 1))
        sign = next(iter(strip))
        assert sign.text == "◆"
        assert sign.style is not None
        assert sign.style.reverse


async def test_every_theme_draws(open_pane: OpenPane) -> None:
    async with open_pane(3) as bench:
        for theme in bench.app.available_themes:
            bench.app.theme = theme
            await bench.pilot.pause()
            assert bench.shown() == ["line 0", "line 1", "line 2"]
