"""Every named action as a command of the palette."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.binding import BindingsMap

from chronotui.ui.keymap import spell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from textual.binding import BindingType
    from textual.dom import DOMNode

    from chronotui.ui.desk.screen import DeskScreen


def desk_commands(desk: DeskScreen) -> Iterator[SystemCommand]:
    """Yield the actions of the desk and of the widgets on it, each once.

    An action of the log goes to the pane that is shown.
    """
    seen: set[str] = set()
    for node, bindings in desk.action_sources():
        for name, meaning, keys, action in _named(bindings):
            if name not in seen:
                seen.add(name)
                yield SystemCommand(
                    f"{meaning}  ({keys})", name, partial(_run, node, action)
                )


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
