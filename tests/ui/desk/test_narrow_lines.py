"""The lines over and under the panes when there is little room."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Input

import chronotui.ui.app
from chronotui.ui.desk.pane_tabs import PaneTabs
from tests.ui.desk.scenes import desk_on, history, press, shown, still_server


class Host(App[None]):
    """Only the line over the panes."""

    def compose(self) -> ComposeResult:
        yield PaneTabs()


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (80, "nightly-report ▸ 798c446b  FAILED after 2:10"),
        (62, "nightly-report ▸ 798c446b  FAILED"),
        (53, "nightly-report ▸ 798c446b"),
        (44, "Details  nightly-report ▸ 798c446b  FAILED"),
        (36, "Details  nightly-report ▸ 798c446b"),
        (28, "Details  night… ▸ 798c446b"),
        (26, "Details         798c446b"),
    ],
)
async def test_workflow_and_id_outlive_all_else_that_is_said_of_a_job(
    width: int, words: str
) -> None:
    app = Host()
    async with app.run_test(size=(width, 3)) as pilot:
        tabs = app.query_one(PaneTabs)
        tabs.name_job("nightly-report", "798c446b  FAILED after 2:10", alarm=True)
        await pilot.pause()
        line = tabs.line(tabs.size.width)
        assert line.plain.removeprefix(" Live  History  Details ").strip() == words


class Typing(App[None]):
    """An input of one row under the desk's styles."""

    CSS_PATH = Path(chronotui.ui.app.__file__).with_name("desk.tcss")

    def compose(self) -> ComposeResult:
        yield Input("a path that is longer than the room for it.txt", compact=True)


async def test_a_text_longer_than_its_input_stays_in_sight() -> None:
    app = Typing()
    async with app.run_test(size=(30, 3)) as pilot:
        await pilot.press("end")
        await pilot.pause()
        assert "for it.txt" in app.export_screenshot().replace("&#160;", " ")


async def test_the_way_to_the_help_is_always_told() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 24)) as pilot:
            await history(pilot)
            for width in (120, 80, 60):
                await pilot.resize_terminal(width, 24)
                for key in ("H", "tab", "tab", "D"):
                    await press(pilot, key)
                    assert shown(pilot).splitlines()[-1].endswith("? help")
