"""When a log may be called complete (design invariant 6)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


class LagMeter:
    """How far the retained log trails behind the live stream.

    A lag is what has been seen: a line was live at one moment and was still not
    retained at a later one, and is now. Places are (attempt, number).
    """

    def __init__(self, *, grain: float) -> None:
        self._grain = grain
        self._live: deque[tuple[float, tuple[int, int]]] = deque(maxlen=4096)
        self._read_at = float("-inf")
        self.largest = 0.0

    def live(self, now: float, highest: tuple[int, int]) -> None:
        """Note the highest place that has arrived live."""
        if self._live:
            last_at, last = self._live[-1]
            if highest <= last:
                return
            if now - last_at < self._grain and len(self._live) > 1:
                self._live[-1] = (last_at, highest)
                return
        self._live.append((now, highest))

    def retained(self, now: float, highest: tuple[int, int] | None) -> None:
        """Note the highest place of a newest page, or that there is none yet."""
        while self._live and highest is not None and self._live[0][1] <= highest:
            at, _ = self._live.popleft()
            self.largest = max(self.largest, self._read_at - at)
        self._read_at = now


class Standstill:
    """Whether the newest page has stood still for long enough.

    Args:
        still: Seconds it must stand still at least.
    """

    def __init__(self, still: float) -> None:
        self._still = still
        self._seen: Hashable = None
        self._since: float | None = None

    def read(self, now: float, newest: Hashable) -> None:
        """Note what the newest page held at a reading after the end."""
        if self._since is None or newest != self._seen:
            self._seen, self._since = newest, now

    def stands(self, now: float, largest_lag: float) -> bool:
        """Tell whether it has been the same for as long as it takes."""
        if self._since is None:
            return False
        return now - self._since >= max(self._still, 2 * largest_lag)
