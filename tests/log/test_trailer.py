"""The end of a raw download: whole, trailed, short, or in doubt."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.log.formats import JSONL, LineEncoder, SavedLog, save_format
from chronotui.log.raw_body import TAIL_BYTES, DownloadEnd, Tail, judge
from chronotui.log.wholeness import reaches
from chronotui.model import LogLine, RawFormat

MARK = "--- ERROR: failed to fetch logs ---"
TRAILERS = {
    RawFormat.TXT: f"\n{MARK}\ndeadline exceeded\n".encode(),
    RawFormat.JSONL: b'{"error":"deadline exceeded","message":"failed"}\n',
    RawFormat.JSON: b'],"error":{"message":"failed","error":"deadline exceeded"}}',
}
HOSTILE = [
    MARK,
    f"\n{MARK}\nx",
    '{"error":"x","message":"y"}',
    '],"error":{"message":"failed","error":"deadline exceeded"}}',
    '{"a":[{"b":1}],"error":{"message":"m","error":"e"}}',
    "]}",
    '{"logs":[{}]}',
    "",
    "ordinary",
]


def body(raw_format: RawFormat, messages: list[str], *, close: bool = True) -> bytes:
    encoder = LineEncoder(save_format(str(raw_format)), SavedLog("j", "w"))
    lines = [
        LogLine(1, n, "stdout", n * 10**9, text, f"log:j:stdout:{n}")
        for n, text in enumerate(messages)
    ]
    whole = encoder.head() + encoder.lines(lines)
    return whole + encoder.tail() if close else whole


messages = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text()), max_size=8)


@given(messages)
def test_no_message_makes_a_whole_json_download_look_failed(texts: list[str]) -> None:
    for raw_format in (RawFormat.JSON, RawFormat.JSONL):
        verdict = judge(raw_format, body(raw_format, texts))
        assert verdict.ending is DownloadEnd.WHOLE


@given(messages)
def test_every_trailer_is_seen_after_any_log(texts: list[str]) -> None:
    for raw_format in (RawFormat.JSON, RawFormat.JSONL):
        cut = body(raw_format, texts, close=False)
        verdict = judge(raw_format, cut + TRAILERS[raw_format])
        assert verdict.ending is DownloadEnd.FAILED
        assert "deadline exceeded" in verdict.reason
        end = verdict.trailer_bytes
        assert (cut + TRAILERS[raw_format])[:-end] == cut


@given(messages)
def test_a_text_trailer_is_never_overlooked(texts: list[str]) -> None:
    cut = body(RawFormat.TXT, texts)
    verdict = judge(RawFormat.TXT, cut + TRAILERS[RawFormat.TXT])
    assert verdict.ending is DownloadEnd.DOUBTFUL
    assert verdict.reason == "deadline exceeded"
    assert verdict.lines == (MARK, "deadline exceeded")


@given(st.lists(st.text().filter(lambda text: MARK not in text), max_size=8))
def test_text_without_the_words_is_whole(texts: list[str]) -> None:
    assert judge(RawFormat.TXT, body(RawFormat.TXT, texts)).ending is DownloadEnd.WHOLE


@pytest.mark.parametrize(
    "end",
    [
        f"said: {MARK}\nx\n",
        f"{MARK} again\nx\n",
        f" {MARK}\n",
        "--- ERROR: other ---\n",
    ],
)
def test_words_inside_a_line_are_a_log_line(end: str) -> None:
    assert judge(RawFormat.TXT, b"a\n" + end.encode()).ending is DownloadEnd.WHOLE


def test_the_trailer_alone_is_a_failed_empty_log() -> None:
    verdict = judge(RawFormat.TXT, TRAILERS[RawFormat.TXT])
    assert verdict.trailer_bytes == len(TRAILERS[RawFormat.TXT])
    head = b'{"id":"j","workflow_id":"w","filters":{"q":"","stream":"all"},"logs":['
    assert (
        judge(RawFormat.JSON, head + TRAILERS[RawFormat.JSON]).ending
        is DownloadEnd.FAILED
    )
    assert (
        judge(RawFormat.JSONL, TRAILERS[RawFormat.JSONL]).ending is DownloadEnd.FAILED
    )


@pytest.mark.parametrize("raw_format", [RawFormat.JSON, RawFormat.JSONL])
def test_every_cut_is_seen(raw_format: RawFormat) -> None:
    whole = body(raw_format, ['{"a":[1]}', MARK, "plain"])
    ends = {
        n
        for n in range(len(whole))
        if judge(raw_format, whole[:n]).ending is DownloadEnd.WHOLE
    }
    if raw_format is RawFormat.JSON:
        assert not ends
    else:
        assert ends == {n + 1 for n in range(len(whole) - 1) if whole[n] == 10} | {0}


def test_empty_downloads_are_whole() -> None:
    assert judge(RawFormat.TXT, b"").ending is DownloadEnd.WHOLE
    assert judge(RawFormat.JSONL, b"").ending is DownloadEnd.WHOLE
    assert judge(RawFormat.JSON, body(RawFormat.JSON, [])).ending is DownloadEnd.WHOLE
    assert judge(RawFormat.JSON, b"").ending is DownloadEnd.SHORT


def test_an_entry_longer_than_the_tail_is_no_trailer() -> None:
    long = json.dumps({"message_raw": "x" * 2 * TAIL_BYTES, "stream": "stdout"})
    tail = (long + "\n").encode()[-TAIL_BYTES:]
    assert judge(RawFormat.JSONL, tail).ending is DownloadEnd.WHOLE
    assert judge(RawFormat.JSONL, tail[:-1]).ending is DownloadEnd.SHORT


def test_white_space_of_another_server_is_taken() -> None:
    spaced = b'{ "logs" : [ ] ,\n "error" : { "message" : "m" , "error" : "e" } }\n'
    assert judge(RawFormat.JSON, spaced).reason == "m: e"
    assert judge(RawFormat.JSON, b'{"logs": [\n]\n}\n').ending is DownloadEnd.WHOLE


def test_a_line_is_found_in_the_end() -> None:
    line = LogLine(1, 2, "stdout", None, "two", "log:j:stdout:2")
    assert reaches(RawFormat.JSONL, body(RawFormat.JSONL, ["a", "b", "c"]), [line])
    assert not reaches(RawFormat.JSONL, body(RawFormat.JSONL, ["a", "b"]), [line])


@given(st.lists(st.binary(max_size=300_000), max_size=8))
def test_the_tail_is_the_end_of_all_pieces(pieces: list[bytes]) -> None:
    tail = Tail()
    for piece in pieces:
        tail.add(piece)
    assert tail.bytes() == b"".join(pieces)[-TAIL_BYTES:]


def test_the_longest_line_is_found_whole() -> None:
    message = json.dumps(["\x1b" * 10_900])
    line = LogLine(1, 9, "stdout", None, message, "log:j:stdout:9")
    encoder = LineEncoder(JSONL)
    tail = (b"x" * TAIL_BYTES + b"\n" + encoder.lines([line]))[-TAIL_BYTES:]
    assert reaches(RawFormat.JSONL, tail, [line])
