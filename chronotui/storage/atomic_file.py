"""A file that appears under its name only when it is whole.

Bytes go to ``NAME.part`` beside it, are fsynced, and the part is renamed: a process
killed at any moment leaves nothing, a ``.part``, or the whole file (``experience.md``,
"Saving"). The rename never replaces a file unless that was asked for, also when that
file came up while the part was being written. Everything is done relative to the
opened folder, so a folder swapped underneath cannot lead the file elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from pathlib import Path
from typing import Final

from chronotui.errors import DownloadError
from chronotui.storage.rename import rename_exclusive
from chronotui.storage.target import (
    Target,
    home_relative,
    look,
    opening_problem,
    refuse,
    writing_problem,
)

BUFFER_BYTES: Final = 256 * 1024
"""Small writes are gathered to this size before they go to the system."""

_CREATE: Final = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_FOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.EBADF, errno.ENOTSUP})


class AbandonedError(Exception):
    """The file was given up by another thread while this one worked on it."""


class PartFile:
    """The unfinished file; one thread at a time works, any may ``abandon`` it.

    A ``.part`` that an earlier save left is never touched: the next free name
    (``NAME.2.part``) is taken. Mode 0600.

    Args:
        path: The name it shall have in the end.
        overwrite: Whether an existing file may be replaced. Of a symbolic link the
            link itself is replaced, never what it points to.

    Raises:
        PathRefusedError: The path cannot be used, or exists and may not be replaced.
        DownloadError: The disk has no room for even an empty file.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 (keeps symbolic links)
        self.overwrite = overwrite
        target = look(self.path)
        if target is not Target.NEW and not (overwrite and target.replaceable):
            refuse(self.path, target)
        self.size = 0
        """Bytes taken so far, those still gathered included."""
        self.committed = False
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._lock = threading.RLock()
        self._abandoned = threading.Event()
        self._file = -1
        try:
            self._folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as problem:
            raise opening_problem(problem, self.path) from problem
        self._part_name = self._create()

    def _create(self) -> str:
        number = 1
        while True:
            ending = ".part" if number == 1 else f".{number}.part"
            name = self.path.name + ending
            try:
                self._file = os.open(name, _CREATE, 0o600, dir_fd=self._folder)
            except FileExistsError:
                number += 1
            except OSError as problem:
                os.close(self._folder)
                raise opening_problem(problem, self.path) from problem
            else:
                return name

    @property
    def part_path(self) -> Path:
        """Where the bytes are until the end."""
        return self.path.with_name(self._part_name)

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            DownloadError: The disk is full or fails.
            AbandonedError: Another thread gave the file up.
        """
        with self._lock:
            self._check()
            self._gathered.append(data)
            self._gathered_bytes += len(data)
            self.size += len(data)
            if self._gathered_bytes >= BUFFER_BYTES:
                self._flush()

    def flush(self) -> None:
        """Hand what is gathered to the system, so that others can read it."""
        with self._lock:
            self._check()
            self._flush()

    def _check(self) -> None:
        if self._abandoned.is_set() or self._file < 0:
            raise AbandonedError

    def _flush(self) -> None:
        gathered = self._gathered
        data = memoryview(gathered[0] if len(gathered) == 1 else b"".join(gathered))
        self._gathered, self._gathered_bytes = [], 0
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as problem:
            raise writing_problem(problem, self.path) from problem

    def read(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from ``offset``."""
        with self._lock:
            self.flush()
            try:
                return os.pread(self._file, size, offset)
            except OSError as problem:
                raise writing_problem(problem, self.path) from problem

    def tail(self, size: int) -> bytes:
        """Return the last ``size`` bytes, or all there are."""
        return self.read(max(0, self.size - size), size)

    def commit(self) -> None:
        """Make the bytes durable and give the file its name.

        On any failure the part is still there: ``keep`` or ``discard`` it.

        Raises:
            PathRefusedError: A file of that name came up in the meantime.
            DownloadError: The disk is full or fails, or the folder is gone.
            AbandonedError: Another thread gave the file up.
        """
        with self._lock:
            self._settle()
            self._check_folder()
            try:
                self._rename()
            except FileExistsError:
                refuse(self.path, look(self.path))
            except OSError as problem:
                raise writing_problem(problem, self.path) from problem
            self._sync_folder()
            self.committed = True
            self._close()

    def _settle(self) -> None:
        """Write, fsync and close the file; errors of all three are one kind."""
        self.flush()
        try:
            os.fsync(self._file)
            descriptor, self._file = self._file, -1
            os.close(descriptor)
        except OSError as problem:
            raise writing_problem(problem, self.path) from problem
        if self._abandoned.is_set():
            raise AbandonedError

    def _check_folder(self) -> None:
        """Refuse to finish in a folder that no longer bears its name."""
        try:
            same = os.path.samestat(self.path.parent.stat(), os.fstat(self._folder))
        except OSError as problem:
            raise writing_problem(problem, self.path) from problem
        if not same:
            raise DownloadError(
                f"The folder {home_relative(self.path.parent)} was replaced by another "
                "while the file was written; it was not finished.",
                next_step="Try again.",
            )

    def _rename(self) -> None:
        if self.overwrite:
            os.replace(
                self._part_name,
                self.path.name,
                src_dir_fd=self._folder,
                dst_dir_fd=self._folder,
            )
        else:
            rename_exclusive(self._part_name, self.path.name, self._folder)

    def _sync_folder(self) -> None:
        """Make the new name durable; where that fails it is taken back."""
        try:
            os.fsync(self._folder)
        except OSError as problem:
            if problem.errno in _NO_FOLDER_SYNC:
                return
            with contextlib.suppress(OSError):
                rename_exclusive(self.path.name, self._part_name, self._folder)
            raise writing_problem(problem, self.path) from problem

    def abandon(self) -> None:
        """Make work going on in another thread stop before it gives the name."""
        self._abandoned.set()

    def keep(self) -> Path:
        """Close the part and leave it; returns its path."""
        with self._lock:
            if self._file >= 0 and self._gathered:
                with contextlib.suppress(DownloadError):
                    self._flush()
            self._close()
        return self.part_path

    def discard(self) -> None:
        """Close the part and remove it; a committed file is not touched."""
        self.abandon()
        with self._lock:
            if self._folder >= 0 and not self.committed:
                with contextlib.suppress(OSError):
                    os.unlink(self._part_name, dir_fd=self._folder)
            self._close()

    def _close(self) -> None:
        for descriptor in (self._file, self._folder):
            if descriptor >= 0:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        self._file = self._folder = -1
