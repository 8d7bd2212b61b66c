from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.log.finders import LineFilter
from chronotui.log.levels import Level, is_error, level_of
from chronotui.log.rows import Rows
from chronotui.log.search import Search
from chronotui.log.store import LogStore
from chronotui.model import STDERR, STDOUT, LogLine


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("2026-01-01 10:12:31 INFO loading", Level.INFO),
        ("ERROR bad row", Level.ERROR),
        ("\x1b[31mERROR\x1b[0m bad row", Level.ERROR),
        ("[warn] slow query", Level.WARNING),
        ("Warning: deprecated option used", Level.WARNING),
        ("error: no such file", Level.ERROR),
        ("<crit> disk", Level.FATAL),
        ("level=error msg=x", Level.ERROR),
        ('{"level":"warn","msg":"ERROR 3"}', Level.WARNING),
        ('{"severity": "CRITICAL"}', Level.FATAL),
        ('{"log.level":"debug"}', Level.DEBUG),
        ('{"level":50,"msg":"x"}', Level.ERROR),
        ('{"level":"verbose"} [error] x', Level.ERROR),
        ("TRACE a INFO b", Level.TRACE),
        ("0 errors found, none fatal", None),
        ("NOERROR from resolver", None),
        ("ERROR_CODE=0", None),
        ("the panic was over", None),
        ("ValueError: bad row", None),
        ("x" * 5000 + " ERROR", None),
        ("", None),
    ],
)
def test_the_level_a_message_names(message: str, level: Level | None) -> None:
    assert level_of(message) == level


def line(number: int, message: str, stream: str = STDOUT) -> LogLine:
    return LogLine(1, number, stream, None, message)


def test_all_of_stderr_counts_as_errors() -> None:
    assert is_error(line(1, "INFO starting", STDERR))
    assert is_error(line(1, "ERROR"))
    assert not is_error(line(1, "WARN"))


LINES = st.builds(
    line,
    st.integers(0, 50),
    st.sampled_from(
        ["INFO a", "x WARN y", "[error] z", '{"level":60}', "lvl: 30", "plain"]
    ),
    st.sampled_from([STDOUT, STDERR]),
)


@given(st.lists(LINES), st.sampled_from(Level))
def test_rows_of_a_level_are_the_lines_of_that_level(
    lines: list[LogLine], level: Level
) -> None:
    store = LogStore()
    store.add(lines)
    held = store.lines(0, len(store))
    line_filter = LineFilter(level=level)
    assert Rows(store, line_filter).line_count == sum(map(line_filter.matches, held))
    assert Search(Rows(store)).count == sum(map(is_error, held))
