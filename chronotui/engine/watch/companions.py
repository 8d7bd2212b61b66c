"""Tasks that run beside a main one, and end with it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

Value = TypeVar("Value")


async def accompanied(
    main: Coroutine[Any, Any, Value], *companions: Coroutine[Any, Any, None]
) -> Value:
    """Run a main task with others beside it that never end by themselves.

    When the main task ends, the others are stopped. When one of them fails, so does
    the main task, with that error.

    Returns:
        What the main task returned.
    """
    beside = [asyncio.create_task(each) for each in companions]
    leading = asyncio.create_task(main)
    tasks: list[asyncio.Task[Any]] = [leading, *beside]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in beside:
            if task.done() and not leading.done():
                task.result()
        return await leading
    finally:
        running = [task for task in tasks if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        for task in tasks:
            if not task.cancelled():
                task.exception()
