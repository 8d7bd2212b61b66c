"""The dialog that takes a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Static

from chronotui.core.text import clean
from chronotui.ui.dialog import Dialog

if TYPE_CHECKING:
    from textual.app import ComposeResult

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
