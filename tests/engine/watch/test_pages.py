"""Reading pages, whichever way attempts lie in them, and past those too large."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronotui.demo.lines import Contention, racy_numbers
from chronotui.engine.ending import CACHED, verdict_of
from chronotui.engine.gaps import GapTracker
from chronotui.engine.intake import Context, Intake
from chronotui.engine.pages import RetainedPages, Walk
from chronotui.engine.timing import Clock, WatchTiming
from chronotui.errors import PageTooLargeError
from chronotui.log.attempts import Way
from chronotui.log.coverage import CUT_OFF
from chronotui.log.ledger import Gap
from chronotui.log.store import LogStore
from chronotui.model import STDERR, STDOUT, Job, JobStatus, LogLine, LogPage, Trigger
from tests.log.line_histories import START, event_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chronotui.engine.ending import Verdict

JOB = Job("j", "w", JobStatus.COMPLETED, Trigger.MANUAL)
SECOND = 10**9


def attempt_of(
    attempt: int, numbers: Sequence[int], streams: Sequence[str] = (), apart: int = 10
) -> list[LogLine]:
    """Return an attempt's lines, so many milliseconds apart."""
    begins = START + attempt * 1000 * SECOND
    return [
        LogLine(
            attempt,
            number,
            stream := streams[at] if streams else STDOUT,
            begins + at * apart * 10**6,
            f"{attempt}.{at}",
            event_id(attempt, stream, number),
        )
        for at, number in enumerate(numbers)
    ]


def ordered(lines: Sequence[LogLine]) -> list[LogLine]:
    return sorted(lines, key=lambda line: line[:3])


class ServerList:
    """A paged list as a server has it.

    Attributes:
        lines: The retained lines.
        interleaved: Whether it goes by number across attempts.
        newest_first: Which end the first page shows.
        fat: Lines that make a page too large.
        asked: The cursors asked for.
    """

    def __init__(
        self,
        lines: Sequence[LogLine],
        *,
        interleaved: bool = True,
        newest_first: bool = True,
        size: int = 50,
    ) -> None:
        self.lines = list(lines)
        self.interleaved = interleaved
        self.newest_first = newest_first
        self.fat: set[LogLine] = set()
        self.asked: list[str | None] = []
        self._size = size
        self._cursors: dict[str, tuple[object, ...]] = {}
        self._names = count()

    def key(self, line: LogLine) -> tuple[object, ...]:
        place = (line[1], line[2], line[0]) if self.interleaved else line[:3]
        return tuple(place)

    async def fetch(self, cursor: str | None, _fresh: bool) -> LogPage:
        self.asked.append(cursor)
        listed = sorted(self.lines, key=self.key, reverse=self.newest_first)
        start = 0
        if cursor is not None:
            after = self._cursors[cursor]
            passed = (self.key(line) for line in listed)
            if self.newest_first:
                start = sum(key >= after for key in passed)
            else:
                start = sum(key <= after for key in passed)
        page = listed[start : start + self._size]
        if self.fat & set(page):
            raise PageTooLargeError("The server asks to slow down (429)")
        if start + self._size >= len(listed):
            return LogPage(tuple(page))
        name = str(next(self._names))
        self._cursors[name] = self.key(page[-1])
        return LogPage(tuple(page), name)


