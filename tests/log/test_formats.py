"""Lines as the bytes of a saved file."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.log.formats import (
    JSON,
    JSONL,
    MOST_KNOWN,
    SAVE_FORMATS,
    TXT,
    TXT_TIME,
    LineEncoder,
    SavedLog,
    SaveFormat,
    json_value,
    stamp_text,
    text_bytes,
    timed_bytes,
)
from chronotui.log.raw_body import RawBlocks, RawEntry
from chronotui.model import LogLine, RawFormat
from chronotui.times import format_time_ns, parse_time

LINE = LogLine(
    2, 7, "stderr", 1_700_000_000_123_000_000, "boom", "log:j:attempt:2:stderr:7"
)


def encoded(save_format: SaveFormat, lines: list[LogLine]) -> bytes:
    encoder = LineEncoder(save_format, SavedLog("j", "w"))
    return encoder.head() + encoder.lines(lines) + encoder.tail()


def test_each_format() -> None:
    assert encoded(TXT, [LINE]) == b"boom\n"
    assert encoded(TXT_TIME, [LINE]) == b"2023-11-14T22:13:20.123Z [stderr] boom\n"
    entry = {
        "timestamp": "2023-11-14T22:13:20.123Z",
        "sequence_num": 7,
        "stream": "stderr",
        "event_id": "log:j:attempt:2:stderr:7",
        "message_raw": "boom",
    }
    assert json.loads(encoded(JSONL, [LINE])) == entry
    assert json.loads(encoded(JSON, [LINE])) == {
        "id": "j",
        "workflow_id": "w",
        "filters": {"q": "", "stream": "all"},
        "logs": [entry],
    }


def test_what_is_not_known_is_said_so() -> None:
    line = LogLine(0, 1, "", None, "x")
    assert encoded(TXT_TIME, [line]) == b"- [-] x\n"
    assert json.loads(encoded(JSONL, [line]))["timestamp"] == ""


def test_empty_logs() -> None:
    assert encoded(TXT, []) == b""
    assert encoded(JSONL, []) == b""
    assert json.loads(encoded(JSON, []))["logs"] == []


def test_json_is_one_array_over_batches() -> None:
    encoder = LineEncoder(JSON)
    pieces = [encoder.head(), encoder.lines([]), encoder.lines([LINE])]
    pieces += [encoder.lines([]), encoder.lines([LINE, LINE]), encoder.tail()]
    assert len(json.loads(b"".join(pieces))["logs"]) == 3


@pytest.mark.parametrize(
    ("message", "value"),
    [
        ('{"a":1,"a":2}', b'{"a":1,"a":2}'),
        (' {"big":123456789012345678901234567890} ', None),
        ("[1,\n2]", b"[1, 2]"),
        ("42", b"42"),
        ('"text"', b'"text"'),
        ("null", b"null"),
    ],
)
def test_a_message_that_is_json_is_taken_over(
    message: str, value: bytes | None
) -> None:
    assert json_value(message) == (value or message.strip().encode())


@pytest.mark.parametrize(
    "message",
    ["", "  ", "plain", "{", "[1,]", "NaN", "01", "true story", "[" * 100_000],
)
def test_a_message_that_is_not(message: str) -> None:
    assert json_value(message) is None


def test_a_lone_surrogate_does_no_harm() -> None:
    line = LINE._replace(message='{"a":"\ud800"}')
    assert json.loads(encoded(JSONL, [line]))["message_raw"] == line.message
    assert encoded(TXT, [line]) == '{"a":"\ufffd"}\n'.encode()


@pytest.mark.parametrize(
    ("stamp", "shown"),
    [
        ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20.000Z"),
        ("2023-11-14T22:13:20.1Z", "2023-11-14T22:13:20.100Z"),
        ("2023-11-14T22:13:20.123999999Z", "2023-11-14T22:13:20.123Z"),
        ("2023-11-14T23:13:20.1+01:00", "2023-11-14T22:13:20.100Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
        ("0001-01-01T00:00:00Z", ""),
        ("yesterday", ""),
    ],
)
def test_times_are_written_in_utc_with_three_digits(stamp: str, shown: str) -> None:
    assert stamp_text(stamp) == shown


@given(st.integers(-9 * 10**18, 2**63 - 1), st.integers(0, 9))
def test_a_stamp_has_the_digits_that_the_lines_time_has(
    time_ns: int, digits: int
) -> None:
    stamp = format_time_ns(time_ns, digits)
    assert stamp_text(stamp) == format_time_ns(parse_time(stamp) or 0, 3)


STAMPS = st.one_of(
    st.builds(format_time_ns, st.integers(-9 * 10**18, 2**63 - 1), st.integers(0, 9)),
    st.sampled_from(
        [
            None,
            "",
            "yesterday",
            "0001-01-01T00:00:00Z",
            "2016-12-31T23:59:60Z",
            "2023-11-14T23:13:20.1+01:00",
            "2023-11-14T22:13:20",
            "2023-11-14T22:13:20.Z",
            "2023-11-14T22:13:20.1\nZ",
            "2023-11-14T22:13:2",
        ]
    ),
)


@given(
    st.lists(
        st.builds(
            RawEntry,
            STAMPS,
            st.just(0),
            st.sampled_from(["stdout", "stderr", "", None]),
            st.just(""),
            st.text() | st.sampled_from(["\ud800", "\ud83d\ude00", "a\nb"]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_entries_in_a_row_are_written_as_each_alone(entries: list[RawEntry]) -> None:
    """However many pass at once, they are what their lines would be."""
    timed, plain = LineEncoder(TXT_TIME), LineEncoder(TXT)
    alone = [
        timed_bytes(stamp_text(x.timestamp or ""), x.stream, x.message_raw or "")
        for x in entries
    ]
    assert timed.entries(entries) == b"".join(line + b"\n" for line in alone)
    assert plain.entries(entries) == b"".join(
        text_bytes(x.message_raw or "") + b"\n" for x in entries
    )


def test_a_stamp_is_forgotten_where_too_many_are_known() -> None:
    encoder = LineEncoder(TXT_TIME)
    for n in range(0, 3 * MOST_KNOWN, 1000):
        stamps = [f"2023-11-14T22:13:20.{k:09}Z" for k in range(n, n + 1000)]
        entries = [RawEntry(stamp, 0, "stdout", "", "x") for stamp in stamps]
        written = encoder.entries(entries).decode().splitlines()
        assert written == [f"{stamp[:23]}Z [stdout] x" for stamp in stamps]


def test_formats_know_their_encoding_and_ending() -> None:
    assert [(f.name, f.served, f.extension) for f in SAVE_FORMATS] == [
        ("txt", RawFormat.TXT, "txt"),
        ("txt-time", None, "txt"),
        ("jsonl", RawFormat.JSONL, "jsonl"),
        ("json", RawFormat.JSON, "json"),
    ]


lines_strategy = st.lists(
    st.builds(
        LogLine,
        attempt=st.just(1),
        sequence_num=st.integers(0, 2**53),
        stream=st.sampled_from(["stdout", "stderr"]),
        time_ns=st.integers(0, 4 * 10**18),
        message=st.text(),
        event_id=st.builds("log:j:stdout:{}".format, st.integers(0, 99)),
        retained=st.just(True),
    ),
    max_size=6,
)


@given(lines_strategy, st.data())
def test_entries_survive_any_split_of_the_body(
    lines: list[LogLine], data: st.DataObject
) -> None:
    body = encoded(JSONL, lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=10)))
    blocks = RawBlocks()
    read: list[LogLine] = []
    for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True):
        for some in blocks.feed(body[start:end]):
            read += some
    for some in blocks.finish():
        read += some
    assert read == lines
