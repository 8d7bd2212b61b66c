"""What is asked of a save, where it goes, and what it says of itself.

A name from ``Content-Disposition`` or a job's id is untrusted: it may hold
separators, control characters, dots that climb, names an operating system keeps for
itself, too many bytes, or nothing (WIRE.md "Raw download").
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
import unicodedata
from collections import deque
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from msgspec import Struct, field

from chronotui.errors import DownloadError
from chronotui.log.formats import SAVE_FORMATS, SaveFormat
from chronotui.storage.files import Target, home_relative, look
from chronotui.storage.recording_part import recording_to
from chronotui.text import plural

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator

    from chronotui.model import Job, LogLine, Workflow


class SaveScope(StrEnum):
    """What is saved: lines of a log, a run, or a list of runs."""

    WHOLE = "whole log"
    VIEW = "filtered view"
    SELECTION = "selection"
    TO_BOOKMARK = "bookmark to here"
    RUN = "this run"
    EVENTS = "its events"
    LIST = "list of runs"


class Content(Protocol):
    """Makes a file of something else than the lines of a log, once.

    Attributes:
        notes: Sentences for the result.
    """

    notes: list[str]

    @property
    def total(self) -> int | None:
        """How many items there will be, None while it is not known."""

    @property
    def missing(self) -> int:
        """How many items are there and could not be had."""

    def pieces(self) -> AsyncGenerator[tuple[bytes, int], None]:
        """Yield the file piece by piece, each with the items that end in it."""

    def rest(self) -> tuple[bytes, int]:
        """Return what an unfinished file ends with, if it is kept, and its items."""


class SaveRequest(Struct, frozen=True, kw_only=True):
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

    A file that is no log is made by ``content``, which is called once for each try
    with what takes a sentence about what goes on. It has the name ``file_name`` where
    no path is given, and counts in ``noun``; format, stream, query and lines say
    nothing then.
    """

    workflow_id: str
    job_id: str
    format: SaveFormat = SAVE_FORMATS[0]
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
    content: Callable[[Callable[[str], None]], Content] | None = None
    file_name: str = ""
    noun: str = "line"

    @property
    def is_filtered(self) -> bool:
        return bool(self.stream or self.query)


class SaveResult(Struct, frozen=True):
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
    notes: tuple[str, ...] = ()
    missing_lines: int = 0
    sealed: bool = True
    held: str = ""
    unverified: str = ""
    noun: str = "line"

    @property
    def exit_code(self) -> int:
        return 6 if self.missing_lines or not self.sealed else 0

    def sentence(self) -> str:
        """Say what was saved, in one sentence; one not verified is not called so."""
        what = f"{plural(self.lines, self.noun)} ({size_text(self.bytes)})"
        what += f" to {home_relative(self.path)}"
        if self.unverified:
            return f"Wrote {what}, not verified: {self.unverified}."
        more = f", {self.held}" if self.held else ""
        if self.missing_lines:
            count = plural(self.missing_lines, self.noun)
            if self.noun == "line":
                more += f", {count} missing from the server's log"
            else:
                more += f", {count} could not be had"
        return f"Saved {what}{more}."


