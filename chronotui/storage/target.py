"""What a path to be saved to leads to, and the sentence when it cannot be used."""

from __future__ import annotations

import errno
import os
import stat
from enum import Enum
from pathlib import Path
from typing import Final, NoReturn

from chronotui.errors import ChronotuiError, DownloadError, PathRefusedError


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
        """Whether it may be replaced when the user says so."""
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


def refuse(path: Path, target: Target) -> NoReturn:
    """Raise the refusal for what stands at ``path``.

    Raises:
        PathRefusedError: Always.
    """
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
    raise PathRefusedError(sentence, next_step=next_step)


def opening_problem(problem: OSError, path: Path) -> ChronotuiError:
    """Return the error for a file that could not be created."""
    if problem.errno in _FULL:
        return writing_problem(problem, path)
    target = _OF_ERRNO.get(problem.errno or 0)
    if target is None:
        words = os.strerror(problem.errno or 0)
        return PathRefusedError(
            f"{home_relative(path)} cannot be created: {words}.",
            next_step="Choose another path.",
        )
    try:
        refuse(path, target)
    except PathRefusedError as refusal:
        return refusal


def writing_problem(problem: OSError, path: Path) -> DownloadError:
    """Return the error for a file that could not be written to its end."""
    folder = home_relative(path.parent)
    if problem.errno in _FULL:
        return DownloadError(
            f"The disk that holds {folder} is full; the file is not whole.",
            next_step="Make room or choose another folder, then try again.",
        )
    if problem.errno == errno.ENOENT:
        return DownloadError(
            f"The folder {folder} has vanished; the file could not be finished.",
            next_step="Choose another folder, then try again.",
        )
    return DownloadError(
        f"{home_relative(path)} could not be written to its end: "
        f"{os.strerror(problem.errno or 0)}.",
        next_step="Choose another folder, then try again.",
    )
