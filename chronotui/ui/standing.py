"""When a widget stands: what the engine tells is heard only then, and work ends before.

Textual takes a screen's widgets out one by one, and ends the screen's own work after
that. What goes on outside of the screen's messages (the engine's callbacks, timers of
the loop, the end of work that was cancelled) would meet a screen without widgets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    from collections.abc import Callable

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
