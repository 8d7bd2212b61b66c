"""Searching, filtering, errors and ``:``; what they find and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.log.finders import LineMatches
from chronotui.log.marks import GapMark, GapState
from chronotui.model import STDERR
from chronotui.ui.log.view import LogView
from tests.ui.log.conftest import log_line

if TYPE_CHECKING:
    import pytest

    from tests.ui.log.conftest import OpenPane


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
        changes = bench.app.changes
        assert bench.view.place.number == 19
        await bench.press("escape")
        assert bench.app.changes > changes
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
        assert bench.remark() == "missing ) at character 2"
        assert bench.app.pane.query_one("#remark").has_class("-wrong")
        await bench.press("enter")
        assert bench.app.pane.prompt.display
        await bench.press("escape")
        assert not bench.app.pane.prompt.display


LONG_WRONG = "No such level; there are trace, debug, info, warning, error, fatal."


async def test_what_is_wrong_is_said_whole_however_narrow(open_pane: OpenPane) -> None:
    async with open_pane(30, size=(40, 12)) as bench:
        await bench.press("slash")
        await bench.type_in("wrk-[a-")
        whole = bench.app.pane.query_one("#whole")
        assert bench.remark() == "unterminated character set at character 8"
        assert whole.size.height == 2
        await bench.press("escape")
        await bench.press("ampersand")
        assert not whole.display
        await bench.type_in("level:shout")
        assert bench.remark() == LONG_WRONG
        assert whole.size.height == 2
        await bench.pilot.resize_terminal(120, 12)
        await bench.type_in("s")
        assert not whole.display
        assert bench.remark() == LONG_WRONG


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
        assert "no match in 30 loaded lines   S asks the server" in bench.bar()
        await bench.press("n")
        assert bench.said().startswith("No line matches in what is loaded")
        bench.view.edges.more_above = False
        bench.app.pane.update_bar()
        assert "loaded" not in bench.bar()
        await bench.press("n")
        assert bench.said() == "No line matches."
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


async def test_the_only_match_is_said_to_be_it(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        await bench.ask("slash", "line 7")
        await bench.press("n")
        assert (bench.current, bench.said()) == ("line 7", "This is the only match.")


async def test_typing_on_past_every_match_shows_where_it_began(
    open_pane: OpenPane,
) -> None:
    async with open_pane(100) as bench:
        await bench.press("g", "j", "slash")
        await bench.type_in("line 5")
        assert bench.current == "line 5"
        await bench.type_in("x")
        assert (bench.current, bench.remark()) == ("line 1", "no match")


async def test_a_search_that_is_not_through_says_so(
    open_pane: OpenPane, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [log_line(n, "near" if n % 5 == 1 else None) for n in range(9000)]
    lines[4] = log_line(4, "far")
    async with open_pane(lines) as bench:
        monkeypatch.setattr(LineMatches, "look", lambda *_: False)
        monkeypatch.setattr(LineMatches, "advance", lambda *_: False)
        bench.view.finder.begin_search(bench.opened)
        bench.view.finder.preview_search(bench.opened, "far")
        bench.app.pane.update_bar()
        assert "no match yet" in bench.bar()
        bench.view.action_next_match(-1)
        await bench.pilot.pause()
        assert bench.said() == "Looking on … 0 % read."
        monkeypatch.undo()
        await bench.settled()
        assert (bench.current, bench.said()) == ("far", "")


async def test_a_count_that_still_grows_has_a_plus(
    open_pane: OpenPane, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_pane(9000) as bench:
        await bench.ask("slash", "line 2$")
        monkeypatch.setattr(LineMatches, "complete", False)
        bench.app.pane.update_bar()
        assert "1+ of 1+" in bench.bar()
        bench.view.action_move(-1)
        bench.app.pane.update_bar()
        assert "1+ matches" in bench.bar()
        monkeypatch.undo()
        await bench.settled()
        assert "1 match" in bench.bar()


async def test_a_match_found_late_does_not_call_the_reader_back(
    open_pane: OpenPane, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_pane([log_line(n) for n in range(9000)]) as bench:
        monkeypatch.setattr(LineMatches, "look", lambda *_: False)
        monkeypatch.setattr(LineMatches, "advance", lambda *_: False)
        bench.view.finder.begin_search(bench.opened)
        bench.view.finder.preview_search(bench.opened, "line 4$")
        bench.view.action_next_match(-1)
        bench.view.action_move(-1)
        monkeypatch.undo()
        await bench.settled()
        assert bench.current == "line 8998"


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
            seen.append(bench.opened.viewport.current)
        assert seen == [5, 20, 40, 40]
        assert bench.said() == "No error below this line; E looks above."
        await bench.press("E", "E")
        assert bench.current == "on stderr"
        bench.view.edges.more_above = False
        await bench.press("E")
        assert bench.said() == "No error above this line."


async def test_an_error_above_what_is_loaded_is_gone_to_when_it_is(
    open_pane: OpenPane,
) -> None:
    lines = [log_line(n) for n in range(300)]
    lines[5] = log_line(5, "ERROR: far above")
    async with open_pane(lines[200:]) as bench:
        await bench.press("E")
        assert len(bench.posted(LogView.OlderErrorWanted)) == 1
        await bench.add(lines[100:200])
        assert not bench.view.went_to_older_error()
        assert bench.view.place.following
        await bench.add(lines[:100])
        assert bench.view.went_to_older_error()
        assert bench.current == "ERROR: far above"
        await bench.press("j", "E", "j")
        assert bench.current == "line 6"
        await bench.press("E", "E")
        assert len(bench.posted(LogView.OlderErrorWanted)) == 2
        await bench.press("j")
        assert bench.view.went_to_older_error(), "the reader went on"
        assert bench.current == "line 6"
        bench.view.edges.more_above = False
        await bench.press("k", "E")
        assert bench.view.went_to_older_error()


async def test_an_error_is_not_gone_to_past_lines_that_are_not_loaded(
    open_pane: OpenPane,
) -> None:
    lines = [log_line(n) for n in range(300)]
    lines[5] = log_line(5, "ERROR: at the beginning")
    lines[150] = log_line(150, "ERROR: left out")
    async with open_pane(lines[200:]) as bench:
        await bench.add(lines[:100])
        bench.store.set_gaps([GapMark(1, 100, 100, 100, GapState.UNREAD)])
        bench.view.sync()
        await bench.press("E")
        assert len(bench.posted(LogView.OlderErrorWanted)) == 1
        assert bench.view.place.following
        await bench.add(lines[100:200])
        bench.store.set_gaps([])
        bench.view.edges.more_above = False
        assert bench.view.went_to_older_error()
        assert bench.current == "ERROR: left out"


async def test_keys_in_one_burst_go_where_they_belong(open_pane: OpenPane) -> None:
    async with open_pane(100) as bench:
        await bench.press(
            "slash", *"e 3", "enter", "N", "N", "k", "colon", "7", "enter"
        )
        assert bench.app.pane.prompt.input.value == "7"
        assert bench.current == "line 7"
        assert bench.bar().startswith("/e 3")
        await bench.press("ampersand", *"8x", "escape", "j", "slash", "9", "enter", "n")
        assert bench.bar().startswith("/9   2 of 19")
        assert len(bench.opened.rows) == 100


async def test_a_search_of_the_server_is_asked_for(open_pane: OpenPane) -> None:
    async with open_pane(3) as bench:
        await bench.ask("slash", "line")
        await bench.press("S")
        (asked,) = bench.posted(LogView.ServerSearchWanted)
        assert asked.text == "line"


async def test_a_catastrophic_expression_leaves_the_screen_alive(
    open_pane: OpenPane,
) -> None:
    lines = [log_line(n, "a" * 40 + "!") for n in range(20)]
    async with open_pane(lines) as bench:
        await bench.ask("slash", "(a+)+$")
        await bench.press("k", "escape")
        assert bench.bar() == ""
