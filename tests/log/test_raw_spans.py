"""Spans of a download: what is printed of them is what each entry alone would give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronotui.log import raw_spans
from chronotui.log.raw_spans import Printed, RawSpan, RawSpans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.log.raw_spans import RawPart
    from chronotui.model import LogLine

JOB = "57b541de-29b6-4c97-9394-af629ac4f669"


def entry(
    number: int, stream: str, message: object, attempt: int = 1
) -> dict[str, object]:
    later = f"attempt:{attempt}:" if attempt > 1 else ""
    made: dict[str, object] = {
        "timestamp": f"2026-11-22T10:00:00.{number:03}Z",
        "sequence_num": number,
        "stream": stream,
        "event_id": f"log:{JOB}:{later}{stream}:{number}",
        "message_raw": message if isinstance(message, str) else json.dumps(message),
    }
    # A server adds a message that is JSON once more as a value.
    return made if isinstance(message, str) else {**made, "message_json": message}


def as_lines(part: Sequence[LogLine] | RawSpan) -> Sequence[LogLine]:
    assert not isinstance(part, RawSpan)
    return part


STREAMS = st.sampled_from(["stdout", "stdout", "stdout", "stderr"])
MESSAGES = st.one_of(
    st.text(max_size=20),
    st.sampled_from([',"stream":"stderr","event_id":"log:', "\\u001b[31mred", ""]),
    st.builds(entry, st.integers(0, 9), STREAMS, st.just("of the job itself")),
)
LOGS = st.lists(
    st.tuples(STREAMS, MESSAGES, st.sampled_from([1] * 30 + [2])),
    min_size=1,
    max_size=60,
)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(log=LOGS, size=st.integers(50, 900))
def test_one_stream_is_what_its_entries_are(
    stream: str,
    log: list[tuple[str, object, int]],
    size: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where a job prints entries, whose marks then stand in the midst of a line.

    Those of another attempt never pass: they come as lines.
    """
    monkeypatch.setattr(raw_spans, "HEAD_LINES", 4)
    monkeypatch.setattr(raw_spans, "PART_BYTES", 600)
    monkeypatch.setattr(raw_spans, "SPAN_BYTES", 1500)
    entries = [entry(n, *one) for n, one in enumerate(log)]
    body = "".join(
        json.dumps(each, separators=(",", ":"), ensure_ascii=False) + "\n"
        for each in entries
    ).encode()

    def printed(part: RawPart) -> Printed | None:
        piece = part.of_stream()
        return Printed(piece.text(), len(piece.places)) if piece.in_order else None

    spans = RawSpans(JOB, printed, stream=stream, decodes=False)
    texts: list[str] = []
    passed = 0
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    for made in [x for piece in pieces for x in spans.feed(piece)] + [*spans.finish()]:
        if isinstance(made, RawSpan):
            texts.append(made.printed().content.decode())
            passed += made.printed().lines
        else:
            texts += [f"{line.message}\n" for line in made if line.stream == stream]
    wanted = [f"{x['message_raw']}\n" for x in entries if x["stream"] == stream]
    assert "".join(texts) == "".join(wanted)
    assert passed <= len(wanted)


@pytest.mark.parametrize("stream", ["stdout", None])
def test_an_entry_in_a_message_stands_in_for_no_line(
    stream: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mark too many and one too few: a line of another attempt does not pass."""
    monkeypatch.setattr(raw_spans, "HEAD_LINES", 0)
    monkeypatch.setattr(raw_spans, "PART_BYTES", 100)
    quoted = entry(5, "stderr", "x")
    log = [("stderr", quoted, 1), ("stdout", "lost", 2), ("stdout", "y", 1)] * 3
    entries = [entry(n, *one) for n, one in enumerate(log)]
    lines = [json.dumps(each, separators=(",", ":")).encode() for each in entries]

    def printed(part: RawPart) -> Printed:
        raise AssertionError(part.content)

    for decodes in (True, False):
        spans = RawSpans(JOB, printed, stream=stream, decodes=decodes)
        body = b"\n".join([*lines, b""])
        made = [*spans.feed(body), *spans.finish()]
        assert [line.attempt for part in made for line in as_lines(part)] == [
            1,
            2,
            1,
        ] * 3


def test_an_entry_in_a_message_hides_no_line_of_a_later_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(raw_spans, "HEAD_LINES", 0)
    monkeypatch.setattr(raw_spans, "PART_BYTES", 100)
    entries = [entry(0, "stdout", entry(0, "stderr", "x"))]
    entries += [{**entry(1, "stdout", "late"), "timestamp": "2026-11-22T10:00:05Z"}]
    entries += [entry(n, "stdout", "y") for n in (2, 3)]
    lines = [json.dumps(each, separators=(",", ":")) + "\n" for each in entries]
    told: list[bool] = []

    def printed(part: RawPart) -> Printed:
        told.append(part.is_before(b"2026-11-22T10:00:03"))
        return Printed(b"", 0)

    spans = RawSpans(JOB, printed, stream=None, decodes=False)
    list(spans.feed("".join(lines).encode()))
    assert told == [False]
