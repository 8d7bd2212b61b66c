from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.log.finders import LineFilter
from chronotui.log.levels import Level, level_of
from chronotui.log.rows import Rows
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
        ("E1129 10:12:31.004512       1 main.go:3] cannot list", Level.ERROR),
        ("I1129 10:12:31.004512       1 main.go:3] ERROR 3 is gone", Level.INFO),
        ("fail: Orders.Worker[0]", Level.ERROR),
        ("3 passed, 0 FAIL", None),
        ("✗ Run failed", Level.ERROR),
        ("  ⚠ slow", Level.WARNING),
        ("INFO a ✗", Level.INFO),
        ("/srv/a.py:3: DeprecationWarning: use b", Level.WARNING),
        ("(node:7) UnhandledPromiseRejectionWarning: Error: x", Level.ERROR),
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


LINES = st.builds(
    line,
    st.integers(0, 50),
    st.sampled_from(
        [
            "INFO a",
            "x WARN y",
            "E1129 10:1 a",
            "W0229 1:2",
            "✗ a",
            "[error] z",
            '{"level":60}',
            "lvl: 30",
            "plain",
        ]
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
