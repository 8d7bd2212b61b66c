"""Putting an action on another key: the old key is pressed, then the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from chronotui.ui.keys import spell
from chronotui.ui.standing import OverScreen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult
    from textual.events import Key

    from chronotui.ui.keys import Action

FIRST: Final = "Press the key that is to be changed."
EVERYWHERE: Final = frozenset({"app", "desk"})
"""Parts whose keys are obeyed in the others too."""


class NewKeys(NamedTuple):
    """An action's name, and the keys it is on from now, as ``[keys]`` has them."""

    name: str
    keys: str


class KeyChange(OverScreen[NewKeys | None], inherit_bindings=False):
    """Answers with what an action is put on, None where nothing is changed.

    Every key but ``esc`` is an answer, so it has no bindings.

    Args:
        actions: What can be put on keys, what is nearest to the reader first.
        keymap: What was put on other keys already.
    """

    DEFAULT_CSS = """
    KeyChange { align: center middle; }
    KeyChange > Vertical {
        width: 64; max-width: 100%; height: auto; max-height: 100%;
        border: round $text-warning; padding: 0 1; background: $surface;
    }
    KeyChange #refused { color: $text-warning; }
    """
    AUTO_FOCUS: ClassVar[str | None] = ""

    def __init__(self, actions: Sequence[Action], keymap: Mapping[str, str]) -> None:
        super().__init__()
        self._actions = actions
        self._keymap = keymap
        self._old = ""
        self._meant: list[Action] = []

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Change a key"
            box.border_subtitle = "esc gives up"
            yield Static(FIRST, id="asked", markup=False)
            yield Static(id="refused", markup=False)

    def on_key(self, event: Key) -> None:
        """Take the old key, again for the next action on it, then the new one."""
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.dismiss(None)
        elif not self._meant:
            self._take_old(event.key)
        elif event.key == self._old:
            self._meant.append(self._meant.pop(0))
            self._ask()
        else:
            self._take_new(event.key)

    def _take_old(self, key: str) -> None:
        self._old = key
        self._meant = [
            action for action in self._actions if key in action.keys_in(self._keymap)
        ]
        if self._meant:
            self._ask()
        else:
            self._refuse(f"Nothing is on {spell(key)}. {FIRST}")

    def _ask(self) -> None:
        action = self._meant[0]
        words = f"{action.group}: {action.meaning}. Press its new key."
        if len(self._meant) > 1:
            words += f" {spell(self._old)} again: the next of {len(self._meant)}."
        self.query_one("#asked", Static).update(Content(words))
        self._refuse("")

    def _take_new(self, key: str) -> None:
        action = self._meant[0]
        parts = EVERYWHERE | {action.part}
        shared = action.part in EVERYWHERE
        for other in self._actions:
            is_near = other.part in parts or (shared and other.is_of_desk)
            is_taken = is_near and other is not action
            if is_taken and key in other.keys_in(self._keymap):
                words = f"{spell(key)} is taken. {other.group}: {other.meaning}."
                self._refuse(words)
                return
        keys = [
            key if each == self._old else each for each in action.keys_in(self._keymap)
        ]
        self.dismiss(NewKeys(action.id, ",".join(keys)))

    def _refuse(self, words: str) -> None:
        self.query_one("#refused", Static).update(Content(words))
