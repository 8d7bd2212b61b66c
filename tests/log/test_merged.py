"""Several jobs in one order: each job's own is never broken, and none waits on how
lines came."""

from __future__ import annotations

from itertools import accumulate, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from chronotui.log.attempts import LineKey, key_of
from chronotui.log.finders import LineFilter, PartFinder
from chronotui.log.handoff import LinePlace
from chronotui.log.merged import (
    MOST_MS,
    MergedStore,
    milliseconds,
    ms_of,
    part_of,
    place_at,
    places_after,
)
from chronotui.log.store import LogStore
from chronotui.model import STDERR, STDOUT, LogLine

SOON = 60.0
START = 1_700_000_000 * 10**9


def number_of(line: LogLine) -> int:
    return line.sequence_num


def shown(line: LogLine) -> tuple[str, int | None, str, bool]:
    """What a merged line has of the one it is a copy of."""
    return line.stream, line.time_ns, line.message, line.retained


def parts(merged: MergedStore) -> list[list[LogLine]]:
    lines = merged.store.lines(0, len(merged.store))
    return [
        [line for line in lines if part_of(number_of(line)) == job.part]
        for job in merged.jobs
    ]


def running_latest(lines: list[LogLine]) -> list[int]:
    times = [
        milliseconds(-1 if line.time_ns is None else line.time_ns) for line in lines
    ]
    return list(accumulate(times, max))


def check(merged: MergedStore, stores: list[LogStore]) -> None:
    places = [number_of(line) for line in merged.store.lines(0, len(merged.store))]
    assert all(one < other for one, other in pairwise(places))
    assert len(places) == sum(map(len, stores))
    for mine, store, job in zip(parts(merged), stores, merged.jobs, strict=True):
        own = store.lines(0, len(store))
        assert list(map(shown, mine)) == list(map(shown, own))
        assert [ms_of(number_of(line)) for line in mine] == running_latest(own)
        firsts: dict[tuple[int, int], int] = {}
        for line, of in zip(mine, own, strict=True):
            stream = of.stream if of.stream in {STDOUT, STDERR} else ""
            origin = LinePlace(of.attempt, of.sequence_num, stream)
            assert job.origin(number_of(line)) == origin
            first = firsts.setdefault((of.attempt, of.sequence_num), number_of(line))
            assert job.place_from(of.attempt, of.sequence_num) == first


times = st.one_of(
    st.integers(0, 40).map(lambda ms: START + ms * 500_000),
    st.integers(0, 5).map(lambda s: START - s * 10**9),
    st.none(),
    st.sampled_from([0, 2**62]),
)


@st.composite
def logs(draw: st.DrawFn) -> list[LogLine]:
    """A job's true lines, its clock going as it likes."""
    lines = []
    for attempt in range(1, draw(st.integers(1, 2)) + 1):
        for number in range(draw(st.integers(0, 25))):
            for stream in draw(
                st.sampled_from([[STDOUT], [STDERR], [STDERR, STDOUT], ["odd"]])
            ):
                turn = f"attempt:{attempt}:" if attempt > 1 else ""
                event_id = f"log:job:{turn}{stream}:{number}"
                at, text = draw(times), f"{attempt} {number} {stream}"
                lines.append(
                    LogLine(attempt, number, stream, at, text, event_id, retained=True)
                )
    return lines


def as_live(line: LogLine) -> LogLine:
    at = None if line.time_ns is None else line.time_ns + 123_456
    return line._replace(time_ns=at, retained=False)


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[int, list[tuple[int, list[LogLine]]]]:
    """How lines of some jobs come: late, doubled, live and retained, in batches."""
    jobs = draw(st.lists(logs(), min_size=1, max_size=4))
    coming = [
        (part, copy)
        for part, lines in enumerate(jobs)
        for line in lines
        for copy in draw(
            st.sampled_from(
                [
                    [as_live(line)],
                    [line],
                    [as_live(line), line],
                    [as_live(line), as_live(line)],
                ]
            )
        )
    ]
    if draw(st.booleans()):
        coming = draw(st.permutations(coming))
    batches: list[tuple[int, list[LogLine]]] = []
    for part, line in coming:
        if batches and batches[-1][0] == part and draw(st.booleans()):
            batches[-1][1].append(line)
        else:
            batches.append((part, [line]))
    return len(jobs), batches


