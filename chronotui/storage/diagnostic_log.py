"""The file of ``--log-file``: what happened, fit to be shown to others."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_SHORTEST_HIDDEN: Final = 4
"""Shorter secrets would blot out ordinary words of the log."""


class DiagnosticLog:
    """Appends lines with a UTC time; known secrets are replaced. Mode 0600.

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
        """Never write this text from now on."""
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
            self._append(line.encode(errors="backslashreplace"))

    def close(self) -> None:
        """Close the file; later notes are dropped."""
        with self._lock:
            if self._handle >= 0:
                os.close(self._handle)
            self._handle = -1

    def _append(self, line: bytes) -> None:
        if self._handle < 0:
            return
        try:
            os.write(self._handle, line)
        except OSError:
            os.close(self._handle)
            self._handle = -1


def _one_line(words: str) -> str:
    return "".join(
        mark if mark.isprintable() else repr(mark)[1:-1] for mark in words.rstrip("\n")
    )
