"""File names made from what a server says; a hint is never a path.

A name from ``Content-Disposition`` or a job's id is untrusted: it may hold
separators, control characters, dots that climb, names an operating system keeps for
itself, too many bytes, or nothing (wire note "Raw download").
"""

from __future__ import annotations

import contextlib
import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chronotui.engine.save_request import count_of_lines
from chronotui.log.formats import SAVE_FORMATS
from chronotui.storage.files import Target, home_relative, look
from chronotui.storage.recording_part import recording_to

if TYPE_CHECKING:
    from chronotui.log.formats import SaveFormat

NAME_BYTES: Final = 200
"""Longest name made here: room is left below the usual 255 for ``.part`` endings."""

_MOST_READ: Final = 1024
"""Characters of either end of a name that are looked at."""

_ENDINGS: Final = frozenset({"ndjson", "log", *(x.extension for x in SAVE_FORMATS)})
"""Endings of a log that say what is in the file."""

_FORBIDDEN: Final = frozenset('/\\:*?"<>|')
_RESERVED: Final = frozenset(
    ["con", "prn", "aux", "nul", "clock$", "conin$", "conout$"]
    + [f"{device}{n}" for device in ("com", "lpt") for n in "0123456789¹²³"]
)


def safe_name(hint: str | None, *, fallback: str = "log") -> str:
    """Return a plain file name: one component, visible, at most ``NAME_BYTES`` long.

    Args:
        hint: What the server proposes; only its last component counts.
        fallback: Used where nothing usable is left (made safe as well).
    """
    for text in (hint or "", fallback):
        name = _clean(text)
        if name:
            return name
    return "log"


def _clean(text: str) -> str:
    last = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
    if len(last) > 2 * _MOST_READ:
        last = last[:_MOST_READ] + last[-_MOST_READ:]
    visible = "".join(_safe_char(char) for char in last)
    name = " ".join(visible.split()).strip(" .").lstrip("-~").strip(" .")
    if not name.strip("_-. "):
        return ""
    if name.partition(".")[0].strip().casefold() in _RESERVED:
        name = f"_{name}"
    return shorten(name)


def _safe_char(char: str) -> str:
    if char in _FORBIDDEN:
        return "_"
    category = unicodedata.category(char)
    # Cc control, Cf format (bidi, zero width), Cs surrogate, Co private, Cn unassigned.
    if category[0] == "C":
        return ""
    return " " if category[0] == "Z" else char


def shorten(name: str, limit: int = NAME_BYTES) -> str:
    """Cut a name to ``limit`` bytes of UTF-8, keeping its ending (``.jsonl``)."""
    if len(name.encode()) <= limit:
        return name
    stem, dot, ending = name.rpartition(".")
    tail = f"{dot}{ending}" if stem and len(ending.encode()) <= 16 else ""
    head = (stem if tail else name).encode()[: limit - len(tail.encode())]
    return head.decode(errors="ignore").rstrip(" .") + tail


def log_name(job_id: str, extension: str, *, hint: str | None = None) -> str:
    """Return the name of a saved log: the server's hint, else ``<job>-logs.<ext>``.

    The ending always says what is in the file, whatever the hint's says.
    """
    own = f"{safe_name(job_id, fallback='job')}-logs"
    name = safe_name(hint, fallback=own)
    stem, _, ending = name.rpartition(".")
    if stem and ending.casefold() in _ENDINGS:
        name = stem
    return shorten(f"{name}.{extension}")


def numbered(name: str, number: int) -> str:
    """Return ``name-2.txt`` for ``name.txt`` and 2."""
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    return f"{stem}-{number}{dot}{ending}"


# Paths as typed: what they lead to, how they complete, a good one to begin with.

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
