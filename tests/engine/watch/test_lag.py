"""The lag is what was seen of it, and standing still takes twice as long."""

from chronotui.engine.ending import Standstill
from chronotui.engine.gaps import LagMeter


def test_a_lag_is_the_time_a_live_line_was_seen_not_retained() -> None:
    lag = LagMeter(grain=0.0)
    lag.live(10.0, (1, 5))
    lag.retained(14.0, (1, 4))
    assert lag.largest == 0.0
    lag.retained(17.0, (1, 5))
    assert lag.largest == 4.0


def test_a_line_never_retained_is_no_lag() -> None:
    lag = LagMeter(grain=0.0)
    lag.live(10.0, (1, 5))
    for now in range(11, 100):
        lag.retained(now, (1, 4))
    assert lag.largest == 0.0


def test_a_line_retained_at_the_first_reading_is_no_lag() -> None:
    lag = LagMeter(grain=0.0)
    lag.live(10.0, (1, 5))
    lag.retained(60.0, (1, 5))
    assert lag.largest == 0.0


def test_attempts_count_before_numbers() -> None:
    lag = LagMeter(grain=0.0)
    lag.live(1.0, (2, 0))
    lag.retained(3.0, (1, 900))
    lag.retained(4.0, (2, 0))
    assert lag.largest == 2.0


def test_many_live_lines_cost_little() -> None:
    lag = LagMeter(grain=1.0)
    for number in range(10**5):
        lag.live(number / 10**4, (1, number))
    assert len(lag._live) < 50
    lag.retained(10.0, (1, 0))
    lag.retained(12.0, (1, 10**5))
    assert 9.9 <= lag.largest <= 10.0


def test_the_newest_page_must_stand_still() -> None:
    standstill = Standstill(3.0)
    assert not standstill.stands(0.0, 0.0)
    standstill.read(0.0, "a")
    standstill.read(2.0, "b")
    standstill.read(4.0, "b")
    assert not standstill.stands(4.9, 0.0)
    assert standstill.stands(5.0, 0.0)
    assert not standstill.stands(5.0, 2.0)
    assert standstill.stands(6.0, 2.0)


def test_an_empty_newest_page_stands_still_too() -> None:
    standstill = Standstill(3.0)
    standstill.read(0.0, ())
    assert standstill.stands(3.0, 0.0)
