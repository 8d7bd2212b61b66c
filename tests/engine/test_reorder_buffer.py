"""Lines are handed out once and in order, whatever comes when."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronotui.engine import reorder_buffer as reorder_module
from chronotui.engine.intake import Context, Intake
from chronotui.engine.reorder_buffer import ReorderBuffer
from chronotui.engine.retained import Beginning, LineSelection, beginning_of
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
    reorder = ReorderBuffer(intake, lambda _: reorder.final, TIMING)
    context, found, now = Context(), list[LogLine](), 0.0
    while arriving:
        size = data.draw(st.integers(1, 20), "batch")
        intake.take(arriving[:size], Way.LIVE, context)
        arriving = arriving[size:]
        now += data.draw(st.sampled_from([0.0, 1.0]), "pause")
        reorder.arrived(now)
        if reorder.place is None and 1 in intake.ledger.attempts():
            reorder.begin(Beginning((1, 0)))
        found += reorder.take(now, None)
    reorder.final = True
    while lines := reorder.take(now, None):
        found += lines
    assert reorder.skip() is None
    # A partner of the newest number that comes late follows it.
    assert [line[:2] for line in found] == [line[:2] for line in truth]
    assert ordered(found) == truth


class AskingOfEach(ReorderBuffer):
    """Takes no line without asking whether it has to wait."""

    def _plain(self, lines: list[LogLine]) -> int:
        return 0


STREAMS_OF_A_NUMBER: Final = (("stdout",), ("stderr",), ("stderr", "stdout"), ())


@given(
    streams=st.lists(
        st.sampled_from((("stdout",),) * 4 + STREAMS_OF_A_NUMBER),
        min_size=12,
        max_size=60,
    ),
    late=st.sets(st.integers(0, 60), max_size=6),
    size=st.integers(1, 20),
    ahead=st.sampled_from([1, 2, 8]),
)
@settings(max_examples=80)
def test_lines_nothing_is_asked_of_come_as_if_it_were(
    streams: list[tuple[str, ...]], late: set[int], size: int, ahead: int
) -> None:
    lines = [
        numbered(number, stream=stream)[0]
        for number, both in enumerate(streams)
        for stream in both
    ]
    truth = list(enumerate(lines))
    arriving = [line for n, line in truth if n not in late]
    arriving += [line for n, line in truth if n in late]
    intake, context, now = Intake(LogStore()), Context(), 0.0
    intake.ledger.whole = True
    both = [made(intake, lambda _: False, TIMING) for made in MAKERS]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reorder_module, "LOOKAHEAD", ahead)
        while arriving:
            intake.take(arriving[:size], Way.LIVE, context)
            arriving, now = arriving[size:], now + 0.01
            for each in both:
                each.arrived(now)
                if each.place is None and 1 in intake.ledger.attempts():
                    each.begin(Beginning((1, 0)))
            short, long = [
                (each.take(now, None), each.place, each.blocked, each.holding)
                for each in both
            ]
            assert short == long


MAKERS: Final = (ReorderBuffer, AskingOfEach)


def numbered(*numbers: int, stream: str = "stdout") -> list[LogLine]:
    return [
        LogLine(1, n, stream, START + n, f"m{n}", event_id(1, stream, n))
        for n in numbers
    ]


def reorder_of(*lines: list[LogLine]) -> tuple[Intake, ReorderBuffer]:
    intake = Intake(LogStore())
    for batch in lines:
        intake.take(batch, Way.LIVE, Context())
    reorder = ReorderBuffer(intake, lambda _: True, TIMING)
    reorder.begin(Beginning((1, 0)))
    reorder.arrived(5.0)
    return intake, reorder


@pytest.mark.parametrize("first", range(1, 9))
def test_lines_of_one_number_are_never_parted(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reorder_module, "FIRST_SLICE", first)
    numbers = range(0, 40, 2)
    _, reorder = reorder_of(numbered(*numbers), numbered(*numbers, stream="stderr"))
    reorder.final = True
    found = reorder.take(9.0, None)
    assert [line[1:3] for line in found] == [
        (n, stream) for n in numbers for stream in ("stderr", "stdout")
    ]


def test_a_gap_blocks_until_it_is_skipped_and_counts() -> None:
    intake, reorder = reorder_of(numbered(0, 1, 4, 5))
    reorder.final = True
    assert [line[1] for line in reorder.take(6.0, None)] == [0, 1]
    blocked = reorder.blocked
    assert blocked is not None
    assert (blocked.first, blocked.last, blocked.missing) == (2, 3, 2)
    assert blocked.since == 5.0
    reorder.skip()
    assert [line[1] for line in reorder.take(6.0, None)] == [4, 5]
    assert reorder.given_up == 2
    assert intake.ledger.missing == 0


def test_nothing_beyond_what_was_read_in_comes_out() -> None:
    _, reorder = reorder_of(numbered(0, 1, 2, 3))
    assert [line[1] for line in reorder.take(6.0, (1, 2))] == [0, 1]
    reorder.final = True
    assert [line[1] for line in reorder.take(6.0, None)] == [2, 3]


def test_the_newest_line_waits_a_moment_for_its_partner() -> None:
    intake, reorder = reorder_of(numbered(0, 1))
    assert [line[1] for line in reorder.take(6.0, None)] == [0]
    assert reorder.holding
    intake.take(numbered(1, stream="stderr"), Way.LIVE, Context())
    assert [line[1:3] for line in reorder.take(6.1, None)] == [
        (1, "stderr"),
        (1, "stdout"),
    ]


def test_the_newest_line_does_not_wait_for_ever() -> None:
    _, reorder = reorder_of(numbered(0))
    assert reorder.take(6.0, None) == []
    assert len(reorder.take(6.0 + TIMING.partner_wait, None)) == 1


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
    intake, _ = reorder_of(numbered(3, 4))
    intake.ledger.whole = True
    assert beginning_of(intake, LineSelection(tail=5)) == Beginning((1, 0))
    assert beginning_of(intake, LineSelection(tail=2)) == Beginning(
        (1, 3), LineKey(1, 3, 1, event_id(1, "stdout", 3))
    )


def test_a_skipped_number_is_waited_for_until_it_was_read() -> None:
    intake, reorder = reorder_of(numbered(0, 1, 2, 4, 5), numbered(1, stream="stderr"))
    assert [line[1] for line in reorder.take(9.0, None)] == [0, 1, 1, 2]
    blocked = reorder.blocked
    assert blocked is not None
    assert (blocked.first, blocked.missing, blocked.skipped) == (3, 0, True)
    account = intake.ledger.attempt(1)
    assert account is not None
    account.settle(0, 5)
    assert [line[1] for line in reorder.take(9.0, None)] == [4]


def test_passing_a_skipped_number_gives_nothing_up() -> None:
    intake, reorder = reorder_of(numbered(0, 1, 2, 4, 5), numbered(1, stream="stderr"))
    reorder.take(9.0, None)
    reorder.skip()
    assert [line[1] for line in reorder.take(9.0, None)] == [4]
    assert reorder.given_up == 0
    assert intake.ledger.possible == 1, "it still was not read"


def test_a_line_that_comes_after_it_was_passed_counts_as_missing() -> None:
    _, reorder = reorder_of(numbered(0, 1, 2, 4, 5), numbered(1, stream="stderr"))
    reorder.take(9.0, None)
    reorder.skip()
    reorder.take(9.0, None)
    reorder.came_late(numbered(3)[0])
    assert reorder.given_up == 1


def test_a_line_that_was_given_up_does_not_count_twice() -> None:
    _, reorder = reorder_of(numbered(0, 1, 4, 5))
    reorder.take(6.0, None)
    reorder.skip()
    reorder.came_late(numbered(3)[0])
    assert reorder.given_up == 2


def test_what_may_be_the_missing_line_is_waited_for_as_long_as_it() -> None:
    """2 or 5 was skipped for the double of 1, the other one is missing."""
    _, reorder = reorder_of(numbered(0, 1, 3, 4, 6, 7), numbered(1, stream="stderr"))
    found = reorder.take(9.0, None)
    assert found[-1][1] < 2
    assert reorder.blocked is not None
    assert not reorder.blocked.skipped


def test_lines_wait_for_one_that_may_share_their_number() -> None:
    """5 is left out, so one of 0 to 4 has another line: it goes beside that."""
    intake, reorder = reorder_of(
        numbered(0, 1, stream="stderr"), numbered(2, 3, 4, 6, 7)
    )
    reorder._streams = {"stdout", "stderr"}
    assert reorder.take(9.0, None) == []
    assert reorder.blocked is not None
    assert (reorder.blocked.first, reorder.blocked.ahead) == (5, True)
    intake.take(numbered(3, stream="stderr"), Way.LIVE, Context())
    reorder.arrived(9.0)
    assert [line[1] for line in reorder.take(9.0, None)] == [0, 1, 2, 3, 3, 4]


def test_giving_up_a_gap_above_loses_no_line_below_it() -> None:
    _, reorder = reorder_of(numbered(*range(20), 21, 22))
    reorder._streams = {"stdout", "stderr"}
    before = reorder.take(9.0, None)
    assert [line[1] for line in before] == list(range(12))
    reorder.skip()
    after = reorder.take(9.0, None)
    assert [line[1] for line in after] == [*range(12, 20), 21]
    assert reorder.given_up == 1


def test_the_newest_lines_of_two_streams_wait_a_moment_for_others() -> None:
    _, reorder = reorder_of(numbered(*range(20)), numbered(0, stream="stderr"))
    reorder.arrived(5.0)
    assert len(reorder.take(5.1, None)) < 20
    assert reorder.holding
    reorder.take(5.0 + TIMING.partner_wait, None)
    assert reorder.place is not None
    assert reorder.place[1] >= 18