def size_text(size: float) -> str:
    """Return a size in bytes as ``812 B``, ``4.2 MB``: decimal units, two digits."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            break
        size /= 1000
    digits = 0 if unit == "B" or size >= 99.5 else 1
    return f"{size:.{digits}f} {unit}"


# Progress, which anyone may read at any time.

_RATE_SECONDS: Final = 3.0
_SAMPLE_SECONDS: Final = 0.2


class SavePhase(StrEnum):
    STARTING = "asking the server"
    DOWNLOADING = "downloading"
    READING_PAGES = "reading the retained pages"
    WRITING = "writing"
    SETTLING = "waiting until the ended job's log stands still"
    WAITING = "waiting for the job to start"
    WAITING_FOR_END = "waiting for the job's end"
    RECORDING = "recording until the job ends"
    CHECKING = "checking"
    FINISHING = "finishing the file"
    SAVED = "saved"
    UNVERIFIED = "written, not verified"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self.is_done or self in {SavePhase.FAILED, SavePhase.CANCELLED}

    @property
    def is_done(self) -> bool:
        """Whether the file is there."""
        return self in {SavePhase.SAVED, SavePhase.UNVERIFIED}


class SaveProgress(Struct, frozen=True):
    """A save at one moment.

    ``bytes_per_second`` is over the last seconds. ``total_lines`` is the job's known
    line count, an estimate; None when it is not known. While pages are read,
    ``lines`` counts those read. ``said`` is the last sentence about what goes on, such
    as a connection lost while recording; ``away`` says that it is lost now. ``lines``
    counts what ``noun`` says.
    """

    phase: SavePhase
    bytes: int
    lines: int
    bytes_per_second: float
    elapsed_seconds: float
    total_lines: int | None = None
    said: str = ""
    away: bool = False
    noun: str = "line"

    @property
    def fraction(self) -> float | None:
        """Estimated part done, 0 to 1; None when the total is not known.

        It never is while a job is recorded: the job goes on writing.
        """
        if self.phase.is_done:
            return 1.0
        if not self.total_lines or self.phase is SavePhase.RECORDING:
            return None
        return min(1.0, self.lines / self.total_lines)


class Meter:
    """Counts for a save; written by its worker, read from the event loop."""

    def __init__(self, total_lines: int | None = None, noun: str = "line") -> None:
        self.phase = SavePhase.STARTING
        self.bytes = 0
        self.lines = 0
        self.said = ""
        self.total_lines = total_lines
        self._noun = noun
        self._started = time.monotonic()
        self._ended: float | None = None
        self._samples: deque[tuple[float, int]] = deque([(self._started, 0)])

    def add(self, size: int, lines: int) -> None:
        self.bytes += size
        self.lines += lines

    def restart(self, phase: SavePhase, size: int = 0, lines: int = 0) -> None:
        """Begin counting anew, with what the file holds already."""
        self.phase = phase
        self.bytes, self.lines = size, lines
        self._samples = deque([(time.monotonic(), size)])

    def end(self, phase: SavePhase) -> None:
        """Stop the clock."""
        self.phase = phase
        self._ended = time.monotonic()

    def snapshot(self, *, away: bool = False) -> SaveProgress:
        """Return the state now; call it at any rate, from one thread."""
        now = time.monotonic() if self._ended is None else self._ended
        return SaveProgress(
            self.phase,
            self.bytes,
            self.lines,
            self._rate(now),
            now - self._started,
            self.total_lines,
            self.said,
            away,
            self._noun,
        )

    def _rate(self, now: float) -> float:
        samples = self._samples
        if self._ended is not None:
            return self.bytes / max(now - self._started, 1e-3)
        if now - samples[-1][0] >= _SAMPLE_SECONDS:
            samples.append((now, self.bytes))
        while len(samples) > 2 and now - samples[1][0] >= _RATE_SECONDS:
            samples.popleft()
        since, bytes_then = samples[0]
        return max(0, self.bytes - bytes_then) / max(now - since, _SAMPLE_SECONDS)


# File names made from what a server says; a hint is never a path.

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

    Only the last component of what the server proposes counts; where nothing usable
    is left, the fallback is made safe instead.
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
    return f"{stem}-{number}{dot}{ending}" if stem else f"{name}-{number}"


# Paths as typed: what they lead to, how they complete, a good one to begin with.

_MOST_COMPLETIONS: Final = 200


class PathPreview(Struct, frozen=True):
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
        return self.target is Target.NEW or self.makes_folder

    def allows(self, *, overwrite: bool) -> bool:
        return self.is_new or (overwrite and self.target.replaceable)

    def sentence(self, job_id: str = "") -> str:
        """Say what stands there, and what to do about it.

        ``job_id`` is the job whose recording would go on with one that is there.
        """
        if self.is_new and job_id and self.recorded_job:
            if job_id == self.recorded_job:
                lines = plural(self.recorded_lines, "line")
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

    Relative paths begin in ``folder``. ``own_folder`` is the configured one, which may
    be made if it is missing; a folder typed alone gets ``file_name`` inside.
    """
    path = typed_path(text, folder)
    nameless = not text.strip() or text.rstrip().endswith("/")
    if nameless and not file_name:
        return PathPreview(path, Target.NAMELESS)
    if nameless or (file_name and look(path) is Target.FOLDER):
        path = free_path(path, file_name)
    target = look(path)
    makes = (
        target is Target.NO_FOLDER
        and own_folder is not None
        and path.parent == own_folder.expanduser()
    )
    begun = recording_to(path) if target is Target.NEW else None
    recorded = (begun[0].job_id, begun[1].lines) if begun else ("", 0)
    return PathPreview(path, target, makes, *recorded)


def suggest(folder: Path, job_id: str, save_format: SaveFormat) -> Path:
    """Return the path a dialog opens with, one that is free."""
    return free_path(folder.expanduser(), log_name(job_id, save_format.extension))


def free_path(folder: Path, name: str) -> Path:
    """Return the path of a name in a folder, numbered where it is taken."""
    path, number = folder / name, 1
    while look(path).replaceable:
        number += 1
        path = folder / numbered(name, number)
    return path


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


# Blocking work beside the event loop, stoppable at once.

Value = TypeVar("Value")

GRACE_SECONDS: Final = 0.5
"""How long a stopped thread may take to clean up before it is left to itself."""


async def in_thread(
    work: Callable[[], Value], stop: Callable[[], None] = lambda: None
) -> Value:
    """Run blocking work in a thread of its own and return what it returns.

    Each call has its thread, so any number run side by side. A thread that hangs in
    the system (a connection being made, a disk that does not answer) does not hold
    the caller: it is a daemon. When the caller is cancelled, ``stop`` is called here:
    it must return at once and make ``work`` end soon.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Value] = loop.create_future()

    def body() -> None:
        try:
            value = work()
        except BaseException as problem:  # noqa: BLE001 - handed to the waiter
            deliver(partial(done.set_exception, problem))
        else:
            deliver(partial(done.set_result, value))

    def deliver(settle: Callable[[], None]) -> None:
        # The loop may be closed by now: then nobody waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=body, name="chronotui-save", daemon=True).start()
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait({done}, timeout=GRACE_SECONDS)
        if done.done() and not done.cancelled():
            done.exception()
        raise


@contextlib.contextmanager
def spool_explained(what: str = "The recording's spool file") -> Iterator[None]:
    """Tell trouble with a spool file in words; ``what`` begins the sentence.

    Raises:
        DownloadError: The disk is full or fails.
    """
    try:
        yield
    except OSError as problem:
        words = os.strerror(problem.errno or 0)
        raise DownloadError(
            f"{what} cannot be used: {words}.",
            next_step="Make room in the spool folder ([ui] spool_dir), then try again.",
        ) from problem
