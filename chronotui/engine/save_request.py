"""How far a save has come, as a snapshot anyone may read at any time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from chronotui.errors import DownloadError
from chronotui.log.formats import SAVE_FORMATS, SaveFormat
from chronotui.storage.files import home_relative

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from chronotui.model import Job, LogLine, Workflow

_RATE_SECONDS: Final = 3.0
_SAMPLE_SECONDS: Final = 0.2


class SavePhase(StrEnum):
    """What a save is doing."""

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
        """Whether nothing more will happen."""
        return self.is_done or self in {SavePhase.FAILED, SavePhase.CANCELLED}

    @property
    def is_done(self) -> bool:
        """Whether the file is there."""
        return self in {SavePhase.SAVED, SavePhase.UNVERIFIED}


@dataclass(frozen=True, slots=True)
class SaveProgress:
    """A save at one moment.

    ``bytes_per_second`` is over the last seconds. ``total_lines`` is the job's known
    line count, an estimate; None when it is not known. While pages are read,
    ``lines`` counts those read. ``said`` is the last sentence about what goes on, such
    as a connection lost while recording; ``away`` says that it is lost now.
    """

    phase: SavePhase
    bytes: int
    lines: int
    bytes_per_second: float
    elapsed_seconds: float
    total_lines: int | None = None
    said: str = ""
    away: bool = False

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

    def __init__(
        self,
        total_lines: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.phase = SavePhase.STARTING
        self.bytes = 0
        self.lines = 0
        self.total_lines = total_lines
        self.said = ""
        self.away = False
        self._clock = clock
        self._started = clock()
        self._ended: float | None = None
        self._samples: deque[tuple[float, int]] = deque([(self._started, 0)])

    def add(self, size: int, lines: int) -> None:
        """Count bytes and lines that were written."""
        self.bytes += size
        self.lines += lines

    def restart(self, phase: SavePhase, size: int = 0, lines: int = 0) -> None:
        """Begin counting anew, with what the file holds already."""
        self.phase = phase
        self.bytes, self.lines = size, lines
        self._samples = deque([(self._clock(), size)])

    def end(self, phase: SavePhase) -> None:
        """Stop the clock."""
        self.phase = phase
        self._ended = self._clock()

    def snapshot(self) -> SaveProgress:
        """Return the state now; call it at any rate, from one thread."""
        now = self._clock() if self._ended is None else self._ended
        return SaveProgress(
            self.phase,
            self.bytes,
            self.lines,
            self._rate(now),
            now - self._started,
            self.total_lines,
            self.said,
            self.away,
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


# What is asked of a save and what it gives back.


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


# Blocking work beside the event loop, stoppable at once.

Value = TypeVar("Value")

GRACE_SECONDS: Final = 0.5
"""How long a stopped thread may take to clean up before it is left to itself."""


async def in_thread(work: Callable[[], Value], stop: Callable[[], None]) -> Value:
    """Run blocking work in a thread of its own and return what it returns.

    Each save has its thread, so any number run side by side. A thread that hangs in
    the system (a connection being made, a disk that does not answer) does not hold
    the caller: it is a daemon.

    Args:
        work: Called in the thread.
        stop: Called here when the caller is cancelled; must return at once and make
            ``work`` end soon.

    Raises:
        asyncio.CancelledError: The caller was cancelled; ``stop`` has been called.
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
    """Tell trouble with a spool file in words.

    Args:
        what: The file, as a sentence begins with it.

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
