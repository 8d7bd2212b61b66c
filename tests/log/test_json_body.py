"""The entries of a json body: as many as JSON itself tells, whatever a job prints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronotui.errors import UnreadableAnswerError
from chronotui.log import json_body
from chronotui.log.json_body import JsonBody, entries_of_body
from chronotui.log.raw_body import DownloadEnd, judge_json
from chronotui.log.wholeness import RawPlace, last_place, reaches
from chronotui.model import LogLine, RawFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

TIGHT: Final = (",", ":")
HEAD: Final = '{"id":"j","workflow_id":"w","filters":{"q":"\\"logs\\":["},"logs":['
TRAILER: Final = '],"error":{"message":"m","error":"e"}}'


def entry(number: int, message: object) -> dict[str, object]:
    made: dict[str, object] = {
        "timestamp": "2026-11-22T10:00:00Z",
        "sequence_num": number,
        "stream": "stdout",
        "event_id": f"log:j:stdout:{number}",
        "message_raw": message if isinstance(message, str) else json.dumps(message),
    }
    # A server adds a message that is JSON once more as a value.
    return made if isinstance(message, str) else {**made, "message_json": message}


def counted(body: bytes, size: int) -> tuple[int, bytes]:
    """Return the lines of a body that comes in pieces, and its tail."""
    count = JsonBody()
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    lines = sum([count.feed(piece) for piece in pieces])
    return lines + count.finish(), count.tail()


TRAILERS = st.just({"error": "e", "message": "m"})
PRINTED = st.builds(entry, st.integers(0, 9), st.text(max_size=3))
LISTS = st.lists(st.one_of(PRINTED, TRAILERS, st.just({})), max_size=4)
MESSAGES = st.one_of(
    st.text(max_size=10),
    st.sampled_from(
        ["]}", '},{"timestamp":', '"message_raw":', '"message_raw', "\\", "[{", 'a"]}']
    ),
    PRINTED,
    LISTS,
    st.builds(lambda x: {"logs": x, "error": {"message": "no"}}, LISTS),
    st.builds(lambda x: [[x], {"message_raw": x}], LISTS),
)
SPACES = st.sampled_from([(TIGHT, None)] * 4 + [((", ", " : "), None), (TIGHT, 1)])
LOGS = st.lists(st.one_of(MESSAGES, MESSAGES, MESSAGES, st.none()), max_size=12)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    log=LOGS,
    spaces=SPACES,
    end=st.sampled_from(["]}", "]\n}\n", TRAILER]),
    cut=st.one_of(st.none(), st.floats(0, 1)),
    size=st.integers(1, 400),
    block=st.integers(1, 900),
)
def test_entries_are_those_that_json_has(  # noqa: PLR0917
    log: list[object],
    spaces: tuple[tuple[str, str], int | None],
    end: str,
    cut: float | None,
    size: int,
    block: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole or cut anywhere, in pieces of any size, also where jobs print entries."""
    monkeypatch.setattr(json_body, "BLOCK_BYTES", block)
    # None is what has no message.
    entries: list[Any] = [
        {"error": "e"} if message is None else entry(number, message)
        for number, message in enumerate(log)
    ]
    separators, indent = spaces
    texts = [json.dumps(x, separators=separators, indent=indent) for x in entries]
    between = ",\n" if indent else ","
    ends, at = [], len(HEAD)
    for text in texts:
        ends.append(at + len(text))
        at = ends[-1] + len(between)
    whole = HEAD + between.join(texts) + end
    assert json.loads(whole)["logs"] == entries
    stop = len(whole) if cut is None else int(cut * len(whole.rstrip()))
    body = whole[:stop].encode()
    held = [x for x, after in zip(entries, ends, strict=True) if after <= stop]

    lines, tail = counted(body, size)
    assert lines == sum("message_raw" in each for each in held)

    is_cut = stop < len(whole.rstrip())
    ending = DownloadEnd.FAILED if "error" in end else DownloadEnd.WHOLE
    assert judge_json(tail).ending is (DownloadEnd.SHORT if is_cut else ending)
    assert judge_json(tail) == judge_json(body)
    kept = [json.loads(tail[x.begin : x.end]) for x in entries_of_body(tail).entries]
    assert kept == held[len(held) - len(kept) :]
    if not is_cut and held and "message_raw" in held[-1]:
        number = len(held) - 1
        place = RawPlace(number, "stdout", f"log:j:stdout:{number}")
        assert last_place(RawFormat.JSON, tail) == place


