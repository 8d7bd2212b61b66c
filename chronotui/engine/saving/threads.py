"""Blocking work beside the event loop, stoppable at once."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")

GRACE_SECONDS: Final = 0.5
"""How long a stopped thread may take to clean up before it is left to itself."""


async def in_thread(work: Callable[[], Value], stop: Callable[[], None]) -> Value:
    """Run blocking work in a thread of its own and return what it returns.

    Each save has its thread, so any number run side by side. A thread that hangs in
    the system (a connection being made, a disk that does not answer) does not hold
    the caller: it is a daemon.

    Args:
        work: Called in the thread.
        stop: Called here when the caller is cancelled; must return at once and make
            ``work`` end soon.

    Raises:
        asyncio.CancelledError: The caller was cancelled; ``stop`` has been called.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Value] = loop.create_future()

    def body() -> None:
        try:
            value = work()
        except BaseException as problem:  # noqa: BLE001 - handed to the waiter
            deliver(partial(done.set_exception, problem))
        else:
            deliver(partial(done.set_result, value))

    def deliver(settle: Callable[[], None]) -> None:
        # The loop may be closed by now: then nobody waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=body, name="chronotui-save", daemon=True).start()
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait({done}, timeout=GRACE_SECONDS)
        if done.done() and not done.cancelled():
            done.exception()
        raise
