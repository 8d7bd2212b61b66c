"""Filtering: what is shown while typing, what stays, what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.ui.log.view import LogView
from tests.ui.log.conftest import log_line

if TYPE_CHECKING:
    from chronotui.model import LogLine
    from tests.ui.log.conftest import OpenPane


async def test_a_filter_previews_while_typing_and_esc_brings_back_what_was(
    open_pane: OpenPane, mixed_lines: list[LogLine]
) -> None:
    async with open_pane(mixed_lines) as bench:
        await bench.ask("ampersand", "!line 4")
        await bench.press("k", "k", "k")
        before, place = bench.screen(), bench.view.place
        await bench.press("ampersand")
        assert bench.screen() == before
        await bench.type_in("warn")
        assert bench.shown() == [f"warn {n}" for n in (7, 14, 21, 28, 35, 42, 49)]
        assert bench.remark() == "7 lines of 50"
        await bench.type_in("ing")
        assert "Nothing to show." in "\n".join(bench.screen())
        assert bench.remark() == "no line matches, of 50"
        await bench.press("escape")
        assert (bench.screen(), bench.view.place) == (before, place)
        assert bench.bar().startswith("& !line 4")


async def test_erasing_a_filter_while_typing_shows_what_was(
    open_pane: OpenPane,
) -> None:
    async with open_pane(100) as bench:
        await bench.press("ampersand")
        before = bench.screen()
        await bench.type_in("7")
        assert bench.shown()[-1] == "line 97"
        await bench.press("backspace")
        assert (bench.screen(), bench.view.place.following) == (before, True)
        await bench.type_in("!")
        assert (bench.screen(), bench.remark()[:5]) == (before, "shows")
        await bench.type_in("9")
        assert bench.shown()[-1] == "line 88"
        await bench.press("enter")
        assert bench.bar().startswith("& !9   81 lines of 100")


async def test_a_filter_that_cannot_be_read_leaves_the_preview(
    open_pane: OpenPane,
) -> None:
    async with open_pane(100) as bench:
        await bench.press("ampersand")
        await bench.type_in("line 2")
        before = bench.screen()
        await bench.type_in("[")
        assert bench.screen() == before
        assert bench.remark() == "unterminated character set at character 8"
        await bench.press("enter")
        assert bench.app.pane.prompt.display
        await bench.press("escape")
        assert len(bench.opened.rows) == 100


async def test_a_preview_of_a_lifted_filter_is_lifted_again_by_esc(
    open_pane: OpenPane,
) -> None:
    async with open_pane(100) as bench:
        await bench.ask("ampersand", "7")
        await bench.press("enter", "ampersand")
        await bench.type_in("9")
        assert bench.shown() == ["line 79", "line 97"]
        await bench.press("escape")
        assert "line 96" in bench.shown()
        assert "lifted" in bench.bar()


async def test_lines_that_come_while_a_filter_is_typed_are_there_after_esc(
    open_pane: OpenPane,
) -> None:
    async with open_pane(100) as bench:
        await bench.ask("slash", "line")
        await bench.press("ampersand")
        await bench.type_in("7")
        await bench.add(map(log_line, range(100, 110)))
        assert bench.shown()[-1] == "line 107"
        await bench.press("escape")
        assert bench.shown()[-1] == "line 99"
        assert "of 110" in bench.bar()


async def test_another_log_ends_the_typing_of_a_filter(open_pane: OpenPane) -> None:
    async with open_pane(100) as bench:
        await bench.press("ampersand")
        await bench.type_in("7")
        bench.app.pane.show(None)
        await bench.settled()
        assert not bench.app.pane.prompt.display
        assert len(bench.opened.rows) == 100
        assert not bench.opened.filters


async def test_a_click_into_the_log_answers_what_is_typed(open_pane: OpenPane) -> None:
    async with open_pane(100) as bench:
        await bench.press("ampersand")
        await bench.type_in("7")
        await bench.pilot.click(bench.view, offset=(10, 3))
        await bench.settled()
        assert not bench.app.pane.prompt.display
        assert bench.bar().startswith("& 7   19 lines of 100")
        await bench.press("ampersand")
        await bench.type_in("(")
        bench.app.app_focus = False
        await bench.settled()
        assert bench.app.pane.prompt.display
        bench.app.app_focus = True
        await bench.settled()
        await bench.pilot.click(bench.view, offset=(10, 3))
        await bench.settled()
        assert not bench.app.pane.prompt.display
        assert len(bench.opened.rows) == 19


async def test_a_level_half_typed_is_no_mistake(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        await bench.press("ampersand")
        for text in ("level:", "wa"):
            await bench.type_in(text)
            assert bench.remark().startswith("shows what matches")
        await bench.type_in("x")
        assert bench.remark().startswith("No such level; there are trace,")


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


async def test_notices_alone_do_not_stand_for_a_reason(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        bench.store.set_section(1, None, "ended COMPLETED")
        await bench.add([])
        await bench.ask("ampersand", "zebra")
        assert "Hidden by & zebra" in "\n".join(bench.screen())
        await bench.press("escape")
        assert "ended COMPLETED" in "\n".join(bench.screen())


async def test_a_filter_goes_on_with_what_arrives(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        await bench.ask("ampersand", "7")
        await bench.add(map(log_line, range(30, 40)))
        assert bench.shown() == ["line 7", "line 17", "line 27", "line 37"]
        assert bench.view.place.following


async def test_filtering_keeps_the_place(open_pane: OpenPane) -> None:
    async with open_pane(500) as bench:
        await bench.press("b", "b", "b", "k")
        before, y = bench.screen(), bench.opened.viewport.screen_y
        current = bench.current
        await bench.ask("ampersand", f"{current[-1]}$")
        assert (bench.current, bench.opened.viewport.screen_y) == (current, y)
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
        assert not bench.posted(LogView.LineOpened)
        await bench.press("escape")
        assert bench.current == "line 27"
        assert "line 26" not in bench.shown()
