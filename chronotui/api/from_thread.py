"""Secrets for a worker thread, asked of the event loop that holds them."""

from __future__ import annotations

import asyncio
from concurrent.futures import wait
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from chronotui.errors import CancelledByUserError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from chronotui.api.credentials import Credentials
    from chronotui.api.secret_sources import Secrets

    Work: TypeAlias = Callable[[], Coroutine[None, None, Secrets]]

_LOOK_UP_SECONDS: Final = 0.1
"""How often a waiting thread looks whether it is still wanted."""


class ThreadSecrets:
    """Gets and renews secrets for a thread, on the loop that holds them.

    Before the client has met a loop, or when that loop has ended, a loop of its own
    serves the one call.
    """

    def __init__(
        self, credentials: Credentials, close: Callable[[], Awaitable[None]]
    ) -> None:
        self._credentials = credentials
        self._close = close
        self._loop: asyncio.AbstractEventLoop | None = None

    def meet_loop(self) -> None:
        """Remember the running loop."""
        self._loop = asyncio.get_running_loop()

    def get(self, refused: Secrets | None, given_up: Callable[[], bool]) -> Secrets:
        """Return the secrets to send, renewed if they are the refused ones. Blocks.

        Args:
            refused: What the server did not take, None at first.
            given_up: Asked every now and then whether to stop waiting; somebody may
                have to type a password.

        Raises:
            CancelledByUserError: It was given up, or the loop ended.
            ChronotuiError: The secrets cannot be had.
            RuntimeError: Called on a loop's own thread, which would wait for itself.
        """
        if _in_loop():
            raise RuntimeError("this blocks: call it in a thread")
        if refused is not None:
            return self._wait_for(partial(self._credentials.renew, refused), given_up)
        held = self._credentials.held
        return held or self._wait_for(self._credentials.current, given_up)

    def _wait_for(self, work: Work, given_up: Callable[[], bool]) -> Secrets:
        loop = self._loop
        if loop is None or not loop.is_running():
            return asyncio.run(self._alone(work))
        future = asyncio.run_coroutine_threadsafe(work(), loop)
        while not wait([future], timeout=_LOOK_UP_SECONDS).done:
            if given_up() or not loop.is_running():
                future.cancel()
                raise CancelledByUserError("The request was cancelled.")
        return future.result()

    async def _alone(
        self, work: Callable[[], Coroutine[None, None, Secrets]]
    ) -> Secrets:
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
