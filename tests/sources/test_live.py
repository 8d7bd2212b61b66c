"""Live streams over sockets, and the decoder of their frames alone."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import given
from hypothesis import strategies as st

from chronotui.errors import (
    FailedAnswerError,
    NotSignedInError,
    UnreachableError,
    UnreadableAnswerError,
)
from chronotui.model import (
    Connected,
    LiveEvent,
    LiveLines,
    LogLine,
    StreamEnded,
    StreamFailed,
)
from chronotui.sources.live import Frame, SseDecoder, read_events
from chronotui.sources.protocol import SessionAuth, SessionCookies

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from chronotui.sources.chronoverse import Chronoverse
    from tests.sources.conftest import Answer, MakePeer, OpenClient, Received


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
UNTIL_CLOSED = HEAD + b"Connection: close\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

DOCUMENTED = b"""event: connected
data: {"status":"connected"}

event: log
data: {"timestamp":"2026-03-03T10:00:05.123Z","message":"Starting workflow execution",\
"sequence_num":1,"stream":"stdout"}

event: log
data: {"timestamp":"2026-03-03T10:00:06.456Z","message":"Loading configuration",\
"sequence_num":2,"stream":"stdout"}

event: log
data: {"timestamp":"2026-03-03T10:15:30.123Z","message":"Workflow completed \
successfully","sequence_num":1547,"stream":"stdout"}

event: end
data: {"status":"stream_ended"}

