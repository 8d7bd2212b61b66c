"""Delays grow, are jittered and capped, and heed the server."""

from hypothesis import given
from hypothesis import strategies as st

from chronotui.engine.timing import Backoff, RateLimiter


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
