"""Files only the program writes: choices remembered, sessions kept, the diagnostic log.

They are JSON by the standard library: what lists profiles must not load msgspec.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from chronotui.model import Confidential
from chronotui.storage.files import state_dir, write_private
from chronotui.storage.settings import TIMESTAMPS, ZONES

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.storage.settings import Profile

_SHORTEST_HIDDEN: Final = 4
"""Shorter secrets would blot out ordinary words of the log."""


class DiagnosticLog:
    """The file of ``--log-file``: lines with a UTC time, known secrets replaced, 0600.

    A disk that fails later does not stop the program: the log ends there.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._handle = os.open(path, flags, 0o600)
        self._secrets: set[str] = set()
        self._lock = threading.Lock()
        self.path = path

    def hide(self, secret: str) -> None:
        if len(secret) >= _SHORTEST_HIDDEN:
            with self._lock:
                self._secrets.add(secret)

    def note(self, words: str) -> None:
        """Write words as one line; line breaks within them are made visible."""
        now = time.time()
        clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        with self._lock:
            for secret in self._secrets:
                words = words.replace(secret, "•••")
            line = f"{clock}.{int(now % 1 * 1000):03d}Z {_one_line(words)}\n"
            try:
                if self._handle >= 0:
                    os.write(self._handle, line.encode(errors="backslashreplace"))
            except OSError:
                self._close()

    def close(self) -> None:
        """Close the file; later notes are dropped."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1


def _one_line(words: str) -> str:
    return "".join(
        mark if mark.isprintable() else repr(mark)[1:-1] for mark in words.rstrip("\n")
    )


FILE_NAME: Final = "state.json"


class Remembered(Struct, frozen=True):
    """The choices last made under one profile; None where none was made."""

    wrap: bool | None = None
    timestamps: str | None = None
    zone: str | None = None
    save_dir: Path | None = None
    tour_dismissed: bool | None = None
    tree_order: str | None = None
    tree_ages: bool | None = None
    theme: str | None = None


class StateFile:
    """The file of remembered choices, one entry a profile, mode 0600.

    A file that cannot be read is as good as none: ``problem`` says so in a sentence,
    and the next thing remembered replaces it.

    Attributes:
        path: The file.
        problem: Why what was remembered is not there, or was not written; "" else.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self.problem = ""

    def read(self, profile: str) -> Remembered:
        """Return what is remembered for a profile; words of no meaning are left out."""
        return _remembered(self._profiles().get(profile))

    def remember(self, profile: str, choices: Remembered) -> None:
        """Add the choices that were made to what the file holds by now."""
        profiles = self._profiles()
        profiles[profile] = {
            **_entry(_remembered(profiles.get(profile))),
            **_entry(choices),
        }
        content = json.dumps({"profiles": profiles}, ensure_ascii=False, indent=1)
        try:
            write_private(self.path, content.encode(errors="surrogateescape"))
        except OSError as error:
            why = error.strerror or "it cannot be written"
            self.problem = f"{self.path} was not written: {why}."

    def _profiles(self) -> dict[str, Any]:
        try:
            text = self.path.read_bytes().decode(errors="surrogateescape")
            profiles = json.loads(text)["profiles"]
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            profiles = None
        if isinstance(profiles, dict):
            return profiles
        self.problem = f"{self.path} cannot be read; what it remembered is lost."
        return {}


def _remembered(entry: object) -> Remembered:
    if not isinstance(entry, dict):
        return Remembered()
    known: dict[str, Callable[[object], bool]] = {
        "wrap": lambda value: isinstance(value, bool),
        "timestamps": lambda value: value in TIMESTAMPS,
        "zone": lambda value: value in ZONES,
        "save_dir": lambda value: isinstance(value, str) and value != "",
        "tour_dismissed": lambda value: isinstance(value, bool),
        "tree_order": lambda value: isinstance(value, str),
        "tree_ages": lambda value: isinstance(value, bool),
        "theme": lambda value: isinstance(value, str),
    }
    kept = {name: entry[name] for name, fits in known.items() if fits(entry.get(name))}
    if "save_dir" in kept:
        kept["save_dir"] = Path(kept["save_dir"])
    return Remembered(**kept)


def _entry(choices: Remembered) -> dict[str, object]:
    made = asdict(choices)
    if choices.save_dir is not None:
        made["save_dir"] = str(choices.save_dir)
    return {name: value for name, value in made.items() if value is not None}


class SavedSession(Confidential, frozen=True):
    """The two cookies of a login; ``expires_at`` is in epoch seconds."""

    session: str
    csrf: str
    expires_at: float | None = None


class SessionFile:
    """The session of one profile at one origin, kept so that a restart does not ask.

    It is a file of its own, 0600. The origin, account included, is part of its name: a
    profile that is pointed at another server or account never sends it the cookies of
    the first.
    """

    def __init__(self, folder: Path, profile: str, origin: str) -> None:
        from hashlib import sha256

        mark = sha256(origin.encode()).hexdigest()[:16]
        self._origin = origin
        self.path = folder / "sessions" / f"{profile}-{mark}.json"

    @classmethod
    def of(cls, profile: Profile, folder: Path | None = None) -> SessionFile:
        """Return the file of a profile's session; None is the state folder."""
        origin = f"{profile.auth.email} {profile.url}"
        return cls(folder or state_dir(), profile.name, origin)

    def kept(self) -> SavedSession | None:
        """Return what was saved unless it has ended, by its own date."""
        saved = self.read()
        if saved is None or saved.expires_at is None or saved.expires_at > time.time():
            return saved
        return None

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
        content = {"origin": self._origin, **asdict(session)}
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
