"""When pages are read again, and the job asked, on a clock that skips every pause."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from chronotui.engine.connection import (
    JOB,
    PAGE,
    STREAM,
    BufferingDetector,
    Connection,
    Connectivity,
    TailPoll,
)
from chronotui.engine.ending import Ending
from chronotui.engine.gaps import Backfill, LagMeter
from chronotui.engine.retry import Asker, JobPoll, Phase, SignInGate
from chronotui.engine.timing import Clock, WatchTiming
from chronotui.errors import (
    Answer,
    FailedAnswerError,
    LogsUnavailableError,
    MissingError,
    NotSignedInError,
    OverloadedError,
    UnreachableError,
)
from chronotui.log.coverage import Coverage, LinePosition, Stretch
from chronotui.log.ledger import Gap
from chronotui.model import Job, JobStatus, Trigger
from chronotui.paging import PageOrder
from tests.engine.skipped_time import run_skipping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.engine.pages import Limiter
    from chronotui.errors import ChronotuiError

TIMING = WatchTiming()
RUNNING = Job("j", "w", JobStatus.RUNNING, Trigger.MANUAL)
GONE = UnreachableError("no answer")


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, lambda: self.now, lambda: 0.0)


def loop_now() -> float:
    return asyncio.get_running_loop().time()


def connectivity(clock: Clock) -> Connectivity:
    return Connectivity(clock, TIMING, lambda: None)


def on_the_loop() -> Connectivity:
    return connectivity(Clock(wall=loop_now, chance=lambda: 0.0))


# Where the connection stands


def test_a_stream_that_says_nothing_for_long_is_quiet_until_it_speaks() -> None:
    hand = Hand()
    live = connectivity(hand.clock)

    def kind() -> str:
        return live.connection(RUNNING, "").text(hand.now)

    live.connecting()
    assert kind() == "CONNECTING"
    live.connected()
    hand.now += TIMING.quiet_after - 0.1
    assert kind() == "LIVE"
    hand.now += 0.1
    assert kind() == f"QUIET {TIMING.quiet_after:.0f} s"
    live.heard()
    assert kind() == "LIVE"


def test_no_network_is_offline_a_broken_stream_alone_is_not() -> None:
    hand = Hand()
    link = connectivity(hand.clock)
    link.failed(JOB, GONE, 1, 4.0)
    assert link.connection(RUNNING, "").text(hand.now) == "OFFLINE 1, in 4 s"
    link.answered(JOB)
    link.lost(GONE, 3, 7.0)
    hand.now += 2
    assert link.connection(RUNNING, "").text(hand.now) == "RECONNECTING 3, in 5 s"
    link.failed(PAGE, GONE, 1, 4.0)
    assert link.connection(RUNNING, "").kind == "OFFLINE"
    link.connected()
    link.answered(PAGE)
    assert link.connection(RUNNING, "") == Connection("LIVE", "", hand.now)  # type: ignore[arg-type]
    assert link.outage == 2.0


def test_a_stream_without_headers_is_held_back_once_others_are_answered() -> None:
    hand = Hand()
    link = connectivity(hand.clock)
    link.connecting()
    hand.now += 0.1
    link.answered(PAGE)
    hand.now += TIMING.connect_limit - 0.2
    assert not link.connection(RUNNING, "").is_troubled
    hand.now += 0.1
    shown = link.connection(RUNNING, "")
    assert (shown.kind, shown.is_troubled) == ("CONNECTING", True)
    assert "reading pages every 5 s" in shown.why(hand.now)


def test_after_the_end_trouble_is_of_the_last_lines() -> None:
    hand = Hand()
    link = connectivity(hand.clock)
    slow = OverloadedError("Busy.", retry_after=9)
    slow.answer, slow.route = Answer(503, is_plain=True), PAGE
    link.failed(PAGE, slow, 1, 9.0)
    shown = link.connection(RUNNING, "ended FAILED")
    assert (shown.kind, shown.subject) == ("ENDED", "last lines, log 503")
    assert shown.asked_until == hand.now + 9.0
    hand.now += 9.0
    assert shown.why(hand.now) == "asking now, last lines, log 503: Busy."
    link.settled()
    shown = link.connection(RUNNING, "ended FAILED")
    assert (shown.reason, shown.is_troubled) == ("ended FAILED", False)


@pytest.mark.parametrize(
    ("refusal", "stays"),
    [(LogsUnavailableError("not kept"), True), (MissingError("gone"), False)],
)
def test_only_an_answer_of_its_kind_takes_a_refusal_back(
    refusal: ChronotuiError, stays: bool
) -> None:
    live = connectivity(Hand().clock)
    refusal.route = PAGE
    live.failed(PAGE, refusal, 1, 1.0, refused=True)
    live.answered(JOB)
    assert (live.refusal is refusal) == stays
    live.answered(PAGE)
    assert live.refusal is None


def test_a_job_that_waits_is_said_to_wait() -> None:
    hand = Hand()
    link = connectivity(hand.clock)
    waiting = Job("j", "w", JobStatus.PENDING, Trigger.MANUAL)
    assert link.connection(waiting, "").text(hand.now) == "WAITING for the start"


# Signing in


@pytest.mark.parametrize("somebody", [True, False])
def test_what_waits_for_a_sign_in_goes_on_at_once_after_it(somebody: bool) -> None:
    async def work() -> None:
        gate = SignInGate(on_the_loop(), may_sign_in=True)
        gate.refused(NotSignedInError("sign in"), Phase.WATCHING)
        if somebody:
            asyncio.get_running_loop().call_later(3.0, gate.signed_in)
        await gate.passed()
        assert loop_now() == pytest.approx(3.0 if somebody else TIMING.retry_cap)

    run_skipping(work())


def test_where_nobody_can_sign_in_a_refusal_ends_it_once_it_lasted() -> None:
    async def work() -> None:
        gate = SignInGate(on_the_loop(), may_sign_in=False)
        error = NotSignedInError("sign in")
        with pytest.raises(NotSignedInError):
            gate.refused(error, Phase.OPENING)
        gate.signed_in()

        async def refuse() -> None:
            while True:
                gate.refused(error, Phase.WATCHING)
                await gate.passed()

        with pytest.raises(NotSignedInError):
            await refuse()
        assert loop_now() >= TIMING.refusal_lasts

    run_skipping(work())


# The poll of the job


class Polled:
    """A job asked for by a poll, refused as often as told."""

    def __init__(self, refusals: int = 0) -> None:
        self.at: list[float] = []
        self.taken: list[float] = []
        link = on_the_loop()
        gate = SignInGate(link, may_sign_in=True)
        asker = Asker(JOB, link, gate, phase=lambda: Phase.WATCHING, waits=True)
        self._refusals = refusals
        self.poll = JobPoll(self._read, asker, 5.0, self._take)

    async def _read(self) -> Job:
        self.at.append(loop_now())
        if len(self.at) <= self._refusals:
            raise FailedAnswerError("out of order")
        return RUNNING

    def _take(self, job: Job) -> None:
        assert job is RUNNING
        self.taken.append(loop_now())

    async def run(self, seconds: float) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(self.poll.run(), seconds)


def test_the_job_is_asked_for_in_its_time_and_sooner_when_told() -> None:
    async def work() -> None:
        polled = Polled()
        asyncio.get_running_loop().call_later(7.0, polled.poll.ask_soon)
        await polled.run(18.0)
        assert polled.taken == pytest.approx([5.0, 7.0, 12.0, 17.0])

    run_skipping(work())


def test_a_job_long_over_is_only_asked_for_when_told() -> None:
    async def work() -> None:
        polled = Polled()
        polled.poll.regular = False
        asyncio.get_running_loop().call_later(7.0, polled.poll.ask_soon)
        await polled.run(3600.0)
        assert polled.taken == pytest.approx([7.0])

    run_skipping(work())


def test_a_failure_is_waited_out_unless_asked_at_once() -> None:
    async def work() -> None:
        polled = Polled(refusals=9)
        loop = asyncio.get_running_loop()
        loop.call_later(5.1, polled.poll.ask_soon)
        loop.call_later(100.0, polled.poll.ask_now)
        await polled.run(100.5)
        pauses = [after - before for before, after in pairwise(polled.at)]
        assert pauses[:6] == pytest.approx([0.25, 0.5, 1.0, 2.0, 4.0, 8.0])
        assert polled.at[-1] == pytest.approx(100.0)

    run_skipping(work())


# The newest page


def test_the_newest_page_is_read_by_what_the_stream_is_trusted_with() -> None:
    hand = Hand()
    link = connectivity(hand.clock)
    detector = BufferingDetector(TIMING)
    tail = TailPoll(link, detector)
    tail.read(found=False)
    assert tail.due(rising=False) - hand.now == TIMING.tail_apart, "no stream"
    link.connected()
    assert tail.due(rising=False) - hand.now == TIMING.tail_silence
    assert tail.due(rising=True) - hand.now == TIMING.tail_quiet
    tail.soon(1.0)
    assert tail.due(rising=False) - hand.now == 1.0
    hand.now += TIMING.tail_silence
    tail.read(found=False)
    assert tail.due(rising=False) - hand.now == TIMING.tail_quiet, "still silent"
    tail.read(found=True)
    assert tail.due(rising=False) - hand.now == TIMING.tail_apart, "it hides lines"
    tail.read(found=False)
    link.heard()
    detector.arrived(TIMING.lumps, were_read=False)
    assert tail.due(rising=False) - hand.now == TIMING.tail_apart, "lines in lumps"


# Gaps, while the job runs and after its end


class Reading:
    """Pages and an account that only note when they are read.

    Attributes:
        open: The gaps there are.
        tails: When the newest page was read.
        gaps_read: When which gap was read.
        grows_until: Until then each reading of the newest page finds another.
    """

    def __init__(self, *gaps: Gap) -> None:
        self.open = list(gaps)
        self.tails: list[float] = []
        self.gaps_read: list[tuple[float, Gap]] = []
        self.grows_until = 0.0
        self.coverage = Coverage()
        self.coverage.order = PageOrder.NEWEST_FIRST
        self.lag = LagMeter(grain=0.0)
        self.intake: Any = type("Intake", (), {"store": ()})
        self.renewed = 0

    async def read_tail(self, limiter: Limiter = None) -> bool:
        if limiter is not None:
            await limiter()
        self.tails.append(loop_now())
        if loop_now() < self.grows_until:
            self.coverage.newest = ((1, len(self.tails), "stdout"),)
        return False

    async def read_gap(self, gap: Gap, limiter: Limiter = None) -> Stretch:
        if limiter is not None:
            await limiter()
        self.gaps_read.append((loop_now(), gap))
        return Stretch(LinePosition(*gap[:2]), LinePosition(gap[0], gap[2]))

    def gaps(self) -> Iterator[Gap]:
        return iter(list(self.open))

    def stretch_read(self, stretch: Stretch) -> None:
        assert stretch.low.attempt

    def backfill(self, link: Connectivity) -> Backfill:
        pages: Any = self
        backfill = Backfill(
            pages, pages, connectivity=link, open_rest=_nothing, renew=self._renew
        )
        backfill.tail.read(found=False)
        return backfill

    def _renew(self) -> None:
        self.renewed += 1

    def read_at(self) -> list[float]:
        return [at for at, _ in self.gaps_read]


async def _nothing() -> None:
    """There is no rest to read."""


async def for_seconds(backfill: Backfill, seconds: float) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.call_later(seconds, ended.set)
    loop.call_later(seconds, backfill.wake)
    await backfill.run(ended)
    assert loop_now() <= seconds + TIMING.backfill_first


def test_a_gap_is_read_again_ever_later() -> None:
    async def work() -> None:
        link = on_the_loop()
        link.connected()
        reading = Reading(Gap(1, 5, 6, 2))
        await for_seconds(reading.backfill(link), 400.0)
        at = reading.read_at()
        assert at[0] == pytest.approx(TIMING.backfill_first)
        pauses = [after - before for before, after in pairwise(at)]
        assert pauses[:7] == pytest.approx([0.5, 1, 2, 4, 8, 16, 32])
        assert pauses[7:] == pytest.approx([TIMING.backfill_cap] * len(pauses[7:]))

    run_skipping(work())


def test_many_gaps_are_read_in_a_burst_and_then_at_a_steady_rate() -> None:
    async def work() -> None:
        link = on_the_loop()
        link.connected()
        reading = Reading(*(Gap(1, number, number, 1) for number in range(0, 400, 2)))
        await for_seconds(reading.backfill(link), 60.5)
        at = reading.read_at()
        burst = sum(moment < 1.0 for moment in at)
        assert burst == TIMING.backfill_burst
        assert len(at) == pytest.approx(burst + 60 * TIMING.backfill_rate, abs=3)

    run_skipping(work())


def test_a_gap_that_opens_wakes_the_backfill() -> None:
    async def work() -> None:
        link = on_the_loop()
        link.connected()
        reading = Reading()
        backfill = reading.backfill(link)

        def open_gap() -> None:
            reading.open = [Gap(1, 5, 5, 1)]
            backfill.wake()

        asyncio.get_running_loop().call_later(3.0, open_gap)
        await for_seconds(backfill, 4.0)
        slowest = 3.0 + TIMING.backfill_first * 5 / 4
        assert 3.0 < reading.read_at()[0] <= slowest

    run_skipping(work())


def test_what_lines_have_moved_meanwhile_is_not_read_where_it_was() -> None:
    async def work() -> None:
        link = on_the_loop()
        link.connected()
        reading = Reading(Gap(1, 5, 5, 0, 1))
        moved = Gap(1, 9, 9, 0, 1)

        def move() -> None:
            reading.open = [moved]

        asyncio.get_running_loop().call_later(1.0, move)
        await for_seconds(reading.backfill(link), 5.0)
        at, gap = reading.gaps_read[0]
        assert (at, gap) == (2 * TIMING.settle_after, moved)

    run_skipping(work())


def test_the_newest_page_is_read_shortly_after_connecting_and_after_sleep() -> None:
    async def work() -> None:
        link = on_the_loop()
        link.connected()
        reading = Reading()
        backfill = reading.backfill(link)
        backfill.connected(outage=0.0)
        asyncio.get_running_loop().call_later(5.0, backfill.wake_up)
        await for_seconds(backfill, 8.0)
        about = [TIMING.after_connected, 5.0]
        assert reading.tails == pytest.approx(about, abs=TIMING.backfill_first / 4)

    run_skipping(work())


class Ended:
    """A log read to its end, on a clock that skips pauses."""

    def __init__(self, reading: Reading, unsure_until: float = 0.0) -> None:
        self.confirmed: list[float] = []
        self._unsure_until = unsure_until
        self.ending = Ending(
            reading.backfill(on_the_loop()),
            unsure=lambda: loop_now() < self._unsure_until,
            confirm=self._confirm,
        )

    async def _confirm(self) -> None:
        self.confirmed.append(loop_now())

    async def seconds(self) -> float:
        assert await self.ending.read_out(lambda: True)
        return loop_now()


@pytest.mark.parametrize(
    ("grows_until", "lag", "least"), [(0.0, 0.0, 3.0), (6.2, 0.0, 9.0), (0.0, 4.0, 8.0)]
)
def test_a_log_is_over_once_its_newest_page_stood_still_long_enough(
    grows_until: float, lag: float, least: float
) -> None:
    async def work() -> None:
        reading = Reading()
        reading.grows_until = grows_until
        reading.lag.largest = lag
        most = least + 2 * TIMING.end_cap
        assert least <= await Ended(reading).seconds() <= most

    run_skipping(work())


def test_gaps_that_never_close_end_after_the_limit() -> None:
    async def work() -> None:
        reading = Reading(Gap(1, 5, 5, 1))
        took = await Ended(reading).seconds()
        assert TIMING.end_limit <= took <= TIMING.end_limit + TIMING.end_cap
        assert reading.read_at()[0] == 0.0, "the first try does not wait"
        assert len(reading.gaps_read) < 12, "the others do, ever longer"

    run_skipping(work())


def test_a_log_pages_cannot_vouch_for_is_confirmed_again_and_again() -> None:
    async def work() -> None:
        ended = Ended(Reading(), unsure_until=30.0)
        assert await ended.seconds() >= 30.0
        pauses = [after - before for before, after in pairwise(ended.confirmed)]
        assert 3.0 <= ended.confirmed[0] <= 3.0 + TIMING.end_cap
        assert all(after > 1.4 * before for before, after in pairwise(pauses))

    run_skipping(work())


def test_a_job_that_goes_on_is_not_over() -> None:
    async def work() -> None:
        ended = Ended(Reading())
        assert not await ended.ending.read_out(lambda: loop_now() < 2.0)

    run_skipping(work())


def test_a_broken_stream_names_its_next_try() -> None:
    hand = Hand()
    link = connectivity(hand.clock)
    link.answered(STREAM)
    link.lost(FailedAnswerError("cut"), 1, 0.5)
    hand.now += 0.5
    link.connecting()
    shown = link.connection(RUNNING, "")
    assert (shown.kind, shown.tries, shown.next_try) == ("RECONNECTING", 1, None)
