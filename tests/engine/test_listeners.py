"""Changes are told once a tick, on a clock that jumps."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from chronotui.engine.timing import Listeners
from tests.engine.skipped_time import run_skipping

TICK = 0.05


def told_of_changes(burst: int) -> list[float]:
    """Return when a listener hears of a second of changes, one each 10 ms."""

    async def change_all_the_time() -> list[float]:
        loop = asyncio.get_running_loop()
        listeners, told = Listeners(TICK, burst=burst), list[float]()
        listeners.add(lambda: told.append(loop.time()))
        for _ in range(100):
            listeners.notify()
            await asyncio.sleep(0.01)
        listeners.cancel()
        return told

    return run_skipping(change_all_the_time())


def test_changes_are_told_at_most_once_a_tick() -> None:
    told = told_of_changes(burst=1)
    pauses = [later - earlier for earlier, later in pairwise(told)]
    assert pauses == pytest.approx([TICK] * len(pauses))
    assert len(pauses) in {19, 20}


def test_two_may_be_told_at_once_and_then_no_more_than_two_in_two_ticks() -> None:
    told = told_of_changes(burst=2)
    assert told[:2] == pytest.approx([0.0, 0.01])
    spans = [later - told[at] for at, later in enumerate(told[2:])]
    assert min(spans) == pytest.approx(2 * TICK)
    assert len(told) >= 19


async def test_many_changes_are_told_once_and_nothing_left_arms_no_timer() -> None:
    told: list[int] = []
    listeners = Listeners(0.01)
    end = listeners.add(lambda: told.append(1))
    for _ in range(50):
        listeners.notify()
    await asyncio.sleep(0.03)
    assert told == [1]
    assert listeners._timer is None
    listeners.notify()
    listeners.notify()
    listeners.flush()
    assert told == [1, 1]
    listeners.flush()
    assert told == [1, 1]
    end()
    end()
    listeners.notify()
    listeners.flush()
    assert told == [1, 1]
