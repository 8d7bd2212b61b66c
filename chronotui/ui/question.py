"""A question with two or three answers, in a dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from textual import on
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from chronotui.ui.dialog import Dialog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult


Answer = TypeVar("Answer")


class Question(Dialog[Answer], Generic[Answer]):
    """A question whose first answer loses nothing, and stands under the cursor.

    A question binds its own keys to ``answer(0)``, ``answer(1)`` and so on.

    Args:
        title: The question, cleaned.
        paragraphs: What to know before answering, cleaned.
        answers: What can be answered, with its label.
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
        self,
        title: str,
        paragraphs: Sequence[str],
        answers: Sequence[tuple[Answer, str]],
    ) -> None:
        super().__init__()
        self._question = title
        self._paragraphs = paragraphs
        self._answers = answers

    def compose(self) -> ComposeResult:
        """Yield what to know, and the answers."""
        with Vertical() as box:
            box.border_title = Content(self._question)
            for words in self._paragraphs:
                yield Static(Content(words), markup=False)
            with Horizontal(id="answers"):
                for place, (_answer, label) in enumerate(self._answers):
                    yield Button(
                        label,
                        variant="default" if place else "primary",
                        compact=True,
                        id=f"answer-{place}",
                    )

    def on_mount(self) -> None:
        """Stand on the answer that loses nothing."""
        self.query_one("#answer-0").focus()

    @on(Button.Pressed)
    def _on_button(self, event: Button.Pressed) -> None:
        self.action_answer(int((event.button.id or "").removeprefix("answer-")))

    def action_answer(self, place: int) -> None:
        """Give one of the answers."""
        self.dismiss(self._answers[place][0])
