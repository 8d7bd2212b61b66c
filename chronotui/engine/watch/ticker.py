"""Changes told at most once a tick, and a timer only while there is one to tell."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Ticker:
    """Gathers changes; belongs to one event loop.

    Args:
        tick: Seconds between two calls at least.
        tell: Called when there is something to tell.
    """

    def __init__(self, tick: float, tell: Callable[[], None]) -> None:
        self._tick = tick
        self._tell = tell
        self._armed: asyncio.TimerHandle | None = None
        self._told_at = float("-inf")

    def changed(self) -> None:
        """Note a change."""
        if self._armed is not None:
            return
        loop = asyncio.get_running_loop()
        due = max(loop.time(), self._told_at + self._tick)
        self._armed = loop.call_at(due, self._fire)

    def _fire(self) -> None:
        self._armed = None
        self._told_at = asyncio.get_running_loop().time()
        self._tell()

    def stop(self) -> None:
        """Tell what is left at once, and disarm."""
        if self._armed is not None:
            self._armed.cancel()
            self._fire()
