"""Generated and scripted logs, the clock and the server as a whole."""

from __future__ import annotations

import http.client
import ssl
import subprocess
import sys
import threading
from bisect import bisect_right
from collections import Counter
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, TypeAlias

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from chronotui.demo.clock import MILLISECOND, SECOND, DemoClock
from chronotui.demo.faults import Faults
from chronotui.demo.lines import (
    Chapter,
    Contention,
    GeneratedLog,
    TrueLine,
    downward,
    just_before,
    racy_numbers,
    turn_of,
)
from chronotui.demo.phrases import BLOCK, ENDINGS, OPENING, phrasebook
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.demo.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.demo.lines import DemoLog, Place
    from tests.conftest import MakeDemo
    from tests.demo.conftest import PlainClient

    ClientOf: TypeAlias = Callable[..., PlainClient]


def chapters(lines: int, attempts: int, first_number: int) -> tuple[Chapter, ...]:
    return tuple(
        Chapter(
            turn + 1,
            (turn + 1) * 10_000 * SECOND,
            10 * MILLISECOND,
            lines,
            phrasebook("report", 1),
            OPENING,
            ENDINGS["FAILED"],
            first_number,
        )
        for turn in range(attempts)
    )


generated = st.builds(
    chapters, st.integers(7, 2500), st.integers(1, 3), st.integers(0, 1)
)


@settings(max_examples=50)
@given(generated, st.integers(1, 700), st.booleans())
def test_pages_of_any_size_are_the_whole_log_in_order(
    made: tuple[Chapter, ...], size: int, interleaved: bool
) -> None:
    log, now = GeneratedLog(made, lambda: 0, interleaved=interleaved), 1 << 62
    truth = list(log.truth(now))
    assert len(truth) == log.count(now) == sum(x.lines or 0 for x in made)
    positions = [line.position for line in truth]
    assert all(one < two for one, two in pairwise(positions))
    assert walked(log.oldest, size, interleaved) == sorted(truth, key=log_place(log))
    down = walked(log.newest, size, interleaved)
    assert down == sorted(truth, key=lambda line: downward(log_place(log)(line)))


def log_place(log: DemoLog) -> Callable[[TrueLine], Place]:
    return lambda line: line.place(interleaved=log.interleaved)


def walked(
    read: Callable[[Place | None, int, int], list[TrueLine]],
    size: int,
    interleaved: bool,
) -> list[TrueLine]:
    """Read page by page, each next one from the line that comes next."""
    found: list[TrueLine] = []
    after: Place | None = None
    while True:
        page = read(after, size + 1, 1 << 62)
        found += page[:size]
        if len(page) <= size:
            return found
        after = just_before(page[size].place(interleaved=interleaved))


@settings(max_examples=50)
@given(
    generated,
    st.booleans(),
    st.tuples(
        st.integers(0, 4),
        st.integers(-1, 2600),
        st.integers(-1, 2),
        st.sampled_from([0, 1, 2 * 11**3, 11**4]),
    ),
)
def test_any_place_is_found(
    made: tuple[Chapter, ...], interleaved: bool, asked: Place
) -> None:
    attempt, number, rank, turn = asked
    log, now = GeneratedLog(made, lambda: 0, interleaved=interleaved), 1 << 62
    lines = sorted(log.truth(now), key=log_place(log))
    places = [log_place(log)(line) for line in lines]
    where = (0, number, rank, turn) if interleaved else (attempt, number, rank, 0)
    index = bisect_right(places, where)
    assert log.oldest(where, 1, now) == lines[index : index + 1]
    lines.sort(key=lambda line: downward(log_place(log)(line)))
    rest = [x for x in lines if downward(log_place(log)(x)) > downward(where)]
    assert log.newest(where, 3, now) == rest[:3]


