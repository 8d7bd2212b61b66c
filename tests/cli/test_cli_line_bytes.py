"""What slices of lines are printed as: the same bytes as line by line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.cli.line_bytes import line_printer, slice_printer
from chronotui.engine.retained import LineSelection
from chronotui.log.pattern import LineMatcher, compile_pattern
from chronotui.log.store import LogStore
from chronotui.model import STDERR, STDOUT, LogLine

if TYPE_CHECKING:
    from chronotui.cli.output import Output

NS = 10**9
FORMS = [("text", False), ("text", True), ("jsonl", False)]
MESSAGES = st.one_of(
    st.text(max_size=12),
    st.text(st.characters(codec=None), max_size=6),  # lone surrogates too
    st.sampled_from(
        [
            "plain",
            'a "quoted" \\ one',
            "\x1b[31mred\x1b[0m",
            "10 %\r20 %",
            "two\nlines",
            "\x00\x7f\u2028",
            "x" * 5000,
            "tick",
            "Tick",
        ]
    ),
)
TIMES = st.one_of(
    st.none(),
    st.integers(0, 10**6).map(lambda ms: 1_764_000_000 * NS + ms * 10**6),
    st.integers(-(2**62), 2**62),
)


class Pipe:
    is_terminal = has_colour = False


class Screen:
    is_terminal = has_colour = True


@st.composite
def logs(draw: st.DrawFn) -> list[LogLine]:
    """Lines of one or two attempts, some of them without an id or of an odd stream."""
    ids = draw(st.sampled_from(["every", "no", "odd"]))
    made = []
    for attempt in range(1, draw(st.integers(1, 2)) + 1):
        for number in range(draw(st.integers(0, 12))):
            stream = draw(st.sampled_from([STDOUT, STDOUT, STDERR, "audit"]))
            turn = f"attempt:{attempt}:" if attempt > 1 else ""
            name = f"log:j:{turn}{stream}:{number}" if ids != "no" else ""
            name = f"{name}?" if ids == "odd" and number % 3 == 0 else name
            time_ns, message = draw(TIMES), draw(MESSAGES)
            made.append(LogLine(attempt, number, stream, time_ns, message, name, True))
    return made


@given(logs(), st.sampled_from(FORMS), st.sampled_from([Pipe, Screen]))
def test_a_slice_is_printed_as_its_lines_are(
    lines: list[LogLine], form: tuple[str, bool], output: type
) -> None:
    store = LogStore()
    store.add(lines)
    to = cast("Output", output())
    one = line_printer(form[0], to, timestamps=form[1])
    many = slice_printer(form[0], to, timestamps=form[1])
    held = store.lines(0, len(store))
    for start in range(0, len(held), 5):
        pieces = store.slices(start, start + 9)
        printed = b"".join(map(many, pieces))
        assert printed == b"".join(map(one, held[start : start + 9]))


@given(
    logs(),
    st.sampled_from([None, STDOUT, STDERR, "audit"]),
    st.sampled_from([None, "tick", "Tick", "l.n", r"^\s*$", "x{40,}", "é"]),
    st.one_of(st.none(), st.integers(-5, 10**6)),
    st.sampled_from([None, 1, 2]),
)
def test_a_selection_chooses_of_slices_what_it_prints(
    lines: list[LogLine],
    stream: str | None,
    grep: str | None,
    since: int | None,
    attempt: int | None,
) -> None:
    matcher = LineMatcher(compile_pattern(grep)) if grep else None
    since_ns = None if since is None else 1_764_000_000 * NS + since * 10**6
    selection = LineSelection(stream, matcher, since_ns, None, attempt)
    store = LogStore()
    store.add(lines)
    choose = selection.chosen()
    for start in range(0, len(store), 5):
        chosen = [choose(piece) for piece in store.slices(start, start + 9)]
        found = [line for piece in chosen if piece for line in piece.lines()]
        assert found == list(filter(selection.prints, store.lines(start, start + 9)))


def test_an_entry_is_what_the_slow_encoder_writes() -> None:
    """Every character of the first planes, escaped or not, by both encoders."""
    marks = [chr(code) for code in (*range(0xD800), *range(0xE000, 0x10400))]
    lines = [
        LogLine(1, at, STDOUT, None, "".join(marks[at * 64 : at * 64 + 64]))
        for at in range(len(marks) // 64)
    ]
    store = LogStore()
    store.add(lines)
    to = cast("Output", Pipe())
    many = slice_printer("jsonl", to, timestamps=False)
    printed = b"".join(map(many, store.slices(0, len(store))))
    one = line_printer("jsonl", to, timestamps=False)
    assert printed == b"".join(map(one, lines))
    entries = [json.loads(line) for line in printed.decode().split("\n")[:-1]]
    assert [entry["message"] for entry in entries] == [line.message for line in lines]


@pytest.mark.parametrize("form", FORMS)
def test_no_line_is_printed_as_nothing(form: tuple[str, bool]) -> None:
    many = slice_printer(form[0], cast("Output", Pipe()), timestamps=form[1])
    store = LogStore()
    assert [many(piece) for piece in store.slices(0, 5)] == []
