"""Each gap is tried again and again, later every time, and never forgotten."""

import itertools

from chronotui.engine.timing import GAPS_AT_ONCE, GapSchedule, WatchTiming
from chronotui.log.ledger import Gap


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