@given(
    st.lists(st.integers(1, 30), max_size=4),
    st.sampled_from(Contention),
    st.integers(1, 50),
    st.booleans(),
)
def test_scripted_pages_are_the_whole_log_in_the_order_of_the_server(
    tries: list[int], contention: Contention, size: int, interleaved: bool
) -> None:
    faults = Faults(retention_lag=(0, 0))
    world = World(plans=(), faults=faults, interleaved=interleaved)
    job = world.add_job(Script(contention=contention))
    for attempt, count in enumerate(tries, 1):
        streams = [("stdout", "stderr")[n * attempt % 3 == 1] for n in range(count)]
        job.write(*(ScriptLine("x", stream, attempt) for stream in streams))
    truth = world.truth(job.id)
    assert [x.attempt for x in truth] == sorted(x.attempt for x in truth)
    place = log_place(job.log)
    assert walked(job.log.oldest, size, interleaved) == sorted(truth, key=place)
    down = walked(job.log.newest, size, interleaved)
    assert down == sorted(truth, key=lambda line: downward(place(line)))


def test_the_ids_of_attempts_are_sorted_as_texts() -> None:
    tries = [1, 2, 3, 9, 10, 11, 19, 100]
    ids = {TrueLine(k, 7, "stdout", 0, "").event_id("job"): k for k in tries}
    assert sorted(tries, key=turn_of) == [ids[one] for one in sorted(ids)]


@given(
    st.lists(st.sampled_from(["stdout", "stderr"]), max_size=1500),
    st.sampled_from(Contention),
    st.integers(0, 1 << 32),
)
def test_a_doubled_number_pays_for_one_that_is_left_out_later(
    streams: list[str], contention: Contention, seed: int
) -> None:
    numbers = racy_numbers(streams, contention, seed, first=3)
    assert numbers == sorted(numbers)
    assert len(set(zip(numbers, streams, strict=True))) == len(streams)
    held = Counter(numbers)
    credit = 0
    for number in range(3, max(numbers, default=0) + 1):
        credit += held[number] - 1
        assert held[number] <= 2
        assert credit >= 0
    assert credit <= 4


@pytest.mark.parametrize(
    ("contention", "few", "many"),
    [(Contention.LIGHT, 8, 40), (Contention.HEAVY, 25, 80)],
)
def test_a_race_doubles_as_many_numbers_as_it_does_on_a_real_server(
    contention: Contention, few: int, many: int
) -> None:
    open_at_the_end = 0
    for seed in range(60):
        rng = Random(seed)
        streams = [rng.choice(["stdout", "stderr"]) for _ in range(1500)]
        numbers = racy_numbers(streams, contention, seed)
        assert few <= 1500 - len(set(numbers)) <= many
        open_at_the_end += numbers[-1] < 1499
    assert 0 < open_at_the_end < 60


def test_a_line_too_long_for_the_server_ends_its_log_for_this_try() -> None:
    world = World(plans=())
    job = world.add_job(Script(["a", "é" * 32_767, "b"], starts_in=-9))
    assert len(job.write("x" * 65_536, "y")) == 0
    assert job.write("lost") == []
    job.retry()
    job.write("again")
    texts = [line.message for line in world.truth(job.id)]
    assert texts == ["a", "é" * 32_767, "b", "again"]


@given(generated, st.lists(st.integers(0, 40_000), max_size=20))
def test_a_subscriber_gets_each_line_once_whenever_it_asks(
    made: tuple[Chapter, ...], seconds: list[int]
) -> None:
    log = GeneratedLog(made, lambda: 0)
    mark, found = log.live_mark(0), []
    for now in [*sorted(seconds), 50_000]:
        while lines := (batch := log.live_since(mark, 300, now * SECOND)).lines:
            found += lines
            mark = batch.mark
        if batch.next_ns is not None:
            assert batch.next_ns > now * SECOND
    assert found == list(log.truth(1 << 62))


@pytest.mark.parametrize("kind", ["etl", "report", "build", "consumer", "hostile"])
def test_a_phrasebook_has_both_streams_and_shared_numbers(kind: str) -> None:
    book = phrasebook(kind, 1)
    assert len(book.phrases) == 1000
    assert {stream for stream, _ in book.phrases} == {"stdout", "stderr"}
    shared = [x for x in range(999) if book.numbers[x] == book.numbers[x + 1]]
    if kind != "build":
        assert shared
    for place in shared:
        assert [s for s, _ in book.phrases[place : place + 2]] == ["stderr", "stdout"]
    left_out = set(range(1000)) - set(book.numbers)
    assert len(left_out) in {len(shared), len(shared) - 1, len(shared) - 2}
    assert any(BLOCK in message for _, message in book.phrases)


