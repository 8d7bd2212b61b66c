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

    A signal ends the program as it would without a question.

    Raises:
        NotSignedInError: Nothing was answered.
    """
    import getpass
    import signal
    import sys

    from chronotui.cli.failures import end_at_once
    from chronotui.core.text import clean

    handlers = {signal.SIGINT: signal.default_int_handler}
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            handlers[number] = end_at_once
    loops_own = {each: signal.signal(each, how) for each, how in handlers.items()}
    try:
        answer = getpass.getpass(f"{clean(question.sentence())}: ", sys.stderr)
    except EOFError:
        answer = ""
    finally:
        for each, how in loops_own.items():
            signal.signal(each, how)
    if answer:
        return answer
    raise NotSignedInError(
        f"No {question.kind} was given.", next_step="Run the command again."
    )
