"""Logs nobody would want: everything is held, found and counted all the same."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from chronotui.log.finders import LineFilter
from chronotui.log.pattern import compile_pattern
from chronotui.log.rows import Rows
from chronotui.log.search import Search
from chronotui.log.store import LogStore
from chronotui.model import STDOUT, LogLine

if TYPE_CHECKING:
    from tests.log.conftest import Lines, MemoryOverflow

CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x202E, 0x2066, 0x200B, 0xFEFF, 0x2028]


def plain(messages: list[str]) -> list[LogLine]:
    return [
        LogLine(1, n, STDOUT, n, text, f"log:j:stdout:{n}")
        for n, text in enumerate(messages)
    ]


def matching(store: LogStore, typed: str) -> int:
    search = Search(Rows(store), compile_pattern(typed))
    while not search.advance(1):
        pass
    return search.count


ODD_MESSAGES = {
    "empty": [""] * 40_000,
    "blank": [" ", "\t", "\u3000", "\x1b[0m", "\r", "\u200b"] * 5000,
    "controls": [chr(code) * 3 for code in CONTROLS] * 150,
    "surrogates": [f"\udc80{n}\ud800" for n in range(5000)],
    "newlines": ["a\nb", "\n", "\n\n\n"] * 3000,
}


@pytest.mark.parametrize("kind", ODD_MESSAGES)
def test_odd_messages_are_held_as_they_came(
    kind: str, overflow: MemoryOverflow
) -> None:
    lines = plain(ODD_MESSAGES[kind])
    store = LogStore(budget_bytes=1 << 16, overflow=lambda: overflow)
    for start in range(0, len(lines), 1000):
        store.add(lines[start : start + 1000])
    assert store.lines(0, len(store)) == lines
    assert store.spool.memory.spooled_bytes > 0
    assert matching(store, "nowhere") == 0
    assert matching(store, "^") == len(lines)
    last = Rows(store).row(len(lines) - 1)
    assert last.line == lines[-1]  # type: ignore[union-attr]


def test_lines_of_no_text_take_no_more_than_others() -> None:
    store = LogStore()
    store.add(plain([""] * 100_000))
    memory = store.spool.memory
    assert memory.index_bytes / len(store) <= 32
    assert memory.text_bytes == len(store)


@pytest.mark.parametrize("order", ["reverse", "random", "swapped"])
def test_lines_out_of_order_one_by_one_end_up_in_order(
    order: str, lines: Lines
) -> None:
    """The work of one insert follows the chunk it falls into, not the log."""
    numbers = list(range(6000))
    if order == "reverse":
        numbers.reverse()
    elif order == "random":
        Random(1).shuffle(numbers)
    else:
        numbers = [number ^ 1 for number in numbers]
    made = lines(0, 6000)
    store = LogStore()
    for number in numbers:
        assert store.add([made[number]]).new == (made[number],)
    assert store.lines(0, len(store)) == made
    assert len(store.chunks.chunks) < 10


@pytest.mark.parametrize(("typed", "shown"), [("nowhere", 0), ("message", 10_000)])
def test_a_filter_for_nothing_or_everything(
    store: LogStore, lines: Lines, typed: str, shown: int
) -> None:
    rows = Rows(store, LineFilter(include=(compile_pattern(typed),)))
    while not rows.advance(1):
        pass
    assert (rows.line_count, len(rows)) == (shown, shown)
    store.add(lines(10_000, 10_010))
    rows.refresh()
    while not rows.advance(1):
        pass
    assert rows.line_count == (shown + 10 if shown else 0)
    without = Rows(store, LineFilter(exclude=(compile_pattern(typed),)))
    while not without.advance(1):
        pass
    assert without.line_count == 10_010 - rows.line_count


def test_many_empty_looking_lines_are_wrapped_and_counted(lines: Lines) -> None:
    """Rows of nothing are rows: numbers, places and times stay theirs."""
    store = LogStore()
    store.add(lines(0, 20_000, message=" "))
    rows = Rows(store)
    assert len(rows) == 20_000
    assert rows.row_at_time(15_000 * 1_000_000) == 15_000
    assert rows.locate(rows.anchor(19_999)) == 19_999
