"""Sixteen colours: what is wrong stands out, what is written can be read."""

from __future__ import annotations

import pytest
from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from chronotui.ui.term.sixteen import BLACK, BRIGHT, RED, WHITE, YELLOW, mapped

TRUE = [theme for theme in BUILTIN_THEMES.values() if not theme.ansi]
GROUNDS = ("background", "surface", "panel")
INKS = ("foreground", "text-error", "text-warning", "text-success", "text-accent")


def colour(theme: Theme, name: str, over: str = "background") -> RichColor:
    made = theme.to_color_system().generate()
    found, ground = Color.parse(made[name]), Color.parse(made[over])
    return (ground + found).rich_color


@pytest.mark.parametrize("theme", TRUE, ids=lambda theme: str(theme.name))
def test_every_theme_can_be_read(theme: Theme) -> None:
    for ground in GROUNDS:
        behind = colour(theme, ground)
        for ink in INKS:
            style = Style.from_color(colour(theme, ink, ground), behind)
            found = mapped(style, behind)
            assert found.color is not None
            assert found.bgcolor is not None
            assert found.color.number != found.bgcolor.number
            is_red = found.color.number in {RED, RED + BRIGHT}
            assert is_red == (ink == "text-error") or ink == "text-accent"


def test_meanings_are_kept() -> None:
    dark = BUILTIN_THEMES["textual-dark"]
    behind = colour(dark, "background")
    number = {
        name: (
            mapped(Style.from_color(colour(dark, name)), behind).color or behind
        ).number
        for name in ("text-error", "text-warning", "foreground")
    }
    assert number == {
        "text-error": RED + BRIGHT,
        "text-warning": YELLOW + BRIGHT,
        "foreground": WHITE + BRIGHT,
    }
    tab = mapped(Style.from_color(behind, colour(dark, "accent")), behind)
    assert (tab.color, tab.bgcolor) == (
        RichColor.from_ansi(BLACK),
        RichColor.from_ansi(YELLOW),
    )


def test_a_row_set_off_by_its_ground_alone_is_underlined() -> None:
    dark = BUILTIN_THEMES["textual-dark"]
    behind, raised = colour(dark, "background"), colour(dark, "panel")
    ink = colour(dark, "foreground")
    assert mapped(Style.from_color(ink, raised), behind).underline
    assert not mapped(Style.from_color(ink, behind), behind).underline
    assert not mapped(Style.from_color(ink, raised), raised).underline
    assert mapped(Style(bold=True), behind) == Style(bold=True)


def test_the_terminals_own_colours_are_no_dimmer_than_its_text() -> None:
    default, behind = RichColor.default(), RichColor.default()
    red = Style.from_color(RichColor.from_ansi(RED), default)
    found = mapped(red, behind).color
    assert found == RichColor.from_ansi(RED + BRIGHT)
    chosen = Style.from_color(RichColor.from_ansi(RED), RichColor.from_ansi(WHITE))
    assert mapped(chosen, behind) == chosen
