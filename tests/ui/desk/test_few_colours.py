"""What stands out does so where colours are few, or the terminal's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual._context import visible_screen_stack

from chronotui.ui.term.sixteen import SixteenColours
from tests.ui.desk.scenes import desk_on, press, settled, still_server, until_shown

if TYPE_CHECKING:
    from rich.style import Style
    from textual.pilot import Pilot


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark"])
@pytest.mark.parametrize(("key", "words"), [("P", "Profiles"), ("ctrl+p", "earch for")])
async def test_what_is_behind_a_dialog_is_dimmed_in_few_colours(
    theme: str, key: str, words: str
) -> None:
    with still_server() as server:
        app = desk_on(server)
        app.few_colours = () if theme.startswith("ansi") else (SixteenColours(),)
        async with app.run_test(size=(80, 24)) as pilot:
            app.theme = theme
            await until_shown(pilot, "nightly-report")
            assert not [one for one in styles(pilot, "status") if one.dim]
            await press(pilot, key)
            await until_shown(pilot, words)
            behind = styles(pilot, "status")
            assert behind
            assert all(one.dim and not one.bold for one in behind)
            assert not all(one.dim for one in styles(pilot, words))
            await settled(pilot)


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_the_selected_row_stands_out_among_the_terminals_colours(
    theme: str,
) -> None:
    with still_server() as server:
        app = desk_on(server)
        async with app.run_test(size=(80, 24)) as pilot:
            app.theme = theme
            await until_shown(pilot, "nightly-report")
            await press(pilot, "j")
            plain, selected = (
                [one.bgcolor for one in styles(pilot, name)]
                for name in ("▸ image-build", "▸ etl-orders")
            )
            assert plain[0] != selected[0]
            await settled(pilot)


def styles(pilot: Pilot[int], text: str) -> list[Style]:
    """Return the styles of the pieces of the first row that has a text."""
    visible_screen_stack.set(pilot.app._background_screens)
    strips = pilot.app.screen._compositor.render_strips()
    row = next(strip for strip in strips if text in strip.text)
    return [piece.style for piece in row if piece.style and piece.text.strip()]


@pytest.mark.parametrize("name", ["ansi-dark", "ansi-light"])
def test_a_warning_is_no_red_among_the_terminals_colours(name: str) -> None:
    with still_server() as server:
        theme = desk_on(server).get_theme(name)
    assert theme is not None
    assert theme.warning == "ansi_yellow"
    assert theme.error == "ansi_red"
