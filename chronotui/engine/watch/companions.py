"""Tasks that run beside a main one, and end with it; none of them leaves unnoticed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

Value = TypeVar("Value")


class TaskLeftError(RuntimeError):
    """A task that runs beside a watch came to an end: a fault of the program."""


async def accompanied(
    main: Coroutine[Any, Any, Value], *companions: Coroutine[Any, Any, None]
) -> Value:
    """Run a main task with others beside it that never end by themselves.

    When the main task ends, the others are stopped. When one of them fails, so does
    the main task, with that error.

    Returns:
        What the main task returned.

    Raises:
        TaskLeftError: Another one returned, or was cancelled, while the main one ran.
    """
    beside = [asyncio.create_task(each) for each in companions]
    leading = asyncio.create_task(main)
    tasks: list[asyncio.Task[Any]] = [leading, *beside]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        left = [task for task in beside if task.done()]
        if leading.done() or not left:
            return await leading
        for task in left:
            if not task.cancelled():
                task.result()
        raise TaskLeftError(f"{left[0].get_coro()} left its watch")
    finally:
        running = [task for task in tasks if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        for task in tasks:
            if not task.cancelled():
                task.exception()
