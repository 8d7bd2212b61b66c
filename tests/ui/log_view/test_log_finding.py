"""Searching, filtering, errors and ``:``; what they find and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.model import STDERR
from chronotui.ui.log_view.messages import LineOpened, ServerSearchWanted
from tests.ui.log_view.conftest import log_line

if TYPE_CHECKING:
    from chronotui.model import LogLine
    from tests.ui.log_view.conftest import OpenPane


async def test_search_previews_while_typing_and_esc_goes_back(
    open_pane: OpenPane,
) -> None:
    async with open_pane(100) as bench:
        await bench.press("g", "j", "slash")
        await bench.type_in("line 5")
        assert bench.current == "line 5"
        assert bench.remark() == "1 of 11"
        await bench.type_in("0")
        assert bench.current == "line 50"
        await bench.press("escape")
        assert bench.current == "line 1"
        assert bench.bar() == ""
        assert bench.view.has_focus


async def test_search_at_the_newest_line_looks_back_and_esc_follows_again(
    open_pane: OpenPane,
) -> None:
    async with open_pane(100) as bench:
        await bench.press("slash")
        await bench.type_in("line 1")
        assert bench.current == "line 19"
        assert bench.app.place == bench.view.place
        await bench.press("escape")
        assert bench.view.place.following


async def test_giving_up_a_search_brings_the_one_before_back(
    open_pane: OpenPane,
) -> None:
    async with open_pane(100) as bench:
        await bench.ask("slash", "line 3")
        before = bench.screen()
        await bench.press("slash")
        await bench.type_in("line 8")
        await bench.press("escape")
        assert bench.screen() == before
        assert bench.bar().startswith("/line 3")


async def test_n_and_capital_n_wrap_and_say_so(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        await bench.press("g")
        await bench.ask("slash", "line [12]0")
        assert bench.current == "line 10"
        await bench.press("n")
        assert (bench.current, bench.said()) == ("line 20", "")
        await bench.press("n")
        assert bench.current == "line 10"
        assert bench.said().startswith("Went on from the start")
        await bench.press("N")
        assert bench.current == "line 20"
        assert bench.said().startswith("Went on from the end")
        assert "2 of 2" in bench.bar()


async def test_a_bad_expression_is_said_while_typing(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        await bench.press("slash")
        await bench.type_in("(")
        assert bench.remark().startswith("This is no regular expression")
        assert bench.app.pane.query_one("#remark").has_class("-wrong")
        await bench.press("enter")
        assert bench.app.pane.prompt.display
        await bench.press("escape")
        assert not bench.app.pane.prompt.display


async def test_smart_case(open_pane: OpenPane) -> None:
    lines = [log_line(0, "Error"), log_line(1, "error")]
    async with open_pane(lines) as bench:
        await bench.ask("slash", "error")
        assert "of 2" in bench.bar()
        await bench.ask("slash", "Error")
        assert "1 of 1" in bench.bar()


async def test_no_match_is_said_with_its_scope(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        await bench.ask("slash", "zebra")
        assert "no match" in bench.bar()
        assert "in what is loaded" in bench.bar()
        await bench.press("n")
        assert bench.said() == "No line matches."
        bench.view.edges.more_above = False
        bench.app.pane.update_bar()
        assert "loaded" not in bench.bar()
        await bench.press("escape")
        assert bench.bar() == ""


async def test_a_search_counts_what_arrives(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        await bench.ask("slash", "line")
        await bench.add(map(log_line, range(30, 40)))
        assert "of 40" in bench.bar()


async def test_earlier_searches_come_back(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        for text in ("one", "two"):
            await bench.ask("slash", text)
        await bench.press("slash", "up", "up")
        assert bench.app.pane.prompt.input.value == "one"
        await bench.press("down")
        assert bench.app.pane.prompt.input.value == "two"


async def test_n_without_a_search_says_how_to_search(open_pane: OpenPane) -> None:
    async with open_pane(3) as bench:
        await bench.press("n")
        assert bench.said() == "Nothing is searched for; / searches."


async def test_filters_stack_and_are_taken_away(
    open_pane: OpenPane, mixed_lines: list[LogLine]
) -> None:
    async with open_pane(mixed_lines, size=(60, 60)) as bench:
        await bench.ask("ampersand", "error|warn")
        assert bench.shown()[:3] == ["error 0", "warn 7", "error 10"]
        await bench.ask("ampersand", "!warn")
        assert bench.shown() == [f"error {n}" for n in range(0, 50, 10)]
        assert "& error|warn  & !warn" in bench.bar()
        assert "5 lines of 50" in bench.bar()
        await bench.press("escape")
        assert "warn 7" in bench.shown()
        await bench.press("escape")
        assert len(bench.shown()) == 50
        assert bench.bar() == ""


async def test_a_filter_by_level(open_pane: OpenPane) -> None:
    texts = ["plain", "INFO a", "WARN b", "ERROR c", '{"level":"fatal"}']
    lines = [log_line(n, text) for n, text in enumerate(texts)]
    async with open_pane(lines) as bench:
        await bench.ask("ampersand", "level:warn")
        assert bench.shown() == texts[2:]
        await bench.ask("ampersand", "level:loud")
        assert bench.remark().startswith("No such level; there are trace,")
        await bench.press("escape")
        await bench.press("escape")
        assert len(bench.shown()) == 5


async def test_an_empty_filter_removes_all(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        await bench.ask("ampersand", "1")
        await bench.ask("ampersand", "2")
        assert bench.shown() == ["line 12", "line 21"]
        await bench.press("ampersand", "enter")
        assert len(bench.opened.rows) == 30


async def test_a_filter_that_hides_all_says_so(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        await bench.press("g", *"jjj")
        await bench.ask("ampersand", "zebra")
        text = "\n".join(bench.screen())
        assert "Nothing to show." in text
        assert "Hidden by & zebra" in text
        await bench.press("j", "escape")
        assert bench.current == "line 3"


async def test_a_filter_goes_on_with_what_arrives(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        await bench.ask("ampersand", "7")
        await bench.add(map(log_line, range(30, 40)))
        assert bench.shown() == ["line 7", "line 17", "line 27", "line 37"]
        assert bench.view.place.following


async def test_filtering_keeps_the_place(open_pane: OpenPane) -> None:
    async with open_pane(500) as bench:
        await bench.press("b", "b", "b", "k")
        before, y = bench.screen(), bench.opened.reading.screen_y
        current = bench.current
        await bench.ask("ampersand", f"{current[-1]}$")
        assert (bench.current, bench.opened.reading.screen_y) == (current, y)
        await bench.press("escape")
        assert bench.screen() == before


async def test_enter_in_a_filtered_view_shows_the_line_in_the_full_log(
    open_pane: OpenPane,
) -> None:
    async with open_pane(300) as bench:
        await bench.press("g")
        await bench.ask("ampersand", "7$")
        await bench.press("j", "j", "enter")
        assert bench.current == "line 27"
        assert "line 26" in bench.shown()
        assert "lifted" in bench.bar()
        assert not bench.posted(LineOpened)
        await bench.press("escape")
        assert bench.current == "line 27"
        assert "line 26" not in bench.shown()


async def test_e_goes_from_error_to_error(open_pane: OpenPane) -> None:
    lines = [log_line(n) for n in range(60)]
    lines[5] = log_line(5, "on stderr", STDERR)
    lines[20] = log_line(20, "ERROR: by its word")
    lines[40] = log_line(40, '{"level":"error","msg":"by JSON"}')
    async with open_pane(lines) as bench:
        await bench.press("g")
        seen = []
        for key in ("e", "e", "e", "e"):
            await bench.press(key)
            seen.append(bench.opened.reading.current)
        assert seen == [5, 20, 40, 40]
        assert bench.said() == "No error below this line."
        await bench.press("E", "E")
        assert bench.current == "on stderr"
        await bench.press("E")
        assert bench.said() == "No error above this line."


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


async def test_a_search_of_the_server_is_asked_for(open_pane: OpenPane) -> None:
    async with open_pane(3) as bench:
        await bench.ask("slash", "line")
        await bench.press("S")
        (asked,) = bench.posted(ServerSearchWanted)
        assert asked.text == "line"


async def test_a_catastrophic_expression_leaves_the_screen_alive(
    open_pane: OpenPane,
) -> None:
    lines = [log_line(n, "a" * 40 + "!") for n in range(20)]
    async with open_pane(lines) as bench:
        await bench.ask("slash", "(a+)+$")
        await bench.press("k", "escape")
        assert bench.bar() == ""
