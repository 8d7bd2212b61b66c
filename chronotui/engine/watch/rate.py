"""Lines a second, over the last few seconds."""

from __future__ import annotations

from collections import deque
from typing import Final

WINDOW_SECONDS: Final = 3.0
"""Long enough to be calm, short enough to be now."""

GRAIN_SECONDS: Final = 0.25


class LineRate:
    """Counts lines in slices of a quarter second."""

    def __init__(self) -> None:
        self._slices: deque[tuple[float, int]] = deque()

    def add(self, now: float, lines: int) -> None:
        """Count lines that entered now."""
        if self._slices and now - self._slices[-1][0] < GRAIN_SECONDS:
            began, count = self._slices.pop()
            self._slices.append((began, count + lines))
        else:
            self._slices.append((now, lines))

    def per_second(self, now: float) -> float:
        """Return the rate now."""
        while self._slices and now - self._slices[0][0] > WINDOW_SECONDS:
            self._slices.popleft()
        return sum(count for _, count in self._slices) / WINDOW_SECONDS

    def next_change(self, now: float) -> float | None:
        """Return when the rate will have fallen if nothing enters; None at zero."""
        if not self.per_second(now):
            return None
        return self._slices[0][0] + WINDOW_SECONDS + 0.001
