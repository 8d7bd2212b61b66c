"""Bookmarks, ranges, copying, and a line shown whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.model import STDERR
from chronotui.ui.log.line_screen import LineScreen, TextSheet
from chronotui.ui.term import clipboard
from tests.ui.log.conftest import log_line

if TYPE_CHECKING:
    import pytest

    from tests.ui.log.conftest import Bench, OpenPane


async def test_bookmarks_have_a_sign_and_are_gone_round(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        await bench.press("apostrophe")
        assert bench.said() == "No bookmarks; m sets one."
        await bench.press("g", "j", "m", "j", "j", "m")
        assert [row[0] for row in bench.screen()[:5]] == [" ", "◆", " ", "◆", " "]
        await bench.press("apostrophe")
        assert bench.current == "line 1"
        await bench.press("apostrophe")
        assert bench.current == "line 3"
        await bench.press("m")
        assert [row[0] for row in bench.screen()[:5]] == [" ", "◆", " ", "►", " "]


async def test_y_copies_the_line(open_pane: OpenPane) -> None:
    async with open_pane([log_line(0, "\x1b[31mred\x1b[0m é")]) as bench:
        await bench.press("y")
        assert bench.app.clipboard == "red é"
        assert bench.said() == "Sent 1 line, 6 bytes, to the terminal."


async def test_v_and_y_copy_a_range(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        await bench.press("k", "v", "k", "k", "y")
        assert bench.app.clipboard == "line 26\nline 27\nline 28"
        assert bench.opened.range_from is None


async def test_a_range_is_given_up(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        for key in ("v", "escape"):
            await bench.press("v", "k")
            assert len(bench.opened.picked_rows()) == 2
            await bench.press(key)
            assert not bench.opened.picked_rows()


async def test_a_range_in_the_tail_stays_where_it_began(open_pane: OpenPane) -> None:
    async with open_pane(30) as bench:
        await bench.press("v")
        await bench.add(map(log_line, range(30, 60)))
        assert [line.message for line in bench.opened.picked_lines()] == ["line 29"]


async def test_too_much_to_copy_offers_saving(open_pane: OpenPane) -> None:
    lines = [log_line(0, "x" * (clipboard.MOST_BYTES + 1))]
    async with open_pane(lines) as bench:
        await bench.press("y")
        assert bench.app.clipboard == ""
        assert bench.said().startswith("Too large to copy: 74,995 bytes")
        assert "s saves it" in bench.said()


async def test_a_monstrous_line_is_refused_before_it_is_cleaned(
    open_pane: OpenPane, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_pane([log_line(0, "é" * 5_000_000)]) as bench:
        monkeypatch.setattr(clipboard, "printable_line", None)
        await bench.press("y")
        assert bench.said().startswith("Too large to copy: 5,000,000 bytes")


async def test_a_huge_range_is_not_even_read(open_pane: OpenPane) -> None:
    async with open_pane(100_000) as bench:
        await bench.press("v", "g", "y")
        assert bench.said().startswith("Too large to copy: 100,000 lines")


async def _open_line(bench: Bench) -> LineScreen:
    await bench.press("enter")
    screen = bench.app.screen
    assert isinstance(screen, LineScreen)
    return screen


def _sheet_text(screen: LineScreen) -> str:
    sheet = screen.query_one(TextSheet)
    return "\n".join(
        sheet.render_line(y).text.rstrip() for y in range(sheet.size.height)
    )


async def test_enter_shows_a_line_whole(open_pane: OpenPane) -> None:
    line = log_line(7, "é" * 100 + " end", STDERR)._replace(event_id="id-7\x1b[2J")
    async with open_pane([line], size=(70, 24)) as bench:
        screen = await _open_line(bench)
        facts = str(screen.query_one("#facts").render())
        for fact in (
            "2023-11-14 22:13:20.700000000 UTC",
            "stderr",
            "line    7 of attempt 1",
            "id-7␛[2J",
            "204 bytes",
            "retained log",
        ):
            assert fact in facts
        assert "end" in _sheet_text(screen)
        await bench.press("y")
        assert bench.app.clipboard == line.message
        await bench.press("escape")
        assert bench.view.has_focus


async def test_a_line_of_64_kib_can_be_read_to_its_end(open_pane: OpenPane) -> None:
    message = " ".join(f"word{n}" for n in range(8000)) + " the end"
    assert len(message) > 1 << 16
    async with open_pane([log_line(0, message)], size=(70, 24)) as bench:
        screen = await _open_line(bench)
        assert "word0 word1" in _sheet_text(screen)
        await bench.press("G")
        assert _sheet_text(screen).split()[-2:] == ["the", "end"]
        await bench.press("k", "b", "space", "g", "j")
        assert screen.query_one(TextSheet).scroll_offset.y == 1
        sheet = screen.query_one(TextSheet)
        await bench.pilot.resize_terminal(30, 10)
        while sheet.virtual_size.width > 30:
            await bench.pilot.pause(0.002)
        await bench.press("G")
        assert _sheet_text(screen).split()[-2:] == ["the", "end"]


async def test_a_monstrous_line_opens_with_its_beginning(open_pane: OpenPane) -> None:
    lines = [log_line(0, "z" * 20_000_000)]
    async with open_pane(lines, size=(70, 24)) as bench:
        screen = await _open_line(bench)
        await bench.press("G")
        assert "of 19.1 MiB" in " ".join(_sheet_text(screen).split())


async def test_keys_on_no_log_at_all_do_nothing(open_pane: OpenPane) -> None:
    async with open_pane(3) as bench:
        bench.app.pane.show(None)
        await bench.press(
            "j", "G", "g", "y", "enter", "m", "n", "e", "l", "v", "2", "w"
        )
        assert bench.app.screen is bench.app.screen_stack[0]
