"""The verbs `login` and `logout`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.cli.asking import ask_on_terminal
from chronotui.cli.terminal import may_ask
from chronotui.errors import ChronotuiError

if TYPE_CHECKING:
    from chronotui.api.chronoverse import Chronoverse
    from chronotui.cli.invocation import Invocation
    from chronotui.engine.questions import SecretQuestion
    from chronotui.storage.settings import Profile


def login(invocation: Invocation) -> int:
    """Sign in, and keep the session so that nothing asks again while it lasts.

    An answer that the profile wants in the keyring goes there once it was right.
    """
    profile, auth = invocation.profile, invocation.profile.auth
    asking = _Asking()

    async def work(client: Chronoverse) -> None:
        await client.sign_in()

    invocation.with_client(work, ask=asking if may_ask() else None)
    if asking.question is not None:
        _keep_in_keyring(profile, asking.question.kind, asking.answer)
    if auth.method == "session":
        words = f"signed in to {profile.name} as {auth.email}; the session is kept."
    elif auth.method == "none":
        words = f"{profile.name} answers without a sign-in."
    else:
        words = f"{profile.name} takes the {auth.method} secret."
    invocation.output.say(f"chronotui: {words}")
    return 0


class _Asking:
    """Asks on the terminal and keeps the last answer until the command ends."""

    def __init__(self) -> None:
        self.question: SecretQuestion | None = None
        self.answer = ""

    async def __call__(self, question: SecretQuestion) -> str:
        self.answer = await ask_on_terminal(question)
        self.question = question
        return self.answer


def _keep_in_keyring(profile: Profile, kind: str, answer: str) -> None:
    from chronotui.storage.secret import Secret
    from chronotui.storage.secrets import secret_source

    source = secret_source(profile, kind)
    if source.keyring:
        from chronotui.storage.keyring_store import write_keyring

        write_keyring(source, Secret(answer))


def logout(invocation: Invocation) -> int:
    """End the kept session on the server and forget it here.

    A server that cannot be told keeps it until it runs out, which is said.
    """
    from chronotui.engine.saved_session import forget_session, has_session

    profile, say = invocation.profile, invocation.output.say
    if not has_session(profile):
        forget_session(profile)
        say(f"chronotui: no session of {profile.name} is kept.")
        return 0

    async def work(client: Chronoverse) -> None:
        await client.sign_out()

    try:
        invocation.with_client(work)
    except ChronotuiError as error:
        say(f"chronotui: the server was not told: {error.sentence}")
    forget_session(profile)
    say(f"chronotui: signed out of {profile.name}.")
    return 0
