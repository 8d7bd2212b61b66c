"""Asking the event loop for something from a worker thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

Result = TypeVar("Result")


class LoopBridge:
    """Runs coroutines on the client's loop while another thread waits.

    Before the client has met a loop, or when that loop has ended, a loop of its own
    serves the one call.
    """

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        self._close = close
        self._loop: asyncio.AbstractEventLoop | None = None

    def meet_loop(self) -> None:
        """Remember the running loop."""
        self._loop = asyncio.get_running_loop()

    def wait_for(self, work: Callable[[], Coroutine[None, None, Result]]) -> Result:
        """Run a coroutine and wait for its result.

        Raises:
            RuntimeError: Called on the loop's own thread, which would wait for itself.
        """
        if _in_loop():
            raise RuntimeError("this blocks: call it in a thread")
        if self._loop is not None and self._loop.is_running():
            return asyncio.run_coroutine_threadsafe(work(), self._loop).result()
        return asyncio.run(self._alone(work))

    async def _alone(self, work: Callable[[], Coroutine[None, None, Result]]) -> Result:
        try:
            return await work()
        finally:
            await self._close()


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
