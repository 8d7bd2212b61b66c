"""The last error of a log and its end, found without reading all of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.log.errors import error_lines
from chronotui.log.excerpts import END_LINES, MOST_LINES, excerpts_of
from chronotui.log.store import LogStore
from chronotui.model import STDERR, STDOUT, LogLine

TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "load.py", line 88, in <module>',
    "    run()",
    "ValueError: bad row 31977",
)


def store_of(*attempts: list[tuple[str, str]]) -> LogStore:
    store = LogStore()
    for attempt, lines in enumerate(attempts, 1):
        store.add(
            [
                LogLine(attempt, n, stream, n * 10**10, message, f"{attempt}-{n}")
                for n, (stream, message) in enumerate(lines)
            ]
        )
    return store


def plain(count: int) -> list[tuple[str, str]]:
    return [(STDOUT, f"Loading batch {n}") for n in range(count)]


@pytest.mark.parametrize("stream", [STDOUT, STDERR])
def test_the_last_error_is_whole_whatever_stream_it_came_on(stream: str) -> None:
    error = [(stream, text) for text in TRACEBACK]
    store = store_of([*plain(50), *error, *plain(3000), *error, *plain(100)])
    shown = excerpts_of(store)
    assert shown.error is not None
    assert shown.end is not None
    assert [line.message for line in shown.error.first] == list(TRACEBACK)
    assert shown.error.begin.sequence_num == 3054
    assert len(shown.end.first) == END_LINES
    assert shown.end.end.message == "Loading batch 99"


def test_an_error_at_the_end_is_one_with_the_end() -> None:
    error = [(STDERR, text) for text in TRACEBACK]
    shown = excerpts_of(store_of([*plain(50), *error, (STDOUT, "exit 1")]))
    assert shown.end is None
    assert shown.error is not None
    assert shown.error.error_at == END_LINES - 5
    lines = [line.message for line in shown.error.first]
    assert lines[END_LINES - 5 :] == [*TRACEBACK, "exit 1"]


def test_the_error_of_an_attempt_before_counts_where_the_last_has_none() -> None:
    error = [(STDERR, text) for text in TRACEBACK]
    shown = excerpts_of(store_of([*plain(5), *error], plain(300)))
    assert shown.error is not None
    assert shown.error.begin.attempt == 1
    assert shown.end is not None
    assert shown.end.begin.attempt == 2


def test_a_log_without_errors_or_lines_has_none() -> None:
    assert excerpts_of(LogStore()).end is None
    shown = excerpts_of(store_of(plain(10)))
    assert shown.error is None
    assert shown.end is not None
    assert shown.looked_at == 10


def test_of_a_flood_the_first_and_the_last_lines_are_kept() -> None:
    flood = [(STDERR, "same words") for _ in range(5000)]
    store = LogStore()
    store.add(
        [
            LogLine(1, n, stream, n, text, f"x{n}")
            for n, (stream, text) in enumerate(flood)
        ]
    )
    shown = excerpts_of(store)
    assert shown.error is not None
    assert len(shown.error.first) + len(shown.error.last) == MOST_LINES
    assert shown.error.left_out == 5000 - MOST_LINES
    assert shown.error.begin.sequence_num == 0


lines = st.lists(
    st.tuples(
        st.sampled_from([STDOUT, STDERR]),
        st.sampled_from([*TRACEBACK, "plain", "plain", "", "ERROR x", "INFO y"]),
    ),
    min_size=1,
    max_size=60,
)


@given(lines, lines, st.integers(0, 2200))
def test_looking_back_finds_what_reading_all_of_it_finds(
    early: list[tuple[str, str]], late: list[tuple[str, str]], between: int
) -> None:
    store = store_of([*early, *plain(between), *late])
    whole = store.lines(0, len(store))
    begins = [index for index, is_first in error_lines(whole) if is_first]
    shown = excerpts_of(store)
    if not begins:
        assert shown.error is None
        return
    assert shown.error is not None
    at = shown.error.error_at or 0
    assert shown.error.first[at].sequence_num == begins[-1]
