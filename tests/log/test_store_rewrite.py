"""Lines put in the place of others, as a plain dictionary would have it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from chronotui.log.attempts import LineKey
from chronotui.log.rows import Rows
from chronotui.log.store import LogStore
from chronotui.model import STDERR, STDOUT, LogLine

MOST = 12_000

span = st.tuples(
    st.integers(0, MOST),
    st.sampled_from([1, 2, 5, 300, 5_000]),
    st.integers(1, 7),
    st.sampled_from([STDOUT, STDERR]),
)


def lines_of(low: int, high: int, apart: int, stream: str, word: str) -> list[LogLine]:
    numbers = range(low, high, apart)
    return [LogLine(1, n, stream, None, f"{word} {n}", "", False) for n in numbers]


def key(number: int) -> LineKey:
    return LineKey(1, number, -1, "")


@settings(max_examples=25)
@given(st.lists(span, max_size=8))
def test_what_was_between_two_places_is_what_is_put_there(
    spans: list[tuple[int, int, int, str]],
) -> None:
    store = LogStore()
    rows = Rows(store)
    held: dict[int, LogLine] = {}
    for turn, (low, length, apart, stream) in enumerate(spans):
        lines = lines_of(low, low + length, apart, stream, f"turn {turn}")
        if turn % 4 == 3:
            lines = []
        held = {n: line for n, line in held.items() if not low <= n < low + length}
        held |= {line.sequence_num: line for line in lines}
        store.rewrite(key(low), key(low + length), lines)
        expected = [held[number] for number in sorted(held)]
        assert store.lines(0, len(store)) == expected
        rows.refresh()
        assert len(rows) == len(expected)


def test_a_line_that_is_rewritten_does_not_touch_its_neighbours() -> None:
    store = LogStore()
    store.add(lines_of(0, 9_000, 1, STDOUT, "old"))
    kept = store.chunks.chunks[0]
    store.rewrite(key(8_000), key(8_001), lines_of(8_000, 8_001, 1, STDERR, "new"))
    assert store.chunks.chunks[0] is kept
    assert store.line(8_000).message == "new 8000"
    assert store.line(8_000).stream == STDERR
    assert len(store) == 9_000
