"""The footer: the few keys that matter where the focus is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len
from rich.text import Text
from textual.widget import Widget

if TYPE_CHECKING:
    from rich.style import Style
    from textual.screen import Screen

GAP: Final = 2


class KeyHints(Widget):
    """One line of ``key meaning`` pairs read from the active bindings.

    What is shown is decided by each binding's ``show``; the line drops pairs when
    it is too narrow, never half of one, and never the last: the way to the help.
    """

    DEFAULT_CSS = """
    KeyHints {
        height: 1;
        background: $panel; color: $text;
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
        style = self.get_component_rich_style("key-hints--key")
        line = Text(" ", no_wrap=True, end="")
        *others, last = self._pairs() or [("", "")]
        room = self.size.width - _cells(last)
        for pair in others:
            if line.cell_len + _cells(pair) > room:
                break
            _add(line, pair, style)
        _add(line, last, style)
        return line


def _cells(pair: tuple[str, str]) -> int:
    key, meaning = pair
    return cell_len(key) + 1 + cell_len(meaning) + GAP


def _add(line: Text, pair: tuple[str, str], style: Style) -> None:
    key, meaning = pair
    line.append(key, style)
    line.append(f" {meaning.lower()}{' ' * GAP}")