def long_log(message: object) -> bytes:
    texts = [json.dumps(entry(n, message), separators=TIGHT) for n in range(3000)]
    return (HEAD + ",".join(texts) + "]}").encode()


@pytest.mark.parametrize(
    "message",
    ["as usual", entry(1, "x"), [entry(1, "x"), entry(2, "y")], '{"a":' * 3000],
)
def test_a_long_log_is_counted_in_bounded_memory(message: object) -> None:
    body, count, lines, most = long_log(message), JsonBody(), 0, 0
    for at in range(0, len(body), 5000):
        lines += count.feed(body[at : at + 5000])
        most = max(most, len(count.tail()))
    assert lines + count.finish() == 3000
    assert most < 300_000


def test_a_message_nested_deeper_than_json_is_read_is_a_line() -> None:
    text = json.dumps(entry(0, "x"), separators=TIGHT)
    deep = f'{text[:-1]},"message_json":{"[" * 50_000}{"]" * 50_000}}}'
    body = (HEAD + ",".join([text, deep, text] * 3) + "]}").encode()
    assert counted(body, 70_000)[0] == 9


def test_a_body_that_is_no_list_of_entries_is_not_held_for_ever() -> None:
    def endless(start: bytes) -> Iterator[bytes]:
        yield start
        while True:
            yield b"x" * (1 << 20)

    for start in (b'{"id":"', b'{"logs":[{"message_raw":"'):
        body, held = JsonBody(), 0
        with pytest.raises(UnreadableAnswerError):  # noqa: PT012 - which piece is open
            for piece in endless(start):
                held += len(piece)
                assert held < 1 << 27
                body.feed(piece)


def test_what_is_behind_the_end_is_not_held_for_ever() -> None:
    body = JsonBody()
    body.feed(b'{"logs":[]')
    for _ in range(40):
        body.feed(b" " * (1 << 16))
    assert len(body.tail()) < 1 << 18


def cut_behind(message: object, at: str) -> bytes:
    """Return a body cut in its last message, behind what looks like an end."""
    body = HEAD + json.dumps(entry(0, message), separators=TIGHT)
    return body[: body.rindex(at) + len(at)].encode()


def test_an_end_that_a_job_prints_ends_nothing() -> None:
    printed = {"logs": {"logs": [entry(7, "x")]}}
    body = cut_behind(printed, "}]}")
    assert body.endswith(b'"message_raw":"x"}]}')
    assert judge_json(body).ending is DownloadEnd.SHORT
    assert last_place(RawFormat.JSON, body) is None
    failed = cut_behind({"a": [1], "error": {"message": "m"}}, '"m"}}')
    assert judge_json(failed).ending is DownloadEnd.SHORT


@pytest.mark.parametrize("raw_format", [RawFormat.JSON, RawFormat.JSONL])
@pytest.mark.parametrize("message", ["log:j:stdout:9", entry(9, "x"), [entry(9, "x")]])
def test_an_id_that_a_job_prints_is_no_line(
    raw_format: RawFormat, message: object
) -> None:
    newest = LogLine(1, 9, "stdout", None, "x", "log:j:stdout:9")
    for last, reached in ((2, False), (9, True)):
        texts = [
            json.dumps(entry(number, message), separators=TIGHT)
            for number in (last, 1)  # in no order that is known
        ]
        body = "".join(f"{text}\n" for text in texts)
        if raw_format is RawFormat.JSON:
            body = HEAD + ",".join(texts) + "]}"
        assert reaches(raw_format, body.encode(), [newest]) is reached
