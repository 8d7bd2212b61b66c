"""The time of the demo world; everything that happens there is a function of it."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND: Final = 1_000_000_000
MILLISECOND: Final = 1_000_000


class Clock:
    """Nanoseconds since the epoch, UTC, real by default.

    Args:
        start_ns: The time to begin at; the real one if None.
        speed: World seconds in a real one. 0 stands still and moves only by
            ``advance``, for tests that look at one moment.
    """

    def __init__(self, *, start_ns: int | None = None, speed: float = 1.0) -> None:
        self.start_ns = time.time_ns() if start_ns is None else start_ns
        self.speed = speed
        self._zero = time.monotonic_ns()
        self._skipped_ns = 0
        self._listeners: set[Callable[[], None]] = set()
        self._lock = threading.Lock()

    def now_ns(self) -> int:
        """Return the world's time."""
        passed = time.monotonic_ns() - self._zero
        if self.speed != 1.0:
            passed = int(passed * self.speed)
        return self.start_ns + passed + self._skipped_ns

    def seconds_until(self, moment_ns: int) -> float:
        """Return the real seconds until ``moment_ns``; infinity if it never comes."""
        left = moment_ns - self.now_ns()
        if left <= 0:
            return 0.0
        return left / SECOND / self.speed if self.speed > 0 else math.inf

    def advance(self, seconds: float) -> None:
        """Jump ahead; open streams notice at once. Any thread may call it."""
        with self._lock:
            self._skipped_ns += int(seconds * SECOND)
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after every jump; return what ends that."""
        with self._lock:
            self._listeners.add(listener)

        def stop() -> None:
            with self._lock:
                self._listeners.discard(listener)

        return stop
