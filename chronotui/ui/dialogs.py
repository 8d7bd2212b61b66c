"""What is the same in every dialog."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen, ScreenResultType
from textual.widgets import Button, Input, Static

from chronotui.errors import NotSignedInError
from chronotui.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import App, ComposeResult

    from chronotui.engine.client import SecretQuestion

LIST_MOVES: Final[list[BindingType]] = [
    Binding("j", "move('down')", "down", show=False, id="dialog.down"),
    Binding("k", "move('up')", "up", show=False, id="dialog.up"),
]
"""Keys of a dialog with a list; the dialog has ``action_move``."""

FIELD_MOVES: Final[list[BindingType]] = [
    Binding(
        "up", "app.focus_previous", "field above", show=False, id="dialog.field_above"
    ),
    Binding(
        "down", "app.focus_next", "field below", show=False, id="dialog.field_below"
    ),
]
"""Keys of a dialog with fields."""

ANSWER_MOVES: Final[list[BindingType]] = [
    Binding("right", "app.focus_next", "other answer", show=False, id="dialog.answer"),
    Binding(
        "left", "app.focus_previous", "answer before", show=False, id="dialog.before"
    ),
]
"""Keys of a dialog with a few answers side by side."""


class Dialog(ModalScreen[ScreenResultType]):
    """A dialog from which the keys are shown as from everywhere else."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "app.help", "help", show=False, id="app.help"),
    ]


# A question with two or three answers, in a dialog.

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


# The dialog that takes a secret.

KEPT = "It is sent to this server only and not kept; the session it opens is."


class SecretDialog(Dialog[str | None]):
    """Answers with the secret as typed, None when signing in is declined.

    Args:
        prompt: What is asked, and for which server; cleaned here.
        note: What becomes of the answer, or why it is asked again.
    """

    DEFAULT_CSS = """
    SecretDialog { align: center middle; }
    SecretDialog > #box {
        width: 64; max-width: 100%; height: auto;
        border: round $primary; padding: 0 1; background: $surface;
    }
    SecretDialog #note { color: $text-muted; }
    SecretDialog Input { margin: 1 0; }
    SecretDialog #buttons { height: 1; align-horizontal: right; }
    SecretDialog #buttons Button { margin-left: 2; }
    """
    AUTO_FOCUS = "#secret"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "not now", id="sign_in.close"),
    ]

    def __init__(self, prompt: str, *, note: str = KEPT) -> None:
        super().__init__()
        self._prompt = prompt
        self._note = note

    def compose(self) -> ComposeResult:
        """Yield the question, the field and the buttons."""
        with Vertical(id="box") as box:
            box.border_title = "Sign in"
            box.border_subtitle = "enter signs in · esc not now"
            yield Static(Content(clean(self._prompt)), id="prompt")
            yield Input(password=True, compact=True, id="secret")
            yield Static(Content(clean(self._note)), id="note")
            with Horizontal(id="buttons"):
                yield Button("Sign in", variant="primary", compact=True, id="send")
                yield Button("Not now", compact=True, id="decline")

    @on(Input.Submitted, "#secret")
    @on(Button.Pressed, "#send")
    def _send(self) -> None:
        """Answer, unless nothing was typed."""
        secret = self.query_one("#secret", Input).value
        if secret:
            self.dismiss(secret)

    @on(Button.Pressed, "#decline")
    def action_leave(self) -> None:
        """Answer with none."""
        self.dismiss(None)


# Asking from outside the screen: the engine waits for the dialog's answer.


async def ask_in_dialog(app: App[Any], question: SecretQuestion) -> str:
    """Show the dialog over whatever is there, and return what was typed.

    To be called on the app's event loop, from any task of it. A caller that is
    cancelled takes the dialog away.

    Raises:
        NotSignedInError: Signing in was declined.
    """
    answered: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    dialog = SecretDialog(question.sentence())

    def take(answer: str | None) -> None:
        if not answered.done():
            answered.set_result(answer)

    app.call_later(app.push_screen, dialog, take)
    try:
        answer = await answered
    except asyncio.CancelledError:
        if dialog.is_current:
            dialog.dismiss(None)
        raise
    if answer is None:
        raise NotSignedInError(
            f"No {question.kind} was given for {question.profile}.",
            next_step="r asks again.",
        )
    return answer
