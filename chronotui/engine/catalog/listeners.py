"""Telling those who listen that something changed, not more often than a screen."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

TICK_SECONDS: Final = 0.033
"""Changes are gathered this long: 30 pictures a second are as many as are seen."""


class Listeners:
    """Functions called on the event loop after changes, once a tick on average.

    After a quiet moment two calls may follow each other closely, so that the first
    two pages of a list are shown as they come.
    """

    def __init__(self) -> None:
        self._functions: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._calls = deque([0.0, 0.0], maxlen=2)

    def add(self, function: Callable[[], None]) -> Callable[[], None]:
        """Call a function from now on; return what ends that."""
        self._functions.append(function)

        def remove() -> None:
            with contextlib.suppress(ValueError):
                self._functions.remove(function)

        return remove

    def tell(self) -> None:
        """Call them all, at once when the call before the last is two ticks ago."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            wait = max(self._calls[0] + 2 * TICK_SECONDS - loop.time(), 0.0)
            self._timer = loop.call_later(wait, self._call)

    def hush(self) -> None:
        """Leave out the call that is pending."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _call(self) -> None:
        self._timer = None
        self._calls.append(asyncio.get_running_loop().time())
        for function in list(self._functions):
            function()
