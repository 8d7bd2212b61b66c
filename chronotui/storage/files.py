"""Files of this machine: where they go, and how each is written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
import tempfile
import threading
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chronotui.errors import ChronotuiError, DownloadError, PathRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = "chronotui"


def config_file() -> Path:
    import platformdirs

    return Path(platformdirs.user_config_dir(APP, appauthor=False)) / "config.toml"


def state_dir() -> Path:
    import platformdirs

    return Path(platformdirs.user_state_dir(APP, appauthor=False))


def spool_dir(configured: Path | None) -> Path:
    """Return the folder of the spool file: the configured one, else temporary.

    The platform's runtime folder is passed over: it usually lives in memory, which
    is what the spool file is there to relieve.
    """
    return configured if configured is not None else Path(tempfile.gettempdir())


def write_private(path: Path, content: bytes) -> None:
    """Replace a file as a whole, mode 0600; its folder is made, mode 0700.

    A reader sees the old content or the new one, also after a crash. A symbolic
    link is followed, so that a linked configuration stays linked.

    Raises:
        OSError: It cannot be written; the old content stands.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)  # noqa: PTH105 - the name is mkstemp's text
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108
        raise


_RENAME_NOREPLACE: Final = 1
_NOT_HERE: Final = frozenset(
    {errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP}
)


