"""Giving a finished file its name without ever replacing another one."""

from __future__ import annotations

import errno
import os
from typing import Final

_RENAME_NOREPLACE: Final = 1
_NOT_HERE: Final = frozenset(
    {errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP}
)


def rename_exclusive(old: str, new: str, folder: int) -> None:
    """Rename within one folder, failing if the new name is taken; free of races.

    Linux renames in one step. Where the system or the file system cannot, a hard
    link is made and the old name removed: killed between the two, the whole file
    is there and the part is left beside it.

    Args:
        old: Name of the finished part.
        new: Name it shall have.
        folder: Descriptor of the folder that holds both.

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
