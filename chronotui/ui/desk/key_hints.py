"""The footer: the few keys that matter where the focus is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.text import Text
from textual.widget import Widget

if TYPE_CHECKING:
    from textual.screen import Screen

GAP: Final = 2


class KeyHints(Widget):
    """One line of ``key meaning`` pairs read from the active bindings.

    What is shown is decided by each binding's ``show``; the line drops pairs
    from its right end when it is too narrow, never half of one.
    """

    DEFAULT_CSS = """
    KeyHints {
        height: 1;
        background: $footer-background; color: $footer-foreground;
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-hints--key"}

    def on_mount(self) -> None:
        """Follow the bindings as the focus moves."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def _bindings_changed(self, _screen: Screen[object]) -> None:
        self.refresh()

    def _pairs(self) -> list[tuple[str, str]]:
        """Return (key, meaning) of every shown, enabled binding, each once."""
        pairs: dict[str, list[str]] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled and binding.description:
                keys = pairs.setdefault(binding.description, [])
                key = self.app.get_key_display(binding)
                if key not in keys:
                    keys.append(key)
        return [("".join(keys[:1]), meaning) for meaning, keys in pairs.items()]

    def render(self) -> Text:
        """Return the pairs that fit."""
        style = self.get_component_rich_style("key-hints--key", partial=True)
        line = Text(" ", no_wrap=True, end="")
        for key, meaning in self._pairs():
            if line.cell_len + len(key) + len(meaning) + 1 + GAP > self.size.width:
                break
            line.append(key, style)
            line.append(f" {meaning.lower()}{' ' * GAP}")
        return line
