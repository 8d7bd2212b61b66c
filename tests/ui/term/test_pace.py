"""Frames wait for the terminal: answers, keys among them, budgets."""

from __future__ import annotations

from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.ui.term.pace import (
    KEY_SECONDS,
    MOST_AHEAD,
    OVERDUE_SECONDS,
    PATIENCE_SECONDS,
    PROBE,
    QUERY,
    STATUS,
    WHO,
    AnswerFilter,
    Budget,
    Pace,
    budget_for,
)

ATTRIBUTES, TMUX = "?62;22c", ">84;0;0c"
ANSWERS = {f"\x1b[{each}": each for each in (STATUS, ATTRIBUTES, TMUX)}
STRAYS = {
    "colour": "\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\",
    "colour ended by a bell": "\x1b]4;1;rgb:cccc/0000/0000\x07",
    "name": "\x1bP>|tmux 3.3a\x1b\\",
    "setting": "\x1bP1$r0m\x1b\\",
    "picture": "\x1b_Gi=31;OK\x1b\\",
    "keyboard": "\x1b[?1u",
    "scheme": "\x1b[?997;1n",
    "size": "\x1b[8;24;80t",
}
"""What terminals answer to questions of other programs."""
KEYS = [
    *("j", "\x1b[A", "é", "ab", "\x1b[<0;3;4M", "\x1b[97;5u", "\x1b[?2026;2$y"),
    *("\x1b[48;24;80;0;0t", "\x1b[200~", "\x1bOP", "\x1ba", "\x1b[1;5R"),
]
"""What is left to Textual."""


class Seconds:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def paced(rate: float = 0.0) -> tuple[Pace, Seconds]:
    clock = Seconds()
    pace = Pace(Budget(rate), clock)
    assert pace.begin() == PROBE.format(WHO)
    return pace, clock


def answer_probe(pace: Pace, clock: Seconds, way: float) -> None:
    clock.now += way
    pace.answered(STATUS)
    pace.answered(ATTRIBUTES)


def test_a_frame_waits_for_the_one_before_it() -> None:
    pace, clock = paced()
    answer_probe(pace, clock, 0.2)
    assert pace.hold() == 0.0
    assert pace.painted(4000) == QUERY
    clock.now += 0.8
    pace.answered(STATUS)  # the link was busy with it for 0.6 s
    assert pace.hold() == pytest.approx(0.6)
    clock.now += 0.7
    assert pace.painted(4000) == QUERY
    assert pace.hold() == pytest.approx(OVERDUE_SECONDS)


def test_an_answer_that_is_lost_holds_the_screen_for_a_while_only() -> None:
    pace, clock = paced()
    answer_probe(pace, clock, 0.2)
    pace.painted(4000)
    pace.painted(4000)
    for overdue in (OVERDUE_SECONDS, 2 * OVERDUE_SECONDS, 4 * OVERDUE_SECONDS):
        assert pace.hold() == pytest.approx(overdue)
        clock.now += overdue + 0.01
        assert pace.hold() == 0.0
        pace.painted(4000)
        pace.painted(4000)
    pace.answered(STATUS)
    pace.painted(4000)
    assert pace.hold() == pytest.approx(OVERDUE_SECONDS)


def test_on_a_long_way_with_short_frames_two_are_under_way() -> None:
    pace, clock = paced()
    answer_probe(pace, clock, 0.2)
    for _ in range(MOST_AHEAD):
        assert pace.hold() == 0.0
        pace.painted(100)
    assert pace.hold() == pytest.approx(OVERDUE_SECONDS)


def test_a_key_does_not_wait_for_the_rest_of_the_link() -> None:
    pace, clock = paced()
    answer_probe(pace, clock, 0.1)
    pace.painted(9000)
    clock.now += 1.0
    pace.answered(STATUS)
    assert pace.hold() == pytest.approx(0.9)
    pace.key_pressed()
    assert pace.hold() == 0.0


def test_a_terminal_that_knows_no_status_is_not_waited_for() -> None:
    pace, _clock = paced()
    pace.answered(ATTRIBUTES)
    for _ in range(10):
        assert pace.hold() == 0.0
        assert pace.painted(4000) == ""
    assert not pace.is_due


