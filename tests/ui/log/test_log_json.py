"""A line of JSON on a screen of its own: a tree that folds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from textual.geometry import Region

from chronotui.ui.log.line_screen import JsonSheet, LineScreen, TextSheet
from tests.ui.log.conftest import log_line

if TYPE_CHECKING:
    from tests.ui.log.conftest import Bench, OpenPane

ORDER = (
    '{"level": "error", "items": [{"id": 7, "name": "a b"}, {"id": 8}], '
    '"trace": "Traceback:\\n\\tat \\u001b[2Jmain", "empty": {}, "ok": false}'
)


async def open_json(bench: Bench) -> tuple[LineScreen, JsonSheet]:
    await bench.press("enter")
    screen = bench.app.screen
    assert isinstance(screen, LineScreen)
    await bench.pilot.pause()
    return screen, screen.query_one(JsonSheet)


def rows(sheet: JsonSheet) -> list[str]:
    """Return what is shown, without blanks after it."""
    width, height = sheet.size
    strips = sheet.render_lines(Region(0, 0, width, height))
    return [strip.text.rstrip() for strip in strips if strip.text.strip()]


def title(screen: LineScreen) -> str:
    return str(screen.query_one("Vertical").border_title)


def subtitle(screen: LineScreen) -> str:
    return str(screen.query_one("Vertical").border_subtitle)


async def test_json_is_a_tree_and_p_shows_it_as_it_came(open_pane: OpenPane) -> None:
    async with open_pane([log_line(0, ORDER)], size=(80, 40)) as bench:
        screen, sheet = await open_json(bench)
        assert rows(sheet) == [
            "▾ {5 keys}",
            '    level: "error"',
            "  ▾ items: [2 items]",
            "    ▾ [0]: {2 keys}",
            "        id: 7",
            '        name: "a b"',
            "    ▾ [1]: {1 key}",
            "        id: 8",
            "  ▾ trace: 2 lines",
            "      Traceback:",
            "          at ␛[2Jmain",
            "    empty: {}",
            "    ok: false",
        ]
        await bench.press("p")
        await bench.pilot.pause()
        text = screen.query_one(TextSheet)
        assert not sheet.display
        assert text.render_line(0).text.startswith('{"level": "error", "items"')
        assert "p tree" in subtitle(screen)
        await bench.press("p", "escape")
        assert bench.view.has_focus


async def test_keys_fold_unfold_and_walk(open_pane: OpenPane) -> None:
    async with open_pane([log_line(0, ORDER)], size=(80, 40)) as bench:
        screen, sheet = await open_json(bench)
        await bench.press("j", "j", "left")
        assert rows(sheet)[2:4] == [
            '  ▸ items: [2 items]  [{"id": 7, "name": "a b"}, {"id": 8}]',
            "  ▾ trace: 2 lines",
        ]
        await bench.press("right", "l", "l", "down")
        assert title(screen) == "Line  .items[0].name"
        await bench.press("h")
        assert title(screen) == "Line  .items[0]"
        await bench.press("enter")
        assert rows(sheet)[3] == '    ▸ [0]: {2 keys}  {"id": 7, "name": "a b"}'
        await bench.press("o")
        assert rows(sheet)[3] == "    ▾ [0]: {2 keys}"
        await bench.press("G")
        assert title(screen) == "Line  .ok"
        await bench.press("g", "left", "left")
        assert len(rows(sheet)) == 1
        assert rows(sheet)[0].startswith('▸ {5 keys}  {"level": "error"')


async def test_y_copies_the_value_and_capital_y_the_line(open_pane: OpenPane) -> None:
    async with open_pane([log_line(0, ORDER)], size=(80, 40)) as bench:
        screen, sheet = await open_json(bench)
        copied = {}
        for _ in range(len(rows(sheet))):
            await bench.press("y")
            copied[title(screen)] = bench.app.clipboard
            await bench.press("j")
        assert copied["Line  .level"] == "error"
        assert copied["Line  .items[0]"] == '{"id": 7, "name": "a b"}'
        assert copied["Line  .trace"] == "Traceback:\n        at ␛[2Jmain"
        assert copied["Line  .ok"] == "false"
        await bench.press("Y")
        assert bench.app.clipboard == ORDER
        assert (
            subtitle(screen) == f"Sent the line, {len(ORDER)} bytes, to the terminal."
        )


async def test_a_value_of_64_kib_is_read_to_its_end(open_pane: OpenPane) -> None:
    words = " ".join(f"word{n}" for n in range(8000))
    message = json.dumps({"a": words, "b": 1})
    async with open_pane([log_line(0, message)], size=(70, 24)) as bench:
        _screen, sheet = await open_json(bench)
        await bench.press("j")
        assert rows(sheet)[0].startswith('    a: "word0 word1')
        for _ in range(3):
            await bench.press("j")
        assert "word0 " not in "\n".join(rows(sheet))
        await bench.press("G")
        assert rows(sheet)[-1] == "    b: 1"
        assert rows(sheet)[-2].endswith('word7999"')
        await bench.pilot.resize_terminal(30, 12)
        assert rows(sheet)[-1] == "    b: 1"


async def test_huge_and_deep_json_opens_and_moves(open_pane: OpenPane) -> None:
    many = json.dumps([{"id": n, "name": "x"} for n in range(30_000)])
    deep = "[" * 100_000 + "]" * 100_000
    lines = [log_line(0, many), log_line(1, deep), log_line(2, "[" * 50 + "}")]
    async with open_pane(lines, size=(80, 24)) as bench:
        await bench.press("enter")
        assert not bench.app.screen.query(JsonSheet)
        await bench.press("escape")
        await bench.press("k")
        screen, sheet = await open_json(bench)
        assert "the first 50,000 nodes" in title(screen)
        await bench.press("G", "right", "k", "left", "b", "g", "left")
        assert len(rows(sheet)) == 1
        await bench.press("escape")
        await bench.press("k")
        screen, sheet = await open_json(bench)
        assert len(sheet.folds) == 16_668
        await bench.press("G")
        assert "Line  [16666]" in title(screen)
        await bench.press("k", "right", "right", "y")
        assert bench.app.clipboard == "16665"


async def test_the_mouse_folds(open_pane: OpenPane) -> None:
    async with open_pane([log_line(0, ORDER)], size=(80, 40)) as bench:
        screen, sheet = await open_json(bench)
        await bench.pilot.click(sheet, offset=(6, 3))
        assert title(screen) == "Line  .items[0]"
        await bench.pilot.click(sheet, offset=(6, 3))
        assert rows(sheet)[3].startswith("    ▸ [0]")


async def test_matches_of_the_log_stand_out_in_the_tree(open_pane: OpenPane) -> None:
    async with open_pane([log_line(0, ORDER)], size=(80, 40)) as bench:
        await bench.ask("slash", "error")
        _screen, sheet = await open_json(bench)
        styles = [
            segment.style for segment in sheet.render_lines(Region(0, 1, 80, 1))[0]
        ]
        assert any(style and style.underline for style in styles)


async def test_every_size_draws_a_tree(open_pane: OpenPane) -> None:
    async with open_pane([log_line(0, ORDER)], size=(80, 40)) as bench:
        _screen, sheet = await open_json(bench)
        for size in [(1, 1), (5, 3), (12, 8), (500, 200), (60, 20)]:
            await bench.pilot.resize_terminal(*size)
            await bench.press("j", "left", "right")
            width, height = sheet.size
            assert all(len(row) <= max(width, 0) for row in rows(sheet))
            assert len(rows(sheet)) <= max(height, 0)
