"""The ledger counts what is missing, and nothing else."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from chronotui.core.ledger import AttemptLedger, Hole, Ledger
from chronotui.model import LogLine


def ledger_of(*numbers: int) -> AttemptLedger:
    account = AttemptLedger()
    for number in numbers:
        account.add(number)
    return account


def test_holes_are_counted_and_named() -> None:
    account = ledger_of(0, 1, 5, 9)
    assert account.missing(0) == 6
    assert list(account.holes(0)) == [(2, 4, 3), (6, 8, 3)]


def test_what_is_before_the_first_line_counts_from_the_floor() -> None:
    account = ledger_of(4, 5)
    assert account.missing(0) == 4
    assert account.missing(4) == 0
    assert list(account.holes(1)) == [(1, 3, 3)]


def test_the_hole_after_a_shared_number_is_harmless() -> None:
    account = ledger_of(0, 1, 1, 3)
    assert account.missing(0) == 0
    assert list(account.holes(0)) == []


def test_a_shared_number_does_not_hide_a_loss_elsewhere() -> None:
    account = ledger_of(0, 2, 2)
    assert account.missing(0) == 1
    assert list(account.holes(0)) == [(1, 1, 1)]


def test_one_line_of_a_shared_number_missing_counts_once() -> None:
    assert ledger_of(0, 1, 3).missing(0) == 1


def test_a_longer_hole_after_a_shared_number_is_partly_explained() -> None:
    account = ledger_of(0, 0, 4)
    assert account.missing(0) == 2
    assert list(account.holes(0)) == [(1, 3, 2)]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """A true attempt (numbers, shared ones twice and their follower skipped)."""
    truth: list[int] = []
    number = draw(st.integers(0, 1))
    for shared in draw(st.lists(st.booleans(), min_size=1, max_size=40)):
        truth += [number, number] if shared else [number]
        number += 2 if shared else 1
    kept = draw(st.lists(st.booleans(), min_size=len(truth), max_size=len(truth)))
    held = [number for number, keep in zip(truth, kept, strict=True) if keep]
    return truth, draw(st.permutations(held))


@given(histories())
def test_missing_is_right_whatever_the_order(
    history: tuple[list[int], list[int]],
) -> None:
    truth, held = history
    account = ledger_of(*held)
    if not held:
        assert account.missing(truth[0]) == 0
        return
    highest = max(held)
    known = [number for number in truth if number <= highest]
    lost = len(known) - len(held)
    # A partner of the highest number itself cannot be known of.
    if truth.count(highest) > held.count(highest):
        lost -= 1
    assert account.missing(truth[0]) == lost
    assert sum(count for _, _, count in account.holes(truth[0])) == lost
    assert account.lines == len(held)
    assert all(account.held(number) for number in held)
    assert not any(account.held(n) for n in range(highest + 3) if n not in held)


@given(histories(), st.randoms())
def test_runs_of_lines_count_as_their_lines_do(
    history: tuple[list[int], list[int]], random: Random
) -> None:
    _, held = history
    ledger, ascending = Ledger(), sorted(held)
    while ascending:
        begin = random.randrange(len(ascending))
        batch = ascending[begin : begin + random.randrange(1, 9)]
        del ascending[begin : begin + len(batch)]
        ledger.add_lines([LogLine(1, n, "stdout", None, "", "id") for n in batch])
    same, account = ledger_of(*held), ledger.attempt(1) or AttemptLedger()
    assert account.missing(0) == same.missing(0)
    assert list(account.holes(0)) == list(same.holes(0))
    assert ledger.lines == account.lines == len(held)


@given(histories(), st.integers(0, 50))
def test_settling_changes_no_count(
    history: tuple[list[int], list[int]], below: int
) -> None:
    _, held = history
    if not held:
        return
    account, same = ledger_of(*held), ledger_of(*held)
    account.settle(below)
    for floor in (0, account.lowest):
        assert account.missing(floor) == same.missing(floor)
    account.add(account.highest + 2)
    same.add(same.highest + 2)
    assert account.missing(0) == same.missing(0)


def test_attempts_after_the_first_begin_at_the_base() -> None:
    ledger = Ledger()
    ledger.add(1, 480, has_id=True)
    ledger.add(2, 2, has_id=True)
    assert ledger.base == 0
    assert ledger.missing == 2
    assert list(ledger.holes()) == [Hole(2, 0, 1, 2)]


def test_the_floor_leaves_out_what_was_not_asked_for() -> None:
    ledger = Ledger()
    for attempt, number in [(1, 3), (2, 5), (2, 7)]:
        ledger.add(attempt, number, has_id=True)
    assert ledger.missing == 6
    ledger.reached = (2, 5)
    assert ledger.missing == 0, "a twin of 5 that was not read would explain 6"
    ledger.add(2, 9, has_id=True)
    assert ledger.missing == 1
    ledger.add(2, 8, has_id=True)
    ledger.reached = (1, 0)
    assert ledger.missing == 3 + 5 + 1


def test_nothing_before_what_was_asked_for_counts() -> None:
    ledger = Ledger()
    for attempt, number in [(1, 0), (1, 5), (1, 9), (2, 3)]:
        ledger.add(attempt, number, has_id=True)
    ledger.reached = (1, 0)
    ledger.asked = (1, 7)
    assert list(ledger.holes()) == [Hole(1, 7, 8, 2), Hole(2, 0, 2, 3)]
    assert ledger.missing == 5
    ledger.last_attempt = 1
    assert ledger.missing == 2


def test_a_log_read_from_its_start_counts_from_the_base() -> None:
    ledger = Ledger()
    ledger.whole = True
    assert ledger.missing == 0
    ledger.add(1, 135, has_id=True)
    assert ledger.missing == 135


def test_the_base_of_a_documented_server_is_one() -> None:
    ledger = Ledger()
    ledger.add(1, 1)
    ledger.add(2, 1)
    assert ledger.base == 1
    ledger.reached = (1, ledger.base)
    assert ledger.missing == 0
    ledger.add(2, 0)
    assert ledger.base == 0


def test_lines_of_an_unknown_attempt_are_held_and_not_counted() -> None:
    ledger = Ledger()
    ledger.add(0, 500)
    assert ledger.lines == 1
    assert ledger.missing == 0
