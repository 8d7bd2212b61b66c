"""A raw download: read into blocks, and judged by its end."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronotui.errors import UnreadableAnswerError
from chronotui.log import raw_body as raw_blocks_module
from chronotui.log.attempts import attempt_of
from chronotui.log.block import LineBlock
from chronotui.log.formats import JSONL, LineEncoder, SavedLog, save_format
from chronotui.log.raw_body import TAIL_BYTES, DownloadEnd, RawBlocks, Tail, judge
from chronotui.log.wholeness import reaches
from chronotui.model import LogLine, RawFormat
from chronotui.times import parse_time


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_blocks_module, "CHUNK_LINES", 4)
    monkeypatch.setattr(raw_blocks_module, "PIECE_BYTES", 300)
    monkeypatch.setattr(raw_blocks_module, "MOST_KNOWN", 5)


def entry(number: int, **fields: object) -> dict[str, object]:
    made = {
        "timestamp": f"2026-11-22T10:12:{number % 60:02d}.{number % 1000:03d}Z",
        "sequence_num": number,
        "stream": "stdout",
        "event_id": f"log:job:stdout:{number}",
        "message_raw": f"line {number}",
    }
    return made | fields


def body_of(entries: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in entries)


def plainly(body: bytes) -> list[LogLine]:
    """The lines up to the trailer, one after the other."""
    lines = []
    for text in body.split(b"\n"):
        try:
            entry = json.loads(text)
        except ValueError:
            break
        if "message_raw" not in entry:
            break
        event_id = entry.get("event_id") or ""
        lines.append(
            LogLine(
                attempt_of(event_id) or 0,
                entry.get("sequence_num") or 0,
                entry.get("stream") or "",
                parse_time(entry.get("timestamp") or ""),
                entry["message_raw"],
                event_id,
            )
        )
    return lines


def in_blocks(
    body: bytes, cuts: list[int], skip: int = 0
) -> tuple[list[LogLine], bool]:
    blocks = RawBlocks(skip)
    read: list[LogLine] = []
    for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True):
        for lines in blocks.feed(body[start:end]):
            read += lines
    for lines in blocks.finish():
        read += lines
    return read, blocks.failed


ODD_FIELDS: st.SearchStrategy[dict[str, object]] = st.fixed_dictionaries(
    {},
    optional={
        "timestamp": st.sampled_from(
            [
                None,
                "",
                "yesterday",
                "2026-11-22T10:12:31+02:00",
                "2026-11-22 10:12:60.5Z",
                "0001-01-01T00:00:00Z",
                "2261-12-31T23:59:59.999999999Z",
                "2262-04-11T23:47:16.9Z",
                "2026-11-22T10:12:31.123456789Z",
            ]
        ),
        "sequence_num": st.sampled_from([None, 0, 3, 2**62, 2**63 + 1]),
        "stream": st.sampled_from([None, "stderr", "other"]),
        "event_id": st.sampled_from([None, "", "x", "log:job:attempt:2:stdout:3"]),
        "message_raw": st.sampled_from(["", "a\nb", "\ud800", "é", "\x00", "{}"]),
        "message_json": st.just({}),
        "new_field": st.integers(),
    },
)


@given(st.data())
@settings(deadline=None)
def test_blocks_hold_what_single_entries_do(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 30))
    odd = data.draw(st.dictionaries(st.integers(0, 29), ODD_FIELDS, max_size=4))
    entries = [entry(n, **odd.get(n, {})) for n in range(count)]
    has_trailer = data.draw(st.booleans())
    if has_trailer:
        entries.append({"error": "out of memory", "message": "failed to fetch logs"})
    body = body_of(entries)
    cut = data.draw(st.integers(0, 3)) if entries else 0
    body = body[: len(body) - cut]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=10)))
    lines, failed = in_blocks(body, cuts)
    assert lines == plainly(body)
    assert failed == (has_trailer or cut > 1)


def test_usual_lines_come_as_blocks_and_others_as_lines() -> None:
    entries = [entry(n) for n in range(8)]
    entries[5]["event_id"] = "strange"
    blocks = RawBlocks()
    found = [*blocks.feed(body_of(entries)), *blocks.finish()]
    assert [isinstance(lines, LineBlock) for lines in found] == [True, False]
    assert found[0][0] == LogLine(
        1, 0, "stdout", 1795342320_000_000_000, "line 0", "log:job:stdout:0"
    )


def test_a_line_of_another_attempt_keeps_it() -> None:
    retried = entry(7, event_id="log:job:attempt:2:stdout:7")
    body = body_of([entry(0), entry(1), entry(2), entry(3), retried, entry(8)])
    blocks = RawBlocks()
    lines = [line for b in (*blocks.feed(body), *blocks.finish()) for line in b]
    assert [line.attempt for line in lines] == [1, 1, 1, 1, 2, 1]


def test_nothing_is_taken_after_the_trailer() -> None:
    trailer: dict[str, object] = {"error": "x", "message": "failed"}
    body = body_of([entry(0), trailer, entry(1)])
    assert in_blocks(body, []) == (plainly(body_of([entry(0)])), True)


@given(st.integers(0, 9), st.lists(st.integers(0, 800), max_size=4).map(sorted))
def test_lines_taken_before_are_left_out(skip: int, cuts: list[int]) -> None:
    body = body_of([entry(n) for n in range(9)])
    assert in_blocks(body, cuts, skip) == (plainly(body)[skip:], False)


def test_what_is_no_json_is_said() -> None:
    blocks = RawBlocks()
    with pytest.raises(UnreadableAnswerError):
        list(blocks.feed(b"<html>" + b" " * 300 + b"\n"))


@pytest.mark.parametrize("depth", [500, 2000, 100_000])
@pytest.mark.parametrize("last", [False, True])
def test_a_message_nested_deeper_than_json_is_read_is_a_line(
    depth: int, last: bool
) -> None:
    message = '{"a]\\"":[' * depth + '"}"' + "]}" * depth
    deep = json.dumps(entry(2, message_raw=message)).encode()[:-1]
    body = body_of([entry(1)]) + deep + b',"message_json":%s}\n' % message.encode()
    body += b"" if last else body_of([entry(3)])
    plain = [entry(1), entry(2, message_raw=message), *([] if last else [entry(3)])]
    assert in_blocks(body, []) == (plainly(body_of(plain)), False)


def test_what_is_nested_deep_and_no_json_is_said() -> None:
    deep = json.dumps(entry(2)).encode()[:-1] + b',"message_json":' + b"[" * 5000
    with pytest.raises(UnreadableAnswerError):
        in_blocks(deep + b"}\n", [])


def test_nothing_is_taken_after_what_is_no_json() -> None:
    """What came with it is not taken either: the lines taken have no hole."""
    blocks = RawBlocks()
    good = b"".join(
        body_of([entry(first), entry(first + 1), entry(first + 2)])
        for first in (0, 3, 6)
    )
    with pytest.raises(UnreadableAnswerError):
        list(blocks.feed(good + b"<html>\n" + body_of([entry(9)])[:-1]))
    assert list(blocks.finish()) == []
    assert blocks.failed


def test_an_entry_of_many_pieces_costs_no_more_than_its_length() -> None:
    """The pieces of an unfinished line are not copied with each new one."""
    message = "x" * 20_000_000
    body = body_of([entry(0, message_raw=message)])
    lines, _failed = in_blocks(body, list(range(0, len(body), 4096))[1:])
    assert lines[0].message == message


# The end of a raw download: whole, trailed, short, or in doubt.


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
