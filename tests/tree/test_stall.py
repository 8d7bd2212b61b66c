"""When a silent job has stalled, and when nobody can say."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.tree.stall import PastRuns, judge, pause_words, why_unjudged

HOUR: Final = 3600.0
EVERY_2_S: Final = [2.0] * 12


def test_a_job_that_prints_every_two_seconds_and_is_silent_for_four_minutes() -> None:
    stall = judge(EVERY_2_S, 230.0)
    assert stall is not None
    assert stall.words() == "nothing for 3:50, usually every 2 s"
    assert judge(EVERY_2_S, 20.0) is None


@pytest.mark.parametrize("silence", [60.0, HOUR, 2.5 * HOUR])
def test_a_job_that_prints_each_hour_is_not_stalled(silence: float) -> None:
    assert judge([HOUR] * 10, silence) is None
    bursts = ([0.1] * 4 + [HOUR]) * 3
    assert judge(bursts, silence) is None


def test_a_job_that_prints_each_hour_stalls_in_the_end() -> None:
    past = PastRuns(silent=(HOUR, HOUR + 60))
    assert judge([HOUR] * 3, 2.9 * HOUR, past) is None
    assert judge([HOUR] * 3, 3.1 * HOUR, past) is not None


def test_the_pauses_of_good_runs_before_count_from_the_first_line_on() -> None:
    """A download of twenty lines, then minutes of work without a word."""
    opening = [1.0] * 20
    assert judge(opening, 100.0) is not None
    past = PastRuns(took=(600.0,), silent=(300.0,))
    assert judge(opening, 100.0, past, took=120.0) is None
    assert judge(opening, 899.0, past, took=920.0) is None
    assert judge(opening, 901.0, past, took=922.0) is not None


def test_in_the_middle_of_a_long_run_a_short_silence_is_none() -> None:
    day = PastRuns(took=(24 * HOUR,))
    assert judge([1.0] * 20, HOUR, day, took=2 * HOUR) is None
    assert judge([1.0] * 20, 3 * HOUR, day, took=4 * HOUR) is not None


def test_one_burst_of_lines_tells_nothing_of_pauses() -> None:
    burst = [0.01] * 100
    assert judge(burst, 4 * HOUR) is None
    assert why_unjudged(burst).startswith("cannot be judged yet: 100 pauses")


def test_with_too_little_history_it_is_judged_by_what_good_runs_take() -> None:
    past = PastRuns(took=(20.0, 25.0, 30.0))
    assert why_unjudged([1.0], past, took=30.0).startswith("judged by what")
    assert judge([1.0], 300.0, past, took=100.0) is None
    assert judge([1.0], 10.0, past, took=400.0) is None
    stall = judge([1.0], 300.0, past, took=310.0)
    assert stall is not None
    assert stall.words() == "nothing for 5:00, and it takes 12.4× as long as usual"


def test_without_any_history_nothing_is_said() -> None:
    assert judge([], 10 * HOUR) is None
    assert why_unjudged([]) == ("cannot be judged yet: 0 pauses and no good run known")


def test_a_job_that_never_printed_is_judged_by_runs_before() -> None:
    stall = judge([], 400.0, PastRuns(silent=(100.0,)))
    assert stall is not None
    assert stall.words() == "nothing for 6:40"


SECONDS = st.floats(0.0, 1e6)


@given(
    pauses=st.lists(SECONDS, max_size=40),
    silence=SECONDS,
    longer=SECONDS,
    took=st.none() | SECONDS,
    runs=st.lists(SECONDS, max_size=5),
    silent=st.lists(SECONDS, max_size=3),
)
def test_a_longer_silence_never_wakes_a_stalled_job(
    *,
    pauses: list[float],
    silence: float,
    longer: float,
    took: float | None,
    runs: list[float],
    silent: list[float],
) -> None:
    past = PastRuns(runs, silent)
    stall = judge(pauses, silence, past, took=took)
    if stall is not None:
        assert silence >= 30.0
        assert silence > max([0.0, *silent])
        assert judge(pauses, silence + longer, past, took=took) is not None
    if stall is not None and stall.times_usual is None:
        assert silence > max([0.0, *pauses])
    assert judge(pauses[::-1], silence, past, took=took) == stall


def test_pauses_in_words() -> None:
    assert pause_words(0.2) == "several a second"
    assert pause_words(1.6) == "every 2 s"
    assert pause_words(300.0) == "every 5 min"
