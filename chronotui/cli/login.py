"""The verbs `login` and `logout`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.errors import ChronotuiError

if TYPE_CHECKING:
    from chronotui.api.chronoverse import Chronoverse
    from chronotui.cli.invocation import Invocation


def login(invocation: Invocation) -> int:
    """Sign in, and keep the session so that nothing asks again while it lasts."""
    profile, auth = invocation.profile, invocation.profile.auth

    async def work(client: Chronoverse) -> None:
        await client.sign_in()

    invocation.with_client(work)
    if auth.method == "session":
        words = f"signed in to {profile.name} as {auth.email}; the session is kept."
    elif auth.method == "none":
        words = f"{profile.name} answers without a sign-in."
    else:
        words = f"{profile.name} takes the {auth.method} secret."
    invocation.output.say(f"chronotui: {words}")
    return 0


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
