"""Merged chunks mean to h11 what the chunks meant, however they are cut."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chronotui.sources.httpcore_backends import ChunkMerger

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: x\r\nTransfer-Encoding: chunked\r\n\r\n"
BROKEN = "broken"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def meaning(parts: Sequence[bytes]) -> tuple[bytes, object]:
    """Tell what h11 makes of an answer: its content, and how it ended."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    connection.send(h11.EndOfMessage())
    content, end = b"", "unfinished"
    for part in [*parts, b""]:
        try:
            connection.receive_data(part)
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    break
                if isinstance(event, h11.Data):
                    content += bytes(event.data)
                if isinstance(event, h11.EndOfMessage):
                    return content, f"whole {event.headers!r}"
                if isinstance(event, h11.ConnectionClosed):
                    return content, BROKEN
        except h11.RemoteProtocolError:
            return content, BROKEN
    return content, end


def merged(parts: Sequence[bytes]) -> list[bytes]:
    merger = ChunkMerger()
    merger.begin()
    return [out for out in map(merger.feed, parts) if out]


def cut(stream: bytes, places: Sequence[int]) -> list[bytes]:
    bounds = [0, *sorted({place % (len(stream) + 1) for place in places}), len(stream)]
    parts = [stream[a:b] for a, b in itertools.pairwise(bounds)]
    return [part for part in parts if part]


def check(stream: bytes, places: Sequence[int]) -> None:
    parts = cut(stream, places)
    content, end = meaning(parts)
    content_after, end_after = meaning(merged(parts))
    assert end_after == end
    if end == BROKEN:
        assert content.startswith(content_after) or content_after.startswith(content)
    else:
        assert content_after == content


def test_chunks_of_one_read_become_one() -> None:
    stream = HEAD + b"".join(chunk(b"event %d" % n) for n in range(100))
    (out,) = merged([stream])
    assert out == HEAD + chunk(b"".join(b"event %d" % n for n in range(100)))


def test_what_is_received_is_handed_on_at_once() -> None:
    merger = ChunkMerger()
    merger.begin()
    assert merger.feed(HEAD + b"5\r\nab") == HEAD + chunk(b"ab")
    assert merger.feed(b"c") == chunk(b"c")
    assert merger.feed(b"de\r\n3") == chunk(b"de")
    assert merger.feed(b"\r\nfgh") == chunk(b"fgh")
    assert merger.feed(b"\r\n0\r\n\r\n") == b"0\r\n\r\n"


def test_other_answers_pass_untouched() -> None:
    for stream in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n5\r\nab",
        b"HTTP/1.1 204 No\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"x" * 70000,
    ):
        assert b"".join(merged([stream])) == stream


def test_the_next_answer_of_a_connection_is_read_afresh() -> None:
    merger = ChunkMerger()
    for body in (b"one", b"two"):
        merger.begin()
        assert merger.feed(HEAD + chunk(body[:1]) + chunk(body[1:])) == (
            HEAD + chunk(body)
        )
        assert merger.feed(b"0\r\n\r\n") == b"0\r\n\r\n"


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\nab\r\n", b"2\r\nabc\r\n0\r\n\r\n", b"2\r\nab0\r\n\r\n", b"\r\n",
        b"-1\r\n",
        b"2\r\nab\r\n\r\n", b"2 2\r\nab\r\n", b"0x2\r\nab\r\n", b"2\nab\r\n",
        b"f" * 30 + b"\r\n", b"2" * 2000, b"2;" + b"x" * 2000 + b"\r\nab\r\n0\r\n\r\n",
        b"2\r\nab\r5\r\nhello\r\n0\r\n\r\n", b"2\r\nab5\r\nhello\r\n0\r\n\r\n",
    ],
    ids=lambda body: repr(body[:20]),
)  # fmt: skip
def test_what_is_malformed_is_refused_as_before(body: bytes) -> None:
    check(HEAD + body, [])
    check(HEAD + body, range(len(HEAD) + len(body)))


EXTENSIONS = st.sampled_from([b"", b"", b"", b" ", b"\t ", b";a=b", b'; q="x y"'])
SIZES = st.sampled_from([b"%x", b"%X", b"00%x"])
CHUNKS = st.tuples(st.binary(min_size=1, max_size=30), SIZES, EXTENSIONS)
ENDS = st.sampled_from([b"", b"0\r\n\r\n", b"0\r\nTrailer: x\r\n\r\n", b"0;x\r\n\r\n"])
CUTS = st.lists(st.integers(0, 5000), max_size=30)


@given(st.lists(CHUNKS, max_size=12), ENDS, CUTS)
@example([], b"0\r\n\r\n", [len(HEAD)])
def test_the_meaning_is_kept_on_every_split(
    chunks: list[tuple[bytes, bytes, bytes]], end: bytes, places: list[int]
) -> None:
    sizes = [size % len(data) + extension for data, size, extension in chunks]
    body = b"".join(
        size + b"\r\n" + data + b"\r\n"
        for size, (data, _, _) in zip(sizes, chunks, strict=True)
    )
    check(HEAD + body + end, places)


@given(st.text(alphabet="0123aF \r\n;xé", max_size=60), CUTS)
def test_noise_after_the_head_is_judged_alike(noise: str, places: list[int]) -> None:
    check(HEAD + noise.encode(), places)


@given(st.text(alphabet="HTP/1.20 OKTransfer-Encoding: chunked\r\n", max_size=80), CUTS)
def test_noise_in_the_head_is_judged_alike(noise: str, places: list[int]) -> None:
    check(b"HTTP/1.1 200 OK\r\n" + noise.encode() + b"\r\n\r\n1\r\na\r\n", places)
