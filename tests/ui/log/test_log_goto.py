"""``:`` goes to a line, a time, an end; or says why it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.log.marks import GapMark, GapState
from chronotui.ui.log.find import LineGoal, TimeGoal
from chronotui.ui.log.view import LogView
from tests.ui.log.conftest import START_NS, log_line

if TYPE_CHECKING:
    from chronotui.model import LogLine
    from tests.ui.log.conftest import Bench, OpenPane


PLACES = {
    "17": "line 17",
    "0": "line 0",
    "start": "line 0",
    "end": "line 9999",
    "22:15": "line 1000",
    "22:15:30": "line 1300",
    "-15m": "line 1000",
    "2023-11-14T22:14:00Z": "line 400",
    "9,999": "line 9999",
}
NO_PLACES = {
    "10000": "There is no line 10,000: the newest is 9,999.",
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


def with_id(line: LogLine) -> LogLine:
    """Return a line as a current server gives it."""
    ids = f"log:j:attempt:{line.attempt}:{line.stream}:{line.sequence_num}"
    return line._replace(event_id=ids)


async def test_a_line_keeps_its_number_when_older_ones_come(
    open_pane: OpenPane,
) -> None:
    async with open_pane(with_id(log_line(n)) for n in range(500, 600)) as bench:
        await bench.press("k")
        assert (bench.current, bench.view.place.number) == ("line 598", 598)
        await bench.add(with_id(log_line(n)) for n in range(500))
        assert (bench.current, bench.view.place.number) == ("line 598", 598)
        await bench.ask("colon", "100")
        assert (bench.current, bench.view.place.number) == ("line 100", 100)


async def test_numbers_are_the_servers_wherever_they_begin(
    open_pane: OpenPane,
) -> None:
    async with open_pane(log_line(n) for n in range(3)) as bench:
        await bench.ask("colon", "0")
        assert (bench.current, bench.view.place.number) == ("line 0", 0)
    async with open_pane(log_line(n) for n in range(1, 60)) as bench:
        await bench.ask("colon", "7")
        assert (bench.current, bench.view.place.number) == ("line 7", 7)


async def test_lines_whose_numbers_only_order_them_are_counted(
    open_pane: OpenPane,
) -> None:
    async with open_pane(log_line(n << 28) for n in range(1, 60)) as bench:
        bench.view.opened.store.is_sparse = True
        await bench.ask("colon", "7")
        assert (bench.current, bench.view.place.number) == (f"line {7 << 28}", 7)
        await bench.ask("colon", "60")
        assert bench.remark() == "There is no line 60: the newest is 59."


async def test_a_log_without_attempts_says_so_and_stays(open_pane: OpenPane) -> None:
    async with open_pane(log_line(n << 28) for n in range(1, 60)) as bench:
        bench.view.opened.store.is_sparse = True
        for key in ("left_square_bracket", "right_square_bracket"):
            await bench.press("k", key)
            assert bench.said() == "There are no attempts here to move between."
        assert bench.current == f"line {57 << 28}"


async def test_a_line_before_what_is_loaded_is_asked_for(open_pane: OpenPane) -> None:
    async with open_pane(with_id(log_line(n)) for n in range(500, 600)) as bench:
        await bench.ask("colon", "100")
        (wanted,) = bench.posted(LogView.OlderWanted)
        assert (wanted.goal, wanted.typed) == (LineGoal(1, 100), "100")
        assert bench.view.place.following
        await bench.add(with_id(log_line(n)) for n in range(500))
        bench.view.go_to_loaded(wanted.goal)
        assert bench.current == "line 100"
        await bench.press("j")
        bench.view.go_to_loaded(wanted.goal)
        assert bench.current == "line 101"
        await bench.ask("colon", "start")
        assert len(bench.posted(LogView.WholeLogWanted)) == 1


async def test_a_time_before_what_is_loaded_is_asked_for(open_pane: OpenPane) -> None:
    async with open_pane(with_id(log_line(n)) for n in range(5000, 9000)) as bench:
        await bench.ask("colon", "22:14:00")
        (wanted,) = bench.posted(LogView.OlderWanted)
        assert wanted.goal == TimeGoal(START_NS + 40 * 1_000_000_000)
        bench.view.edges.more_above = False
        await bench.ask("colon", "22:14:00")
        assert len(bench.posted(LogView.OlderWanted)) == 1
        assert bench.current == "line 5000"
        assert bench.said() == "The log begins later: this is its first line."


async def test_a_time_after_the_newest_line_counts_from_it(open_pane: OpenPane) -> None:
    async with open_pane(4000) as bench:
        await bench.ask("colon", "-2m")
        assert bench.current == "line 2790"
        assert bench.said() == "Counted from the newest line, 22:19:59."
        await bench.ask("colon", "2023-11-14T22:25:00Z")
        assert bench.current == "line 3999"
        assert bench.said() == "The newest line is older than that."


async def tries(bench: Bench) -> None:
    await bench.add(log_line(n, f"again {n}", attempt=2) for n in range(30))


async def test_numbers_are_those_of_the_try(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        assert bench.view.place.attempt == 0
        await tries(bench)
        await bench.ask("colon", "5")
        assert bench.current == "again 5"
        assert (bench.view.place.number, bench.view.place.attempt) == (5, 2)
        await bench.press("left_square_bracket", "left_square_bracket")
        await bench.ask("colon", "5")
        assert bench.current == "line 5"
        await bench.ask("colon", "77")
        assert bench.remark() == "There is no line 77 in attempt 1: the newest is 29."


async def test_a_line_that_is_missing_is_said_to_be(open_pane: OpenPane) -> None:
    async with open_pane(log_line(n) for n in (0, 1, 39, 40)) as bench:
        bench.store.set_gaps([GapMark(1, 2, 38, 37, GapState.LOST)])
        await bench.add([])
        await bench.ask("colon", "20")
        assert bench.opened.viewport.current == 2
        assert bench.said().startswith("That line is among those: ⋯ 37 lines not")


async def test_what_is_left_out_in_the_middle_is_asked_for(
    open_pane: OpenPane,
) -> None:
    loaded = [*range(100), *range(5000, 5100)]
    async with open_pane(map(log_line, loaded)) as bench:
        bench.store.set_gaps([GapMark(1, 100, 100, 4900, GapState.UNREAD)])
        await bench.add([])
        for typed in ("2000", "22:15:00"):
            await bench.ask("colon", typed)
            assert bench.posted(LogView.OlderWanted)[-1].typed == typed
        times = {"22:13:25": 50, "22:12:00": 0}
        for typed, number in {"50": 50, "5050": 5050, **times}.items():
            await bench.ask("colon", typed)
            assert (typed, bench.view.place.number) == (typed, number)
        assert len(bench.posted(LogView.OlderWanted)) == 2


async def test_a_line_the_filter_hides_is_said_to_be(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        await bench.ask("ampersand", "7$")
        await bench.ask("colon", "9")
        assert bench.current == "line 17"
        assert bench.said() == "The filter hides that line; this one is near it."


async def test_an_empty_log_has_no_places(open_pane: OpenPane) -> None:
    async with open_pane(0) as bench:
        await bench.ask("colon", "7")
        assert bench.remark() == "There are no lines to go to."
