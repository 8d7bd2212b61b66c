"""Paths as typed: what they lead to, how they complete, a good one to begin with."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chronotui.core.file_names import log_name, numbered
from chronotui.engine.saving.request import count_of_lines
from chronotui.storage.recording_part import recording_to
from chronotui.storage.target import Target, home_relative, look

if TYPE_CHECKING:
    from chronotui.core.log_formats import SaveFormat

_MOST_COMPLETIONS: Final = 200


@dataclass(frozen=True, slots=True)
class PathPreview:
    """What saving to a typed path would do.

    ``makes_folder`` says that its missing folder would be made first. ``recorded_job``
    is the job of an unfinished recording that is there, ``recorded_lines`` its lines.
    """

    path: Path
    target: Target
    makes_folder: bool = False
    recorded_job: str = ""
    recorded_lines: int = 0

    @property
    def is_new(self) -> bool:
        """Whether a save needs no leave to replace anything."""
        return self.target is Target.NEW or self.makes_folder

    def allows(self, *, overwrite: bool) -> bool:
        """Whether a save may begin."""
        return self.is_new or (overwrite and self.target.replaceable)

    def sentence(self, job_id: str = "") -> str:
        """Say what stands there, and what to do about it.

        Args:
            job_id: The job whose recording would go on with one that is there.
        """
        if self.is_new and job_id and self.recorded_job:
            if job_id == self.recorded_job:
                lines = count_of_lines(self.recorded_lines)
                return f"goes on with a recording of {lines}"
            return "an unfinished recording of another job: choose another name"
        if self.is_new:
            return "new file" + (", in a new folder" if self.makes_folder else "")
        if self.target.replaceable:
            return "exists: choose another name, or have it replaced"
        return f"cannot be saved to: {self.target.value}"


def typed_path(text: str, folder: Path) -> Path:
    """Return what a user typed as a path: ``~`` is home, relative is in ``folder``."""
    path = Path(text.strip())
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    return folder.expanduser() / path


def preview(
    text: str,
    folder: Path,
    *,
    own_folder: Path | None = None,
    file_name: str = "",
) -> PathPreview:
    """Look at a typed path; touches nothing, may block on a slow disk.

    Args:
        text: As typed.
        folder: Where relative paths begin.
        own_folder: A configured folder, which may be made if it is missing.
        file_name: The name a file gets in a folder that is typed alone.
    """
    path = typed_path(text, folder)
    nameless = not text.strip() or text.rstrip().endswith("/")
    if nameless and not file_name:
        return PathPreview(path, Target.NAMELESS)
    if nameless or (file_name and look(path) is Target.FOLDER):
        path = _free(path, file_name)
    target = look(path)
    makes = (
        target is Target.NO_FOLDER
        and own_folder is not None
        and path.parent == own_folder.expanduser()
    )
    begun = recording_to(path) if target is Target.NEW else None
    if begun is None:
        return PathPreview(path, target, makes)
    return PathPreview(path, target, makes, begun[0].job_id, begun[1].lines)


def suggest(folder: Path, job_id: str, save_format: SaveFormat) -> Path:
    """Return the path a dialog opens with: the job's name, one that is free."""
    return _free(folder.expanduser(), log_name(job_id, save_format.extension))


def _free(folder: Path, name: str) -> Path:
    """Return the path of a name in a folder, numbered where it is taken."""
    path, number = folder / name, 1
    while look(path).replaceable:
        number += 1
        path = path.with_name(numbered(name, number))
    return path


def shown(path: Path) -> str:
    """Return a path as the dialog shows it, with the home folder as ``~``."""
    return home_relative(path)


def completions(text: str, folder: Path) -> list[str]:
    """Return what ``text`` may become, folders with a slash; blocks on a slow disk.

    Hidden names are offered once a dot is typed.
    """
    head, slash, start = text.rpartition("/")
    inside = typed_path(head + slash, folder)
    try:
        with os.scandir(inside) as entries:
            names = sorted(
                entry.name + ("/" if entry.is_dir() else "")
                for entry in entries
                if entry.name.startswith(start)
                and (start or not entry.name.startswith("."))
                and entry.name.isprintable()
                and not entry.name.endswith(".part")
            )
    except OSError:
        return []
    return [head + slash + name for name in names[:_MOST_COMPLETIONS]]


def completed(text: str, candidates: list[str]) -> str:
    """Return ``text`` as far as all candidates agree."""
    if not candidates:
        return text
    return os.path.commonprefix(candidates)  # noqa: RUF071 - letter by letter
