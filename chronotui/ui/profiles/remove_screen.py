"""The question before a profile is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from chronotui.core.text import clean
from chronotui.ui.dialog import ANSWER_MOVES, Dialog

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from chronotui.storage.config_edit import Edit


class RemoveScreen(Dialog[bool]):
    """Answers whether a profile is taken out of the configuration.

    Args:
        name: The profile.
        edit: The configuration without it, not written yet.
        current: Whether the desk is on it.
    """

    DEFAULT_CSS = """
    RemoveScreen { align: center middle; }
    RemoveScreen > Vertical {
        width: 64; max-width: 100%; height: auto; max-height: 100%;
        border: round $warning; padding: 0 1; background: $surface;
    }
    RemoveScreen #buttons { height: 1; align-horizontal: right; margin-top: 1; }
    RemoveScreen #buttons Button { margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "answer(False)", "keep", id="profile_remove.keep"),
        Binding("y", "answer(True)", "remove", id="profile_remove.remove"),
        *ANSWER_MOVES,
    ]

    def __init__(self, name: str, edit: Edit, *, current: bool = False) -> None:
        super().__init__()
        self._profile = name
        self._edit = edit
        self._current = current

    def compose(self) -> ComposeResult:
        """Yield what goes, and the answers."""
        with Vertical() as box:
            box.border_title = Content(f"Remove {clean(self._profile)}?")
            yield Static(Content(clean(" ".join(self._words()))), markup=False)
            with Horizontal(id="buttons"):
                yield Button("Keep (n)", variant="primary", compact=True, id="keep")
                yield Button("Remove (y)", compact=True, id="remove")

    def _words(self) -> list[str]:
        words = [f"It is taken out of {self._edit.path}, and its kept session goes."]
        if self._current:
            words.append("This desk stays on it until it is left.")
        if self._edit.loses_comments:
            words.append("The file is written anew, and its comments are lost.")
        return words

    def on_mount(self) -> None:
        """Stand on the answer that loses nothing."""
        self.query_one("#keep").focus()

    @on(Button.Pressed)
    def _on_button(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "remove")

    def action_answer(self, remove: bool) -> None:
        """Answer."""
        self.dismiss(remove)
