"""Whether a file is whole: over every kind of log, cut anywhere or not at all."""

from __future__ import annotations

import json
from itertools import product
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chronotui.log.raw_body import TAIL_BYTES, DownloadEnd, judge
from chronotui.log.wholeness import (
    DownloadFacts,
    Numbers,
    RawPlace,
    Retained,
    Whole,
    Wholeness,
    decide,
    last_place,
)
from chronotui.model import STDERR, STDOUT, LogLine, RawFormat

FORMATS = tuple(RawFormat)


class Log(NamedTuple):
    """A retained log in the order of a raw file."""

    lines: list[LogLine]

    def entries(self, count: int) -> list[str]:
        return [
            json.dumps(
                {
                    "timestamp": "2026-11-22T10:00:00Z",
                    "sequence_num": line.sequence_num,
                    "stream": line.stream,
                    "event_id": line.event_id,
                    "message_raw": line.message,
                },
                separators=(",", ":"),
            )
            for line in self.lines[:count]
        ]

    def body(self, raw_format: RawFormat, count: int) -> bytes:
        """The first lines as a download that ended properly has them."""
        if raw_format is RawFormat.TXT:
            return "".join(f"{x.message}\n" for x in self.lines[:count]).encode()
        entries = self.entries(count)
        if raw_format is RawFormat.JSONL:
            return "".join(f"{entry}\n" for entry in entries).encode()
        return ('{"id":"j","logs":[' + ",".join(entries) + "]}").encode()

    def held(
        self, raw_format: RawFormat, count: int, *, filtered: bool
    ) -> DownloadFacts:
        body = self.body(raw_format, count)
        lines = body.count(b"\n") if raw_format is RawFormat.TXT else count
        attempts: dict[int, Numbers] = {}
        if raw_format is not RawFormat.TXT:
            for line in self.lines[:count]:
                known = attempts.get(line.attempt, Numbers(0, -1))
                attempts[line.attempt] = Numbers(
                    known.lines + 1, max(known.highest, line.sequence_num)
                )
        return DownloadFacts(raw_format, lines, len(body), body, filtered, attempts)

    def page(self, size: int) -> Retained:
        """What the newest page tells."""
        newest = self.lines[-size:] if size else []
        return Retained(tuple(newest), len(newest) == len(self.lines))

    def decide(
        self, raw_format: RawFormat, count: int, page: int, *, filtered: bool = False
    ) -> Wholeness:
        body = self.body(raw_format, count)

        def repeats(end: bytes) -> bool:
            return end in b"\n" + body[:-1]

        held = self.held(raw_format, count, filtered=filtered)
        return decide(held, self.page(page), repeats)


def log_of(
    messages: list[str], *, ids: bool = True, doubles: frozenset[int] = frozenset()
) -> Log:
    """A log of one attempt; a doubled number is paid for by a later skip."""
    lines: list[LogLine] = []
    number, credit = 0 if ids else 1, 0
    for place, message in enumerate(messages):
        stream = STDOUT
        if place in doubles and lines and lines[-1].stream == STDERR:
            number, credit = number - 1, credit + 1
        elif place + 1 in doubles:
            stream = STDERR
        event_id = f"log:j:{stream}:{number}" if ids else ""
        lines.append(LogLine(1, number, stream, None, message, event_id))
        number += 1
        if credit and place % 3 == 0:
            number, credit = number + 1, credit - 1
    return Log(lines)


UNIQUE = log_of([f"line {n}" for n in range(400)])
HEARTBEAT = log_of([*(f"line {n}" for n in range(100)), *["heartbeat ok"] * 300])
TRACEBACKS = log_of([f"line {n}" if n % 10 else f"a\nb\nc {n}" for n in range(400)])
BOTH = log_of([*["a\nb"] * 100, *["heartbeat ok"] * 300])
LOOPS = log_of([f"step {n % 150}" if n % 30 else "two\nlines" for n in range(450)])
RACY = log_of([f"line {n}" for n in range(400)], doubles=frozenset(range(1, 400, 7)))
LOGS = {
    "unique": UNIQUE,
    "heartbeat": HEARTBEAT,
    "tracebacks": TRACEBACKS,
    "both": BOTH,
    "loops": LOOPS,
    "racy": RACY,
    "documented": log_of([f"line {n}" for n in range(400)], ids=False),
}


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("raw_format", FORMATS)
def test_no_cut_file_is_whole_and_no_whole_one_short(
    name: str, raw_format: RawFormat
) -> None:
    for page, filtered in product((1, 7, 100, 1000), (False, True)):
        tells_whole_from_cut(LOGS[name], raw_format, page, filtered=filtered)