def test_one_that_says_nothing_is_waited_for_a_while_and_may_say_it_late() -> None:
    pace, clock = paced()
    pace.painted(4000)
    held = pace.hold()
    assert held == PATIENCE_SECONDS
    clock.now += PATIENCE_SECONDS + 0.1
    assert pace.hold() == 0.0
    assert pace.painted(4000) == ""
    assert pace.is_due  # so that a late answer is no key
    pace.answered(STATUS)
    pace.answered(STATUS)
    pace.answered(ATTRIBUTES)
    clock.now += 60.0
    assert pace.painted(4000) == QUERY
    assert not pace.hold()
    pace.painted(4000)
    assert pace.hold() == pytest.approx(OVERDUE_SECONDS)


def test_before_it_is_given_back_the_terminal_owes_nothing() -> None:
    pace, clock = paced()
    answer_probe(pace, clock, 0.1)
    pace.painted(10)
    pace.end()
    late = Thread(target=pace.answered, args=[STATUS])
    late.start()
    pace.wait_answered(60.0)
    late.join()
    assert not pace.is_due
    assert pace.painted(10) == ""


# Answers among keys.


@given(
    pieces=st.lists(st.sampled_from([*KEYS, *ANSWERS, *STRAYS.values()])),
    cuts=st.lists(st.integers(1, 5)),
)
def test_answers_are_taken_out_wherever_reads_are_cut(
    pieces: list[str], cuts: list[int]
) -> None:
    answers: list[str] = []
    reader = AnswerFilter(lambda: True, answers.append)
    sent, keys = "".join(pieces), ""
    while sent:
        size = cuts.pop() if cuts else len(sent)
        keys += reader.keys(sent[:size])
        sent = sent[size:]
    keys += reader.release()
    assert keys == "".join(piece for piece in pieces if piece in KEYS)
    assert answers == [ANSWERS[piece] for piece in pieces if piece in ANSWERS]


def test_an_escape_is_a_key_when_nothing_follows() -> None:
    reader = AnswerFilter(lambda: True, lambda _status: None)
    assert reader.keys("\x1b") == ""
    assert reader.held
    assert reader.release() == "\x1b"
    assert not reader.held


@pytest.mark.parametrize("key", ["\x1b]", "\x1bP", "\x1b_", "\x1b[", "\x1b]11j"])
def test_a_key_that_begins_like_a_string_is_one(key: str) -> None:
    reader = AnswerFilter(lambda: True, lambda _status: None)
    assert reader.keys(key) + reader.release() == key
    assert AnswerFilter(lambda: False, lambda _status: None).keys(key) == key


@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS)
def test_what_others_asked_presses_no_key(stray: str) -> None:
    reader = AnswerFilter(lambda: False, lambda _status: None)
    assert reader.keys(f"j{stray}k") == "jk"


def test_nothing_is_held_back_for_an_answer_that_is_not_due() -> None:
    answers: list[str] = []
    reader = AnswerFilter(lambda: False, answers.append)
    # Some answer a question they do not know with what they answer to another.
    assert reader.keys("\x1b[?6cj\x1b") == "j\x1b"
    assert answers == ["?6c"]


def test_a_terminal_says_which_one_it_is() -> None:
    pace, _clock = paced()
    pace.answered(STATUS)
    pace.answered(TMUX)
    assert pace.terminal == TMUX
    assert pace.is_due
    pace.answered(ATTRIBUTES)
    assert not pace.is_due
    assert WHO not in pace.begin(who=False)


# A multiplexer answers at once.


def test_a_budget_lets_so_many_bytes_through_and_keys_whole() -> None:
    pace, clock = paced(rate=10_000)
    answer_probe(pace, clock, 0.0)
    painted, begun = 0, clock.now
    while clock.now < begun + 10.0:
        wait = pace.hold()
        clock.now += max(wait, 0.01)
        if not wait:
            pace.painted(2500)
            pace.answered(STATUS)
            painted += 2500
    assert painted <= 115_000
    assert painted >= 85_000
    pace.key_pressed()
    assert pace.hold() == 0.0
    clock.now += KEY_SECONDS


@pytest.mark.parametrize(
    ("environ", "rate"),
    [
        ({}, 0.0),
        ({"TMUX": "x"}, 0.0),
        ({"SSH_CONNECTION": "a b c d"}, 0.0),
        ({"SSH_CONNECTION": "a", "TMUX": "x"}, 12_000.0),
        ({"SSH_TTY": "/dev/pts/1", "TERM": "screen-256color"}, 12_000.0),
        ({"SSH_TTY": "/dev/pts/1", "STY": "1.x"}, 12_000.0),
    ],
)
def test_only_in_a_multiplexer_over_ssh_there_is_one(
    environ: dict[str, str], rate: float
) -> None:
    assert budget_for(12.0, environ).rate == rate
