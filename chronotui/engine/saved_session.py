"""The session a profile has kept between runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chronotui.storage.paths import state_dir
from chronotui.storage.session_file import SavedSession, SessionFile

if TYPE_CHECKING:
    from pathlib import Path

    from chronotui.storage.settings import Profile


def session_file(profile: Profile, folder: Path | None = None) -> SessionFile:
    """Return the file of a profile's session; ``folder`` None is the state folder."""
    origin = f"{profile.auth.email} {profile.url}"
    return SessionFile(folder or state_dir(), profile.name, origin)


def kept_session(file: SessionFile) -> SavedSession | None:
    """Return the kept session, None when its own date says that it has ended."""
    kept = file.read()
    if kept is None or (kept.expires_at is not None and kept.expires_at <= time.time()):
        return None
    return kept


def has_session(profile: Profile, folder: Path | None = None) -> bool:
    """Whether a session of the profile is kept that may still be good."""
    return kept_session(session_file(profile, folder)) is not None


def forget_session(profile: Profile, folder: Path | None = None) -> bool:
    """Remove the profile's kept session; False when there was none."""
    return session_file(profile, folder).forget()
