"""Log lines out of every shape the two dialects and hostile servers write."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.errors import UnreadableAnswerError
from chronotui.model import LogLine
from chronotui.sources.wire_json import (
    attempt_of,
    read_live_lines,
    read_log_page,
    read_search_page,
)

SECOND_NS = 1_772_532_005_000_000_000

DOCUMENTED_PAGE = """{
  "id": "job_xyz789",
  "workflow_id": "wf_abc123",
  "logs": [
    {
      "timestamp": "2026-03-03T10:00:05.123Z",
      "message": "Starting workflow execution",
      "sequence_num": 1,
      "stream": "stdout"
    },
    {
      "timestamp": "2026-03-03T10:00:06.456Z",
      "message": "Loading configuration",
      "sequence_num": 2,
      "stream": "stdout"
    },
    {
      "timestamp": "2026-03-03T10:00:07.789Z",
      "message": "Warning: deprecated option used",
      "sequence_num": 3,
      "stream": "stderr"
    }
  ],
  "cursor": "eyJzZXFfbnVtIjozfQ=="
}"""


def page(*entries: object, **more: object) -> bytes:
    return json.dumps({"id": "j", "logs": entries, **more}).encode()


def test_reads_the_documented_page() -> None:
    found = read_log_page(DOCUMENTED_PAGE.encode())
    assert found.cursor == "eyJzZXFfbnVtIjozfQ=="
    assert found.lines == (
        LogLine(0, 1, "stdout", SECOND_NS + 123_000_000, "Starting workflow execution"),
        LogLine(0, 2, "stdout", SECOND_NS + 1_456_000_000, "Loading configuration"),
        LogLine(
            0, 3, "stderr", SECOND_NS + 2_789_000_000, "Warning: deprecated option used"
        ),
    )


def test_reads_a_current_page() -> None:
    found = read_log_page(
        page(
            {
                "timestamp": "2026-03-03T10:00:05.5Z", "message": "b",
                "sequence_num": 1, "stream": "stderr",
                "event_id": "log:j:attempt:2:stderr:1", "something_new": {"x": []},
            },
            {
                "timestamp": "2026-03-03T10:00:05Z", "message": "a",
                "stream": "stdout", "event_id": "log:j:stdout:0",
            },
        )
    )  # fmt: skip
    assert found.cursor is None
    assert found.lines == (
        LogLine(
            2, 1, "stderr", SECOND_NS + 500_000_000, "b", "log:j:attempt:2:stderr:1"
        ),
        LogLine(1, 0, "stdout", SECOND_NS, "a", "log:j:stdout:0"),
    )


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"logs":null,"cursor":null}', b'{"logs":[],"cursor":""}', b'{"logs":""}'],
)
def test_absent_null_and_empty_are_one(body: bytes) -> None:
    found = read_log_page(body)
    assert found.lines == ()
    assert found.cursor is None


def test_an_empty_page_may_carry_a_cursor() -> None:
    assert read_log_page(b'{"cursor":"+/= \\u00e9"}').cursor == "+/= é"


@pytest.mark.parametrize(
    "entry",
    [
        {"sequence_num": None, "event_id": None, "timestamp": None, "stream": None},
        {"sequence_num": "", "timestamp": "", "stream": "", "event_id": ""},
        {"timestamp": 17, "stream": ["x"], "event_id": {}, "sequence_num": 0.0},
        {"timestamp": "soon", "stream": False, "sequence_num": "0"},
    ],
)
def test_odd_unimportant_fields_break_nothing(entry: dict[str, object]) -> None:
    (line,) = read_log_page(page({"message": "m", **entry})).lines
    assert (line.attempt, line.sequence_num, line.message) == (0, 0, "m")
    assert (line.time_ns, line.event_id) == (None, "")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b'"text"', b"{", DOCUMENTED_PAGE.encode()[:200],
        b"\xff\xfe", b"<p>", b"[" * 100_000, b'{"logs":' + b"[" * 100_000,
        b'{"logs":{}}', b'{"logs":[3]}', b'{"logs":[null]}',
        page({"message": 3}), page({"message": ["x"]}),
        page({"message": "m", "sequence_num": -1}),
        page({"message": "m", "sequence_num": 1.5}),
        page({"message": "m", "sequence_num": 2**63}),
        page({"message": "m", "sequence_num": True}),
        page({"message": "m", "sequence_num": [1]}),
        page({"message": "m", "sequence_num": "one"}),
    ],
)  # fmt: skip
def test_a_broken_page_is_said(body: bytes) -> None:
    with pytest.raises(UnreadableAnswerError) as broken:
        read_log_page(body)
    assert "log page" in broken.value.sentence
    assert broken.value.next_step


def test_lone_surrogates_and_controls_survive() -> None:
    body = b'{"logs":[{"message":"a\\ud800b\\u0000\\u001b[2J\\u202e"}]}'
    assert read_log_page(body).lines[0].message == "a\ud800b\x00\x1b[2J\u202e"


def test_bytes_that_are_no_utf8_become_replacement_signs() -> None:
    assert read_log_page(b'{"logs":[{"message":"a\xffb"}]}').lines[0].message == "a�b"


@pytest.mark.parametrize(
    ("event_id", "attempt"),
    [
        ("log:j:stdout:0", 1), ("log:j:stderr:99", 1),
        ("log:j:attempt:2:stdout:0", 2), ("log:j:attempt:13:stderr:7", 13),
        ("", 0), ("x", 0), ("log:j", 0), ("log:j:0", 0), ("event:j:stdout:0", 0),
        ("log:j:attempt:two:stdout:0", 0), ("log:j:attempt:²:stdout:0", 0),
        ("log:a:b:stdout:0", 1), ("log:a:b:attempt:3:stdout:0", 3),
    ],
)  # fmt: skip
def test_the_attempt_stands_in_the_event_id(event_id: str, attempt: int) -> None:
    assert [attempt_of(event_id) for _ in range(2)] == [attempt, attempt]


def test_many_sources_are_told_apart() -> None:
    ids = [f"log:job{n}:attempt:{n}:stdout:0" for n in range(1, 3000)]
    assert [attempt_of(one) for one in ids] == list(range(1, 3000))


def test_search_marks_become_ranges() -> None:
    start, end = "__CV_HL_START_t0k__", "__CV_HL_END_t0k__"
    fake = "__CV_HL_START_fake__x__CV_HL_END_fake__"
    found = read_search_page(
        page(
            {"message": f"an {start}error{end} {fake}", "sequence_num": 4},
            {"message": "a typo-tolerant hit", "sequence_num": 2},
            highlight_token="t0k",
            cursor="next",
        )
    )
    assert [line.message for line in found.lines] == [
        f"an error {fake}",
        "a typo-tolerant hit",
    ]
    assert found.highlights == (((3, 8),), ())
    assert found.cursor == "next"


def test_search_without_a_token_keeps_messages_as_they_are() -> None:
    fake = "__CV_HL_START___x__CV_HL_END___"
    found = read_search_page(page({"message": fake}, highlight_token=None))
    assert found.lines[0].message == fake
    assert found.highlights == ((),)


def test_live_lines_of_one_batch() -> None:
    lines, unreadable = read_live_lines(
        [b'{"message":"a","stream":"stdout"}', b'{"message":"b","sequence_num":1}']
    )
    assert [(line.sequence_num, line.message) for line in lines] == [(0, "a"), (1, "b")]
    assert not any(line.retained for line in lines)
    assert unreadable == 0


def test_a_broken_frame_costs_itself_alone() -> None:
    lines, unreadable = read_live_lines(
        [b'{"message":"a"}', b'{"mess', b"", b"text", b'{"message":null}', b"[]",
         b'{"message":"\\udfff"}', b'{"message":"z"}']
    )  # fmt: skip
    assert [line.message for line in lines] == ["a", "", "\udfff", "z"]
    assert unreadable == 4


def test_frames_are_not_read_across_their_bounds() -> None:
    assert read_live_lines([b'{"message":"a"', b'"stream":"x"}'])[1] == 2
    assert read_live_lines([b'{"message":"a"},{"message":"b"}'])[1] == 1
    assert read_live_lines([b'{"message":"a"}\n']) == (
        (LogLine(0, 0, "", None, "a", "", retained=False),),
        0,
    )


ENTRIES = st.fixed_dictionaries(
    {"message": st.text()},
    optional={
        "sequence_num": st.one_of(st.none(), st.integers(0, 2**63 - 1)),
        "stream": st.one_of(st.none(), st.sampled_from(["", "stdout", "stderr", "x"])),
        "timestamp": st.one_of(
            st.none(), st.just(""), st.just("2026-03-03T10:00:05.123456789Z")
        ),
        "event_id": st.one_of(st.none(), st.just("log:j:attempt:3:stderr:5")),
        "more": st.recursive(st.none() | st.text(), st.lists, max_leaves=5),
    },
)


@given(st.lists(ENTRIES))
def test_batch_and_single_decoding_agree(entries: list[dict[str, object]]) -> None:
    frames = [json.dumps(entry).encode() for entry in entries]
    together, unreadable = read_live_lines(frames)
    assert unreadable == 0
    assert together == tuple(
        line for one in frames for line in read_live_lines([one])[0]
    )
    paged = read_log_page(page(*entries)).lines
    assert paged == tuple(line._replace(retained=True) for line in together)
    assert [line.message for line in paged] == [entry["message"] for entry in entries]


@given(st.lists(st.binary(max_size=40)))
def test_no_bytes_break_the_live_decoder(frames: list[bytes]) -> None:
    lines, unreadable = read_live_lines(frames)
    assert len(lines) + unreadable == len(frames)
