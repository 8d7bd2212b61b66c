"""The time of the demo world, and chance that is the same for the same seed.

Everything that happens in that world is a function of the two.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Final, TypeVar
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SECOND: Final = 1_000_000_000
MILLISECOND: Final = 1_000_000


class DemoClock:
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


Item = TypeVar("Item")

_MASK: Final = (1 << 64) - 1


def roll(*numbers: int) -> int:
    """Mix whole numbers into one of 64 bits (splitmix64 over each)."""
    state = 0x9E3779B97F4A7C15
    for number in numbers:
        state = (state ^ (number & _MASK)) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB & _MASK
        state ^= state >> 31
    return state


def fraction(*numbers: int) -> float:
    """Mix whole numbers into a fraction, 0 included and 1 not."""
    return (roll(*numbers) >> 11) / (1 << 53)


def number_of(text: str) -> int:
    """Return a whole number for a text, the same in every process."""
    return crc32(text.encode())


def make_id(first: int, *seed: int) -> str:
    """Return a UUID whose first eight digits are ``first``."""
    high, low = roll(*seed, 1), roll(*seed, 2)
    return (
        f"{first & 0xFFFFFFFF:08x}-{high & 0xFFFF:04x}-4{high >> 16 & 0xFFF:03x}-"
        f"{0x8000 | low & 0x3FFF:04x}-{low >> 16 & 0xFFFFFFFFFFFF:012x}"
    )


class SeededRandom:
    def __init__(self, *seed: int) -> None:
        self._seed = roll(*seed)
        self._turn = 0

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to ``limit`` - 1."""
        self._turn += 1
        return roll(self._seed, self._turn) % limit

    def between(self, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def chance(self, share: float) -> bool:
        """Say yes in ``share`` (0 to 1) of the cases."""
        self._turn += 1
        return fraction(self._seed, self._turn) < share

    def spread(self, low: float, high: float) -> float:
        """Return a number from ``low`` up to, not including, ``high``."""
        self._turn += 1
        return low + (high - low) * fraction(self._seed, self._turn)

    def pick(self, items: Sequence[Item]) -> Item:
        return items[self.below(len(items))]
