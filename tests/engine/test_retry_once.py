"""Asking again: how often, after how long, and what is said meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chronotui.engine.retry import ASKED_AGAIN, Retries, may_help
from chronotui.engine.timing import Clock
from chronotui.errors import (
    Answer,
    ChronotuiError,
    FailedAnswerError,
    NotFoundError,
    OverloadedError,
    PageTooLargeError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def failed(status: int) -> FailedAnswerError:
    error = FailedAnswerError("The server failed.")
    error.answer = Answer(status, is_plain=True)
    return error


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was slept for, in no time."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("chronotui.engine.retry.asyncio.sleep", sleep)
    return slept


def failing(*errors: ChronotuiError) -> Callable[[], Awaitable[str]]:
    left = list(errors)

    async def request() -> str:
        if left:
            raise left.pop(0)
        return "answered"

    return request


@pytest.mark.parametrize(
    ("error", "helps"),
    [
        (failed(500), True),
        (failed(503), True),
        (failed(504), True),
        (failed(408), False),
        (OverloadedError("slow down"), True),
        (OverloadedError("slow down", retry_after=3), True),
        (PageTooLargeError("too large"), False),
        (UnreachableError("no connection"), False),
        (NotFoundError("no such job"), False),
    ],
)
async def test_429_and_5xx_are_asked_again(
    slept: list[float], error: ChronotuiError, helps: bool
) -> None:
    assert may_help(error) is helps
    if helps:
        assert await Retries().ask(failing(error)) == "answered"
        assert len(slept) >= 1
    else:
        with pytest.raises(type(error)):
            await Retries().ask(failing(error))
        assert slept == []


async def test_it_ends_after_some(slept: list[float]) -> None:
    request = failing(*[failed(503)] * 9)
    with pytest.raises(FailedAnswerError):
        await Retries().ask(request)
    assert len(slept) == ASKED_AGAIN


@pytest.mark.parametrize(
    ("asked", "least", "most"), [(12, 12, 13), (300, 300, 301), (90_000, 300, 301)]
)
async def test_the_wait_a_server_asks_for_is_obeyed_and_said_after_5_seconds(
    slept: list[float], asked: float, least: float, most: float
) -> None:
    said: list[tuple[float, str]] = []
    clock = Clock(chance=lambda: 0.0)
    retries = Retries(lambda words: said.append((sum(slept), words)), clock=clock)
    assert await retries.ask(failing(OverloadedError("Busy.", retry_after=asked)))
    assert least <= sum(slept) <= most
    assert [when for when, _ in said] == [5.0]
    assert "Busy; asked again in " in said[0][1]


async def test_short_waits_are_not_said(slept: list[float]) -> None:
    said: list[str] = []
    retries = Retries(said.append)
    assert await retries.ask(failing(failed(503), failed(502))) == "answered"
    assert (said, sum(slept) < 5) == ([], True)
