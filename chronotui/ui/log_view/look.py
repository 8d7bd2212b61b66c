"""The styles a log is drawn with, taken once from the stylesheet."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.style import Style
    from textual.widget import Widget

PREFIX: Final = "log-view--"


@dataclass(frozen=True)
class Look:
    """Styles by use; ``current``, ``picked`` and the matches lie over the others."""

    stdout: Style
    stderr: Style
    mark: Style
    stamp: Style
    bookmark: Style
    gap: Style
    section: Style
    edge: Style
    note: Style
    current: Style
    picked: Style
    match: Style
    match_current: Style
    json_key: Style
    json_text: Style
    json_value: Style

    @cached_property
    def on_current(self) -> Look:
        """The styles of the current row."""
        return self._on(self.current)

    @cached_property
    def on_picked(self) -> Look:
        """The styles of a row in the range."""
        return self._on(self.picked)

    def _on(self, over: Style) -> Look:
        return replace(self, **{name: getattr(self, name) + over for name in GROUNDS})


OVERLAYS: Final = frozenset(
    {
        "current",
        "picked",
        "match",
        "match_current",
        "json_key",
        "json_text",
        "json_value",
    }
)
"""Styles that say only what they change."""

GROUNDS: Final = (
    *("stdout", "stderr", "mark", "stamp", "bookmark"),
    *("gap", "section", "edge", "note"),
)
"""Styles that fill a row, and so take its background."""

COMPONENTS: Final = frozenset(
    PREFIX + name.name.replace("_", "-") for name in fields(Look)
)

LOOK_CSS: Final = """
LogView {
    background: $background;
    color: $foreground;
    overflow: hidden;

    & > .log-view--stderr { color: $text-error; }
    & > .log-view--mark { color: $error; text-style: bold; }
    & > .log-view--stamp { color: $text-muted; }
    & > .log-view--bookmark { color: $accent; text-style: bold; }
    & > .log-view--gap { color: $text-error; text-style: bold; }
    & > .log-view--section { color: $text-accent; text-style: bold; }
    & > .log-view--edge { color: $text-muted; text-style: italic; }
    & > .log-view--note { color: $text-muted; text-style: italic; }
    & > .log-view--current { background: $surface; }
    & > .log-view--picked { background: $primary-muted; }
    & > .log-view--match { background: $warning-muted; text-style: underline; }
    & > .log-view--match-current {
        background: $warning; color: $background; text-style: bold;
    }
    & > .log-view--json-key { color: $text-primary; }
    & > .log-view--json-text { color: $text-success; }
    & > .log-view--json-value { color: $text-warning; }
    &:focus > .log-view--current { background: $panel; }
    &:ansi > .log-view--current { text-style: underline; }
    &:nocolor > .log-view--current { text-style: underline; }
    &:nocolor > .log-view--picked { text-style: reverse; }
    &:nocolor > .log-view--match { text-style: bold underline; }
    &:nocolor > .log-view--match-current { text-style: bold reverse; }
}
"""


def look_of(widget: Widget) -> Look:
    """Read the styles from a widget whose component classes are `COMPONENTS`."""
    return Look(
        **{
            field.name: widget.get_component_rich_style(
                PREFIX + field.name.replace("_", "-"), partial=field.name in OVERLAYS
            )
            for field in fields(Look)
        }
    )