def tells_whole_from_cut(
    log: Log, raw_format: RawFormat, page: int, *, filtered: bool
) -> None:
    whole = log.decide(raw_format, len(log.lines), page, filtered=filtered)
    assert whole.answer in {Whole.WHOLE, Whole.UNDECIDED}, (page, filtered)
    every = raw_format is RawFormat.TXT and page == 100 and not filtered
    for count in range(0, len(log.lines), 1 if every else 25):
        cut = log.decide(raw_format, count, page, filtered=filtered)
        assert cut.answer in {Whole.SHORT, Whole.UNDECIDED}, (page, filtered, count)


@pytest.mark.parametrize(
    ("log", "raw_format", "answer"),
    [
        (UNIQUE, RawFormat.TXT, Whole.WHOLE),
        (TRACEBACKS, RawFormat.TXT, Whole.WHOLE),
        (RACY, RawFormat.TXT, Whole.WHOLE),
        (HEARTBEAT, RawFormat.TXT, Whole.UNDECIDED),
        (BOTH, RawFormat.TXT, Whole.UNDECIDED),
        (HEARTBEAT, RawFormat.JSONL, Whole.WHOLE),
        (BOTH, RawFormat.JSON, Whole.WHOLE),
        (RACY, RawFormat.JSON, Whole.WHOLE),
    ],
)
def test_what_is_told_without_counting(
    log: Log, raw_format: RawFormat, answer: Whole
) -> None:
    assert log.decide(raw_format, len(log.lines), 100).answer is answer


def test_as_many_lines_of_text_as_numbers_do_not_make_up_for_missing_ones() -> None:
    """A cut exactly where messages of two lines hide it."""
    count = len(BOTH.lines) - 100
    assert BOTH.held(RawFormat.TXT, count, filtered=False).lines == len(BOTH.lines)
    assert BOTH.decide(RawFormat.TXT, count, 100).answer is Whole.UNDECIDED


@pytest.mark.parametrize("raw_format", FORMATS)
def test_a_short_file_says_of_how_many(raw_format: RawFormat) -> None:
    found = UNIQUE.decide(raw_format, 300, 100)
    assert (found.answer, found.expected) == (Whole.SHORT, 400)


@pytest.mark.parametrize("raw_format", FORMATS)
@pytest.mark.parametrize("count", [0, 300])
def test_nothing_to_compare_with(raw_format: RawFormat, count: int) -> None:
    held = UNIQUE.held(raw_format, count, filtered=False)
    refused = decide(held, Retained(refused="not allowed"))
    assert refused == Wholeness(Whole.UNVERIFIABLE, why="not allowed")
    assert decide(held, Retained()).answer is Whole.UNDECIDED
    empty = decide(held, Retained(is_all=True)).answer
    assert empty is (Whole.UNVERIFIABLE if count else Whole.WHOLE)


@pytest.mark.parametrize("raw_format", FORMATS)
def test_lines_the_server_lost_do_not_make_a_file_short(raw_format: RawFormat) -> None:
    lost = Log([x for n, x in enumerate(UNIQUE.lines) if n % 50])
    found = lost.decide(raw_format, len(lost.lines), 100)
    assert (found.answer, found.expected) == (Whole.UNDECIDED, 400)


@pytest.mark.parametrize("raw_format", FORMATS)
def test_a_file_may_reach_further_than_an_older_page(raw_format: RawFormat) -> None:
    older = Retained(tuple(UNIQUE.lines[200:300]))
    held = UNIQUE.held(raw_format, 400, filtered=False)
    assert decide(held, older).answer is Whole.WHOLE


def interleaved(first: int, second: int) -> Log:
    lines = [
        LogLine(
            attempt,
            number,
            STDOUT,
            None,
            f"{attempt} {number}",
            f"log:j:{'attempt:2:' if attempt > 1 else ''}stdout:{number}",
        )
        for attempt, count in ((1, first), (2, second))
        for number in range(count)
    ]
    return Log(sorted(lines, key=lambda x: (x.sequence_num, x.stream, x.event_id)))


