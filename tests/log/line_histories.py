"""True logs of jobs with several attempts, as Hypothesis strategies."""

from __future__ import annotations

from hypothesis import strategies as st

from chronotui.log.attempts import MILLISECOND_NS
from chronotui.model import STDERR, STDOUT, LogLine

START = 1_700_000_000 * 10**9
"""When the first attempt begins, in nanoseconds since the epoch."""


def coarse(line: LogLine) -> LogLine:
    assert line.time_ns is not None
    return line._replace(
        time_ns=line.time_ns - line.time_ns % MILLISECOND_NS, retained=True
    )


@st.composite
def jobs(draw: st.DrawFn, attempts: int = 4) -> list[LogLine]:
    """A job's true lines: attempts seconds apart, lines a few milliseconds."""
    truth: list[LogLine] = []
    at = START
    for attempt in range(1, draw(st.integers(1, attempts)) + 1):
        at += draw(st.integers(1, 20)) * 10**9
        number = 1
        for shared in draw(st.lists(st.booleans(), min_size=1, max_size=30)):
            at += draw(st.integers(2, 400)) * MILLISECOND_NS + 123
            text = draw(st.sampled_from(["tick", "same", f"line {number}"]))
            stream = draw(st.sampled_from([STDOUT, STDERR]))
            truth.append(LogLine(attempt, number, stream, at, text))
            if shared:
                other = STDOUT if stream == STDERR else STDERR
                truth.append(LogLine(attempt, number, other, at + 50_000, "other"))
                number += 1
            number += 1
    return truth


def retained(truth: list[LogLine]) -> list[LogLine]:
    """The lines as an oldest-first list has them."""
    ordered = sorted(
        truth, key=lambda line: (line.attempt, line.sequence_num, line.stream)
    )
    return [coarse(line) for line in ordered]


def with_ids(truth: list[LogLine], base: int) -> list[LogLine]:
    """The same lines as a current server has them: ids, and numbers from ``base``."""
    return [
        line._replace(
            sequence_num=line.sequence_num - 1 + base,
            event_id=event_id(line.attempt, line.stream, line.sequence_num - 1 + base),
        )
        for line in truth
    ]


def event_id(attempt: int, stream: str, number: int) -> str:
    """A current server's event id."""
    turn = f"attempt:{attempt}:" if attempt > 1 else ""
    return f"log:0190d6a2-7c1e:{turn}{stream}:{number}"
