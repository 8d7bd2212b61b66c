"""Styles a program wrote into its log, in the screen's own terms."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.color import Color
from rich.style import Style

if TYPE_CHECKING:
    from chronotui.core.text import StyleSpec


@lru_cache(maxsize=1024)
def rich_style(spec: StyleSpec) -> Style:
    """Return a style that says only what the program said."""
    return Style(
        color=_color(spec.fg),
        bgcolor=_color(spec.bg),
        bold=spec.bold or None,
        dim=spec.dim or None,
        italic=spec.italic or None,
        underline=spec.underline or None,
        reverse=spec.reverse or None,
    )


def _color(color: int | tuple[int, int, int] | None) -> Color | None:
    if color is None:
        return None
    if isinstance(color, int):
        return Color.from_ansi(color)
    return Color.from_rgb(*color)