class Reading:
    """Live lines and pages of one job, with the clock in hand."""

    def __init__(self, server: ServerList) -> None:
        self.now = 100.0
        self.server = server
        self.intake = Intake(LogStore(), renumbered=self._renumbered)
        clock = Clock(monotonic=lambda: self.now, wall=lambda: START / SECOND)
        self.account = GapTracker(self.intake, WatchTiming(), clock, lambda: None)
        self.pages = RetainedPages(server.fetch, self.intake, self.account)
        self._context = Context()

    def live(self, lines: Sequence[LogLine]) -> None:
        lines = [line._replace(retained=False) for line in lines]
        if lines:
            self.intake.take(lines, Way.LIVE, self._context)

    def _renumbered(self, attempt_at: Callable[[int], int]) -> None:
        self.account.renumbered(attempt_at)

    async def open(self, tail: int | None = None) -> None:
        read = 0

        def enough(lines: Sequence[LogLine]) -> bool:
            nonlocal read
            read += len(lines)
            return tail is not None and read >= tail

        await self.pages.open(enough)
        self.account.opened(settled=False)

    async def end(self, rounds: int = 60) -> bool:
        """Read as after the job's end; return whether nothing was left to read."""
        for _ in range(rounds):
            self.now += 1.0
            await self.pages.read_tail()
            gaps = list(self.account.gaps())
            for gap in gaps:
                read = await self.pages.read_gap(gap)
                if read is not None:
                    self.account.stretch_read(read)
            if not gaps and self.now > 105:
                return True
        return False

    def content(self) -> list[LogLine]:
        store = self.intake.store
        return [line._replace(retained=True) for line in store.lines(0, len(store))]

    def verdict(self) -> Verdict:
        ledger, coverage = self.intake.ledger, self.pages.coverage
        return verdict_of(JOB, ledger, coverage, may_be_cached=True)


@st.composite
def raced_jobs(draw: st.DrawFn) -> list[list[LogLine]]:
    """One to three attempts, numbered as a real server does."""
    seed = draw(st.integers(0, 10**6))
    rng, job = Random(seed), list[list[LogLine]]()
    for attempt in range(1, draw(st.integers(1, 3)) + 1):
        lines = draw(st.integers(1, 160))
        streams = [rng.choice([STDOUT, STDERR]) for _ in range(lines)]
        contention = draw(st.sampled_from([Contention.LIGHT, Contention.HEAVY]))
        numbers = racy_numbers(streams, contention, seed + attempt)
        job.append(attempt_of(attempt, numbers, streams))
    return job


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("interleaved", [True, False])
@given(data=st.data(), job=raced_jobs(), random=st.randoms())
@settings(max_examples=25, deadline=None)
async def test_nothing_is_missing_once_the_retained_log_was_read(
    data: st.DataObject,
    job: list[list[LogLine]],
    random: Random,
    interleaved: bool,
    newest_first: bool,
) -> None:
    truth = [line for attempt in job for line in attempt]
    late = random.sample(truth, min(20, data.draw(st.integers(0, len(truth)), "late")))
    server = ServerList(
        [line for line in truth if line not in late],
        interleaved=interleaved,
        newest_first=newest_first,
        size=data.draw(st.integers(3, 60), "page"),
    )
    reading = Reading(server)
    dropped = random.sample(truth, min(20, data.draw(st.integers(0, len(truth)))))
    live = [line for line in truth if line not in dropped]
    live = live[data.draw(st.integers(0, len(live)), "first live") :]
    for place in range(len(live) - 1):
        if random.random() < 0.1:
            live[place], live[place + 1] = live[place + 1], live[place]
    early = data.draw(st.integers(0, len(live)), "live before opening")
    reading.live(live[:early])
    await reading.open()
    reading.live(live[early:])
    server.lines = truth
    assert await reading.end()
    assert reading.content() == ordered(truth)
    assert (reading.account.missing, reading.account.ledger.possible) == (0, 0)
    verdict = reading.verdict()
    assert verdict.missing == verdict.possible == 0
    assert verdict.sealed or verdict.note == CACHED


@given(data=st.data(), job=raced_jobs(), random=st.randoms())
@settings(max_examples=20, deadline=None)
async def test_no_more_is_said_to_be_missing_than_was_lost_for_good(
    data: st.DataObject, job: list[list[LogLine]], random: Random
) -> None:
    truth = [line for attempt in job for line in attempt]
    lost = random.sample(truth, min(20, data.draw(st.integers(0, len(truth)), "lost")))
    kept = [line for line in truth if line not in lost]
    reading = Reading(ServerList(kept))
    reading.live(kept[data.draw(st.integers(0, len(kept)), "first live") :])
    await reading.open()
    await reading.end(rounds=20)
    assert reading.content() == ordered(kept)
    assert reading.account.missing <= len(lost)
    assert reading.verdict().missing == reading.account.missing


