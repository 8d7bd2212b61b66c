"""Session cookies kept between runs, so that a restart does not ask again."""

from __future__ import annotations

import contextlib
import json
import stat
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from chronotui.storage.private_file import write_private

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class SavedSession:
    """The two cookies of a login; ``expires_at`` is in epoch seconds."""

    session: str = field(repr=False)
    csrf: str = field(repr=False)
    expires_at: float | None = None


class SessionFile:
    """The session of one profile at one origin, in a file of its own, 0600.

    The origin, account included, is part of the name: a profile that is pointed at
    another server or account never sends it the cookies of the first.
    """

    def __init__(self, folder: Path, profile: str, origin: str) -> None:
        mark = sha256(origin.encode()).hexdigest()[:16]
        self._origin = origin
        self.path = folder / "sessions" / f"{profile}-{mark}.json"

    def read(self) -> SavedSession | None:
        """Return what was saved; None when absent, unreadable or not ours.

        A file others can read is not trusted any more: it is removed.
        """
        try:
            if self.path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                self.forget()
                return None
            saved = json.loads(self.path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        return self._session(saved)

    def save(self, session: SavedSession) -> None:
        """Keep a session.

        Raises:
            OSError: It cannot be written; the session then lives as long as this run.
        """
        content = {
            "origin": self._origin,
            "session": session.session,
            "csrf": session.csrf,
            "expires_at": session.expires_at,
        }
        write_private(self.path, json.dumps(content).encode())

    def forget(self) -> bool:
        """Remove the saved session; False when there was none."""
        with contextlib.suppress(OSError):
            self.path.unlink()
            return True
        return False

    def _session(self, saved: object) -> SavedSession | None:
        if not isinstance(saved, dict) or saved.get("origin") != self._origin:
            return None
        session, csrf = saved.get("session"), saved.get("csrf")
        expires = saved.get("expires_at")
        if not isinstance(session, str) or not isinstance(csrf, str) or not session:
            return None
        at = float(expires) if isinstance(expires, int | float) else None
        return SavedSession(session, csrf, at)
