"""A question with two answers, in a dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from chronotui.ui.dialog import Dialog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult


class Question(Dialog[bool]):
    """A question whose No loses nothing, and stands under the cursor.

    A question binds its own keys to ``answer(False)`` and ``answer(True)``.

    Args:
        title: The question, cleaned.
        paragraphs: What to know before answering, cleaned.
        no: The label of the answer that loses nothing.
        yes: The label of the other one.
    """

    DEFAULT_CSS = """
    Question { align: center middle; }
    Question > Vertical {
        width: 72; max-width: 100%; height: auto; max-height: 100%;
        border: round $warning; padding: 0 1; background: $surface;
    }
    Question #answers { height: 1; align-horizontal: right; margin-top: 1; }
    Question #answers Button { margin-left: 2; }
    """

    def __init__(
        self, title: str, paragraphs: Sequence[str], *, no: str, yes: str
    ) -> None:
        super().__init__()
        self._question = title
        self._paragraphs = paragraphs
        self._no = no
        self._yes = yes

    def compose(self) -> ComposeResult:
        """Yield what to know, and the answers."""
        with Vertical() as box:
            box.border_title = Content(self._question)
            for words in self._paragraphs:
                yield Static(Content(words), markup=False)
            with Horizontal(id="answers"):
                yield Button(self._no, variant="primary", compact=True, id="no")
                yield Button(self._yes, compact=True, id="yes")

    def on_mount(self) -> None:
        """Stand on the answer that loses nothing."""
        self.query_one("#no").focus()

    @on(Button.Pressed)
    def _on_button(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Answer."""
        self.dismiss(yes)
