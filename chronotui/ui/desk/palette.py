"""Every named action as a command of the palette."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.binding import BindingsMap
from textual.command import CommandList, CommandPalette

from chronotui.ui.desk.screen import DeskScreen
from chronotui.ui.job_tree.choice import Choice
from chronotui.ui.keymap import own_bindings, spell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from textual.binding import BindingType
    from textual.dom import DOMNode
    from textual.screen import Screen


class Palette(CommandPalette):
    """Textual's palette; its list takes keys once it is to be seen.

    Before that, and where a small terminal leaves no row for it, Textual's own list
    fails on a page key: it does not know yet which option stands on which row.
    """

    def _action_command_list(self, action: str) -> None:
        if self.query_one(CommandList).scrollable_content_region:
            super()._action_command_list(action)


def commands(screen: Screen[object]) -> Iterator[SystemCommand]:
    """Yield the actions of the screen that is shown and of the widgets on it.

    An action of several widgets is that of the focused one; an action of the log
    goes to the pane that is shown. Each filter has its own.
    """
    seen: set[tuple[str, str]] = set()
    for node in _nodes(screen):
        title = node.title if isinstance(node, Choice) else ""
        for name, meaning, keys, action in _named(own_bindings(type(node))):
            if (name, title) not in seen:
                seen.add((name, title))
                words = f"{title}: {meaning}" if title else meaning
                yield SystemCommand(
                    f"{words}  ({keys})", name, partial(_run, node, action)
                )


def _nodes(screen: Screen[object]) -> list[DOMNode]:
    if isinstance(screen, DeskScreen):
        return screen.action_sources()
    focused = [screen.focused] if screen.focused is not None else []
    return [screen, *focused, *screen.walk_children()]


def _named(bindings: Iterable[BindingType]) -> Iterator[tuple[str, str, str, str]]:
    """Yield (name, meaning, keys, action) of the bindings that have a name."""
    keys: dict[str, list[str]] = {}
    found: dict[str, tuple[str, str]] = {}
    for _key, binding in BindingsMap(bindings):
        if binding.id and binding.description:
            keys.setdefault(binding.id, []).append(spell(binding.key))
            meaning = binding.tooltip or binding.description
            found.setdefault(binding.id, (meaning, binding.action))
    for name, (meaning, action) in found.items():
        yield name, meaning, " ".join(keys[name]), action


async def _run(node: DOMNode, action: str) -> None:
    await node.app.run_action(action, default_namespace=node)
