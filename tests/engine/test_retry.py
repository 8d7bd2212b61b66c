"""What follows from an answer, over every status, body, route and phase there is."""

from __future__ import annotations

import asyncio
from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from chronotui.engine.connection import JOB, PAGE, STREAM
from chronotui.engine.retry import (
    ASKED_AGAIN,
    Phase,
    RefusalSpan,
    Retries,
    Step,
    may_help,
    next_step,
)
from chronotui.engine.timing import Clock
from chronotui.errors import (
    Answer,
    ChronotuiError,
    ConfigError,
    FailedAnswerError,
    IncompleteError,
    NotFoundError,
    NotSignedInError,
    OverloadedError,
    PageTooLargeError,
    ServerError,
    UnreachableError,
    UnreadableAnswerError,
)
from chronotui.sources.chronoverse import open_chronoverse
from chronotui.sources.protocol import NoAuth
from chronotui.sources.wire_errors import error_for, login_page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator


ROUTES: Final = (JOB, PAGE, STREAM, "jobs", "workflows", "search_logs", "login")


class Body(NamedTuple):
    """A kind of body; ``plain`` tells the server's own words from a proxy's page."""

    name: str
    headers: dict[str, str]
    content: bytes
    plain: bool


BODIES: Final = (
    Body("words", {"content-type": "text/plain; charset=utf-8"}, b"no\n", True),
    Body("json", {"content-type": "application/json"}, b'{"error":"no"}', True),
    Body("nothing", {}, b"", False),
    Body("empty text", {"content-type": "text/plain"}, b"", False),
    Body("untyped words", {}, b"404 page not found", False),
    Body("page", {"content-type": "text/html"}, b"<h1>no</h1>", False),
    Body("page as text", {"content-type": "text/plain"}, b"<!DOCTYPE html>no", False),
    Body("bytes", {"content-type": "image/png"}, b"\x89PNG\x00\xff", False),
)
WAITS: Final = ("", "0", "soon", "Fri, 31 Dec 2099 23:59:59 GMT")


async def error_of(status: int, body: Body, wait: str, route: str) -> ChronotuiError:
    """Return the error the client raises for an answer."""
    headers = {**body.headers, **({"retry-after": wait} if wait else {})}
    error = error_for(status, headers, body.content)
    error.route = route
    if route != PAGE:
        return error
    client = open_chronoverse("http://127.0.0.1:9", NoAuth())

    async def read(_ask: object) -> bytes:
        raise error

    client._signed_in.read = read  # type: ignore[assignment, method-assign]
    with pytest.raises(ChronotuiError) as raised:
        await client.log_page("w", "j")
    return raised.value


def expected(
    status: int, body: Body, wait: str, route: str, phase: Phase, *, waits: bool
) -> Step:
    """The rule, told by numbers alone."""
    if status == 401:
        return Step.SIGN_IN
    asked = wait not in {"", "soon"}
    if (route, status, body.plain, asked) == (PAGE, 429, True, False):
        return Step.LEAVE_OUT
    refusing = {JOB: {403, 404, 412}, PAGE: {412}}.get(route, set())
    if phase is Phase.LISTING or status not in refusing or not body.plain:
        return Step.AGAIN
    if phase is not Phase.OPENING:
        return Step.IF_IT_LASTS
    return Step.SLOWLY if waits else Step.BELIEVE


def failing_answers() -> Iterator[tuple[int, Body, str]]:
    for status, body in product(range(100, 600), BODIES):
        if not 200 <= status < 300:
            yield from ((status, body, wait) for wait in WAITS)


async def test_every_answer_has_one_next_step() -> None:
    cases = 0
    for route in ROUTES:
        for status, body, wait in failing_answers():
            error = await error_of(status, body, wait, route)
            for phase, waits in product(Phase, (True, False)):
                wanted = expected(status, body, wait, route, phase, waits=waits)
                found = next_step(error, phase, waits=waits)
                assert found is wanted, (status, body.name, wait, route, phase, waits)
                cases += 1
        await asyncio.sleep(0)
    assert cases == len(ROUTES) * 400 * len(BODIES) * len(WAITS) * len(Phase) * 2


def test_only_the_jobs_own_refusal_can_end_anything() -> None:
    ending = {
        (route, status)
        for route, status, body in product(ROUTES, range(300, 600), BODIES)
        for error in (error_for(status, body.headers, body.content),)
        for phase, waits in product(Phase, (True, False))
        if _with_route(error, route)
        and next_step(error, phase, waits=waits)
        in {Step.BELIEVE, Step.SLOWLY, Step.IF_IT_LASTS}
    }
    assert ending == {(JOB, 403), (JOB, 404), (JOB, 412), (PAGE, 412)}


def _with_route(error: ChronotuiError, route: str) -> bool:
    error.route = route
    return True


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("route", ROUTES)
def test_what_is_no_refusal_is_asked_again(route: str, phase: Phase) -> None:
    troubles: list[ChronotuiError] = [
        kind("trouble")
        for kind in (
            ServerError,
            UnreachableError,
            OverloadedError,
            FailedAnswerError,
            UnreadableAnswerError,
        )
    ]
    for error in [*troubles, login_page()]:
        error.route = route
        assert next_step(error, phase, waits=False) is Step.AGAIN


@pytest.mark.parametrize("phase", Phase)
def test_our_own_errors_are_believed_and_a_sign_in_is_waited_for(phase: Phase) -> None:
    for own in (ConfigError("odd"), IncompleteError("the spool is full")):
        assert next_step(own, phase, waits=True) is Step.BELIEVE
    nobody = NotSignedInError("Profile prod holds no password.")
    assert next_step(nobody, phase, waits=True) is Step.SIGN_IN


def test_a_refusal_is_believed_once_it_has_lasted() -> None:
    refusal = RefusalSpan(60.0)
    assert not refusal.heard(100.0)
    assert not refusal.heard(159.9)
    assert refusal.heard(160.0)


def test_any_other_answer_begins_the_minute_anew() -> None:
    refusal = RefusalSpan(60.0)
    assert not refusal.heard(100.0)
    refusal.broken()
    assert not refusal.heard(161.0)
    assert not refusal.heard(220.9)
    assert refusal.heard(221.0)


# Asking again: how often, after how long, and what is said meanwhile.


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
