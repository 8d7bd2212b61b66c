"""What the programs under test have in common: orders, and lines that arrive."""

from __future__ import annotations

import asyncio
import gc
import os
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tests.benchmarks.pty_program import CONTROL_FDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TICK_SECONDS: Final = 1 / 30
"""Lines arrive in batches this far apart, the same for every program."""


class Orders:
    """Orders told from outside, done one after the other; each answer is a line."""

    def __init__(self) -> None:
        told, saying = map(int, os.environ[CONTROL_FDS].split(","))
        self._told = told
        self._saying = saying

    def say(self, line: object) -> None:
        """Say a line to whoever measures."""
        os.write(self._saying, f"{line}\n".encode())

    async def serve(self, **known: Callable[..., Awaitable[object]]) -> None:
        """Do what is told: a name and its numbers; says what comes of it."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader),
            os.fdopen(self._told, "rb", 0),
        )
        while line := await reader.readline():
            name, *numbers = line.decode().split()
            self.say(await known[name](*map(float, numbers)))


class Arrivals:
    """Lines that arrive at a rate, made beforehand so that making costs nothing.

    Args:
        make: Makes what is delivered for line numbers ``start`` to ``stop``.
        deliver: Takes it.
    """

    def __init__(
        self, make: Callable[[int, int], object], deliver: Callable[..., object]
    ) -> None:
        self._make = make
        self._deliver = deliver
        self._next = 0

    async def at_once(self, lines: float) -> int:
        """Deliver so many lines as fast as they are taken; returns how many came."""
        stop = self._next + int(lines)
        while self._next < stop:
            until = min(self._next + 2000, stop)
            self._deliver(self._make(self._next, until))
            self._next = until
            await asyncio.sleep(0)
        return self._next

    async def prepare(self, rate: float, seconds: float) -> int:
        """Make the lines of a while; returns how many batches they are."""
        first = self._next
        ticks = max(round(seconds / TICK_SECONDS), 1)
        places = [first + int(rate * tick * TICK_SECONDS) for tick in range(ticks + 1)]
        self._batches = [
            self._make(start, stop) if stop > start else None
            for start, stop in pairwise(places)
        ]
        self._next = places[-1]
        gc.collect()
        gc.freeze()
        return ticks

    async def run(self) -> float:
        """Deliver what was prepared, each batch when it is due.

        Returns:
            Seconds by which the last one was late.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        due = begun
        for batch in self._batches:
            due += TICK_SECONDS
            wait = due - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            if batch is not None:
                self._deliver(batch)
        self._batches = []
        return loop.time() - due
