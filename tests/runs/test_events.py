"""What is kept of a run's events, whatever their order and however often they come."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.model import Job, JobStatus, NodeState, RunNote, RunText, Trigger
from chronotui.runs import entries, events
from chronotui.runs.entries import TextBlock
from chronotui.runs.events import END_PLACE, LAST_PLACE, TEXT_PLACE, RunRecord

if TYPE_CHECKING:
    from chronotui.model import RunEvent

BEGAN = datetime(2026, 11, 18, 10, 12, 27, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def begun(number: int, **told: object) -> NodeState:
    state: dict[str, Any] = {
        "title": f"Step {number}",
        "started_at": at(number),
        "node_type": "code",
        "node_id": f"n{number}",
    }
    return NodeState(f"e{number}", **{**state, **told})


def ended(number: int, status: str = "succeeded", **told: object) -> NodeState:
    done: dict[str, object] = {
        "status": status,
        "elapsed": 1.25,
        "finished_at": at(number + 1.25),
    }
    return begun(number, **{**done, **told})


def paused(number: int) -> NodeState:
    return begun(number, status="paused")


def record_of(*told: RunEvent) -> RunRecord:
    record = RunRecord("r")
    for event in told:
        record.take(event, BEGAN.timestamp())
    return record


def texts(record: RunRecord) -> list[str]:
    return [line.text for line in record.lines()]


def run(status: JobStatus = JobStatus.COMPLETED, **told: object) -> Job:
    fields: dict[str, Any] = {"run_id": "r", "started_at": BEGAN, "completed_at": at(9)}
    return Job("row", "app", status, Trigger.MANUAL, **{**fields, **told})


# One step


def test_a_step_is_one_line_that_tells_how_it_stands() -> None:
    assert texts(record_of(begun(1))) == ["● Step 1 (code)"]
    assert texts(record_of(begun(1), ended(1))) == ["✓ Step 1 (code)  1.2 s"]


def test_a_failed_step_is_on_stderr_with_each_line_of_its_error() -> None:
    record = record_of(ended(1, "failed", error="Traceback:\r\n  boom\n\n"))
    assert texts(record) == ["✗ Step 1 (code)  1.2 s  Traceback:", "    boom"]
    assert all(line.is_error for line in record.lines())


def test_a_state_nobody_knows_is_shown_by_its_word() -> None:
    assert texts(record_of(ended(1, "skipped\x1b[2J"))) == [
        "? Step 1 (code)  skipped␛[2J  1.2 s"
    ]


def test_a_title_cannot_break_out_of_its_line() -> None:
    (line,) = texts(record_of(begun(1, title="a\nb\x1b[31m[red]")))
    assert "\n" not in line
    assert "\x1b" not in line


def test_a_step_that_was_paused_goes_on_under_its_id() -> None:
    record = record_of(begun(1), paused(1))
    assert texts(record) == ["⏸ Step 1 (code)"]
    record.take(begun(1))
    assert texts(record) == ["● Step 1 (code)"]
    record.take(ended(1))
    assert texts(record) == ["✓ Step 1 (code)  1.2 s"]


def test_what_has_ended_does_not_begin_again() -> None:
    record = record_of(ended(1), begun(1), begun(1, is_snapshot=True), paused(1))
    assert texts(record) == ["✓ Step 1 (code)  1.2 s"]


def test_a_snapshot_does_not_take_back_what_was_told_live() -> None:
    live = ended(1, "failed", error="503", fields={"inputs": {"a": 1}, "outputs": 2})
    told = {"inputs": None, "outputs": None, "error": None}
    record = record_of(live, ended(1, "failed", is_snapshot=True, fields=told))
    assert texts(record) == ["✗ Step 1 (code)  1.2 s  503"]
    (step,) = record.steps
    assert (step.fields["inputs"], step.fields["outputs"]) == ({"a": 1}, 2)
    assert record.unseen == ()


def test_steps_within_an_iteration_are_indented_and_say_their_round() -> None:
    record = record_of(
        begun(1, node_type="iteration"),
        begun(2, parent_id="n1", round=0, node_type="loop"),
        ended(3, parent_id="n2", round=2),
    )
    assert texts(record) == [
        "● Step 1 (iteration)",
        "  ● Step 2 (loop)  round 1",
        "    ✓ Step 3 (code)  1.2 s  round 3",
    ]


def test_parents_that_lead_in_circles_are_left() -> None:
    record = record_of(begun(1, parent_id="n2"), begun(2, parent_id="n1"))
    assert len(texts(record)) == 2


def test_rounds_told_by_the_id_of_the_node_are_those_of_its_step() -> None:
    by_node = NodeState("n1", "", node_id="n1")
    record = record_of(begun(1, node_type="iteration"), by_node)
    assert texts(record) == ["● Step 1 (iteration)"]


def test_retries_are_counted() -> None:
    record = record_of(
        begun(1),
        begun(1, status="retry", retries=1, error="503"),
        begun(1, status="retry", retries=2, error="503"),
    )
    assert texts(record) == ["↻ Step 1 (code)  retry 2  503"]
    record.take(ended(1))
    assert texts(record) == ["✓ Step 1 (code)  1.2 s  retry 2"]


# The order


def test_steps_stand_by_the_time_they_began() -> None:
    record = record_of(begun(5), begun(1), begun(3))
    assert texts(record) == [f"● Step {n} (code)" for n in (1, 3, 5)]


def test_a_line_keeps_its_place_whatever_comes_before_it() -> None:
    record = record_of(begun(1), begun(50))
    (before,) = [line.place for line in record.lines() if "50" in line.text]
    for number in range(2, 12):
        record.take(begun(number))
    (after,) = [line.place for line in record.lines() if "50" in line.text]
    assert after == before


def test_places_rise_however_often_one_is_put_before_the_last() -> None:
    record = RunRecord("r")
    for number in range(200, 0, -1):
        record.take(begun(number))
        record.take(begun(1000 - number))
    places = [line.place for line in record.lines()]
    assert all(one < other for one, other in pairwise(places))


def test_text_stands_after_the_steps_and_the_end_after_it() -> None:
    record = record_of(RunText("Hel"), begun(1), RunText("lo\nwor"), begun(2))
    record.ended(run(JobStatus.FAILED, error="boom\nbang"))
    assert texts(record) == [
        "● Step 1 (code)",
        "● Step 2 (code)",
        "Hello",
        "wor",
        "✗ boom",
        "  bang",
    ]


SCRIPT: list[list[RunEvent]] = [
    [begun(1), ended(1)],
    [begun(2), paused(2), begun(2, started_at=at(2.5)), ended(2, "failed", error="x")],
    [begun(3), begun(3, status="retry", retries=1), ended(3, fields={"outputs": [1]})],
    [begun(4), ended(4, is_snapshot=True), ended(4, fields={"inputs": {"k": "v"}})],
    [RunNote("workflow_started", "The run began.", at(0))],
    [RunNote("workflow_paused", "paused", at(2.2)), RunNote("e", "bad", at(6), True)],
    [RunText("one "), RunText("line\nand"), RunText(" another")],
]


@given(st.data())
def test_any_interleaving_and_repetition_gives_the_same(data: st.DataObject) -> None:
    plain = record_of(*(event for told in SCRIPT for event in told))
    waiting = [list(told) for told in SCRIPT]
    record = RunRecord("r")
    given_so_far: list[RunEvent] = []
    while any(waiting):
        told = data.draw(st.sampled_from([each for each in waiting if each]))
        given_so_far.append(told.pop(0))
        record.take(given_so_far[-1], BEGAN.timestamp())
        if data.draw(st.booleans()):
            record.attached(BEGAN.timestamp(), BEGAN.timestamp())
            for event in given_so_far:  # a server may say all of it again
                record.take(event, BEGAN.timestamp())
    assert texts(record) == texts(plain)
    assert record.as_json()["steps"] == plain.as_json()["steps"]


def take(record: RunRecord, shown: dict[int, str]) -> None:
    for low, high, lines in record.take_changes():
        for place in [each for each in shown if low <= each < high]:
            del shown[place]
        shown |= {line.place: line.text for line in lines}


@given(st.data())
def test_the_changes_put_together_are_the_lines(data: st.DataObject) -> None:
    record = RunRecord("r")
    shown: dict[int, str] = {}
    told = [event for each in SCRIPT for event in each] + [RunText("new\n", True)]
    for event in data.draw(st.permutations(told)):
        record.take(event, BEGAN.timestamp())
        if data.draw(st.booleans()):
            take(record, shown)
    take(record, shown)
    assert [shown[place] for place in sorted(shown)] == texts(record)


# The text


@given(
    st.lists(st.text("ab\n", max_size=4)),
    st.lists(st.text("ab\n", max_size=4)),
    st.integers(1, 3),
)
def test_text_said_again_to_a_new_stream_is_not_doubled(
    before: list[str], after: list[str], times: int
) -> None:
    block = TextBlock()
    for piece in before:
        block.append(piece, None)
    for _ in range(times):
        block.attached()
        for piece in before:
            block.append(piece, None)
    for piece in after:
        block.append(piece, None)
    assert block.text() == "".join([*before, *after])


def test_text_that_goes_on_is_not_taken_for_what_was_said() -> None:
    block = TextBlock()
    block.append("The cat. ", None)
    block.attached()
    block.append("The", None)
    block.append(" dog.", None)
    assert block.text() == "The cat. The dog."


def test_replaced_text_is_gone() -> None:
    record = record_of(RunText("one\ntwo"), RunText("three", replaces=True))
    assert texts(record) == ["three"]
    record.take(RunText("three", replaces=True))
    assert record.text.replaced == 1


def test_lines_of_a_text_are_dated_when_they_began() -> None:
    record = RunRecord("r")
    for second, piece in enumerate(["a", "b\n", "\nc"]):
        record.take(RunText(piece), float(second))
    times = [line.time_ns for line in record.lines()]
    assert times == [0, 2_000_000_000, 2_000_000_000]


def test_of_endless_text_the_newest_is_kept_and_the_rest_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(entries, "MOST_TEXT", 1000)
    record = RunRecord("r")
    for number in range(1000):
        record.take(RunText(f"line {number:04}\n"))
    shown = texts(record)
    assert shown[-1] == "line 0999"
    assert 80 <= len(shown) <= 100
    assert "of its text are not kept" in record.unseen[-1]
    first = next(iter(record.lines()))
    assert first.place == TEXT_PLACE + 1000 - len(shown)
    gone, _news = record.take_changes()
    assert gone == (TEXT_PLACE, first.place, [])


def test_a_line_without_end_goes_on_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(entries, "MOST_LINE", 4)
    record = record_of(RunText("abcdefghij"), RunText("k\nl"))
    assert texts(record) == ["abcd", "efgh", "ijk", "l"]
    assert record.text.text() == "abcdefghijk\nl"


# What was not seen


def test_who_comes_late_is_told_so() -> None:
    record = RunRecord("r")
    record.attached(at(60).timestamp(), BEGAN.timestamp())
    record.take(ended(1, is_snapshot=True))
    late, blind = record.unseen
    assert late.startswith("attached late: text before ")
    assert blind == "1 step is known by state only"


def test_who_is_there_from_the_start_has_seen_all() -> None:
    record = RunRecord("r")
    record.attached(at(1).timestamp(), BEGAN.timestamp())
    record.take(ended(1))
    assert record.unseen == ()


def test_an_absence_is_said_once_it_is_over() -> None:
    record = RunRecord("r")
    record.attached(at(1).timestamp(), BEGAN.timestamp())
    record.take(ended(1))
    record.coverage.detached(at(5).timestamp())
    assert not record.unseen
    record.attached(at(9).timestamp(), BEGAN.timestamp())
    assert [words[:24] for words in record.unseen] == ["the stream was away from"]


def test_nothing_is_seen_of_a_run_that_had_ended() -> None:
    record = RunRecord("r")
    record.ended(run())
    assert record.unseen == (
        "the server keeps no log of a run's steps once it has ended",
    )


def test_steps_beyond_the_most_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_ENTRIES", 3)
    record = record_of(*(begun(number) for number in range(5)))
    assert len(record.steps) == 3
    assert "2 events beyond 3 not kept" in record.unseen


# The end


@pytest.mark.parametrize(
    ("outputs", "shown"),
    [
        (None, []),
        ({}, []),
        ("", []),
        ("null", []),
        ({"rows": 42}, ["Outputs", "  {", '    "rows": 42', "  }"]),
        ('{"rows": 42}', ["Outputs", "  {", '    "rows": 42', "  }"]),
        ("plain {text", ["Outputs", "  plain {text"]),
        ("{broken", ["Outputs", "  {broken"]),
        (["a"], ["Outputs", "  [", '    "a"', "  ]"]),
        ({"text": "日本"}, ["Outputs", "  {", '    "text": "日本"', "  }"]),
    ],
)
def test_outputs_of_every_shape_are_laid_out(outputs: object, shown: list[str]) -> None:
    record = RunRecord("r")
    record.ended(run(fields={"detail": {"outputs": outputs}}))
    assert texts(record) == shown


def test_huge_outputs_are_cut_and_said() -> None:
    record = RunRecord("r")
    record.ended(run(fields={"detail": {"outputs": list(range(10_000))}}))
    assert texts(record)[-1] == "  … 8,002 more lines"


def test_the_end_told_by_a_stream_is_no_line() -> None:
    record = record_of(RunNote("workflow_finished", "The run has ended.", is_over=True))
    assert texts(record) == []
    assert record.said_over
    record.attached(0.0, 0.0)
    assert not record.said_over


def test_an_end_that_is_told_anew_is_replaced() -> None:
    record = RunRecord("r")
    record.ended(run(JobStatus.FAILED, error="a"))
    record.take_changes()
    assert not record.ended(run(JobStatus.FAILED, error="a"))
    record.ended(run(JobStatus.CANCELED, error="b"))
    (span,) = record.take_changes()
    assert (span.low, span.high) == (END_PLACE, LAST_PLACE)
    assert [line.text for line in span.lines] == ["✗ b"]


# What is saved


def test_everything_seen_is_saved_but_no_token_of_a_form() -> None:
    form = {"form_token": "secret", "deep": [{"form_token": "secret", "kept": 1}]}
    record = record_of(
        ended(1, fields={"process_data": {"request": "GET /"}, "outputs": form}),
        RunNote("human_input_required", "A person is asked: x.", fields=form),
        RunText("Hello"),
        RunNote(
            "workflow_finished", "over", is_over=True, fields={"outputs": {"a": 1}}
        ),
    )
    saved = json.dumps(record.as_json())
    assert "secret" not in saved
    assert "form_token" not in saved
    for part in ("GET /", '"kept": 1', "Hello", "workflow_finished"):
        assert part in saved


def test_a_saved_line_has_its_time_in_utc() -> None:
    record = record_of(ended(1))
    assert list(record.plain_text()) == [
        "2026-11-18T10:12:28.000Z ✓ Step 1 (code)  1.2 s"
    ]


def test_payloads_too_large_to_keep_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MOST_PAYLOAD", 100)
    monkeypatch.setattr(events, "MOST_PAYLOADS", 150)
    record = record_of(
        ended(1, fields={"outputs": "x" * 200}),
        ended(2, fields={"outputs": "y" * 90}),
        ended(3, fields={"outputs": "z" * 90}),
    )
    kept = [str(step.fields["outputs"]) for step in record.steps]
    assert kept[0].startswith("(not kept: 202 characters")
    assert "y" in kept[1]
    assert kept[2].startswith("(not kept: the run's steps are too large")