@pytest.mark.parametrize("raw_format", [RawFormat.JSON, RawFormat.JSONL])
@pytest.mark.parametrize("counts", [(200, 120), (120, 200), (150, 150), (1, 300)])
def test_attempts_that_interleave(
    raw_format: RawFormat, counts: tuple[int, int]
) -> None:
    log = interleaved(*counts)
    assert log.decide(raw_format, len(log.lines), 100).answer is Whole.WHOLE
    for count in range(1, len(log.lines), 7):
        assert log.decide(raw_format, count, 100).answer is Whole.SHORT
    lost = Log([x for x in log.lines if x[:2] != (2, 20)])
    found = lost.decide(raw_format, len(lost.lines), 100)
    assert (found.answer, found.expected) == (Whole.UNDECIDED, sum(counts))


def test_very_long_lines_are_told_by_the_end_there_is() -> None:
    log = log_of([f"{n} " + "x" * 65_000 for n in range(40)])
    body = log.body(RawFormat.TXT, 40)
    held = DownloadFacts(RawFormat.TXT, 40, len(body), body[-TAIL_BYTES:])
    assert decide(held, log.page(30), lambda _: False).answer is Whole.WHOLE
    cut = log.body(RawFormat.TXT, 35)
    short = replace(held, lines=35, size=len(cut), tail=cut[-TAIL_BYTES:])
    assert decide(short, log.page(30)).answer is Whole.SHORT


@pytest.mark.parametrize("message", ['},{"timestamp":1}', '{"timestamp":"x"}', "]}"])
@pytest.mark.parametrize("raw_format", [RawFormat.JSON, RawFormat.JSONL])
def test_the_last_entry_is_found_behind_any_message(
    raw_format: RawFormat, message: str
) -> None:
    log = log_of(["one", message])
    body = log.body(raw_format, 2)
    nested = body.replace(
        b'"message_raw":',
        b'"message_json":{"timestamp":"x","message_raw":1},"message_raw":',
    )
    for text in (body, nested):
        assert last_place(raw_format, text) == RawPlace(1, STDOUT, "log:j:stdout:1")
    assert last_place(raw_format, body[:-9]) is None


@pytest.mark.parametrize("raw_format", [RawFormat.JSON, RawFormat.JSONL])
def test_a_last_entry_nested_deeper_than_json_is_read_is_found(
    raw_format: RawFormat,
) -> None:
    body = log_of(["one", "two"]).body(raw_format, 2)
    start = body.rindex(b"}", 0, -2 if raw_format is RawFormat.JSON else None)
    deep = b',"message_json":' + b"[" * 5000 + b"]" * 5000
    body = body[:start] + deep + body[start:]
    assert last_place(raw_format, body) == RawPlace(1, STDOUT, "log:j:stdout:1")
    assert judge(raw_format, body).ending is DownloadEnd.WHOLE


MESSAGES = st.one_of(
    st.sampled_from(["ok", "heartbeat ok", "a\nb", "", "\n", "ok\nok"]), st.text()
).filter(lambda text: text < "\ud800" or text.isprintable())


@settings(max_examples=150, deadline=None)
@given(
    messages=st.lists(MESSAGES, min_size=1, max_size=40),
    doubles=st.frozensets(st.integers(1, 40)),
    lost=st.frozensets(st.integers(0, 40), max_size=3),
    page=st.integers(1, 40),
    ids=st.booleans(),
    raw_format=st.sampled_from(FORMATS),
    filtered=st.booleans(),
)
def test_a_whole_file_of_any_log_is_never_short(  # noqa: PLR0917
    messages: list[str],
    doubles: frozenset[int],
    lost: frozenset[int],
    page: int,
    ids: bool,
    raw_format: RawFormat,
    filtered: bool,
) -> None:
    log = log_of(messages, ids=ids, doubles=doubles)
    log = Log([line for n, line in enumerate(log.lines) if n not in lost])
    found = log.decide(raw_format, len(log.lines), page, filtered=filtered)
    assert found.answer is not Whole.SHORT


@settings(max_examples=150, deadline=None)
@given(
    messages=st.lists(MESSAGES, min_size=2, max_size=40),
    doubles=st.frozensets(st.integers(1, 40)),
    page=st.integers(1, 40),
    raw_format=st.sampled_from([RawFormat.JSON, RawFormat.JSONL]),
    filtered=st.booleans(),
    cut=st.data(),
)
def test_a_cut_file_with_ids_is_always_short(  # noqa: PLR0917
    messages: list[str],
    doubles: frozenset[int],
    page: int,
    raw_format: RawFormat,
    filtered: bool,
    cut: st.DataObject,
) -> None:
    log = log_of(messages, doubles=doubles)
    count = cut.draw(st.integers(0, len(messages) - 1))
    found = log.decide(raw_format, count, page, filtered=filtered)
    assert found.answer is Whole.SHORT
