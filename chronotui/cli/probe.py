"""Trying a profile from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chronotui.cli.invocation import Invocation
    from chronotui.storage.settings import Profile


def probe(invocation: Invocation, profile: Profile) -> str:
    """Return a sentence about a profile's server that answers.

    Raises:
        ChronotuiError: It does not answer, or does not take the sign-in.
    """
    import asyncio

    from chronotui.cli.asking import asker
    from chronotui.engine.diagnosis import try_profile

    return asyncio.run(try_profile(profile, ask=asker(), log=invocation.log))
