"""The event-stream decoder, alone and beside httpx-sse's own."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import given
from hypothesis import strategies as st

from chronotui.errors import UnreadableAnswerError
from chronotui.sources.live import Frame, SseDecoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DOCUMENTED_STREAM = (
    b'event: connected\ndata: {"status":"connected"}\n\n'
    b'event: log\ndata: {"message":"Starting","sequence_num":1}\n\n'
    b"event: error\ndata: error message here\n\n"
    b'event: end\ndata: {"status":"stream_ended"}\n\n'
)


def decode(chunks: Sequence[bytes]) -> list[Frame]:
    decoder = SseDecoder()
    return [frame for chunk in chunks for frame in decoder.feed(chunk)]


def reference(chunks: Sequence[bytes]) -> list[tuple[str, str]]:
    class Chunks(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return iter(chunks)

    response = httpx.Response(
        200, headers={"content-type": "text/event-stream"}, stream=Chunks()
    )
    events = [(e.event, e.data) for e in EventSource(response).iter_sse()]
    return [event for event in events if event != ("message", "")]


def as_text(frames: Sequence[Frame]) -> list[tuple[str, str]]:
    return [(frame.event, frame.data.decode("utf-8", "replace")) for frame in frames]


def cut(stream: bytes, places: Sequence[int]) -> list[bytes]:
    bounds = [0, *sorted({place % (len(stream) + 1) for place in places}), len(stream)]
    parts = [stream[a:b] for a, b in itertools.pairwise(bounds)]
    return [part for part in parts if part]


def test_reads_the_documented_stream() -> None:
    assert decode([DOCUMENTED_STREAM]) == [
        Frame("connected", b'{"status":"connected"}'),
        Frame("log", b'{"message":"Starting","sequence_num":1}'),
        Frame("error", b"error message here"),
        Frame("end", b'{"status":"stream_ended"}'),
    ]


def test_reads_it_the_same_one_byte_at_a_time() -> None:
    one_by_one = [DOCUMENTED_STREAM[i : i + 1] for i in range(len(DOCUMENTED_STREAM))]
    assert decode(one_by_one) == decode([DOCUMENTED_STREAM])


@pytest.mark.parametrize("newline", [b"\n", b"\r", b"\r\n"])
def test_takes_every_line_ending_however_it_is_cut(newline: bytes) -> None:
    stream = DOCUMENTED_STREAM.replace(b"\n", newline)
    one_by_one = [stream[i : i + 1] for i in range(len(stream))]
    assert decode([stream]) == decode(one_by_one) == decode([DOCUMENTED_STREAM])


def test_a_frame_is_out_with_its_blank_line_even_when_that_ends_in_cr() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"event: log\r\ndata: a\r\n\r") == [Frame("log", b"a")]
    assert decoder.feed(b"\nevent: log\r\ndata: b\r\n\r\n") == [Frame("log", b"b")]


def test_a_frame_cut_by_the_end_is_dropped_whole() -> None:
    assert decode([b"event: log\ndata: a\n\nevent: log\ndata: b\n"]) == [
        Frame("log", b"a")
    ]


def test_comments_ids_and_retries_say_nothing() -> None:
    assert decode([b": hello\n\nid: 7\n\n: again\n\nretry: 3\n\n"]) == []
    assert decode([b": x\nid: 7\nevent: log\nretry: 9\ndata: a\n\n"]) == [
        Frame("log", b"a")
    ]


def test_data_lines_are_joined_by_newlines() -> None:
    assert decode([b"data: a\ndata:b\ndata\nother: c\n\n"]) == [
        Frame("message", b"a\nb\n")
    ]


def test_line_separators_of_unicode_are_no_line_ends() -> None:
    text = "a\u2028b\u0085c\x0bd"
    assert as_text(decode([f"event: log\ndata: {text}\n\n".encode()])) == [
        ("log", text)
    ]


def test_a_line_that_never_ends_is_refused_and_not_kept() -> None:
    decoder = SseDecoder(max_frame_bytes=1000)
    for _ in range(10):
        assert decoder.feed(b"x" * 100) == []
    with pytest.raises(UnreadableAnswerError, match="1,000 bytes"):
        decoder.feed(b"x")
    assert decoder.feed(b"\n\nevent: log\ndata: a\n\n") == [Frame("log", b"a")]


def test_a_long_run_of_small_frames_is_no_long_line() -> None:
    decoder = SseDecoder(max_frame_bytes=1000)
    frames = [f for _ in range(500) for f in decoder.feed(b"data: 12345\n\ndata: ")]
    assert len(frames) == 500


FIELD_LINES = st.sampled_from(
    [
        b"event: log", b"event:log", b"event", b"event: ", b"event:  two", b"data: x",
        b"data", b"data:", b"data: ", b'data: {"message":"\xe4\xb8\x96"}', b": ping",
        b":", b"id: 4", b"id", b"retry: 100", b"retry: soon", b"unknown: 1", b"", b"",
        b"", b"data: \xf0\x9f\x90\x8d\xff", b"event: \xe2\x80\xa8", b" data: x",
        b"\xef\xbb\xbfdata: bom", b"data: a:b: c",
    ]
)  # fmt: skip
NEWLINES = st.sampled_from([b"\n", b"\r", b"\r\n"])
CUTS = st.lists(st.integers(0, 10_000), max_size=30)


@given(st.lists(st.tuples(FIELD_LINES, NEWLINES), max_size=40), CUTS)
def test_agrees_with_httpx_sse_on_every_split(
    lines: list[tuple[bytes, bytes]], places: list[int]
) -> None:
    chunks = cut(b"".join(line + newline for line, newline in lines), places)
    assert as_text(decode(chunks)) == reference(chunks)


@given(st.text(alphabet="dat: \r\n\x00evn:é", max_size=200), CUTS)
def test_agrees_with_httpx_sse_on_noise(noise: str, places: list[int]) -> None:
    chunks = cut(noise.encode(), places)
    assert as_text(decode(chunks)) == reference(chunks)
