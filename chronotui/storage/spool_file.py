"""Where the text of a log goes that memory no longer holds."""

from __future__ import annotations

import errno
import os
import tempfile
from typing import TYPE_CHECKING

from chronotui.storage.paths import spool_dir

if TYPE_CHECKING:
    from pathlib import Path


class SpoolFile:
    """An append-only file without a name, mode 0600, gone with the process.

    Implements ``core.log.Overflow``. Offsets and sizes are in bytes.

    Args:
        folder: Where it lies; None is the platform's folder for it.

    Raises:
        OSError: The folder cannot hold such a file.
    """

    def __init__(self, folder: Path | None = None) -> None:
        folder = spool_dir(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(  # noqa: SIM115 - lives with the store
            dir=folder, prefix="chronotui-", buffering=0
        )
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._size

    def write(self, content: bytes) -> int:
        """Append, and return the offset it starts at.

        Raises:
            OSError: The disk is full or fails; what was written before stands, and
                the next write starts where this one did.
        """
        offset = self._size
        rest = memoryview(content)
        while rest:
            done = os.pwrite(
                self._file.fileno(), rest, offset + len(content) - len(rest)
            )
            rest = rest[done:]
        self._size = offset + len(content)
        return offset

    def read(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes from ``offset``.

        Raises:
            OSError: The disk fails, or holds less than asked for.
        """
        parts: list[bytes] = []
        missing = size
        while missing:
            part = os.pread(self._file.fileno(), missing, offset + size - missing)
            if not part:
                raise OSError(
                    errno.EIO, "the spool file is shorter than it was written"
                )
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Give the space back."""
        self._file.close()
