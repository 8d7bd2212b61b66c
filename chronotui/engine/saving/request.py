"""What is asked of a save and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from chronotui.core.log_formats import SaveFormat
from chronotui.storage.target import home_relative

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chronotui.model import Job, LogLine, Workflow


class SaveScope(StrEnum):
    """Which lines of a log are saved."""

    WHOLE = "whole log"
    VIEW = "filtered view"
    SELECTION = "selection"
    TO_BOOKMARK = "bookmark to here"


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveRequest:
    """One save, as the user asked for it.

    ``path`` is the final name; None takes the server's file name, made safe, in
    ``folder``. ``stream`` is "stdout", "stderr" or None for both; ``query`` goes to
    the server's own search. Scopes other than WHOLE write what ``lines`` gives, in
    its order (called once for each try, iterated on the event loop in slices).
    ``overwrite`` allows an existing file to be replaced. ``anew`` begins a recording
    again although a part of it is there, which is left under another name; else the
    recording goes on with it. ``profile`` is the profile's name. ``make_folder``
    allows a missing folder to be made (a configured one). ``keep_part`` leaves an
    unfinished file as ``.part``. ``known_lines`` is the log's line count where the
    caller knows it, for the estimated total. ``job`` and ``workflow`` spare a request
    each.
    """

    workflow_id: str
    job_id: str
    format: SaveFormat = SaveFormat.TXT
    path: Path | None = None
    folder: Path = field(default_factory=Path)
    stream: str | None = None
    query: str | None = None
    scope: SaveScope = SaveScope.WHOLE
    lines: Callable[[], Iterable[LogLine]] | None = None
    overwrite: bool = False
    anew: bool = False
    profile: str = ""
    make_folder: bool = False
    keep_part: bool = False
    known_lines: int | None = None
    job: Job | None = None
    workflow: Workflow | None = None


@dataclass(frozen=True, slots=True)
class SaveResult:
    """A whole file under its name.

    ``notes`` are sentences the user should read: how the file was made where that
    is not the plain download, and what was checked. ``missing_lines`` counts lines
    known to exist that the server no longer has. ``sealed`` is False when a recording
    cannot be vouched for; a note says why. ``held`` says what the lines were held
    against, ``unverified`` why they could not be held against anything.
    """

    path: Path
    bytes: int
    lines: int
    elapsed_seconds: float
    format: SaveFormat
    notes: tuple[str, ...] = ()
    missing_lines: int = 0
    sealed: bool = True
    held: str = ""
    unverified: str = ""

    @property
    def exit_code(self) -> int:
        """0, or 6 when lines are missing."""
        return 6 if self.missing_lines or not self.sealed else 0

    @property
    def shown_path(self) -> str:
        """The path relative to home, for people."""
        return home_relative(self.path)

    def sentence(self) -> str:
        """Say what was saved, in one sentence; one not verified is not called so."""
        what = f"{count_of_lines(self.lines)} ({size_text(self.bytes)})"
        if self.unverified:
            why = self.unverified
            return f"Wrote {what} to {self.shown_path}, not verified: {why}."
        more = f", {self.held}" if self.held else ""
        if self.missing_lines:
            count = count_of_lines(self.missing_lines)
            more += f", {count} missing from the server's log"
        return f"Saved {what} to {self.shown_path}{more}."


def count_of_lines(count: int) -> str:
    """Return ``1 line`` or ``48,211 lines``."""
    return "1 line" if count == 1 else f"{count:,} lines"


def size_text(size: float) -> str:
    """Return a size in bytes as ``812 B``, ``4.2 MB``: decimal units, two digits."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            break
        size /= 1000
    digits = 0 if unit == "B" or size >= 99.5 else 1
    return f"{size:.{digits}f} {unit}"
