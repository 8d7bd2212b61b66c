"""Lines are handed out once and in order, whatever comes when."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronotui.engine import ordered as emission_module
from chronotui.engine.intake import Context, Intake
from chronotui.engine.ordered import Emission
from chronotui.engine.selection import Beginning, LineSelection, beginning_of
from chronotui.engine.timing import WatchTiming
from chronotui.log.attempts import LineKey, Way
from chronotui.log.store import LogStore
from chronotui.model import LogLine
from tests.log.line_histories import START, event_id, jobs, with_ids

TIMING = WatchTiming()


def ordered(lines: list[LogLine]) -> list[LogLine]:
    return sorted(
        lines, key=lambda line: (line.attempt, line.sequence_num, line.stream)
    )


@given(data=st.data(), job=jobs(attempts=3))
@settings(max_examples=80)
def test_every_line_comes_once_and_in_order(
    data: st.DataObject, job: list[LogLine]
) -> None:
    truth = ordered(with_ids(job, base=0))
    arriving = data.draw(st.permutations(truth), "arriving")
    intake = Intake(LogStore())
    intake.ledger.whole = True
    emission = Emission(intake, lambda _: emission.final, TIMING)
    context, found, now = Context(), list[LogLine](), 0.0
    while arriving:
        size = data.draw(st.integers(1, 20), "batch")
        intake.take(arriving[:size], Way.LIVE, context)
        arriving = arriving[size:]
        now += data.draw(st.sampled_from([0.0, 1.0]), "pause")
        emission.arrived(now)
        if emission.place is None and 1 in intake.ledger.attempts():
            emission.begin(Beginning((1, 0)))
        found += emission.take(now, None)
    emission.final = True
    while lines := emission.take(now, None):
        found += lines
    assert emission.skip() is None
    # A partner of the newest number that comes late follows it.
    assert [line[:2] for line in found] == [line[:2] for line in truth]
    assert ordered(found) == truth


def numbered(*numbers: int, stream: str = "stdout") -> list[LogLine]:
    return [
        LogLine(1, n, stream, START + n, f"m{n}", event_id(1, stream, n))
        for n in numbers
    ]


def emission_of(*lines: list[LogLine]) -> tuple[Intake, Emission]:
    intake = Intake(LogStore())
    for batch in lines:
        intake.take(batch, Way.LIVE, Context())
    emission = Emission(intake, lambda _: True, TIMING)
    emission.begin(Beginning((1, 0)))
    emission.arrived(5.0)
    return intake, emission


@pytest.mark.parametrize("first", range(1, 9))
def test_lines_of_one_number_are_never_parted(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emission_module, "FIRST_SLICE", first)
    numbers = range(0, 40, 2)
    _, emission = emission_of(numbered(*numbers), numbered(*numbers, stream="stderr"))
    emission.final = True
    found = emission.take(9.0, None)
    assert [line[1:3] for line in found] == [
        (n, stream) for n in numbers for stream in ("stderr", "stdout")
    ]


def test_a_hole_blocks_until_it_is_skipped_and_counts() -> None:
    intake, emission = emission_of(numbered(0, 1, 4, 5))
    emission.final = True
    assert [line[1] for line in emission.take(6.0, None)] == [0, 1]
    blocked = emission.blocked
    assert blocked is not None
    assert (blocked.first, blocked.last, blocked.missing) == (2, 3, 2)
    assert blocked.since == 5.0
    emission.skip()
    assert [line[1] for line in emission.take(6.0, None)] == [4, 5]
    assert emission.given_up == 2
    assert intake.ledger.missing == 0


def test_nothing_beyond_what_was_read_in_comes_out() -> None:
    _, emission = emission_of(numbered(0, 1, 2, 3))
    assert [line[1] for line in emission.take(6.0, (1, 2))] == [0, 1]
    emission.final = True
    assert [line[1] for line in emission.take(6.0, None)] == [2, 3]


def test_the_newest_line_waits_a_moment_for_its_partner() -> None:
    intake, emission = emission_of(numbered(0, 1))
    assert [line[1] for line in emission.take(6.0, None)] == [0]
    assert emission.holding
    intake.take(numbered(1, stream="stderr"), Way.LIVE, Context())
    assert [line[1:3] for line in emission.take(6.1, None)] == [
        (1, "stderr"),
        (1, "stdout"),
    ]


def test_the_newest_line_does_not_wait_for_ever() -> None:
    _, emission = emission_of(numbered(0))
    assert emission.take(6.0, None) == []
    assert len(emission.take(6.0 + TIMING.partner_wait, None)) == 1


def test_a_documented_log_does_not_begin_before_its_first_number_is_known() -> None:
    intake = Intake(LogStore())
    bare = [line._replace(attempt=0, event_id="") for line in numbered(5, 6)]
    intake.take(bare, Way.LIVE, Context())
    intake.ledger.whole = True
    begin = beginning_of(intake, LineSelection(), retained_read=False)
    assert begin is None
    begin = beginning_of(intake, LineSelection(), retained_read=True)
    assert begin == Beginning((1, 1))


def test_a_tail_longer_than_the_log_begins_at_its_start() -> None:
    intake, _ = emission_of(numbered(3, 4))
    intake.ledger.whole = True
    assert beginning_of(intake, LineSelection(tail=5)) == Beginning((1, 0))
    assert beginning_of(intake, LineSelection(tail=2)) == Beginning(
        (1, 3), LineKey(1, 3, 1, event_id(1, "stdout", 3))
    )


def test_a_skipped_number_is_waited_for_until_it_was_read() -> None:
    intake, emission = emission_of(
        numbered(0, 1, 2, 4, 5), numbered(1, stream="stderr")
    )
    assert [line[1] for line in emission.take(9.0, None)] == [0, 1, 1, 2]
    blocked = emission.blocked
    assert blocked is not None
    assert (blocked.first, blocked.missing, blocked.skipped) == (3, 0, True)
    account = intake.ledger.attempt(1)
    assert account is not None
    account.settle(0, 5)
    assert [line[1] for line in emission.take(9.0, None)] == [4]


def test_passing_a_skipped_number_gives_nothing_up() -> None:
    intake, emission = emission_of(
        numbered(0, 1, 2, 4, 5), numbered(1, stream="stderr")
    )
    emission.take(9.0, None)
    emission.skip()
    assert [line[1] for line in emission.take(9.0, None)] == [4]
    assert emission.given_up == 0
    assert intake.ledger.possible == 1, "it still was not read"


def test_a_line_that_comes_after_it_was_passed_counts_as_missing() -> None:
    _, emission = emission_of(numbered(0, 1, 2, 4, 5), numbered(1, stream="stderr"))
    emission.take(9.0, None)
    emission.skip()
    emission.take(9.0, None)
    emission.came_late(numbered(3)[0])
    assert emission.given_up == 1


def test_a_line_that_was_given_up_does_not_count_twice() -> None:
    _, emission = emission_of(numbered(0, 1, 4, 5))
    emission.take(6.0, None)
    emission.skip()
    emission.came_late(numbered(3)[0])
    assert emission.given_up == 2


def test_what_may_be_the_missing_line_is_waited_for_as_long_as_it() -> None:
    """2 or 5 was skipped for the double of 1, the other one is missing."""
    _, emission = emission_of(numbered(0, 1, 3, 4, 6, 7), numbered(1, stream="stderr"))
    found = emission.take(9.0, None)
    assert found[-1][1] < 2
    assert emission.blocked is not None
    assert not emission.blocked.skipped


def test_lines_wait_for_one_that_may_share_their_number() -> None:
    """5 is left out, so one of 0 to 4 has another line: it goes beside that."""
    intake, emission = emission_of(
        numbered(0, 1, stream="stderr"), numbered(2, 3, 4, 6, 7)
    )
    emission._streams = {"stdout", "stderr"}
    assert emission.take(9.0, None) == []
    assert emission.blocked is not None
    assert (emission.blocked.first, emission.blocked.ahead) == (5, True)
    intake.take(numbered(3, stream="stderr"), Way.LIVE, Context())
    emission.arrived(9.0)
    assert [line[1] for line in emission.take(9.0, None)] == [0, 1, 2, 3, 3, 4]


def test_giving_up_a_gap_above_loses_no_line_below_it() -> None:
    _, emission = emission_of(numbered(*range(20), 21, 22))
    emission._streams = {"stdout", "stderr"}
    before = emission.take(9.0, None)
    assert [line[1] for line in before] == list(range(12))
    emission.skip()
    after = emission.take(9.0, None)
    assert [line[1] for line in after] == [*range(12, 20), 21]
    assert emission.given_up == 1


def test_the_newest_lines_of_two_streams_wait_a_moment_for_others() -> None:
    _, emission = emission_of(numbered(*range(20)), numbered(0, stream="stderr"))
    emission.arrived(5.0)
    assert len(emission.take(5.1, None)) < 20
    assert emission.holding
    emission.take(5.0 + TIMING.partner_wait, None)
    assert emission.place is not None
    assert emission.place[1] >= 18
