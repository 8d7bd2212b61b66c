"""Keys and mouse that move the reader, and what stands still meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chronotui.log.marks import GapMark, GapState
from chronotui.ui.log.view import LogView
from tests.ui.log.conftest import log_line

if TYPE_CHECKING:
    import pytest

    from tests.ui.log.conftest import OpenPane


async def test_it_opens_at_the_newest_line_and_follows(open_pane: OpenPane) -> None:
    async with open_pane(100) as bench:
        assert bench.shown()[-1] == "line 99"
        assert bench.current == "line 99"
        await bench.add([log_line(100)])
        assert bench.shown()[-1] == "line 100"
        assert bench.view.place.following


STEPS = {
    "k": 98,
    "up up": 97,
    "k k j": 98,
    "k down": 99,
    "b": 88,
    "pageup": 88,
    "ctrl+b": 88,
    "ctrl+u": 93,
    "g": 0,
    "home": 0,
    "g j j": 2,
    "g space": 11,
    "g pagedown": 11,
    "g ctrl+f": 11,
    "g ctrl+d": 6,
    "g G": 99,
    "g end": 99,
    "g F": 99,
    "j": 99,
}


async def test_keys_move_the_current_line(open_pane: OpenPane) -> None:
    async with open_pane(100) as bench:
        for keys, current in STEPS.items():
            bench.view.action_follow()
            await bench.press(*keys.split())
            assert (keys, bench.current) == (keys, f"line {current}")


async def test_g_end_and_f_follow_again(open_pane: OpenPane) -> None:
    async with open_pane(100) as bench:
        for number, key in enumerate(["G", "end", "F"], start=100):
            await bench.press("b", "b")
            assert not bench.view.place.following
            await bench.press(key)
            assert bench.view.place.following
            await bench.add([log_line(number)])
            assert bench.current == f"line {number}"


async def test_reading_stands_still_and_counts_what_is_new(
    open_pane: OpenPane,
) -> None:
    async with open_pane(100) as bench:
        await bench.press("k")
        before = bench.screen()
        await bench.add(map(log_line, range(100, 1304)))
        assert bench.screen() == before
        assert bench.view.place.new == 1204
        await bench.press("space")
        assert bench.view.place.new < 1204


async def test_only_lines_count_as_new(open_pane: OpenPane) -> None:
    async with open_pane(50) as bench:
        await bench.press("k")
        bench.store.set_gaps([GapMark(1, 50, 59, 10)])
        bench.store.set_edge(None, "end of log")
        await bench.add(map(log_line, range(60, 65)))
        assert bench.view.place.new == 5


async def test_a_resize_storm_in_a_flood_keeps_the_place(open_pane: OpenPane) -> None:
    async with open_pane(200) as bench:
        await bench.press("b", "k")
        current = bench.current
        number = 200
        for step in range(40):
            bench.store.add([log_line(n) for n in range(number, number + 333)])
            number += 333
            bench.view.log_changed()
            await bench.pilot.resize_terminal(20 + step * 7 % 90, 3 + step * 5 % 40)
        await bench.settled()
        bench.view.sync()
        await bench.settled()
        assert bench.current == current
        assert bench.view.place.shown == number
        await bench.press("G")
        assert bench.current == f"line {number - 1}"


async def test_lines_that_heal_above_do_not_move_the_text(open_pane: OpenPane) -> None:
    async with open_pane([log_line(n) for n in range(0, 200, 2)]) as bench:
        await bench.press("b", "b")
        current, y = bench.current, bench.opened.viewport.screen_y
        await bench.add(map(log_line, range(1, 200, 2)))
        assert bench.current == current
        assert bench.opened.viewport.screen_y == y


async def test_nothing_is_painted_for_lines_that_are_not_seen(
    open_pane: OpenPane, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_pane(100) as bench:
        await bench.press("g")
        painted: list[object] = []
        monkeypatch.setattr(
            bench.view, "refresh", lambda *regions, **_: painted.extend(regions)
        )
        await bench.add(map(log_line, range(100, 200)))
        assert painted == []


async def test_a_step_paints_two_rows(
    open_pane: OpenPane, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_pane(100) as bench:
        await bench.press("g")
        painted: list[object] = []
        monkeypatch.setattr(
            bench.view, "refresh", lambda *regions, **_: painted.extend(regions)
        )
        await bench.press("j")
        assert [str(region) for region in painted] == [
            "Region(x=0, y=0, width=60, height=2)"
        ]


async def test_arrivals_are_taken_over_at_most_once_a_frame(
    open_pane: OpenPane, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_pane(10) as bench:
        taken: list[int] = []
        sync = bench.view.sync

        def counted() -> None:
            taken.append(1)
            sync()

        monkeypatch.setattr(bench.view, "sync", counted)
        for number in range(10, 500):
            bench.store.add([log_line(number)])
            bench.view.log_changed()
        async with asyncio.timeout(30):
            while len(bench.opened.rows) < 500:
                await bench.pilot.pause(0.005)
        assert len(taken) <= 2


async def test_sideways_is_kept_when_lines_come(open_pane: OpenPane) -> None:
    wide = "".join(f"{n:04}" for n in range(50))
    async with open_pane([log_line(0, wide)]) as bench:
        await bench.press("l", "right")
        left = bench.opened.left
        assert bench.shown()[0].startswith(wide[left : left + 20])
        await bench.add([log_line(1, wide)])
        assert bench.opened.left == left
        await bench.press("h", "left", "h")
        assert bench.opened.left == 0


async def test_sideways_ends_where_the_text_ends(open_pane: OpenPane) -> None:
    async with open_pane(3) as bench:
        await bench.press("l")
        assert bench.opened.left == 0


async def test_brackets_go_from_try_to_try(open_pane: OpenPane) -> None:
    lines = [log_line(n, attempt=attempt) for attempt in (1, 2, 3) for n in range(30)]
    async with open_pane(lines) as bench:
        for attempt in (1, 2, 3):
            bench.store.set_section(attempt, f"attempt {attempt}")
        await bench.add([])
        seen = []
        for key in ["left_square_bracket"] * 4 + ["right_square_bracket"] * 3:
            await bench.press(key)
            seen.append(bench.opened.viewport.current)
        assert seen == [62, 31, 0, 0, 31, 62, 62]
        assert bench.said() == "This is the last attempt."
        assert any(row.startswith("►─ attempt 3 ──") for row in bench.screen())


async def test_the_edge_is_told_before_it_is_reached(open_pane: OpenPane) -> None:
    async with open_pane(100) as bench:
        assert [m.edge for m in bench.posted(LogView.EdgeReached)] == ["bottom"]
        await bench.press("b", "b", "b", "b", "b", "b")
        edges = [m.edge for m in bench.posted(LogView.EdgeReached)]
        assert edges.count("top") == 1
        assert bench.opened.viewport.top.row > 0
        await bench.add([log_line(-1)])
        edges = [m.edge for m in bench.posted(LogView.EdgeReached)]
        assert edges.count("top") == 2


async def test_pushing_at_the_top_asks_again(open_pane: OpenPane) -> None:
    async with open_pane(5) as bench:
        await bench.press("g")
        before = len(bench.posted(LogView.EdgeReached))
        await bench.press("k")
        assert len(bench.posted(LogView.EdgeReached)) == before + 1


async def test_lines_left_out_in_the_middle_are_asked_for_from_either_side(
    open_pane: OpenPane,
) -> None:
    lines = [log_line(n) for n in (*range(100), *range(9000, 9100))]
    async with open_pane(lines) as bench:
        bench.store.set_gaps([GapMark(1, 100, 100, 8900, GapState.UNREAD)])
        await bench.add([])
        assert not bench.posted(LogView.WholeLogWanted)
        await bench.press("g", "j", "k", "k")
        assert len(bench.posted(LogView.WholeLogWanted)) == 1
        assert [m.edge for m in bench.posted(LogView.EdgeReached)] == ["bottom"]
        bench.view.go_to_row(90)
        bench.view.go_to_row(92)
        await bench.settled()
        assert len(bench.posted(LogView.WholeLogWanted)) == 2
        bench.view.go_to_row(110)
        bench.view.go_to_row(112)
        await bench.settled()
        assert [m.edge for m in bench.posted(LogView.EdgeReached)] == ["bottom", "top"]
        await bench.add([log_line(8999)])
        assert [m.edge for m in bench.posted(LogView.EdgeReached)][2:] == ["top"]
        assert len(bench.posted(LogView.WholeLogWanted)) == 2


async def test_g_asks_for_the_whole_log(open_pane: OpenPane) -> None:
    async with open_pane(100) as bench:
        await bench.press("g")
        assert len(bench.posted(LogView.WholeLogWanted)) == 1
        bench.view.edges.more_above = False
        await bench.press("g")
        assert len(bench.posted(LogView.WholeLogWanted)) == 1


async def test_the_wheel_scrolls_and_reads(open_pane: OpenPane) -> None:
    async with open_pane(100) as bench:
        await bench.pilot._post_mouse_events([_wheel_up()], bench.view, offset=(5, 5))
        await bench.settled()
        assert bench.shown()[-1] == "line 96"
        assert not bench.view.place.following


def _wheel_up() -> type:
    from textual.events import MouseScrollUp

    return MouseScrollUp


async def test_a_click_makes_a_line_current(open_pane: OpenPane) -> None:
    async with open_pane(100) as bench:
        await bench.pilot.click(bench.view, offset=(10, 3))
        await bench.settled()
        assert bench.current == "line 91"
        assert bench.opened.range_from is None


async def test_a_double_click_opens_the_line(open_pane: OpenPane) -> None:
    async with open_pane(100) as bench:
        await bench.pilot.click(bench.view, offset=(10, 3), times=2)
        await bench.settled()
        assert [m.line.message for m in bench.posted(LogView.LineOpened)] == ["line 91"]


async def test_a_drag_picks_a_range(open_pane: OpenPane) -> None:
    async with open_pane(100) as bench:
        await bench.pilot.mouse_down(bench.view, offset=(10, 3))
        await bench.pilot.hover(bench.view, offset=(10, 6))
        await bench.pilot.mouse_up(bench.view, offset=(10, 6))
        await bench.settled()
        assert [line.message for line in bench.opened.picked_lines()] == [
            "line 91",
            "line 92",
            "line 93",
            "line 94",
        ]


async def test_another_log_and_back_keeps_the_place(open_pane: OpenPane) -> None:
    async with open_pane(100) as bench:
        await bench.press("b", "k", "k")
        before = bench.screen()
        bench.app.pane.show(None)
        await bench.pilot.pause()
        bench.app.pane.show(bench.opened)
        await bench.settled()
        assert bench.screen() == before


async def test_resizing_never_loses_the_place(open_pane: OpenPane) -> None:
    async with open_pane(500, size=(60, 20)) as bench:
        await bench.press("b", "b", "k")
        current = bench.current
        for width, height in [(1, 1), (500, 200), (3, 2), (20, 5), (80, 24), (60, 20)]:
            await bench.pilot.resize_terminal(width, height)
            await bench.add([log_line(1000 + width)])
            assert bench.current == current
            assert len(bench.screen()) == bench.view.size.height
