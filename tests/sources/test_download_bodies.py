"""Bodies taken over from the parser, against a peer scripted byte by byte."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from chronotui.errors import UnreachableError
from chronotui.model import RawFormat

if TYPE_CHECKING:
    from chronotui.sources.chronoverse import Chronoverse
    from tests.sources.conftest import MakePeer, OpenClient, Received

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def download(client: Chronoverse) -> bytes:
    with client.download("w", "j", format=RawFormat.TXT) as answer:
        return b"".join(answer.chunks())


async def read_from(
    make_peer: MakePeer, client_for: OpenClient, *pieces: bytes, hang_up: bool = False
) -> bytes:
    async def answer(_request: Received, writer: asyncio.StreamWriter) -> bytes | None:
        for piece in pieces[:-1]:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.write(pieces[-1])
        return None if hang_up else b""

    peer = await make_peer(answer)
    return await asyncio.to_thread(download, client_for(peer.url))


@pytest.mark.parametrize("cut", [1, 5, 60, len(CHUNKED) - 1, len(CHUNKED)])
async def test_head_and_body_in_any_pieces(
    make_peer: MakePeer, client_for: OpenClient, cut: int
) -> None:
    whole = CHUNKED + b"4\r\nabcd\r\n5\r\nefgh\n\r\n0\r\n\r\n"
    got = await read_from(make_peer, client_for, whole[:cut], whole[cut:])
    assert got == b"abcdefgh\n"


async def test_a_head_of_1xx_before_the_answer(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    whole = early + CHUNKED + b"3\r\nabc\r\n0\r\n\r\n"
    assert await read_from(make_peer, client_for, whole) == b"abc"


async def test_a_body_with_a_length(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    whole = HEAD + b"Content-Length: 6\r\n\r\nabcdef"
    assert await read_from(make_peer, client_for, whole) == b"abcdef"
    with pytest.raises(UnreachableError):
        await read_from(make_peer, client_for, whole[:-1], hang_up=True)


async def test_a_body_up_to_the_end_of_the_connection(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    whole = HEAD + b"Connection: close\r\n\r\nabcdef"
    assert await read_from(make_peer, client_for, whole, hang_up=True) == b"abcdef"


async def test_a_head_with_bare_line_ends(
    make_peer: MakePeer, client_for: OpenClient
) -> None:
    whole = CHUNKED.replace(b"\r\n", b"\n") + b"3\r\nabc\r\n0\r\n\r\n"
    assert await read_from(make_peer, client_for, whole) == b"abc"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"4\r\nab",
        b"4\r\nabcd",
        b"4\r\nabcd\r\n",
        b"4\r\nabcd\r\n0\r\n",
        b"4\r\nabcdefgh\r\n0\r\n\r\n",
        b"zz\r\nabcd\r\n0\r\n\r\n",
    ],
)
async def test_a_body_cut_or_broken_is_no_body(
    make_peer: MakePeer, client_for: OpenClient, body: bytes
) -> None:
    with pytest.raises(UnreachableError):
        await read_from(make_peer, client_for, CHUNKED + body, hang_up=True)
