"""Delays, the plan of the gaps and the ticks of listeners, on clocks moved by hand."""

from __future__ import annotations

import asyncio
import itertools
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.engine.timing import (
    GAPS_AT_ONCE,
    Backoff,
    GapSchedule,
    Listeners,
    RateLimiter,
    WatchTiming,
)
from chronotui.log.ledger import Gap
from tests.engine.skipped_time import run_skipping


def backoff(chance: float = 1.0) -> Backoff:
    return Backoff(first=0.5, factor=2, cap=30, after_cap=300, chance=lambda: chance)


def test_delays_double_up_to_the_cap_and_begin_again() -> None:
    delays = backoff()
    assert [delays.delay() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert delays.tries == 8
    delays.reset()
    assert delays.delay() == 0.5


@given(st.floats(0, 0.999), st.integers(1, 60))
def test_jitter_stays_between_half_and_all(chance: float, tries: int) -> None:
    exact, jittered = backoff(), backoff(chance)
    for _ in range(tries):
        full = exact.delay()
        assert full / 2 <= jittered.delay() <= full


def test_retry_after_is_never_undercut_but_bounded() -> None:
    assert backoff().delay(retry_after=7) >= 7
    assert backoff().delay(retry_after=7) < 8
    assert backoff().delay(retry_after=10**9) < 301
    assert backoff().delay(retry_after=-5) == 0.5


def test_budget_allows_a_burst_and_then_its_rate() -> None:
    budget = RateLimiter(burst=20, rate=1.0)
    made, now = 0, 0.0
    while now < 60.0:
        wait = budget.wait(now)
        if wait:
            now += wait
        else:
            budget.take(now)
            made += 1
    assert 79 <= made <= 81


def test_budget_does_not_save_up_more_than_a_burst() -> None:
    budget = RateLimiter(burst=3, rate=1.0)
    for _ in range(3):
        assert budget.wait(1000.0) == 0
        budget.take(1000.0)
    assert budget.wait(1000.0) > 0


# Each gap is tried again and again, later every time, and never forgotten.


def schedule(*, at_once: bool = False) -> GapSchedule:
    return GapSchedule(WatchTiming(), at_once=at_once)


def test_tries_come_later_each_time_up_to_the_cap() -> None:
    plan, gap, now = schedule(), Gap(1, 5, 6, 2), 0.0
    tries: list[float] = []
    plan.update([gap], now)
    while now < 400:
        now += 0.25
        plan.update([gap], now)
        if plan.due(now):
            tries.append(now)
            plan.tried((1, 5), (1, 6), now)
    pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert tries[0] == 0.5
    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]


def test_readings_for_other_gaps_do_not_use_up_tries() -> None:
    plan = schedule(at_once=True)
    gaps = [Gap(1, number, number, 1) for number in range(0, 40, 2)]
    plan.update(gaps, 0.0)
    for _ in gaps:
        plan.tried((0, 0), (9, 0), 0.0)
    assert plan.due(0.4) is None
    assert plan.due(0.5) == gaps[0]
    assert plan.next_due() == 0.5


def test_the_first_due_gap_in_the_log_comes_first() -> None:
    plan = schedule()
    plan.update([Gap(1, 9, 9, 1)], 0.0)
    plan.update([Gap(1, 2, 3, 2), Gap(1, 9, 9, 1)], 0.4)
    assert plan.due(0.5) == Gap(1, 9, 9, 1)
    assert plan.due(1.0) == Gap(1, 2, 3, 2)


def test_gaps_that_closed_are_dropped() -> None:
    plan = schedule()
    plan.update([Gap(1, 2, 3, 2)], 0.0)
    plan.update([], 1.0)
    assert plan.due(99) is None
    assert plan.next_due() is None


def test_only_so_many_gaps_are_looked_after_at_once() -> None:
    plan = schedule()
    plan.update((Gap(1, n, n, 1) for n in range(10**6)), 0.0)
    assert len(plan.gaps) == GAPS_AT_ONCE


def test_numbers_probably_only_skipped_are_read_when_that_settles_them() -> None:
    plan = schedule()
    short, skipped = Gap(1, 9, 9, 1), Gap(1, 3, 3, 0, 1)
    plan.update([short, skipped], 0.0)
    assert plan.due(0.5) == short
    plan.update([skipped], 1.0)
    assert plan.due(1.9) is None
    assert plan.due(2.0) == skipped


# Changes are told once a tick, on a clock that jumps.


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
