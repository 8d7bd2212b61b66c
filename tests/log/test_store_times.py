"""What the times of lines decide: which line is the same, and where a time is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chronotui.log.chunks import CHUNK_LINES
from chronotui.log.rows import Rows
from chronotui.log.store import LogStore
from chronotui.model import STDOUT, LogLine

if TYPE_CHECKING:
    from tests.log.conftest import Lines

BEGUN = 10**18
MILLISECOND = 1_000_000


def bare(time_ns: int | None, message: str = "hello") -> LogLine:
    """Return a line of unknown attempt and without an id."""
    return LogLine(0, 5, STDOUT, time_ns, message)


@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "later"])
@pytest.mark.parametrize("sign", [1, -1], ids=["after", "before"])
def test_a_millisecond_apart_is_the_same_line_and_a_nanosecond_more_is_not(
    sign: int, at_once: bool
) -> None:
    for apart, lines in ((MILLISECOND, 1), (MILLISECOND + 1, 2)):
        store = LogStore()
        given = [bare(BEGUN), bare(BEGUN + sign * apart)]
        for batch in [given] if at_once else [given[:1], given[1:]]:
            store.add(batch)
        assert len(store) == lines, apart


def newest_of(store: LogStore) -> list[int]:
    return [chunk.newest_ns for chunk in store.chunks.chunks]


def late(lines: list[LogLine], number: int, time_ns: int) -> list[LogLine]:
    """Return lines of which one has a later time than it should."""
    at = next(n for n, line in enumerate(lines) if line.sequence_num == number)
    return [*lines[:at], lines[at]._replace(time_ns=time_ns), *lines[at + 1 :]]


def row_at(store: LogStore, time_ns: int) -> int:
    return Rows(store).row_at_time(time_ns)


def test_the_newest_time_of_a_chunk_need_not_be_that_of_its_last_line(
    lines: Lines,
) -> None:
    ahead = 10 * CHUNK_LINES * MILLISECOND
    store = LogStore()
    store.add(late(lines(0, 2 * CHUNK_LINES), 7, ahead))
    assert newest_of(store) == [ahead, (2 * CHUNK_LINES - 1) * MILLISECOND]
    # The first chunk is not passed by because its last line is older than that.
    assert row_at(store, CHUNK_LINES * MILLISECOND) == 7
    assert row_at(store, ahead) == 7
    assert row_at(store, ahead + 1) == 2 * CHUNK_LINES - 1


def test_lines_that_join_a_chunk_raise_its_newest_time(lines: Lines) -> None:
    store = LogStore()
    ten = lines(0, 10, retained=False)
    store.add([*ten[:4], *ten[5:]])
    ahead = 99 * MILLISECOND
    store.add([ten[4]._replace(time_ns=ahead)])  # between others
    assert newest_of(store) == [ahead]
    assert row_at(store, 50 * MILLISECOND) == 4
    store.add(lines(10, 12))  # at the end, with older times
    assert newest_of(store) == [ahead]
    store.add(lines(12, 13, time_ns=2 * ahead))
    assert newest_of(store) == [2 * ahead]
    assert row_at(store, 2 * ahead) == 12


def test_a_retained_time_takes_the_place_of_a_live_one(lines: Lines) -> None:
    store = LogStore()
    ten = lines(0, 10, retained=False)
    store.add(late(ten, 3, 99 * MILLISECOND))
    store.add([ten[3]._replace(retained=True)])
    assert newest_of(store) == [9 * MILLISECOND]
    assert row_at(store, 50 * MILLISECOND) == 9


def test_a_chunk_written_anew_knows_its_newest_time(lines: Lines) -> None:
    store = LogStore()
    ten = lines(0, 10, retained=False)
    store.add(late(ten, 3, 99 * MILLISECOND))
    other = ten[3]._replace(message="said otherwise", retained=True)
    store.add([other])
    assert newest_of(store) == [9 * MILLISECOND]
    store.add(lines(20, 400))
    store.add(late(lines(10, 20), 15, 999 * MILLISECOND))
    assert newest_of(store) == [999 * MILLISECOND]
    assert row_at(store, 500 * MILLISECOND) == 15


def test_lines_without_a_time_are_passed_by(lines: Lines) -> None:
    store = LogStore()
    store.add([line._replace(time_ns=None) for line in lines(0, 5)])
    store.add(lines(5, 8))
    assert row_at(store, 0) == 5
