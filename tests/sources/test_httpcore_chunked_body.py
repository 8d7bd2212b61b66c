"""A chunked body out of its framing, however the network cuts it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.sources.httpcore_backends import ChunkedBody


def framed(chunks: list[bytes], end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks if c) + end


@given(
    chunks=st.lists(st.binary(max_size=40), max_size=12),
    cuts=st.lists(st.integers(0, 700), max_size=30),
    end=st.sampled_from(
        [b"0\r\n\r\n", b"000\r\n\r\n", b"0;x=y\r\nTrailer: z\r\nOther: a\r\n\r\n"]
    ),
)
def test_any_cut_gives_the_content(
    chunks: list[bytes], cuts: list[int], end: bytes
) -> None:
    whole = framed(chunks, end)
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    body = ChunkedBody()
    read = b""
    for start, stop in itertools.pairwise(places):
        assert not body.ended or start == len(whole)
        read += body.feed(whole[start:stop])
    assert read == b"".join(chunks)
    assert body.ended


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1), st.data())
def test_a_cut_body_never_looks_ended(chunks: list[bytes], data: st.DataObject) -> None:
    whole = framed(chunks)
    body = ChunkedBody()
    read = body.feed(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert not body.ended
    assert b"".join(chunks).startswith(read)


def test_byte_by_byte() -> None:
    body = ChunkedBody()
    whole = framed([b"hello ", b"world"])
    assert b"".join(body.feed(bytes([byte])) for byte in whole) == b"hello world"
    assert body.ended


@pytest.mark.parametrize(
    "broken",
    [
        b"x\r\n",
        b"\r\n",
        b"-1\r\nx\r\n",
        b"0x1\r\nx\r\n",
        b"1_0\r\nx\r\n",
        b"11111111111111111\r\n",
        b"2\r\nabc\r\n",
        b"1\r\na\n",
        b"1" * 20_000,
    ],
)
def test_broken_framing_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match=r"chunk|framing"):
        ChunkedBody().feed(broken)


def test_what_follows_the_end_is_left_alone() -> None:
    body = ChunkedBody()
    assert body.feed(b"1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n") == b"a"
    assert body.ended
