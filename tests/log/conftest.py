from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from chronotui.log.store import LogStore
from chronotui.model import STDOUT, LogLine

Lines = Callable[..., list[LogLine]]


class MemoryOverflow:
    """A spool in memory that can be made to fail."""

    def __init__(self) -> None:
        self.content = b""
        self.full = False
        self.broken = False

    def write(self, content: bytes, /) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.content += content
        return len(self.content) - len(content)

    def read(self, offset: int, size: int, /) -> bytes:
        if self.broken:
            raise OSError(errno.EIO, "Input/output error")
        return self.content[offset : offset + size]

    def close(self) -> None:
        self.content = b""


@pytest.fixture
def overflow() -> MemoryOverflow:
    return MemoryOverflow()


@pytest.fixture
def lines() -> Lines:
    def make(start: int, stop: int, **fields: object) -> list[LogLine]:
        made = []
        for number in range(start, stop):
            line = LogLine(
                1,
                number,
                STDOUT,
                number * 1_000_000,
                f"message {number}",
                f"log:8f3c21:stdout:{number}",
            )
            made.append(line._replace(**fields))  # type: ignore[arg-type]
        return made

    return make


@pytest.fixture
def store(lines: Lines) -> LogStore:
    """Ten thousand lines."""
    store = LogStore()
    store.add(lines(0, 10_000))
    return store
