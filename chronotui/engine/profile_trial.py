"""Trying a profile: can its server be reached, and does it take the sign-in?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chronotui.engine.connect import open_client

if TYPE_CHECKING:
    from chronotui.engine.questions import AskSecret
    from chronotui.storage.diagnostic_log import DiagnosticLog
    from chronotui.storage.settings import Profile


async def try_profile(
    profile: Profile, *, ask: AskSecret | None, log: DiagnosticLog | None = None
) -> str:
    """Ask the profile's server for its workflows, and return a sentence about it.

    A session made on the way is kept, so that nothing asks again.

    Raises:
        ChronotuiError: It does not answer, or does not take the sign-in.
    """
    client = open_client(profile, ask=ask, log=log)
    try:
        begun = time.monotonic()
        page = await client.workflows()
        took = (time.monotonic() - begun) * 1000
    finally:
        await client.aclose()
    count = len(page.items)
    named = "1 workflow" if count == 1 else f"{count} workflows"
    more = " on its first page" if page.cursor else ""
    return f"{profile.name}: {profile.url} answers in {took:.0f} ms, {named}{more}."