@pytest.mark.parametrize("newest_first", [True, False])
async def test_a_skip_far_from_its_double_is_settled_by_reading(
    newest_first: bool,
) -> None:
    numbers = [n for n in range(120) if n not in (44, 45)]
    lines = attempt_of(1, numbers)
    lines += attempt_of(1, [40, 41], [STDERR, STDERR])
    server = ServerList([], newest_first=newest_first)
    reading = Reading(server)
    await reading.open()
    reading.live(ordered(lines))
    server.lines = lines
    assert reading.account.missing == 0
    assert reading.account.ledger.possible == 2
    assert list(reading.account.gaps()) == [Gap(1, 44, 45, 0, 2)]
    assert await reading.end()
    assert reading.account.ledger.possible == 0


async def test_what_was_not_read_around_is_possible_in_the_verdict() -> None:
    numbers = [n for n in range(120) if n != 44]
    lines = [*attempt_of(1, numbers), *attempt_of(1, [40], [STDERR])]
    reading = Reading(ServerList([]))
    await reading.open()
    reading.live(ordered(lines))
    verdict = reading.verdict()
    assert (verdict.missing, verdict.possible, verdict.sealed) == (0, 1, False)
    assert verdict.sentence() == "not whole: 120 lines, 1 possibly missing"


async def test_a_running_attempt_is_found_far_below_an_earlier_one() -> None:
    lines = [*attempt_of(1, range(900)), *attempt_of(2, range(40))]
    reading = Reading(ServerList(lines))
    reading.pages.attempts = 2
    await reading.open(tail=30)
    assert reading.pages.coverage.newest_attempt == 2
    assert [line for line in reading.content() if line.attempt == 2] == lines[900:]


async def test_attempts_that_cannot_be_found_are_not_looked_for_without_end() -> None:
    reading = Reading(ServerList(attempt_of(1, range(9000))))
    reading.pages.attempts = 2
    await reading.open(tail=30)
    assert 50 < len(reading.server.asked) < 60


async def test_the_end_of_a_hidden_attempt_is_read_before_sealing() -> None:
    """No page that is newest shows that attempt 2 has two lines more."""
    lines = [*attempt_of(1, range(300)), *attempt_of(2, range(40))]
    server = ServerList(lines)
    reading = Reading(server)
    reading.live(lines[300:338])
    server.lines = lines[:338]
    await reading.open()
    server.lines = lines
    assert await reading.end()
    assert reading.content() == lines


async def test_pages_alone_cannot_vouch_for_attempts_that_interleave() -> None:
    lines = [*attempt_of(1, range(100)), *attempt_of(2, range(100))]
    reading = Reading(ServerList(lines))
    await reading.open()
    assert await reading.end()
    coverage = reading.pages.coverage
    assert coverage.interleaved
    assert coverage.needs_confirmation
    assert reading.verdict().note == CACHED
    assert not reading.verdict().sealed
    assert reading.pages.downloaded((1, 60)), "it joins what the pages have"
    assert coverage.needs_confirmation, "but was cut before the newest line"
    assert reading.pages.downloaded((1, 99))
    assert reading.verdict().sealed


async def test_a_download_of_interleaved_attempts_covers_them_all() -> None:
    one, two = attempt_of(1, range(100)), attempt_of(2, range(100))
    raw = [line for pair in zip(one, two, strict=True) for line in pair]
    reading = Reading(ServerList([*one, *two]))
    await reading.open(tail=20)
    coverage = reading.pages.coverage
    reading.intake.take(raw[:120], Way.RISING, Context())
    reading.pages.loaded_head(raw[:120])
    assert coverage.is_split
    assert coverage.reaches((1, 30))
    assert coverage.reaches((2, 30))
    assert not coverage.reaches((2, 65))
    while await reading.pages.read_older() is not None:
        pass
    assert coverage.at_start
    assert reading.content() == [*one, *two]
    assert (reading.account.missing, len(reading.server.asked)) == (0, 2)


