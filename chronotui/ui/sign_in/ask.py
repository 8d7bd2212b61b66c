"""Asking from outside the screen: the engine waits for the dialog's answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from chronotui.errors import NotSignedInError
from chronotui.ui.sign_in.dialog import SecretDialog

if TYPE_CHECKING:
    from textual.app import App

    from chronotui.engine.questions import SecretQuestion


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
