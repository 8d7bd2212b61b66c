"""Telling those who listen that something changed, not more often than a screen."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

TICK_SECONDS: Final = 0.033
"""Changes are gathered this long: 30 pictures a second are as many as are seen."""


class Listeners:
    """Functions called on the event loop after changes, at most once a tick."""

    def __init__(self) -> None:
        self._functions: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._called = 0.0

    def add(self, function: Callable[[], None]) -> Callable[[], None]:
        """Call a function from now on; return what ends that."""
        self._functions.append(function)

        def remove() -> None:
            with contextlib.suppress(ValueError):
                self._functions.remove(function)

        return remove

    def tell(self) -> None:
        """Call them all, at once when the last call was a tick ago or more."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            wait = max(self._called + TICK_SECONDS - loop.time(), 0.0)
            self._timer = loop.call_later(wait, self._call)

    def hush(self) -> None:
        """Leave out the call that is pending."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _call(self) -> None:
        self._timer = None
        self._called = asyncio.get_running_loop().time()
        for function in list(self._functions):
            function()