def rename_exclusive(old: str, new: str, folder: int) -> None:
    """Rename within one opened folder, failing if the new name is taken; free of races.

    Linux renames in one step. Where the system or the file system cannot, a hard
    link is made and the old name removed: killed between the two, the whole file
    is there and the part is left beside it.

    Raises:
        FileExistsError: The new name is taken.
        OSError: The file system took neither way.
    """
    if _renameat2(old, new, folder):
        return
    os.link(old, new, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    os.unlink(old, dir_fd=folder)


def _renameat2(old: str, new: str, folder: int) -> bool:
    """Try the system call; False where there is none that can do it."""
    import ctypes

    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    names = (os.fsencode(old), os.fsencode(new))
    if call(folder, names[0], folder, names[1], _RENAME_NOREPLACE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NOT_HERE:
        return False
    raise OSError(number, os.strerror(number), new)


class Target(Enum):
    """What stands at a path a file shall be saved to."""

    NEW = "new file"
    FILE = "a file of that name exists"
    LINK = "a symbolic link of that name exists"
    FOLDER = "that is a folder"
    SPECIAL = "that is a device, pipe or socket"
    NO_FOLDER = "its folder does not exist"
    NO_PERMISSION = "its folder may not be written"
    READ_ONLY = "its folder is read-only"
    NAME_TOO_LONG = "the name is too long"
    NAMELESS = "a file name is missing"

    @property
    def replaceable(self) -> bool:
        return self in {Target.FILE, Target.LINK}


_OF_ERRNO: Final = {
    errno.EACCES: Target.NO_PERMISSION,
    errno.EPERM: Target.NO_PERMISSION,
    errno.EROFS: Target.READ_ONLY,
    errno.ENAMETOOLONG: Target.NAME_TOO_LONG,
    errno.ENOTDIR: Target.NO_FOLDER,
    errno.ENOENT: Target.NO_FOLDER,
    errno.ELOOP: Target.NO_FOLDER,
    errno.EISDIR: Target.FOLDER,
    errno.EEXIST: Target.FILE,
}
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def look(path: Path) -> Target:
    """Say what a save to ``path`` would meet; touches nothing."""
    if not path.name or path.name == ".." or "\0" in str(path):
        return Target.NAMELESS
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return _look_at_folder(path)
    except OSError as problem:
        return _OF_ERRNO.get(problem.errno or 0, Target.NO_FOLDER)
    if stat.S_ISREG(mode):
        return Target.FILE
    if stat.S_ISLNK(mode):
        return Target.LINK
    return Target.FOLDER if stat.S_ISDIR(mode) else Target.SPECIAL


def _look_at_folder(path: Path) -> Target:
    folder = path.parent
    try:
        if not folder.is_dir():
            return Target.NO_FOLDER
        name_bytes = len(os.fsencode(path.name)) + len(".part")
        if name_bytes > os.pathconf(folder, "PC_NAME_MAX"):
            return Target.NAME_TOO_LONG
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return Target.READ_ONLY
    except OSError as problem:
        return _OF_ERRNO.get(problem.errno or 0, Target.NO_FOLDER)
    may = os.access(folder, os.W_OK | os.X_OK)
    return Target.NEW if may else Target.NO_PERMISSION


def home_relative(path: Path) -> str:
    """Return a path for people, with the home folder as ``~``."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)


def refusal(path: Path, target: Target) -> PathRefusedError:
    """Return the error for what stands at ``path``."""
    shown, folder = home_relative(path), home_relative(path.parent)
    next_step = "Choose another name."
    match target:
        case Target.FILE | Target.LINK:
            kind = " as a symbolic link" if target is Target.LINK else ""
            sentence = f"{shown} exists already{kind} and was left as it is."
            next_step = "Choose another name, or ask for it to be replaced (--force)."
        case Target.FOLDER:
            sentence = f"{shown} is a folder."
            next_step = "Name a file inside it."
        case Target.NO_FOLDER if path.parent.is_dir():  # such as /proc
            sentence = f"The folder {folder} takes no new files."
            next_step = "Choose another folder."
        case Target.NO_FOLDER if path.parent.exists():
            sentence = f"{folder} is a file, not a folder."
            next_step = "Choose another folder."
        case Target.NO_FOLDER:
            sentence = f"The folder {folder} does not exist."
            next_step = "Create it, or choose another folder."
        case Target.NO_PERMISSION | Target.READ_ONLY:
            read_only = target is Target.READ_ONLY
            why = "is on a read-only disk" if read_only else "may not be written by you"
            sentence = f"The folder {folder} {why}."
            next_step = "Choose another folder."
        case _:
            sentence = f"{shown} cannot be saved to: {target.value}."
    return PathRefusedError(sentence, next_step=next_step)


def opening_problem(problem: OSError, path: Path) -> ChronotuiError:
    """Return the error for a file that could not be created."""
    if problem.errno in _FULL:
        return writing_problem(problem, path)
    target = _OF_ERRNO.get(problem.errno or 0)
    if target is not None:
        return refusal(path, target)
    return PathRefusedError(
        f"{home_relative(path)} cannot be created: {os.strerror(problem.errno or 0)}.",
        next_step="Choose another path.",
    )


def writing_problem(problem: OSError, path: Path) -> DownloadError:
    """Return the error for a file that could not be written to its end."""
    folder = home_relative(path.parent)
    next_step = "Choose another folder, then try again."
    if problem.errno in _FULL:
        sentence = f"The disk that holds {folder} is full; the file is not whole."
        next_step = "Make room or choose another folder, then try again."
    elif problem.errno == errno.ENOENT:
        sentence = f"The folder {folder} has vanished; the file could not be finished."
    else:
        words = os.strerror(problem.errno or 0)
        sentence = f"{home_relative(path)} could not be written to its end: {words}."
    return DownloadError(sentence, next_step=next_step)


BUFFER_BYTES: Final = 256 * 1024
"""Small writes are gathered to this size before they go to the system."""

_CREATE: Final = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_FOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.EBADF, errno.ENOTSUP})


class AbandonedError(Exception):
    """The file was given up by another thread while this one worked on it."""


def part_names(name: str, number: int = 1) -> Iterator[str]:
    """Yield the names a part of a file may have, from the ``number``-th on."""
    for each in itertools.count(number):
        yield f"{name}.part" if each == 1 else f"{name}.{each}.part"


class PartFile:
    """A file that appears under its name only when it is whole.

    Bytes go to ``NAME.part`` beside it, are fsynced, and the part is renamed: a process
    killed at any moment leaves nothing, a ``.part``, or the whole file. The rename
    never replaces a file unless that was asked for, also when that file came up while
    the part was being written. Everything is done relative to the opened folder, so a
    folder swapped underneath cannot lead the file elsewhere.

    One thread at a time works, any may ``abandon`` it. A ``.part`` that an earlier save
    left is never touched: the next free name (``NAME.2.part``) is taken. Mode 0600.
    With ``overwrite`` an existing file is replaced; of a symbolic link the link itself,
    never what it points to.

    Raises:
        PathRefusedError: The path cannot be used, or exists and may not be replaced.
        DownloadError: The disk has no room for even an empty file.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 (keeps symbolic links)
        self.overwrite = overwrite
        target = look(self.path)
        if target is not Target.NEW and not (overwrite and target.replaceable):
            raise refusal(self.path, target)
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
        for name in part_names(self.path.name):
            try:
                self._file = os.open(name, _CREATE, 0o600, dir_fd=self._folder)
            except FileExistsError:
                continue
            except OSError as problem:
                os.close(self._folder)
                raise opening_problem(problem, self.path) from problem
            return name
        raise AssertionError

    @property
    def part_path(self) -> Path:
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

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Tell trouble with the disk in words."""
        try:
            yield
        except OSError as problem:
            raise writing_problem(problem, self.path) from problem

    def _check(self) -> None:
        if self._abandoned.is_set() or self._file < 0:
            raise AbandonedError

    def _flush(self) -> None:
        gathered = self._gathered
        data = memoryview(gathered[0] if len(gathered) == 1 else b"".join(gathered))
        self._gathered, self._gathered_bytes = [], 0
        with self._explained():
            while data:
                data = data[os.write(self._file, data) :]

    def read(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from ``offset``."""
        with self._lock:
            self.flush()
            with self._explained():
                return os.pread(self._file, size, offset)

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
                raise refusal(self.path, look(self.path)) from None
            except OSError as problem:
                raise writing_problem(problem, self.path) from problem
            self._sync_folder()
            self.committed = True
            self._close()

    def _settle(self) -> None:
        """Write, fsync and close the file; errors of all three are one kind."""
        self.flush()
        with self._explained():
            os.fsync(self._file)
            descriptor, self._file = self._file, -1
            os.close(descriptor)
        if self._abandoned.is_set():
            raise AbandonedError

    def _check_folder(self) -> None:
        """Refuse to finish in a folder that no longer bears its name."""
        with self._explained():
            same = os.path.samestat(self.path.parent.stat(), os.fstat(self._folder))
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


class SpoolFile:
    """Where the text of a log goes that memory no longer holds (`chunks.Overflow`).

    An append-only file without a name, mode 0600, gone with the process; in the
    temporary folder where none is named. Offsets and sizes are in bytes.
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
        self._file.close()
