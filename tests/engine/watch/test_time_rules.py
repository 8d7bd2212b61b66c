"""Rules of the watch that are about time, each on a clock that only moves when told."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from chronotui.engine.connection import JOB, PAGE, BufferingDetector, Connectivity
from chronotui.engine.retry import Asker, Phase, SignInGate
from chronotui.engine.stream import LiveStream
from chronotui.engine.timing import Clock, WatchSettings, WatchTiming
from chronotui.engine.watch import Watch
from chronotui.errors import Answer, NotFoundError, UnreachableError
from chronotui.log.store import LogStore
from chronotui.model import Connected, Job, JobStatus, Trigger
from tests.engine.skipped_time import run_skipping

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

TIMING = WatchTiming()


def now() -> float:
    return asyncio.get_running_loop().time()


CLOCK = Clock(wall=now, chance=lambda: 0.0)
FIRST = TIMING.retry_first / 2
"""The first wait, where chance makes each half as long as it may be."""


def connectivity_of(clock: Clock = CLOCK) -> Connectivity:
    return Connectivity(clock, TIMING, lambda: None)


def gate_of(connectivity: Connectivity) -> SignInGate:
    return SignInGate(connectivity, may_sign_in=True)


# A steady connection resets the waits


async def _waits_between(stood: Sequence[float]) -> list[float]:
    """Return the wait after each connection, each having stood so many seconds."""
    opened: list[float] = []
    closed: list[float] = []
    left = list(stood)
    all_opened = asyncio.Event()

    @asynccontextmanager
    async def subscribe() -> AsyncIterator[AsyncIterator[tuple[Connected, ...]]]:
        opened.append(now())
        if not left:
            all_opened.set()
            await asyncio.Event().wait()

        async def events() -> AsyncIterator[tuple[Connected, ...]]:
            yield (Connected(),)
            await asyncio.sleep(left.pop(0))
            closed.append(now())
            raise UnreachableError("cut")

        yield events()

    connectivity = connectivity_of()
    wanted = asyncio.Event()
    wanted.set()
    nothing: Any = None
    stream = LiveStream(
        subscribe,
        nothing,
        backfill=Mock(),
        poll=nothing,
        connectivity=connectivity,
        gate=gate_of(connectivity),
        lag=nothing,
        wanted=wanted,
        phase=lambda: Phase.WATCHING,
        taken=nothing,
    )
    task = asyncio.create_task(stream.run())
    async with asyncio.timeout(3600):
        await all_opened.wait()
    task.cancel()
    return [after - before for before, after in zip(closed, opened[1:], strict=True)]


def test_waits_begin_again_after_a_connection_that_was_steady() -> None:
    async def work() -> None:
        steady = TIMING.steady_after
        waits = await _waits_between([0.0, 0.0, 0.0, steady, 0.0, steady - 0.125, 0.0])
        doubled = [1, 2, 4, 1, 2, 4, 8]
        assert waits == pytest.approx([FIRST * times for times in doubled])

    run_skipping(work())


# A stream that is silent while others are answered is opened anew


def test_a_stream_is_deaf_that_said_nothing_since_requests_began_to_fail() -> None:
    async def work() -> None:
        connectivity = connectivity_of()
        connectivity.connected()
        await asyncio.sleep(5)
        gone = UnreachableError("no answer")
        for tries in (1, 2):
            connectivity.failed(JOB, gone, tries, 1.0)
            assert not connectivity.was_deaf()  # nobody is answered: an outage
            await asyncio.sleep(1)
        connectivity.answered(JOB)
        assert connectivity.was_deaf()
        assert not connectivity.was_deaf()  # told once

    run_skipping(work())


def test_a_stream_that_spoke_since_requests_began_to_fail_is_left_alone() -> None:
    async def work() -> None:
        connectivity = connectivity_of()
        connectivity.connected()
        await asyncio.sleep(5)
        connectivity.failed(JOB, UnreachableError("no answer"), 1, 1.0)
        await asyncio.sleep(1)
        connectivity.heard()
        connectivity.answered(JOB)
        assert not connectivity.was_deaf()

    run_skipping(work())


def test_it_takes_two_readings_in_a_row_to_call_a_standing_stream_deaf() -> None:
    held_back = BufferingDetector(TIMING)
    assert not held_back.read(ahead=True)
    assert held_back.read(ahead=True)


@pytest.mark.parametrize("between", ["nothing new", "the stream spoke"])
def test_what_lies_between_two_such_readings_counts(between: str) -> None:
    held_back = BufferingDetector(TIMING)
    assert not held_back.read(ahead=True)
    if between == "nothing new":
        held_back.read(ahead=False)
    else:
        held_back.arrived(0.0, were_read=False)
    assert not held_back.read(ahead=True)
    assert held_back.read(ahead=True)


# A good answer resets what refusals counted


def refused() -> NotFoundError:
    error = NotFoundError("no such job")
    error.answer, error.route = Answer(404, is_plain=True), JOB
    return error


class Asked:
    """A route that is answered as told, and when it was asked."""

    def __init__(self, *answers: bool) -> None:
        self.left = list(answers)
        self.at: list[float] = []

    async def __call__(self) -> str:
        self.at.append(now())
        if self.left and self.left.pop(0):
            return "well"
        raise refused()


def asker_of(connectivity: Connectivity) -> Asker:
    return Asker(
        JOB,
        connectivity,
        gate_of(connectivity),
        phase=lambda: Phase.WATCHING,
        waits=True,
    )


def test_a_refusal_ends_the_asking_only_when_it_lasted_without_a_good_answer() -> None:
    async def work() -> None:
        asker = asker_of(connectivity_of())
        begun = now()
        with pytest.raises(NotFoundError):
            await asker.ask(Asked())
        assert now() - begun >= TIMING.refusal_lasts

        asker = asker_of(connectivity_of())
        assert await asker.ask(Asked(False, False, False, True)) == "well"
        await asyncio.sleep(TIMING.refusal_lasts)
        again = now()
        with pytest.raises(NotFoundError):
            await asker.ask(Asked())
        assert now() - again >= TIMING.refusal_lasts

    run_skipping(work())


def test_waits_begin_again_after_a_good_answer() -> None:
    async def work() -> None:
        connectivity = connectivity_of()
        asker = asker_of(connectivity)
        for _ in range(2):
            asked = Asked(False, False, True)
            await asker.ask(asked)
            waits = [b - a for a, b in zip(asked.at, asked.at[1:], strict=False)]
            assert waits == pytest.approx([FIRST, 2 * FIRST])
        assert connectivity.refusal is None

    run_skipping(work())


def test_the_refusal_of_one_route_is_not_undone_by_another() -> None:
    async def work() -> None:
        connectivity = connectivity_of()
        connectivity.failed(JOB, refused(), 1, 1.0, refused=True)
        connectivity.answered(PAGE)
        assert connectivity.refusal is not None
        connectivity.answered(JOB)
        assert connectivity.refusal is None

    run_skipping(work())


# Sleep is seen by two clocks


class Offset:
    """Clocks that can be set off: one stops in sleep, one goes on, or both do."""

    def __init__(self) -> None:
        self.monotonic = self.wall = 0.0

    @property
    def clock(self) -> Clock:
        return Clock(
            monotonic=lambda: now() + self.monotonic,
            wall=lambda: now() + self.wall,
            chance=lambda: 0.0,
        )


@pytest.mark.parametrize(
    ("monotonic", "wall", "has_slept"),
    [
        (0.0, TIMING.sleep_jump, True),
        (0.0, TIMING.sleep_jump - 0.1, False),
        (TIMING.sleep_jump - TIMING.sleep_probe, 0.0, True),
        (TIMING.sleep_jump - TIMING.sleep_probe - 0.1, 0.0, False),
        (3600.0, 3600.0, True),
        (0.0, -3600.0, False),
        (0.0, 0.0, False),
    ],
    ids=[
        "the monotonic clock stood still",
        "it did so for a moment",
        "the monotonic clock ran on while nothing else did",
        "it did so for a moment only",
        "both clocks ran on",
        "the clock on the wall was set back",
        "nothing happened",
    ],
)
def test_the_machine_has_slept(monotonic: float, wall: float, has_slept: bool) -> None:
    async def work() -> None:
        offset = Offset()
        source: Any = None
        job = Job("j", "w", JobStatus.RUNNING, Trigger.MANUAL)
        watch = Watch(
            source,
            None,
            job,
            settings=WatchSettings(),
            store=LogStore(),
            clock=offset.clock,
            changed=lambda: None,
        )
        woken: list[float] = []
        watch.backfill.wake_up = lambda: woken.append(now())  # type: ignore[method-assign]
        task = asyncio.create_task(watch._probe_sleep())
        await asyncio.sleep(TIMING.sleep_probe * 3.5)
        assert not woken
        offset.monotonic, offset.wall = monotonic, wall
        await asyncio.sleep(TIMING.sleep_probe * 3)
        assert len(woken) == has_slept  # once: the clocks are compared anew
        task.cancel()

    run_skipping(work())
