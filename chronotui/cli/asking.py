"""Asking for a secret on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.cli.terminal import may_ask
from chronotui.errors import NotSignedInError

if TYPE_CHECKING:
    from chronotui.engine.questions import AskSecret, SecretQuestion


def asker() -> AskSecret | None:
    """Return how to ask for a secret, None when nobody is there to answer."""
    return ask_on_terminal if may_ask() else None


async def ask_on_terminal(question: SecretQuestion) -> str:
    """Ask without an echo; the loop waits, as there is nothing to do meanwhile.

    An interrupt ends the program as it would without a question.

    Raises:
        NotSignedInError: Nothing was answered.
    """
    import getpass
    import signal
    import sys

    from chronotui.core.text import clean

    loops_own = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        answer = getpass.getpass(f"{clean(question.sentence())}: ", sys.stderr)
    except EOFError:
        answer = ""
    finally:
        signal.signal(signal.SIGINT, loops_own)
    if answer:
        return answer
    raise NotSignedInError(
        f"No {question.kind} was given.", next_step="Run the command again."
    )