@settings(max_examples=40, deadline=None)
@given(arrivals(), st.data())
def test_each_jobs_log_stands_whole_and_in_its_order(
    coming: tuple[int, list[tuple[int, list[LogLine]]]], data: st.DataObject
) -> None:
    count, batches = coming
    stores = [LogStore() for _ in range(count)]
    merged = MergedStore()
    for store in stores:
        merged.add_job(store)
    for part, lines in batches:
        stores[part].add(lines)
        if data.draw(st.integers(0, 3)) == 0:
            assert merged.take_over(SOON)
            check(merged, stores)
    assert merged.take_over(SOON)
    check(merged, stores)


def plain(start: int, stop: int, at: int = 0, step: int = 1_000_000) -> list[LogLine]:
    return [
        LogLine(1, n, STDOUT, START + at + n * step, f"line {n}", f"log:j:stdout:{n}")
        for n in range(start, stop)
    ]


def test_large_logs_meet_in_any_order_of_their_parts() -> None:
    stores = [LogStore(), LogStore()]
    merged = MergedStore()
    for store in stores:
        merged.add_job(store)
    stores[0].add(plain(6000, 9000))
    stores[1].add(plain(0, 5000, 500))
    assert merged.take_over(SOON)
    stores[0].add(plain(0, 2500))
    stores[0].add(plain(9000, 9100))
    assert merged.take_over(SOON)
    check(merged, stores)
    stores[0].add(plain(4000, 6000))
    stores[1].add(plain(5001, 12000, 500))
    stores[0].add(plain(2500, 4000))
    while not merged.take_over(0.0):
        pass
    check(merged, stores)


def test_more_lines_in_a_millisecond_than_can_be_counted_go_on_in_the_next() -> None:
    store, other, merged = LogStore(), LogStore(), MergedStore()
    merged.add_job(store)
    merged.add_job(other)
    store.add(plain(0, 20_000, step=1))
    other.add(plain(0, 10, at=2_000_000))
    assert merged.take_over(SOON)
    places = [number_of(line) for line in merged.store.lines(0, 20_010)]
    assert places == sorted(set(places))
    mine = parts(merged)[0]
    assert [line.message for line in mine] == [f"line {n}" for n in range(20_000)]


def test_lines_of_one_millisecond_stand_by_their_job() -> None:
    stores = [LogStore(), LogStore()]
    merged = MergedStore()
    for store in stores:
        merged.add_job(store)
        store.add(plain(0, 3, step=1000))
    assert merged.take_over(SOON)
    lines = merged.store.lines(0, 6)
    assert [part_of(number_of(line)) for line in lines] == [0, 0, 0, 1, 1, 1]


def test_a_job_that_is_let_go_of_keeps_its_lines() -> None:
    store, merged = LogStore(), MergedStore()
    job = merged.add_job(store)
    store.add(plain(0, 5))
    assert merged.take_over(SOON)
    job.store = None
    store.close()
    assert merged.take_over(SOON)
    assert len(merged.store) == 5
    last = merged.store.line(4)
    assert merged.origin(last) == (0, LinePlace(1, 4, STDOUT))


def test_places_keep_within_what_a_number_holds() -> None:
    far = list(places_after(None, [-(2**63), 2**63 - 1, 2**63 - 1], 255))
    assert far == sorted(set(far))
    assert all(0 <= place < 2**63 for place in far)
    assert ms_of(far[-1]) == MOST_MS


def test_parts_are_found_among_lines() -> None:
    stores = [LogStore() for _ in range(3)]
    merged = MergedStore()
    for store in stores:
        merged.add_job(store)
        store.add(plain(0, 4))
    assert merged.take_over(SOON)
    chunk = merged.store.chunks.chunks[0]
    block = merged.store.spool.block(chunk)
    hits = PartFinder(frozenset({0, 2})).find(block, 0, SOON)
    expected = [n for n, p in enumerate(block.numbers) if part_of(p) != 1]
    assert list(hits.indexes) == expected
    assert hits.done == 12
    only = LineFilter(parts=frozenset({1}))
    assert not only.is_empty
    lines = merged.store.lines(0, 12)
    assert [part_of(number_of(n)) for n in filter(only.matches, lines)] == [1] * 4


def test_the_places_of_lines_are_their_keys() -> None:
    merged = MergedStore()
    store = LogStore()
    merged.add_job(store)
    store.add(plain(0, 2))
    assert merged.take_over(SOON)
    line = merged.store.line(0)
    key = LineKey(1, place_at(START // 10**6, 0, 1024), 1, "")
    assert key_of(line) == key
