"""When a widget stands: what the engine tells is heard only then, and work ends before.

What stands over a screen dims it, whatever colours there are.

Textual takes a screen's widgets out one by one, and ends the screen's own work after
that. What goes on outside of the screen's messages (the engine's callbacks, timers of
the loop, the end of work that was cancelled) would meet a screen without widgets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, ParamSpec

from rich.segment import Segment
from rich.style import Style
from textual import on
from textual.filter import LineFilter
from textual.messages import Prune
from textual.screen import ModalScreen, ScreenResultType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.color import Color
    from textual.dom import DOMNode

Arguments = ParamSpec("Arguments")


def stands(node: DOMNode) -> bool:
    """Whether a widget is on a screen and not about to be taken out."""
    return node.is_attached and not node._pruning  # noqa: SLF001 - as Textual's signals


def while_standing(
    node: DOMNode, heard: Callable[Arguments, object]
) -> Callable[Arguments, None]:
    """Return a callback for what outlives a widget: without it, it does nothing."""

    def hear(*args: Arguments.args, **named: Arguments.kwargs) -> None:
        if stands(node):
            heard(*args, **named)

    return hear


def end_work_in(screen: DOMNode) -> None:
    """Cancel what a screen and its widgets do, while the widgets are still there.

    A screen calls it when Textual tells it to go (`Prune`).
    """
    for worker in [*screen.workers]:
        if screen in worker.node.ancestors_with_self:
            worker.cancel()


class Faint(LineFilter):
    """Dims what shines through, in a terminal's own colours, which no tint reaches.

    Nothing stands out there: neither by weight nor by a line below it.
    """

    FAINT: Final = Style(dim=True, bold=False, underline=False)

    def apply(self, segments: list[Segment], _background: Color) -> list[Segment]:
        return [*Segment.apply_style(segments, post_style=self.FAINT)]


class OverScreen(ModalScreen[ScreenResultType]):
    """A screen that leaves the one below in sight, dimmed."""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return the filters of what shines through; widgets have the app's alone."""
        return dimming(self, super().get_line_filters())

    @on(Prune)
    def _end_work(self) -> None:
        end_work_in(self)


def dimming(
    screen: ModalScreen[Any], filters: Sequence[LineFilter]
) -> Sequence[LineFilter]:
    """Return filters that dim also where colours are the terminal's own, or few."""
    app = screen.app
    is_few = app.native_ansi_color or bool(getattr(app, "few_colours", ()))
    return [*filters, Faint()] if is_few else filters
