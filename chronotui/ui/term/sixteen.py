"""Sixteen colours, chosen by what a theme's colours mean and not by the nearest one.

The nearest colour of an error's soft red is grey. A theme tells by hue what things
mean: that is kept, as bright as can be. Greys are told apart by how bright they are.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.filter import LineFilter

if TYPE_CHECKING:
    from rich.color_triplet import ColorTriplet
    from textual.color import Color

BLACK, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE = range(8)
BRIGHT: Final = 8
GREY: Final = BLACK + BRIGHT

LEAST_CHROMA: Final = 48
"""Of 255: how far a colour's parts are apart that is no grey."""
GROUND_CHROMA: Final = 60
"""The same of what is written on: many themes have a tinted black."""

HUES: Final = ((12, RED), (75, YELLOW), (165, GREEN), (200, CYAN), (265, BLUE))
"""Where a colour's hue ends, in degrees; behind them come magenta and red again."""
MAGENTA_ENDS: Final = 325

SHADES: Final = ((0.2, BLACK), (0.5, GREY), (0.78, WHITE), (1.1, WHITE + BRIGHT))
"""Greys by how bright they are, of 1."""

GROUND_IS_LIGHT: Final = 0.5
UNDER_DARK_TEXT: Final = frozenset({GREEN, YELLOW, CYAN, WHITE, WHITE + BRIGHT})
"""Grounds on which text is black."""
STEP: Final = 0.005
"""How much brighter a ground is that can be told from another one."""
UNDERLINED: Final = Style(underline=True)


def brightness(color: ColorTriplet) -> float:
    """Return how bright a colour is, from 0 to 1."""
    return (0.299 * color.red + 0.587 * color.green + 0.114 * color.blue) / 255


def hue(color: ColorTriplet, least: int = LEAST_CHROMA) -> int | None:
    """Return which of the dark colours has a colour's hue; None for greys."""
    high, low = max(color), min(color)
    chroma = high - low
    if chroma < least:
        return None
    if high == color.red:
        degrees = 60 * (color.green - color.blue) / chroma % 360
    elif high == color.green:
        degrees = 60 * (color.blue - color.red) / chroma + 120
    else:
        degrees = 60 * (color.red - color.green) / chroma + 240
    known = (number for ends, number in HUES if degrees < ends)
    return next(known, MAGENTA if degrees < MAGENTA_ENDS else RED)


def ground_of(color: ColorTriplet) -> int:
    """Return what stands for a background: black or white, or its hue, dark."""
    tone = hue(color, GROUND_CHROMA)
    if tone is not None:
        return tone
    return WHITE + BRIGHT if brightness(color) >= GROUND_IS_LIGHT else BLACK


def ink_of(color: ColorTriplet, ground: int) -> int:
    """Return what stands for a text's colour on a ground, so that it can be read."""
    if ground not in {BLACK, WHITE + BRIGHT}:
        return BLACK if ground in UNDER_DARK_TEXT else WHITE + BRIGHT
    tone = hue(color)
    if tone is not None:
        return tone if ground else tone + BRIGHT
    shade = next(number for ends, number in SHADES if brightness(color) < ends)
    if ground:
        return shade if shade in {BLACK, GREY} else GREY
    return shade if shade in {WHITE, WHITE + BRIGHT} else WHITE


class SixteenColours(LineFilter):
    """Maps the colours of a theme; a row set off by its ground alone is underlined."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        ground = background.rich_color
        return [
            Segment(text, None if style is None else mapped(style, ground), control)
            for text, style, control in segments
        ]


@lru_cache(maxsize=4096)
def mapped(style: Style, behind: RichColor) -> Style:
    """Return a style in sixteen colours.

    Args:
        style: The style.
        behind: The background of the widget it is drawn in.
    """
    ink, own = style.color, style.bgcolor or behind
    if own.triplet is None or (ink is not None and ink.triplet is None):
        return _brightened(style)
    ground = ground_of(own.triplet)
    color = None
    if ink is not None and ink.triplet is not None:
        color = RichColor.from_ansi(ink_of(ink.triplet, ground))
    filled = None if style.bgcolor is None else RichColor.from_ansi(ground)
    found = style + Style.from_color(color, filled)
    return found + UNDERLINED if _is_raised(own.triplet, behind.triplet) else found


def _is_raised(own: ColorTriplet, behind: ColorTriplet | None) -> bool:
    """Whether a ground stands out from the one around, and no longer does so here.

    What is dimmed, as everything is under a dialog, does not stand out.
    """
    ground = ground_of(own)
    if behind is None or ground not in {BLACK, WHITE + BRIGHT}:
        return False
    apart = brightness(own) - brightness(behind)
    return ground == ground_of(behind) and (apart < -STEP if ground else apart > STEP)


def _brightened(style: Style) -> Style:
    """Return a style of the terminal's own colours, no colour dimmer than its text."""
    ink = style.color
    if ink is None or ink.number is None or style.bgcolor is None:
        return style
    is_plain = style.bgcolor.is_default and BLACK < ink.number < WHITE
    if not is_plain:
        return style
    return style + Style.from_color(RichColor.from_ansi(ink.number + BRIGHT))