"""


def frame(message: str) -> bytes:
    return f'event: log\ndata: {{"message":"{message}"}}\n\n'.encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def messages(events: list[LiveEvent]) -> list[str]:
    batches = [event.lines for event in events if isinstance(event, LiveLines)]
    return [line.message for lines in batches for line in lines]


async def watch(client: Chronoverse) -> list[LiveEvent]:
    async with client.live("w", "j") as stream:
        return [event async for batch in stream for event in batch]


def writing(*parts: bytes) -> Callable[[object, asyncio.StreamWriter], Awaitable[None]]:
    """Script a stream: each part goes out by itself, then the connection ends."""

    async def script(_request: object, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.005)

    return script


async def test_reads_the_documented_stream(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    peer = await make_peer(writing(UNTIL_CLOSED + DOCUMENTED))
    events = await watch(client_for(peer.url))
    second = 1_772_532_005_000_000_000
    assert events[0] == Connected()
    assert events[-1] == StreamEnded()
    (batch,) = events[1:-1]
    assert isinstance(batch, LiveLines)
    assert batch.lines[0] == LogLine(
        0, 1, "stdout", second + 123_000_000, "Starting workflow execution", "", False
    )
    assert [line.sequence_num for line in batch.lines] == [1, 2, 1547]
    (request,) = peer.received
    assert request.target == "/workflows/w/jobs/j/events"
    assert request.headers["accept"] == "text/event-stream"
    assert request.headers["accept-encoding"] == "identity"


async def test_what_arrives_together_comes_as_one_batch(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    burst = b"".join(chunk(frame(f"m{n}")) for n in range(200))
    peer = await make_peer(writing(CHUNKED, burst, b"0\r\n\r\n"))
    async with client_for(peer.url).live("w", "j") as stream:
        batches = [batch async for batch in stream]
    assert sum(len(batch) for batch in batches) < 10
    found = messages([event for batch in batches for event in batch])
    assert found == [f"m{n}" for n in range(200)]


async def test_a_frame_is_there_before_the_next_one(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    taken = asyncio.Event()

    async def script(_request: object, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + chunk(frame("first")))
        await taken.wait()
        writer.write(chunk(frame("second")) + b"0\r\n\r\n")

    async with client_for((await make_peer(script)).url).live("w", "j") as stream:
        assert messages(list(await anext(stream))) == ["first"]
        taken.set()
        assert messages(list(await anext(stream))) == ["second"]
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_silence_is_no_reason_to_end(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    async def script(_request: object, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + chunk(frame("a")))
        await writer.drain()
        await asyncio.sleep(0.6)
        writer.write(chunk(frame("b")) + b"0\r\n\r\n")

    peer = await make_peer(script)
    events = await watch(client_for(peer.url, timeout_seconds=0.3))
    assert messages(events) == ["a", "b"]


async def test_a_frame_cut_in_the_middle_is_dropped_whole(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    whole, cut = frame("whole"), frame("cut")[:-6]
    peer = await make_peer(writing(CHUNKED, chunk(whole), chunk(cut)))
    seen: list[LiveEvent] = []

    async def collect() -> None:
        async with client_for(peer.url).live("w", "j") as stream:
            async for batch in stream:
                seen.extend(batch)

    with pytest.raises(UnreachableError, match="broke off"):
        await collect()
    assert messages(seen) == ["whole"]


async def test_what_came_before_a_reset_is_given_first(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    peer = await make_peer(writing(CHUNKED, chunk(frame("a")), b"nonsense\r\n"))
    async with client_for(peer.url).live("w", "j") as stream:
        await asyncio.sleep(0.1)
        assert messages(list(await anext(stream))) == ["a"]
        with pytest.raises(UnreachableError):
            await anext(stream)


async def test_leaving_in_the_middle_closes_the_connection(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    gone = asyncio.Event()

    async def script(_request: object, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        try:
            while True:
                writer.write(chunk(frame("x" * 5000)))
                await writer.drain()
                await asyncio.sleep(0)
        except ConnectionError:
            gone.set()

    async with client_for((await make_peer(script)).url).live("w", "j") as stream:
        await anext(stream)
    await asyncio.wait_for(gone.wait(), 30)


async def test_cancelling_a_silent_watch_ends_at_once(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    opened = asyncio.Event()

    async def script(_request: object, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + chunk(frame("a")))
        opened.set()
        await asyncio.Event().wait()

    client = client_for((await make_peer(script)).url)
    task = asyncio.create_task(watch(client))
    await opened.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 30)


async def test_a_slow_reader_slows_the_server_instead_of_filling_memory(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    sent = 0
    line = frame("x" * 60_000)

    async def script(_request: object, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(CHUNKED)
        for _ in range(2000):
            writer.write(chunk(line))
            await writer.drain()
            sent += len(line)

    async with client_for((await make_peer(script)).url).live("w", "j") as stream:
        await anext(stream)
        settled = -1
        while settled != sent:
            settled = sent
            await asyncio.sleep(0.05)
        assert sent < 40 << 20
        found = 1
        async for batch in stream:
            found += len(messages(list(batch)))
            if found > 1500:
                break


async def test_an_expired_session_is_renewed_at_the_subscription(
    make_peer: MakePeer, client_for: OpenClient, answer: Answer
) -> None:
    async def script(request: Received, writer: asyncio.StreamWriter) -> bytes | None:
        if request.path == "/auth/login":
            return answer(201, b"", "Set-Cookie: session=new; Path=/")
        if request.headers.get("cookie") != "session=new":
            return answer(401, "expired", kind="text/plain")
        await writing(UNTIL_CLOSED + DOCUMENTED)(request, writer)
        return None

    async def password() -> str:
        return "pw"

    auth = SessionAuth("me", password, SessionCookies("old"))
    events = await watch(client_for((await make_peer(script)).url, auth))
    assert events[-1] == StreamEnded()


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ((200, "{}", "application/json"), UnreadableAnswerError),
        ((200, "", ""), UnreadableAnswerError),
        ((200, "<html>", "text/html"), NotSignedInError),
        ((401, "no", "text/plain"), NotSignedInError),
        ((502, "<html>", "text/html"), FailedAnswerError),
        ((504, "", "text/plain"), FailedAnswerError),
    ],
)
async def test_what_is_no_event_stream_is_said(
    make_peer: MakePeer,
    client_for: OpenClient,
    answer: Answer,
    reply: tuple[int, str, str],
    kind: type[Exception],
) -> None:
    status, body, media = reply
    peer = await make_peer(lambda *_: answer(status, body, kind=media))
    with pytest.raises(kind) as told:
        await watch(client_for(peer.url))
    assert str(told.value)


async def test_a_head_that_is_held_back_is_waited_for(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    asked, held = asyncio.Event(), asyncio.Event()

    async def script(_request: object, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await held.wait()
        writer.write(UNTIL_CLOSED + b"event: connected\ndata: {}\n\n")

    client = client_for((await make_peer(script)).url, timeout_seconds=0.3)
    watching = asyncio.create_task(watch(client))
    await asked.wait()
    done, _ = await asyncio.wait([watching], timeout=0.6)
    assert not done, "the time-out is for connecting alone"
    held.set()
    assert await watching == [Connected()]


async def test_a_line_that_never_ends_ends_the_stream(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    async def script(_request: object, writer: asyncio.StreamWriter) -> None:
        writer.write(UNTIL_CLOSED + b"data: ")
        for _ in range(20):
            writer.write(b"x" * (1 << 20))
            await writer.drain()

    with pytest.raises(UnreadableAnswerError, match="does not end"):
        await watch(client_for((await make_peer(script)).url))


def test_events_of_every_kind_keep_their_order() -> None:
    frames = [
        Frame("log", b'{"message":"a"}'),
        Frame("log", b"{broken"),
        Frame("heartbeat", b"1"),
        Frame("connected", b"anything"),
        Frame("log", b'{"message":"b"}'),
        Frame("error", b"retention is \x1b[31moff\n"),
        Frame("error", b""),
        Frame("end", b""),
    ]
    first, connected, second, *rest = read_events(frames)
    assert isinstance(first, LiveLines)
    assert (messages([first]), first.unreadable) == (["a"], 1)
    assert connected == Connected()
    assert messages([second]) == ["b"]
    assert rest == [
        StreamFailed("retention is [31moff"),
        StreamFailed("the server did not say why"),
        StreamEnded(),
    ]


def test_an_unknown_event_does_not_part_a_batch_from_its_order() -> None:
    frames = [Frame("log", b"{}"), Frame("x", b""), Frame("log", b"{}")]
    assert messages(list(read_events(frames))) == ["", ""]


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading_of_events(noise: bytes) -> None:
    stream = b"event: log\ndata: " + noise + b"\n\n" + frame("after")
    decoded = SseDecoder().feed(stream)
    assert list(read_events(decoded))


# The event-stream decoder, alone and beside httpx-sse's own.


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


def test_decodes_the_documented_stream() -> None:
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
