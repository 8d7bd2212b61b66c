"""A line's place, the command that opens it, and what is handed over with it."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.cli.parser import parse
from chronotui.log.handoff import LinePlace, Origin
from chronotui.log.store import LogStore
from chronotui.model import STDERR, STDOUT, LogLine

STAMP = 1_772_528_405_123_456_789


def a_line(number: int, stream: str = STDOUT, attempt: int = 1) -> LogLine:
    ids = f"log:j:attempt:{attempt}:{stream}:{number}"
    return LogLine(attempt, number, stream, STAMP, f"{stream} {number}", ids)


@given(st.integers(0, 99), st.integers(0, 10**9), st.sampled_from(["", STDOUT, STDERR]))
def test_a_place_is_read_as_it_is_written(
    attempt: int, number: int, stream: str
) -> None:
    place = LinePlace(attempt, number, stream)
    assert LinePlace.parse(str(place)) == place


@pytest.mark.parametrize(
    "text",
    ["", "3", "3:", ":3", "a:1", "1:-1", "1:2:err", "1:2:", "1:2:stderr:", "¹:1"],
)
def test_what_names_no_line_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="names no"):
        LinePlace.parse(text)


def test_a_line_is_found_by_its_stream_or_the_first_of_its_number() -> None:
    store = LogStore()
    store.add(
        [a_line(1), a_line(2), a_line(2, STDERR), a_line(4), a_line(2, attempt=2)]
    )
    assert LinePlace(1, 2).find(store) == a_line(2, STDERR)
    assert LinePlace(1, 2, STDOUT).find(store) == a_line(2)
    assert LinePlace(1, 4, STDERR).find(store) is None
    assert LinePlace(1, 3).find(store) is None
    assert LinePlace(2, 2).find(store) == a_line(2, attempt=2)


@pytest.mark.parametrize("job", ["77aa09", "-x", "a b", "it's", "`id`", "$(id)"])
def test_the_command_is_taken_by_the_command_line(job: str) -> None:
    server = {"--profile": "prod", "--url": "http://x/v1"}
    origin = Origin("w-1", job, "nightly", job, server)
    words = shlex.split(origin.command(LinePlace(3, 686, STDERR)))
    assert words[0] == "chronotui"
    options = parse(words[1:])
    assert (options.workflow, options.job, options.line) == ("w-1", job, "3:686:stderr")
    assert (options.profile, options.url) == ("prod", "http://x/v1")


def test_the_command_opens_the_demo_where_that_is_shown() -> None:
    origin = Origin("w", "j", "nightly", "j", {"--kind": "dify"}, "demo")
    options = parse(shlex.split(origin.command())[1:])
    assert (options.verb, options.kind, options.job) == ("demo", "dify", "j")


def test_lines_are_handed_with_time_workflow_job_and_attempt() -> None:
    origin = Origin("w1", "77aa09ff", "nightly\x1b-report", "77aa09")
    handed = origin.handed([a_line(686, STDERR, 3), a_line(687, attempt=3)])
    assert handed == [
        "2026-03-03T09:00:05.123Z nightly␛-report 77aa09 attempt 3 [stderr] stderr 686",
        "2026-03-03T09:00:05.123Z nightly␛-report 77aa09 attempt 3 [stdout] stdout 687",
        "chronotui --workflow w1 --job 77aa09ff --line 3:686:stderr",
    ]
