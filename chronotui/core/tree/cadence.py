"""When a list is asked again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

IDLE_FACTOR: Final = 3.0
"""A list in which nothing runs is asked this many times less often."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """Seconds between two readings of one list.

    Args:
        busy: The pause while something in the list runs or waits to run.
    """

    busy: float = 5.0

    def pause(self, *, active: bool) -> float:
        """Return the seconds to wait after an answer."""
        return self.busy if active else self.busy * IDLE_FACTOR
