"""How long the tests of the desk wait for it to rest, and for what they want."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import textual._wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

# Textual calls a process idle that has slept for 20 ms, and asks at every key: half
# of the time these tests take. Half as long a rest says as much.
textual._wait.SLEEP_GRANULARITY = 1 / 100
textual._wait.SLEEP_IDLE = 1 / 1000


async def until(pilot: Pilot[Any], holds: Callable[[], object]) -> None:
    """Let the app work until something holds.

    Raises:
        TimeoutError: It does not.
    """
    async with asyncio.timeout(60):
        while not holds():
            await pilot.pause(0.01)
