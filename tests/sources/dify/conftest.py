"""The demo's Dify app on loopback, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import TypeAlias

import pytest

from chronotui.demo.dify_server import DifyDemo
from chronotui.sources.dify.client import DifySource, open_dify
from chronotui.sources.protocol import BearerAuth

MakeApp: TypeAlias = Callable[..., DifyDemo]
OpenApp: TypeAlias = Callable[..., DifySource]


@pytest.fixture
def make_app() -> Iterator[MakeApp]:
    with ExitStack() as stack:

        def make(**options: object) -> DifyDemo:
            server = DifyDemo(**options)  # type: ignore[arg-type]
            return stack.enter_context(server)

        yield make


@pytest.fixture
async def open_app() -> AsyncIterator[OpenApp]:
    """Open a client of a url, with the demo's key if no other is given."""
    opened: list[DifySource] = []

    def open_one(url: str, key: str = DifyDemo.key, **options: object) -> DifySource:
        async def given() -> str:
            return key

        source = open_dify(url, BearerAuth(given), **options)  # type: ignore[arg-type]
        opened.append(source)
        return source

    yield open_one
    for source in opened:
        await source.aclose()
