from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chronotui.log.chunks import MOST_WRITTEN
from chronotui.log.marks import LineRow
from chronotui.log.pattern import compile_pattern
from chronotui.log.rows import Rows
from chronotui.log.search import Search
from chronotui.log.store import LogStore

if TYPE_CHECKING:
    from tests.log.conftest import Lines, MemoryOverflow

BUDGET = 1 << 20


def filled(overflow: MemoryOverflow, lines: Lines) -> LogStore:
    """Return a store of about seven times its budget."""
    store = LogStore(budget_bytes=BUDGET, overflow=lambda: overflow)
    for start in range(0, 60_000, 1000):
        store.add(lines(start, start + 1000, message="€" * 30))
    return store


def test_past_its_budget_the_log_goes_to_the_spool_and_reads_the_same(
    overflow: MemoryOverflow, lines: Lines
) -> None:
    store = filled(overflow, lines)
    memory = store.spool.memory
    assert memory.text_bytes + memory.index_bytes < 2 * BUDGET
    assert memory.spooled_bytes > 4 * BUDGET
    assert memory.note == ""
    assert store.lines(0, len(store)) == lines(0, 60_000, message="€" * 30)
    assert store.spool.memory[:3] == memory[:3]
    search = Search(Rows(store), compile_pattern("€€"))
    while not search.advance(1):
        pass
    assert search.next(0) is not None


def test_what_was_read_or_came_last_stays_in_memory(
    overflow: MemoryOverflow, lines: Lines
) -> None:
    store = LogStore(budget_bytes=BUDGET, overflow=lambda: overflow)
    for start in range(0, 60_000, 10_000):
        store.add(lines(start, start + 10_000, message="€" * 30))
        store.line(0)
    overflow.broken = True
    assert store.line(0).message == "€" * 30
    assert store.line(55_000).message == "€" * 30
    assert store.line(20_000).message == "(unreadable)"


def test_lines_are_inserted_between_spooled_ones(
    overflow: MemoryOverflow, lines: Lines
) -> None:
    store = filled(overflow, lines)
    late = lines(30_000, 30_001, event_id="", message="late")
    assert store.add(late).new == tuple(late)
    assert store.lines(30_000, 30_002)[0].message == "late"
    assert len(store) == 60_001


def test_a_spool_that_cannot_be_opened_is_said_and_memory_used(lines: Lines) -> None:
    def refuse() -> MemoryOverflow:
        raise PermissionError(13, "Permission denied")

    store = LogStore(budget_bytes=BUDGET, overflow=refuse)
    store.add(lines(0, 60_000))
    store.add(lines(60_000, 60_001))
    assert store.spool.memory.note == (
        "The spool file fails (Permission denied): memory is used instead."
    )
    assert store.lines(0, len(store)) == lines(0, 60_001)


def test_a_full_spool_is_tried_again_when_the_log_has_grown(
    overflow: MemoryOverflow, lines: Lines
) -> None:
    store = LogStore(budget_bytes=BUDGET, overflow=lambda: overflow)
    overflow.full = True
    store.add(lines(0, 40_000))
    assert "No space left" in store.spool.memory.note
    overflow.full = False
    store.add(lines(40_000, 40_001, message="x" * (65 << 20)))
    store.add(lines(40_001, 40_002))
    assert store.spool.memory.note == ""
    assert store.spool.memory.spooled_bytes
    assert store.lines(0, 40_000) == lines(0, 40_000)


def test_without_a_spool_being_over_budget_is_said(lines: Lines) -> None:
    store = LogStore(budget_bytes=1000)
    store.add(lines(0, 1000))
    assert "without a spool file" in store.spool.memory.note


@pytest.mark.parametrize("short", [False, True])
def test_lines_that_cannot_be_read_back_say_so_and_nothing_else_is_hurt(
    overflow: MemoryOverflow, lines: Lines, short: bool
) -> None:
    store = filled(overflow, lines)
    if short:
        overflow.content = overflow.content[:10]
    else:
        overflow.broken = True
    rows = Rows(store)
    assert [
        row.line.message for row in rows.rows(0, 2) if isinstance(row, LineRow)
    ] == ["(unreadable)"] * 2
    assert "cannot be read back" in store.spool.memory.note
    assert len(rows.rows(0, 60_000)) == 60_000
    assert store.line(59_999).message == "€" * 30
    with pytest.raises(OSError, match=r"error|shorter"):
        store.add(lines(10, 11, event_id="", message="between them"))


def test_one_append_spools_a_bounded_number_of_bytes(
    overflow: MemoryOverflow, lines: Lines
) -> None:
    store = LogStore(budget_bytes=1, overflow=lambda: overflow)
    store.add(lines(0, 40_000, message="x" * 1000))
    assert 0 < store.spool.memory.spooled_bytes < MOST_WRITTEN + (2 << 20)


def test_a_closed_store_gives_the_spool_back(
    overflow: MemoryOverflow, lines: Lines
) -> None:
    store = filled(overflow, lines)
    store.close()
    assert overflow.content == b""
    assert store.line(0).message == "(unreadable)"


def test_reading_about_keeps_to_a_few_chunks_of_memory(
    overflow: MemoryOverflow, lines: Lines
) -> None:
    store = LogStore(budget_bytes=BUDGET, overflow=lambda: overflow)
    for start in range(0, 30_000, 1000):
        store.add(lines(start, start + 1000, message="x" * 1000))
    rows = Rows(store)
    for row in range(0, 30_000, 500):
        shown = rows.row(row)
        assert isinstance(shown, LineRow)
        assert shown.line.sequence_num == row
    resident = store.spool.memory.text_bytes + store.spool.memory.index_bytes
    assert resident < BUDGET + MOST_WRITTEN