def test_the_watched_jobs_show_what_terminals_find_hard() -> None:
    world = World(clock=DemoClock(speed=0))
    text = "\n".join(
        line.message
        for name in ("nightly-report", "etl-orders", "image-build", "event-consumer")
        for line in world.newest_job(name).log.newest(
            None, 3000, world.clock.now_ns() + 9 * SECOND
        )
    )
    for part in ("\x1b[32m", "\r", '{"level":', "Traceback", "東京", "✅", "\x1b]0;"):
        assert part in text


def test_the_watched_jobs_end_differently_and_new_ones_follow() -> None:
    clock = DemoClock(speed=0)
    world = World(clock=clock)
    names = ("nightly-report", "etl-orders", "image-build", "event-consumer")
    jobs = [world.newest_job(name) for name in names]
    waiting = world.newest_job("cleanup-tmp")
    known = {job.id for w in world.workflows for job in w.jobs(clock.now_ns())}
    assert {job.status(clock.now_ns()) for job in jobs} == {"RUNNING"}
    assert waiting.status(clock.now_ns()) == "QUEUED"
    clock.advance(60)
    assert waiting.status(clock.now_ns()) == "RUNNING"
    clock.advance(540)
    assert [job.status(clock.now_ns()) for job in jobs] == [
        "FAILED",
        "COMPLETED",
        "COMPLETED",
        "RUNNING",
    ]
    now = {job.id for w in world.workflows for job in w.jobs(clock.now_ns())}
    assert len(now - known) > 10
    assert known < now


def test_a_job_waits_until_it_is_started_by_hand() -> None:
    world = World(plans=())
    job = world.add_job(Script(starts_in=None))
    assert job.status(world.clock.now_ns()) == "QUEUED"
    job.start()
    assert job.status(world.clock.now_ns()) == "RUNNING"
    job.retry()
    assert job.attempts(world.clock.now_ns()) == 2
    job.end("CANCELED")
    assert job.status(world.clock.now_ns()) == "CANCELED"


def test_lines_may_be_written_out_of_order_and_from_many_threads() -> None:
    world = World(plans=(), faults=Faults(retention_lag=(0, 0)))
    job = world.add_job()
    job.write(ScriptLine("five", sequence_num=5), ScriptLine("two", sequence_num=2))
    threads = [
        threading.Thread(target=lambda: [job.write("x") for _ in range(200)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [line.sequence_num for line in world.truth(job.id)]
    assert numbers == [2, 5, *range(6, 806)]
    assert len(job.log.newest(None, 1000, 1 << 62)) == 802


def test_a_clock_runs_faster_or_stands_still() -> None:
    fast, still = DemoClock(start_ns=0, speed=1e9), DemoClock(start_ns=0, speed=0)
    assert fast.now_ns() > still.now_ns() == 0
    assert still.seconds_until(5) == float("inf")
    still.advance(2)
    assert still.now_ns() == 2 * SECOND
    assert still.seconds_until(5) == 0


def test_a_million_lines_cost_nothing_until_they_are_read(
    make_demo: MakeDemo, client_of: ClientOf
) -> None:
    demo = make_demo(lines=10_000_000)
    job = demo.world.newest_job("ledger-replay")
    path = f"/workflows/{job.workflow_id}/jobs/{job.id}/logs"
    page = client_of(demo).get(path).json()
    assert page["logs"][0]["sequence_num"] == 9_999_999
    assert page["logs"][0]["message"] == "Job completed successfully"


def test_the_demo_can_serve_https(make_demo: MakeDemo) -> None:
    authority = trustme.CA()
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(ours)
    demo = make_demo(tls=ours)
    assert demo.url.startswith("https://")
    theirs = ssl.create_default_context()
    authority.configure_trust(theirs)
    connection = http.client.HTTPSConnection(
        "127.0.0.1", demo.port, timeout=20, context=theirs
    )
    connection.request("GET", "/workflows")
    assert connection.getresponse().status == 401
    connection.close()


def test_starting_a_demo_takes_little() -> None:
    code = """
import sys
from chronotui.demo.server import DemoServer
with DemoServer():
    heavy = {"h11", "httpx", "textual", "chronotui.demo.world"} & set(sys.modules)
sys.exit(f"{heavy}" if heavy else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
