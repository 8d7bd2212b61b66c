"""How far a save has come, as a snapshot anyone may read at any time."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

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
