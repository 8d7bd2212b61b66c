"""Workflows, jobs, log lines and times out of every shape servers write."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chronotui.errors import UnreadableAnswerError
from chronotui.model import BuildStatus, JobStatus, LogLine, Trigger, WorkflowKind
from chronotui.sources.wire_json import (
    attempt_of,
    moment,
    read_job,
    read_jobs,
    read_live_lines,
    read_log_page,
    read_search_page,
    read_workflow,
    read_workflows,
    split_marks,
    time_ns,
)
from chronotui.times import parse_time

DOCUMENTED_JOBS = """{
  "jobs": [
    {
      "id": "job_xyz789",
      "workflow_id": "wf_abc123",
      "container_id": "cnt_def456",
      "status": "COMPLETED",
      "trigger": "AUTOMATIC",
      "scheduled_at": "2026-03-03T10:00:00Z",
      "started_at": "2026-03-03T10:00:05Z",
      "completed_at": "2026-03-03T10:15:32Z",
      "created_at": "2026-03-03T09:59:58Z",
      "updated_at": "2026-03-03T10:15:32Z"
    },
    {
      "id": "job_uvw456",
      "workflow_id": "wf_abc123",
      "container_id": "cnt_ghi789",
      "status": "RUNNING",
      "trigger": "MANUAL",
      "scheduled_at": "2026-03-03T11:30:00Z",
      "started_at": "2026-03-03T11:30:02Z",
      "completed_at": "",
      "created_at": "2026-03-03T11:29:55Z",
      "updated_at": "2026-03-03T11:30:02Z"
    }
  ],
  "cursor": "next_page_token_here"
}"""

WORKFLOW = {
    "id": "0f1e", "name": "nightly-report", "payload": '{"image":"report:2"}',
    "kind": "CONTAINER", "build_status": "COMPLETED", "interval": 1440,
    "consecutive_job_failures_count": 2, "max_consecutive_job_failures_allowed": 3,
    "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T00:00:00+01:00",
    "terminated_at": "2026-02-01T00:00:00.123456789Z", "log_retention": True,
}  # fmt: skip


def test_reads_the_documented_jobs() -> None:
    found = read_jobs(DOCUMENTED_JOBS.encode(), "wf_abc123")
    ended, running = found.items
    assert found.cursor == "next_page_token_here"
    assert (ended.id, ended.workflow_id) == ("job_xyz789", "wf_abc123")
    assert ended.container_id == "cnt_def456"
    assert ended.status == JobStatus.COMPLETED
    assert ended.trigger == Trigger.AUTOMATIC
    assert ended.completed_at == datetime(2026, 3, 3, 10, 15, 32, tzinfo=UTC)
    assert ended.attempts is None
    assert running.status == JobStatus.RUNNING
    assert running.completed_at is None
    assert running.fields["completed_at"] == ""


def test_reads_a_workflow_of_the_schema() -> None:
    found = read_workflow(json.dumps({**WORKFLOW, "generation": 7}).encode())
    assert found.name == "nightly-report"
    assert found.kind == WorkflowKind.CONTAINER
    assert found.payload == '{"image":"report:2"}'
    assert found.build_status == BuildStatus.COMPLETED
    assert (found.interval_minutes, found.generation) == (1440, 7)
    assert (found.consecutive_failures, found.max_consecutive_failures) == (2, 3)
    assert found.log_retention is True
    assert found.updated_at == datetime(2026, 1, 1, 23, tzinfo=UTC)
    assert found.terminated_at == datetime(2026, 2, 1, 0, 0, 0, 123456, tzinfo=UTC)
    assert found.fields == {**WORKFLOW, "generation": 7}


def test_zero_values_are_absent() -> None:
    found = read_workflows(b'{"workflows":[{"id":"w","name":"n","kind":"HEARTBEAT"}]}')
    (workflow,) = found.items
    assert workflow.log_retention is None
    assert workflow.consecutive_failures == 0
    assert workflow.build_status is None
    assert workflow.payload == ""
    assert found.cursor is None


@pytest.mark.parametrize("body", [b"{}", b'{"jobs":null,"cursor":""}', b'{"jobs":[]}'])
def test_an_empty_list_is_an_answer(body: bytes) -> None:
    assert read_jobs(body, "w").items == ()
    assert read_jobs(body, "w").cursor is None


def test_a_job_read_alone_has_what_it_has() -> None:
    body = b'{"id":"j","status":"PENDING","trigger":"MANUAL","scheduled_at":null}'
    job = read_job(body, "w")
    assert (job.workflow_id, job.container_id, job.attempts) == ("w", None, None)
    assert job.started_at is None


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("CANCELLED", JobStatus.CANCELED), ("CANCELED", JobStatus.CANCELED),
        ("running", JobStatus.RUNNING), ("PAUSED", JobStatus("PAUSED")),
        ("", JobStatus("UNKNOWN")), (None, JobStatus("UNKNOWN")),
        (["x"], JobStatus("UNKNOWN")),
    ],
)  # fmt: skip
def test_any_state_survives(word: object, status: JobStatus) -> None:
    body = json.dumps({"id": "j", "status": word, "trigger": "WEBHOOK"}).encode()
    job = read_job(body, "w")
    assert job.status == status
    assert job.trigger == "WEBHOOK"
    assert job.fields["status"] == word


def test_unknown_fields_are_kept_for_the_details() -> None:
    job = read_job(b'{"id":"j","retries":{"max":3}}', "w")
    assert job.fields["retries"] == {"max": 3}


@pytest.mark.parametrize(
    ("attempts", "read"),
    [(3, 3), ("3", 3), (3.0, 3), (3.5, None), (True, None), ("x", None), (None, None),
     ("9" * 5000, int("9" * 18))],
)  # fmt: skip
def test_numbers_come_in_shapes(attempts: object, read: int | None) -> None:
    body = json.dumps({"id": "j", "attempts": attempts}).encode()
    assert read_job(body, "w").attempts == read


@pytest.mark.parametrize(
    ("retention", "read"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("False", False),
        ("x", None),
        (1, None),
    ],
)
def test_truth_values_come_in_shapes(retention: object, read: bool | None) -> None:
    body = json.dumps({"id": "w", "log_retention": retention}).encode()
    assert read_workflow(body).log_retention is read


def test_a_payload_that_is_an_object_is_shown_as_json() -> None:
    assert (
        read_workflow(b'{"id":"w","payload":{"a":"\xc3\xa9"}}').payload == '{"a": "é"}'
    )


@pytest.mark.parametrize("levels", [70, 500, 994, 5000])
@pytest.mark.parametrize("field", ["payload", "other"])
def test_what_cannot_be_shown_for_its_depth_is_said(field: str, levels: int) -> None:
    nested = "[" * levels + "]" * levels
    with pytest.raises(UnreadableAnswerError):
        read_workflow(f'{{"id":"w","{field}":{nested}}}'.encode())


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b"5", b'{"jobs":5}', b'{"jobs":{"a":1}}',
        b'{"jobs":[[]]}', b'{"jobs":[null]}', b'{"jobs":[{}]}', b'{"jobs":[{"id":""}]}',
        b'{"jobs":[{"id":[]}]}', DOCUMENTED_JOBS.encode()[:300], b"\x1f\x8b\x08",
    ],
)  # fmt: skip
def test_a_broken_list_is_said(body: bytes) -> None:
    with pytest.raises(UnreadableAnswerError) as broken:
        read_jobs(body, "w")
    assert "cannot be read" in broken.value.sentence


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["name", "kind", "payload", "interval", "status", "trigger", "attempts", "cursor",
     "created_at", "completed_at", "log_retention", "build_status", "workflow_id"]
)  # fmt: skip


@given(st.dictionaries(NAMES, JSON))
def test_only_the_id_is_needed(fields: dict[str, object]) -> None:
    body = json.dumps({**fields, "id": "x"}).encode()
    assert read_workflow(body).id == "x"
    assert read_job(body, "w").id == "x"


# Log lines out of every shape the two dialects and hostile servers write.


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


# Search marks out of messages.


TOKEN = "7f3a"
START, END = f"__CV_HL_START_{TOKEN}__", f"__CV_HL_END_{TOKEN}__"


def test_takes_the_marks_out_and_tells_where_they_were() -> None:
    marked = f"an {START}error{END} and {START}errors{END}"
    assert split_marks(marked, TOKEN) == ("an error and errors", ((3, 8), (13, 19)))


@pytest.mark.parametrize(
    ("marked", "message", "ranges"),
    [
        (f"{END}a{END}", "a", ()),
        (f"a{START}bc", "abc", ((1, 3),)),
        (f"a{START}b{START}c{END}d{END}", "abcd", ((1, 3),)),
        (f"{START}{END}a", "a", ()),
        (f"{START}a{END}{START}b{END}", "ab", ((0, 1), (1, 2))),
        ("__CV_HL_START_other__a__CV_HL_END_other__",
         "__CV_HL_START_other__a__CV_HL_END_other__", ()),
    ],
)  # fmt: skip
def test_stray_and_foreign_marks_do_no_harm(
    marked: str, message: str, ranges: tuple[tuple[int, int], ...]
) -> None:
    assert split_marks(marked, TOKEN) == (message, ranges)


def test_without_a_token_nothing_is_a_mark() -> None:
    fake = "__CV_HL_START___a__CV_HL_END___"
    assert split_marks(fake, "") == (fake, ())


@given(st.lists(st.tuples(st.text(), st.text(min_size=1))), st.text())
def test_what_was_marked_is_what_is_told(
    parts: list[tuple[str, str]], end: str
) -> None:
    marked = "".join(f"{plain}{START}{hit}{END}" for plain, hit in parts) + end
    message, ranges = split_marks(marked, TOKEN)
    assert message == "".join(plain + hit for plain, hit in parts) + end
    assert [message[a:b] for a, b in ranges] == [hit for _, hit in parts]


@given(st.lists(st.sampled_from([START, END, "a", "bc", "\n", "__CV_HL_"])))
def test_any_mess_of_marks_gives_ordered_ranges(pieces: list[str]) -> None:
    message, ranges = split_marks("".join(pieces), TOKEN)
    bounds = [bound for pair in ranges for bound in pair]
    assert bounds == sorted(bounds)
    assert all(0 <= a < b <= len(message) for a, b in ranges)
    assert START not in message
    assert END not in message


# Times of the wire, fast way and plain way alike.


SECOND = "2026-03-03T10:00:05"


@pytest.mark.parametrize("digits", range(10))
def test_takes_up_to_nine_fraction_digits(digits: int) -> None:
    fraction = "123456789"[:digits]
    text = f"{SECOND}.{fraction}Z" if digits else f"{SECOND}Z"
    expected = SECOND_NS + int(fraction.ljust(9, "0"))
    assert [time_ns(text) for _ in range(2)] == [expected, expected]


def test_takes_offsets_after_the_second_is_known() -> None:
    assert time_ns(f"{SECOND}Z") == SECOND_NS
    assert time_ns(f"{SECOND}.5+02:00") == SECOND_NS + 500_000_000 - 7200 * 10**9


@pytest.mark.parametrize(
    "value", [None, "", 5, "soon", f"{SECOND}.Z", f"{SECOND}.12", SECOND, "²" * 25]
)
def test_what_is_no_time_is_none(value: object) -> None:
    time_ns(f"{SECOND}Z")
    assert time_ns(value) is None
    assert moment(value) is None


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001
    st.text(alphabet="0123456789.²٣_+- Z", max_size=12),
    st.sampled_from(["Z", "z", "+01:30", "-00:00", ""]),
)
@example(datetime(2026, 3, 3), ".٣", "Z")  # noqa: DTZ001
@example(datetime(2026, 3, 3), ".1234567890", "Z")  # noqa: DTZ001
def test_agrees_with_the_plain_parser(when: datetime, rest: str, zone: str) -> None:
    second = when.isoformat(timespec="seconds")
    time_ns(f"{second}Z")
    text = f"{second}{rest}{zone}"
    assert time_ns(text) == parse_time(text)


@given(
    st.from_regex(
        r"(1[678]|19|2[0-3]|00|٣)[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:"
        r"[0-6][0-9]([.,][0-9]{0,10})?(Z|z|[+-]02:00Z?|)",
        fullmatch=True,
    )
)
def test_a_moment_is_its_time_to_the_microsecond(text: str) -> None:
    nanoseconds = parse_time(text)
    told = moment(text)
    if nanoseconds is None:
        assert told is None
    else:
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        assert told == epoch + timedelta(microseconds=nanoseconds // 1000)
        assert told.utcoffset() == timedelta()


def test_a_moment_is_aware_and_in_utc() -> None:
    assert moment("2026-03-03T11:00:05.123456789+01:00") == datetime(
        2026, 3, 3, 10, 0, 5, 123456, tzinfo=UTC
    )