def fat_list(*, newest_first: bool = True) -> tuple[ServerList, list[LogLine]]:
    """400 lines, of which number 175 makes its page too large."""
    lines = attempt_of(1, range(400))
    server = ServerList(lines, newest_first=newest_first)
    server.fat = {lines[175]}
    return server, lines


async def test_a_page_too_large_ends_the_walk_and_leaves_its_lines_missing() -> None:
    server, lines = fat_list()
    reading = Reading(server)
    await reading.open()
    coverage = reading.pages.coverage
    assert coverage.cut_off == CUT_OFF
    assert not coverage.at_start
    assert reading.content() == lines[200:]
    assert reading.account.missing == 200
    assert await reading.pages.read_older() is None
    assert not await reading.end(rounds=3)
    verdict = reading.verdict()
    assert verdict.sentence() == f"not whole: 200 lines, 200 missing ({CUT_OFF})"


async def test_a_page_that_can_be_read_again_clears_what_was_cut_off() -> None:
    server, lines = fat_list()
    reading = Reading(server)
    await reading.open()
    server.fat.clear()
    while await reading.pages.read_older() is not None:
        pass
    assert reading.pages.coverage.cut_off == ""
    assert reading.pages.coverage.at_start
    assert reading.content() == lines
    assert reading.account.missing == 0


async def test_the_stream_fills_what_cannot_be_read() -> None:
    server, lines = fat_list()
    reading = Reading(server)
    reading.live(lines[:210])
    await reading.open()
    assert reading.account.missing == 0
    await reading.end(rounds=8)
    verdict = reading.verdict()
    assert verdict.sealed
    assert verdict.note == ""


async def test_a_download_fills_what_cannot_be_read() -> None:
    server, lines = fat_list()
    reading = Reading(server)
    await reading.open()
    reading.intake.take(lines, Way.RISING, Context())
    assert reading.pages.downloaded((1, 399))
    assert reading.verdict().sealed


async def test_remembered_cursors_lead_on_behind_a_page_too_large() -> None:
    lines = attempt_of(1, range(400))
    server = ServerList([*lines[:120], *lines[130:]])
    reading = Reading(server)
    await reading.open()
    assert reading.account.missing == 10
    server.lines = lines
    server.fat = {lines[175]}
    (gap,) = reading.account.gaps()
    assert (gap.first, gap.last) == (120, 129)
    walk = Walk(reading.pages)
    read = [line async for _, page in walk for line in page]
    assert not walk.is_blocked
    assert set(lines[:140]) <= set(read)
    assert lines[175] not in read
    assert reading.account.missing == 0


async def test_without_its_newest_page_a_log_is_not_sealed() -> None:
    server, lines = fat_list()
    server.fat = {lines[399]}
    reading = Reading(server)
    await reading.open()
    await reading.end(rounds=3)
    verdict = reading.verdict()
    assert (verdict.sealed, verdict.note) == (False, CUT_OFF)
    server.fat.clear()
    await reading.open()
    assert await reading.end()
    assert reading.verdict().sealed


async def test_an_oldest_first_list_ends_at_a_page_too_large() -> None:
    server, lines = fat_list(newest_first=False)
    reading = Reading(server)
    await reading.open()
    assert reading.content() == lines[:150]
    assert not reading.pages.coverage.at_end
    assert reading.account.unread_from() is None
    reading.live(lines[300:])
    assert reading.account.missing == 150
    await reading.end(rounds=3)
    assert not reading.verdict().sealed
    server.fat.clear()
    assert await reading.end()
    assert reading.content() == lines
    assert reading.verdict().sealed
