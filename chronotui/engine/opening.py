"""From a profile to a session; imports the client, so import it late."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from chronotui.engine.catalog import CatalogSettings
from chronotui.engine.connect import open_client
from chronotui.engine.session import Session
from chronotui.engine.watch import WatchSettings, WatchTiming
from chronotui.storage.paths import spool_dir
from chronotui.storage.spool_file import SpoolFile

if TYPE_CHECKING:
    from chronotui.engine.questions import AskSecret
    from chronotui.storage.diagnostic_log import DiagnosticLog
    from chronotui.storage.settings import Profile, UiSettings

MEBIBYTE: Final = 1 << 20


async def open_session(
    profile: Profile,
    ui: UiSettings,
    *,
    ask: AskSecret | None,
    remember: bool = True,
    log: DiagnosticLog | None = None,
    timing: WatchTiming | None = None,
) -> Session:
    """Make a profile's session; the first request is sent when it starts.

    Args:
        profile: The server.
        ui: Memory budget and spool folder.
        ask: Asks the user for a secret the profile does not hold.
        remember: Whether the server's session is kept for the next start.
        log: Takes one line a request, secrets left out.
        timing: Delays of a watched log; None is the engine's own.

    Raises:
        UsageError: The profile cannot be used as it is.
    """
    client = await asyncio.to_thread(
        open_client, profile, ask=ask, remember=remember, log=log
    )
    return Session(
        client,
        tree=CatalogSettings(poll_seconds=profile.poll_seconds),
        watch=WatchSettings(
            poll_seconds=profile.poll_seconds, timing=timing or WatchTiming()
        ),
        memory_bytes=ui.memory_mb * MEBIBYTE,
        spool=partial(SpoolFile, spool_dir(ui.spool_dir)),
    )
