"""The desk under the mouse, and the contrast of what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.events import MouseScrollDown, MouseScrollUp

from chronotui.ui.desk.pane_tabs import DETAILS, HISTORY, PaneTabs
from chronotui.ui.tree import JobTree
from chronotui.ui.tree_filters import ChoiceMenu, FilterBar
from tests.ui.desk.scenes import (
    desk,
    desk_on,
    history,
    settled,
    shown,
    still_server,
    until,
    until_shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.color import Color
    from textual.pilot import Pilot
    from textual.widget import Widget

LEAST_CONTRAST = 3.0
THEMES = ("textual-light", "solarized-light", "solarized-dark", "textual-dark")
LINES = "▏│╭╮╰╯─▁▂▃▄▅▆▇█"


def contrast(ink: Color, paper: Color) -> float:
    """Return the contrast of two colours, 1 to 21, as WCAG counts it."""
    dark, light = sorted(luminance(colour) for colour in (ink, paper))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: Color) -> float:
    triplet = colour.get_truecolor()
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in triplet.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


async def wheel(
    pilot: Pilot[int], over: Widget, kind: type[MouseScrollDown | MouseScrollUp]
) -> None:
    """Turn the wheel by one notch over a widget."""
    x, y = over.region.center
    place = int(x), int(y)
    event = kind(None, *place, 0, 0, 0, False, False, False, *place, None)
    pilot.app.post_message(event)
    await pilot.pause()


async def test_jobs_are_opened_panes_chosen_and_filters_set_by_mouse() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 36)) as pilot:
            await until_shown(pilot, "nightly-report")
            await pilot.click(JobTree, offset=(0, 0))
            await until_shown(pilot, "17c3be")
            await pilot.click(JobTree, offset=(10, 2), times=2)
            await until_shown(pilot, "ended FAILED")
            assert app.desk.log_side.pane == HISTORY
            await pilot.click(PaneTabs, offset=(18, 0))
            await until(pilot, lambda: app.desk.log_side.pane == DETAILS)
            await pilot.click(PaneTabs, offset=(8, 0))
            await until(pilot, lambda: app.desk.log_side.pane == HISTORY)
            await pilot.click(FilterBar, offset=(2, 0))
            await until(pilot, lambda: isinstance(app.screen, ChoiceMenu))
            await pilot.click(offset=(4, 6))
            bar = app.desk.tree_side.filter_bar
            await until(pilot, lambda: bar.filters.status is not None)
            await until_shown(pilot, f"{bar.filters.status} ▾")


async def test_the_wheel_scrolls_what_it_is_over() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(120, 36)) as pilot:
            await history(pilot)
            tree, pane = app.desk.tree_side.tree_view, app.desk.log_side.log_pane
            assert pane is not None
            await wheel(pilot, tree, MouseScrollDown)
            await until(pilot, lambda: tree.first_row > 0)
            await wheel(pilot, tree, MouseScrollUp)
            await until(pilot, lambda: tree.first_row == 0)
            before = shown(pilot).splitlines()[3][48:]
            await wheel(pilot, pane.view, MouseScrollUp)
            await until(pilot, lambda: shown(pilot).splitlines()[3][48:] != before)
            assert tree.first_row == 0


async def test_everything_can_be_read_under_every_theme() -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(110, 22)) as pilot:
            await history(pilot)
            for theme in THEMES:
                app.theme = theme
                await settled(pilot)
                assert desk(pilot).theme == theme
                for words, seen in contrasts(pilot):
                    assert seen >= LEAST_CONTRAST, (theme, words)


def contrasts(pilot: Pilot[int]) -> Iterator[tuple[str, float]]:
    """Yield the words on the screen with their contrast."""
    for strip in pilot.app.screen._compositor.render_strips():
        for text, style, _control in strip:
            words = text.strip(" " + LINES)
            if not words or style is None:
                continue
            ink, paper = style.color, style.bgcolor
            assert ink is not None
            assert paper is not None
            yield words, contrast(ink, paper)
