"""What differs between a recording and the server's file, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.engine import recording_check as comparison
from chronotui.engine.recording_check import (
    Comparison,
    Difference,
    DigestSpool,
)
from chronotui.log.formats import JSONL, TXT, LineEncoder
from chronotui.model import LogLine
from chronotui.storage.files import SpoolFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def line(number: int, text: str = "", stream: str = "stdout") -> LogLine:
    message = text or f"line {number}"
    return LogLine(1, number, stream, None, message, f"log:j:{stream}:{number}")


def difference(
    folder: Path,
    ours: Sequence[LogLine],
    theirs: Sequence[LogLine],
    *,
    by_text: bool = False,
    step: int = 7,
) -> Difference:
    digests = DigestSpool(lambda: SpoolFile(folder))
    for start in range(0, len(ours), 3):
        digests.add(ours[start : start + 3])
    encoder = LineEncoder(TXT if by_text else JSONL)
    body = encoder.lines(theirs)
    comparison = Comparison(digests, by_text=by_text)
    for start in range(0, len(body), step):
        comparison.take(body[start : start + step])
    found = comparison.finish()
    digests.close()
    return found


LINES = [line(n) for n in range(50)]


@pytest.mark.parametrize("by_text", [False, True])
class TestBothWays:
    def test_the_same_is_the_same(self, tmp_path: Path, by_text: bool) -> None:
        assert difference(tmp_path, LINES, LINES, by_text=by_text).is_none
        assert difference(tmp_path, [], [], by_text=by_text).is_none

    def test_order_within_a_number_is_ignored(
        self, tmp_path: Path, by_text: bool
    ) -> None:
        err, out = line(50, "err", "stderr"), line(50, "out")
        one, other = [*LINES, err, out, line(52)], [*LINES, out, err, line(52)]
        assert difference(tmp_path, one, other, by_text=by_text).is_none

    def test_another_order_is_not(self, tmp_path: Path, by_text: bool) -> None:
        other = [*LINES[:10], LINES[11], LINES[10], *LINES[12:]]
        found = difference(tmp_path, LINES, other, by_text=by_text)
        assert found.out_of_order_at == 10
        assert "another order from number 10" in found.sentence()

    def test_what_one_side_lacks_is_named(self, tmp_path: Path, by_text: bool) -> None:
        found = difference(
            tmp_path,
            [*LINES[:5], *LINES[6:]],
            [*LINES[:20], *LINES[22:]],
            by_text=by_text,
        )
        assert (found.only_ours, found.only_theirs) == (2, 1)
        assert found.our_examples == ("number 20", "number 21")
        assert found.their_examples == (("line 6",) if by_text else ("number 5",))
        assert "2 lines only in the recording (number 20, number 21)" in (
            found.sentence()
        )

    def test_lines_with_line_ends_inside(self, tmp_path: Path, by_text: bool) -> None:
        lines = [line(0), line(1, "two\nlines\n"), line(2)]
        assert difference(tmp_path, lines, lines, by_text=by_text).is_none

    def test_one_line_against_many(self, tmp_path: Path, by_text: bool) -> None:
        found = difference(tmp_path, [], LINES, by_text=by_text)
        assert (found.only_ours, found.only_theirs) == (0, 50)
        found = difference(tmp_path, LINES, [], by_text=by_text)
        assert (found.only_ours, found.only_theirs) == (50, 0)


def test_the_same_words_on_the_other_stream_differ(tmp_path: Path) -> None:
    found = difference(tmp_path, [line(1, "x")], [line(1, "x", "stderr")])
    assert (found.only_ours, found.only_theirs) == (1, 1)


def test_a_server_without_event_ids_is_compared(tmp_path: Path) -> None:
    theirs = [each._replace(event_id="", attempt=0) for each in LINES]
    assert difference(tmp_path, LINES, theirs).is_none


numbers = st.lists(st.integers(0, 30), max_size=30)


@given(ours=numbers, theirs=numbers, by_text=st.booleans())
def test_counts_are_exact(
    tmp_path_factory: pytest.TempPathFactory,
    ours: list[int],
    theirs: list[int],
    by_text: bool,
) -> None:
    found = difference(
        tmp_path_factory.getbasetemp(),
        [line(n) for n in sorted(ours)],
        [line(n) for n in sorted(theirs)],
        by_text=by_text,
        step=1000,
    )
    lacking = sum(max(0, ours.count(n) - theirs.count(n)) for n in set(ours))
    extra = sum(max(0, theirs.count(n) - ours.count(n)) for n in set(theirs))
    assert (found.only_ours, found.only_theirs) == (lacking, extra)


def attempts_of(lengths: Sequence[int]) -> list[LogLine]:
    """Lines of several attempts, one after the other, alike but for the attempt."""
    return [
        LogLine(
            attempt,
            number,
            "stderr" if number % 3 else "stdout",
            None,
            f"line {number}" if number % 2 else "heartbeat ok",
            f"log:j:attempt:{attempt}:{number}",
        )
        for attempt, length in enumerate(lengths, 1)
        for number in range(length)
    ]


lengths = st.lists(st.integers(1, 25), min_size=2, max_size=4)


@given(lengths=lengths, by_text=st.booleans(), interleaved=st.booleans())
def test_attempts_may_stand_side_by_side_or_one_after_the_other(
    tmp_path_factory: pytest.TempPathFactory,
    lengths: list[int],
    by_text: bool,
    interleaved: bool,
) -> None:
    ours = attempts_of(lengths)
    theirs = sorted(ours, key=lambda each: each[1:3]) if interleaved else ours
    folder = tmp_path_factory.getbasetemp()
    assert difference(folder, ours, theirs, by_text=by_text, step=500).is_none


@given(
    lengths=lengths,
    interleaved=st.booleans(),
    lost=st.integers(0, 99),
    ours_lose=st.booleans(),
)
def test_a_line_lacking_in_one_of_them_is_found(
    tmp_path_factory: pytest.TempPathFactory,
    lengths: list[int],
    interleaved: bool,
    lost: int,
    ours_lose: bool,
) -> None:
    whole = attempts_of(lengths)
    short = whole[: lost % len(whole)] + whole[lost % len(whole) + 1 :]
    ours, theirs = (short, whole) if ours_lose else (whole, short)
    if interleaved:
        theirs = sorted(theirs, key=lambda each: each[1:3])
    found = difference(tmp_path_factory.getbasetemp(), ours, theirs, step=500)
    assert (found.only_ours, found.only_theirs) == ((0, 1) if ours_lose else (1, 0))


def test_an_order_that_is_wrong_costs_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "MOST_WAITING", 50)
    ours = attempts_of([500, 400])
    for theirs in (ours, sorted(ours, key=lambda each: each[1:3])):
        assert difference(tmp_path, ours, theirs).is_none


def test_a_file_that_stops_is_told_from_one_that_lacks_a_line(tmp_path: Path) -> None:
    assert difference(tmp_path, LINES, LINES[:20]).ends_early
    assert not difference(tmp_path, LINES, LINES).ends_early
    assert not difference(tmp_path, LINES, [*LINES[:20], *LINES[21:]]).ends_early
    assert not difference(tmp_path, LINES[:20], LINES).ends_early
