"""What is the same in the list of profiles and in the form of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from chronotui.core.text import clean
from chronotui.ui.dialog import Dialog
from chronotui.ui.sign_in import ask_in_dialog

if TYPE_CHECKING:
    from chronotui.engine.questions import SecretQuestion


class ProfileDialog(Dialog[str | None]):
    """Answers with a profile's name; has a ``#told`` row for what came of a key."""

    async def _ask(self, question: SecretQuestion) -> str:
        return await ask_in_dialog(self.app, question)

    def _tell(self, words: str, *, is_problem: bool = False) -> None:
        told = self.query_one("#told", Static)
        told.update(Content(clean(words)))
        told.set_class(is_problem, "-problem")
